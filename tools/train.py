"""Train by a config: the command line of ``mrd_plugin.apis.train``, which has the examples."""

from mrd_plugin.apis.train import main

if __name__ == '__main__':
    main()
