r"""Find the nearest neighbours of every training shape, for a second round with hard negatives.

Examples:
    # by what a student of the first round confuses; any backbone
    python tools/build_hard_negatives.py configs/openshape/pointbert_furniture.py \
        work_dirs/openshape_pointbert_furniture/epoch_60.pth \
        --out work_dirs/openshape_pointbert_furniture/neighbours.npz
    # by their texts, without a student
    python tools/build_hard_negatives.py configs/openshape/pointbert_furniture.py --space text \
        --out work_dirs/openshape_pointbert_furniture/neighbours.npz

Then train configs/openshape/pointbert_furniture_hard-negatives.py, which reads that file.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mrd_plugin.apis.launch import one_sentence_errors, read_config, require_data
from mrd_plugin.data_preparation.hard_negatives import SPACES, build_hard_negatives
from mrd_plugin.utils.arguments import add_config_options, command_line, positive_int


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = command_line(__doc__)
    parser.add_argument('config', help='pre-training config')
    parser.add_argument('checkpoint', nargs='?', help='its checkpoint, for --space shape')
    parser.add_argument('--out', required=True, metavar='FILE.npz', help='table to write')
    parser.add_argument(
        '--space',
        choices=SPACES,
        default='shape',
        help='what is near: features of the checkpoint, or what the teacher makes of texts or '
        'images (default shape)',
    )
    parser.add_argument(
        '-k', type=positive_int, default=31, help='neighbours per shape (default 31)'
    )
    parser.add_argument('--features', default='embedding', help='embedding, backbone, ...')
    add_config_options(parser)
    args = parser.parse_args()
    if not args.out.endswith('.npz'):
        parser.error(f'--out {args.out}: expected a name that ends in .npz')
    if args.space == 'shape' and args.checkpoint is None:
        parser.error('--space shape needs a checkpoint')
    return args


def main() -> None:
    """Build the table."""
    args = parse_args()
    with one_sentence_errors():
        cfg = read_config(args)
        require_data(cfg, 'train_dataloader')
        Path(args.out).parent.mkdir(parents=True, exist_ok=True)
        counts = build_hard_negatives(
            cfg, args.checkpoint, args.out, args.space, args.k, args.features
        )
    print(
        f'{args.out}: {counts["shapes"]} shapes, {args.k} neighbours each by {args.space}; '
        f'{counts["without"]} have none'
    )


if __name__ == '__main__':
    main()
