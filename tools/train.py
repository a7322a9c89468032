r"""Train by a config.

Examples:
    # the embedded data set, in minutes on a CPU
    python tools/train.py configs/mrd/pointbert_furniture.py
    # go on after a crash or a kill, from the newest checkpoint that can be read
    python tools/train.py configs/mrd/pointbert_furniture.py --resume
    # another place for the results, another seed
    python tools/train.py configs/mrd/pointbert_furniture.py --work-dir work_dirs/seed1 \
        --cfg-options randomness.seed=1
    # four GPUs, mixed precision, learning rate scaled to the batch they make together
    bash tools/dist_train.sh configs/mrd/pointbert_objaverse.py 4 --amp --auto-scale-lr
"""

from mrd_plugin.apis.train import main

if __name__ == '__main__':
    main(__doc__)
