"""Compute the SLIC superpixels of a config's images beforehand, with all cores."""

from __future__ import annotations

import argparse
import os
import sys
from concurrent.futures.process import BrokenProcessPool

from mmengine.config import Config, DictAction
from mmengine.registry import DATASETS

import mrd_plugin  # noqa: F401
from mrd_plugin.apis.launch import find_configs, one_sentence_errors, require_data
from mrd_plugin.data_preparation.superpixels import SuperpixelJob, fill_cache, images_of
from mrd_plugin.utils.arguments import key_value, positive_int
from mrd_plugin.utils.errors import ConfigError

EXAMPLES = """examples:
  python tools/prepare/superpixels.py configs/slidr/minkunet34_nuscenes-mini.py
      fill the cache that SLICSuperpixels of this config reads, for its training data

An interrupted run goes on where it stopped. Without this tool the same maps are computed while the
network trains, each when it is first needed."""


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--phase', nargs='+', default=['train'], choices=['train', 'val', 'test'], help='whose data'
    )
    parser.add_argument(
        '--workers', type=positive_int, default=os.cpu_count() or 1, help='processes'
    )
    parser.add_argument(
        '--cfg-options', nargs='+', type=key_value, action=DictAction, help='key=value overrides'
    )
    return parser.parse_args()


def read_jobs(args: argparse.Namespace) -> list[SuperpixelJob]:
    """Collect the images of the config and the phases on the command line."""
    (args.config,) = find_configs(args.config)
    cfg = Config.fromfile(args.config)
    cfg.merge_from_dict(args.cfg_options or {})
    jobs: list[SuperpixelJob] = []
    for phase in args.phase:
        if cfg.get(f'{phase}_dataloader') is None:
            raise ConfigError(f'{args.config} has no {phase}_dataloader.')
        require_data(cfg, f'{phase}_dataloader')
        jobs += images_of(DATASETS.build(cfg[f'{phase}_dataloader'].dataset))
    return jobs


def main() -> int:
    """Run the tool; returns the exit code."""
    args = parse_args()
    try:
        with one_sentence_errors():
            jobs = read_jobs(args)
            computed, problems = fill_cache(jobs, args.workers)
    except BrokenProcessPool:
        print(
            'Error: a worker process was killed, probably for want of memory; run the same command '
            'again with fewer --workers, it continues where it stopped.',
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print('stopped; the same command continues.', file=sys.stderr)
        return 130
    for problem in problems:
        print(f'left out: {problem}', file=sys.stderr)
    images = len(set(jobs))
    there = images - computed - len(problems)
    print(f'{images} images: {computed} cut, {there} were there, {len(problems)} left out.')
    return 0


if __name__ == '__main__':
    sys.exit(main())
