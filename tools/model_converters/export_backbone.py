"""Write the bare backbone of a pre-training checkpoint, for downstream configs and for others."""

from __future__ import annotations

import argparse

from mrd_plugin.apis import export_backbone
from mrd_plugin.apis.launch import one_sentence_errors
from mrd_plugin.engine.checkpoints.writing import SUFFIXES
from mrd_plugin.utils.arguments import command_line

EXAMPLES = """examples:
  python tools/model_converters/export_backbone.py work_dirs/cmcr_minkunet18_zod-sample/epoch_30.pth
  # weights/cmcr_minkunet18_zod-sample_backbone-<hash>.safetensors; in a config, one of
  #   default_hooks = dict(pretrained=dict(type='PretrainedCoverageHook', checkpoint=<that file>))
  #   model = dict(backbone=dict(init_cfg=dict(type='Pretrained', checkpoint=<that file>)))

  # a .pth, elsewhere, under another name
  python tools/model_converters/export_backbone.py work_dirs/pointbert_furniture/epoch_60.pth \\
      --format .pth --out-dir /data/weights --name furniture
"""


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = command_line(__doc__, EXAMPLES)
    parser.add_argument('checkpoint', help='what a pre-training run saved')
    parser.add_argument(
        '--out-dir', default='weights', help='folder to write to (default: weights)'
    )
    parser.add_argument(
        '--name', help="what the file's name begins with (default: name of the config)"
    )
    parser.add_argument('--format', choices=SUFFIXES, default=SUFFIXES[0], help='of the new file')
    return parser.parse_args()


def main() -> None:
    """Export."""
    args = parse_args()
    with one_sentence_errors():
        path = export_backbone(args.checkpoint, args.out_dir, args.format, args.name)
    print(f'written     {path}')


if __name__ == '__main__':
    main()
