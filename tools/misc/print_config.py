r"""Print a config with all that it inherits.

Examples:
    python tools/misc/print_config.py configs/mrd/pointbert_furniture.py
    python tools/misc/print_config.py configs/mrd/pointbert_furniture.py \
        --cfg-options model.backbone.dim=256 --save-path /tmp/wider.py
"""

from __future__ import annotations

import argparse

from mmengine.config import Config, DictAction

from mrd_plugin.apis.launch import find_configs, one_sentence_errors
from mrd_plugin.utils.arguments import key_value


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='config file')
    parser.add_argument('--save-path', metavar='FILE.py', help='write it to this file as well')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        type=key_value,
        action=DictAction,
        metavar='KEY=VALUE',
        help='settings that override the config',
    )
    return parser.parse_args()


def main() -> None:
    """Print."""
    args = parse_args()
    with one_sentence_errors():
        (args.config,) = find_configs(args.config)
        cfg = Config.fromfile(args.config)
        if args.cfg_options:
            cfg.merge_from_dict(args.cfg_options)
        print(cfg.pretty_text)
        if args.save_path:
            cfg.dump(args.save_path)


if __name__ == '__main__':
    main()
