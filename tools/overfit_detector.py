r"""Fit a detector to a few frames on a CPU, from random and from pre-trained backbones.

Prints loss curves and AP on the frames that were fitted; a detector that can't reach 50 is broken.
Runs go to work_dirs/overfit_<config> if neither --work-dir nor the config names another folder.

Examples:
    # the three frames of KITTI in a folder with velodyne, image_2, calib and label_2
    OMP_NUM_THREADS=1 python tools/overfit_detector.py \
        configs/detection/overfit/second_kitti-frames.py --kitti DIR \
        --checkpoint work_dirs/cmcr_second_kitti/epoch_10.pth
    # a room of SUN RGB-D, from the student of the embedded furniture
    python tools/overfit_detector.py configs/detection/overfit/votenet_pointbert_sunrgbd-frame.py \
        --data-root DIR --checkpoint work_dirs/pointbert_furniture/epoch_60.pth --seeds 0 1 2
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mmengine.config import Config

from mrd_plugin.apis.launch import (
    add_common_arguments,
    load_config,
    one_sentence_errors,
    require_checkpoints,
)
from mrd_plugin.data_preparation.kitti_frames import prepare_kitti_frames
from mrd_plugin.studies.detector_overfit import overfit, overfit_table, require_overfit
from mrd_plugin.utils.arguments import command_line


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = command_line(__doc__)
    parser.add_argument('config', help='a config of configs/detection/overfit')
    parser.add_argument(
        '--checkpoint', action='append', default=[], help='pre-training; may be given several times'
    )
    parser.add_argument(
        '--seeds',
        nargs='+',
        type=int,
        default=[0],
        help='of weights, sampling and order (default 0)',
    )
    parser.add_argument(
        '--pretrained-only', action='store_true', help='leave out the runs from random weights'
    )
    data = parser.add_mutually_exclusive_group()
    data.add_argument('--data-root', help='folder that the config reads (default: the config says)')
    data.add_argument('--kitti', help='folder training/ of KITTI object; infos are made of it')
    add_common_arguments(parser)
    return parser.parse_args()


def set_data_root(cfg: Config, root: str) -> None:
    """Point both loaders to a folder."""
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        dataset = loader.dataset
        while 'dataset' in dataset:
            dataset = dataset.dataset
        dataset.data_root = root


def main() -> None:
    """Fit, and print as runs end."""
    args = parse_args()
    with one_sentence_errors():
        cfg = load_config(args, f'overfit_{Path(args.config).stem}')
        require_overfit(cfg)
        require_checkpoints(*args.checkpoint)
        root = args.data_root
        if args.kitti:
            root = str(prepare_kitti_frames(args.kitti, Path(cfg.work_dir) / 'kitti'))
        if root:
            set_data_root(cfg, root)
        starts = [*([] if args.pretrained_only else [None]), *args.checkpoint]
        fits = []
        for fit in overfit(cfg, starts, args.seeds):
            fits.append(fit)
            print(f'\n{overfit_table(fits)}\n', flush=True)


if __name__ == '__main__':
    main()
