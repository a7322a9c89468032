"""Compute the SLIC superpixels of a config's images beforehand, with all cores."""

from __future__ import annotations

import argparse
import os
import sys

from mmengine.registry import DATASETS

import mrd_plugin  # noqa: F401
from mrd_plugin.apis.launch import (
    continued_later,
    one_sentence_errors,
    read_config,
    require_data,
)
from mrd_plugin.data_preparation.superpixels import SuperpixelJob, fill_cache, images_of
from mrd_plugin.utils.arguments import add_config_options, command_line, positive_int
from mrd_plugin.utils.errors import ConfigError

EXAMPLES = """examples:
  python tools/prepare/superpixels.py configs/slidr/minkunet34_nuscenes-mini.py
      fill the cache that SLICSuperpixels of this config reads, for its training data

An interrupted run goes on where it stopped. Without this tool the same maps are computed while the
network trains, each when it is first needed."""


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = command_line(__doc__, EXAMPLES)
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--phase', nargs='+', default=['train'], choices=['train', 'val', 'test'], help='whose data'
    )
    parser.add_argument(
        '--workers', type=positive_int, default=os.cpu_count() or 1, help='processes'
    )
    add_config_options(parser)
    return parser.parse_args()


def read_jobs(args: argparse.Namespace) -> list[SuperpixelJob]:
    """Collect the images of the config and the phases on the command line."""
    cfg = read_config(args)
    jobs: list[SuperpixelJob] = []
    for phase in args.phase:
        if cfg.get(f'{phase}_dataloader') is None:
            raise ConfigError(f'{args.config} has no {phase}_dataloader.')
        require_data(cfg, f'{phase}_dataloader')
        jobs += images_of(DATASETS.build(cfg[f'{phase}_dataloader'].dataset))
    return jobs


def main() -> None:
    """Run the tool."""
    args = parse_args()
    with continued_later(), one_sentence_errors():
        jobs = read_jobs(args)
        computed, problems = fill_cache(jobs, args.workers)
    for problem in problems:
        print(f'left out: {problem}', file=sys.stderr)
    images = len(set(jobs))
    there = images - computed - len(problems)
    print(f'{images} images: {computed} cut, {there} were there, {len(problems)} left out.')


if __name__ == '__main__':
    main()
