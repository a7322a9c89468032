"""Train by a config: the command line behind ``tools/train.py``, and what studies start."""

from __future__ import annotations

import argparse

import torch
from mmengine.config import Config
from mmengine.logging import print_log

from mrd_plugin.apis.launch import (
    add_common_arguments,
    build_runner,
    load_config,
    one_sentence_errors,
    require_data,
)
from mrd_plugin.engine import find_resumable
from mrd_plugin.utils.arguments import command_line
from mrd_plugin.utils.errors import ConfigError


def parse_args(description: str | None) -> argparse.Namespace:
    """Read the command line."""
    parser = command_line(description)
    parser.add_argument('config', help='config file')
    parser.add_argument('--amp', action='store_true', help='mixed precision (needs a GPU)')
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help='scale the learning rate by the real batch size over auto_scale_lr.base_batch_size',
    )
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CHECKPOINT',
        help='go on from this checkpoint, or (without a value, or with "auto") from the newest one '
        'in the work directory that can be read; start anew if there is none',
    )
    add_common_arguments(parser)
    return parser.parse_args()


def set_precision(cfg: Config) -> None:
    """Switch to mixed precision."""
    if not torch.cuda.is_available():
        raise ConfigError(
            '--amp needs a GPU: most CPUs multiply bfloat16 matrices about 100 times slower than '
            'float32 ones; leave --amp out.'
        )
    kind = cfg.optim_wrapper.get('type', 'OptimWrapper')
    if kind not in ('OptimWrapper', 'AmpOptimWrapper'):
        raise ConfigError(
            f'--amp goes with optim_wrapper.type OptimWrapper, the config has {kind}.'
        )
    cfg.optim_wrapper.type = 'AmpOptimWrapper'
    cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')


def set_learning_rate_scaling(cfg: Config) -> None:
    """Switch on MMEngine's linear scaling of the learning rate."""
    if 'base_batch_size' not in (cfg.get('auto_scale_lr') or {}):
        raise ConfigError(
            '--auto-scale-lr needs auto_scale_lr.base_batch_size in the config, the batch size '
            'that its learning rate was made for.'
        )
    cfg.auto_scale_lr.enable = True


def set_resume(cfg: Config, resume: str) -> None:
    """Choose the checkpoint to go on from."""
    checkpoint = find_resumable(cfg.work_dir) if resume == 'auto' else resume
    cfg.resume = checkpoint is not None
    if checkpoint is None:
        print_log(f'{cfg.work_dir} has no checkpoint to resume from; starting anew.', 'current')
    else:
        cfg.load_from = str(checkpoint)


def main(description: str | None = __doc__) -> None:
    """Train; ``--help`` begins with the description."""
    args = parse_args(description)
    with one_sentence_errors():
        cfg = load_config(args)
        require_data(cfg, 'train_dataloader', 'val_dataloader')
        if args.amp:
            set_precision(cfg)
        if args.auto_scale_lr:
            set_learning_rate_scaling(cfg)
        if args.resume:
            set_resume(cfg, args.resume)
        build_runner(cfg).train()


if __name__ == '__main__':
    main()
