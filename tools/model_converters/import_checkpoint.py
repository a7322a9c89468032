"""Translate a published checkpoint into a file that mm configs can name."""

from __future__ import annotations

import argparse

from mmengine.config import DictAction

from mrd_plugin.apis import import_checkpoint
from mrd_plugin.apis.launch import one_sentence_errors
from mrd_plugin.engine.checkpoints.writing import SUFFIXES
from mrd_plugin.engine.converters import FACTS, LIDAR_FACTS
from mrd_plugin.utils.arguments import command_line, key_value

EXAMPLES = """examples:
  hf download OpenShape/openshape-pointbert-vitg14-rgb model.pt --local-dir downloads/openshape
  python tools/model_converters/import_checkpoint.py downloads/openshape/model.pt
  # weights/openshape-pointbert-vitg14-<hash>.safetensors; in a config:
  #   backbone=dict(type='PointPatchTransformer', scaling=4,
  #       init_cfg=dict(type='Pretrained', checkpoint=<that file>, prefix='backbone.'))

  # insist on what it is, and write a .pth
  python tools/model_converters/import_checkpoint.py ulip2.pt --family ulip2 --format .pth
  # a setting that the weights do not tell and that differs between the files of the family
  python tools/model_converters/import_checkpoint.py modelnet_8k.pth \\
      --set num_groups=512 num_points=8192

families:
"""


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    families = '\n'.join(
        f'  {name:28}{facts.title}' for name, facts in {**FACTS, **LIDAR_FACTS}.items()
    )
    parser = command_line(__doc__, EXAMPLES + families)
    parser.add_argument('checkpoint', help='the file as it was downloaded')
    parser.add_argument(
        '--out-dir', default='weights', help='folder to write to (default: weights)'
    )
    parser.add_argument('--family', help='refuse the file if it is of another family')
    parser.add_argument(
        '--set',
        nargs='+',
        type=key_value,
        action=DictAction,
        default={},
        metavar='KEY=VALUE',
        help='settings instead of the table of facts, e.g. num_patches=384 radius=0.2 up_axis=z',
    )
    parser.add_argument('--format', choices=SUFFIXES, default=SUFFIXES[0], help='of the new file')
    return parser.parse_args()


def main() -> None:
    """Import."""
    args = parse_args()
    with one_sentence_errors():
        path, report = import_checkpoint(
            args.checkpoint, args.out_dir, args.family, args.set, args.format
        )
    print(f'{report}\nwritten     {path}')


if __name__ == '__main__':
    main()
