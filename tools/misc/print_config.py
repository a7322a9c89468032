r"""Print a config with all that it inherits.

Examples:
    python tools/misc/print_config.py configs/mrd/pointbert_furniture.py
    python tools/misc/print_config.py configs/mrd/pointbert_furniture.py \
        --cfg-options model.backbone.dim=256 --save-path /tmp/wider.py
"""

from __future__ import annotations

import argparse

from mrd_plugin.apis.launch import one_sentence_errors, read_config
from mrd_plugin.utils.arguments import add_config_options, command_line


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = command_line(__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument('--save-path', metavar='FILE.py', help='write it to this file as well')
    add_config_options(parser)
    return parser.parse_args()


def main() -> None:
    """Print."""
    args = parse_args()
    with one_sentence_errors():
        cfg = read_config(args)
        print(cfg.pretty_text)
        if args.save_path:
            cfg.dump(args.save_path)


if __name__ == '__main__':
    main()
