"""Prepare the embedded camera-LiDAR sample: 28 real frames with a class for each pixel."""

from __future__ import annotations

from pathlib import Path

from mrd_plugin.apis.launch import continued_later, one_sentence_errors
from mrd_plugin.data_preparation.zod import FRAMES, NOTICE, download_zod, unpack
from mrd_plugin.utils.arguments import command_line
from mrd_plugin.utils.errors import default_cache

EXAMPLES = """examples:
  python tools/prepare/zod_sample.py
      download the wheel of visin-fusion 0.7.0 (3.3 MB, nothing is installed) and write
      data/zod_sample
  python tools/prepare/zod_sample.py --source ~/visin_fusion-0.7.0-py3-none-any.whl
      the same from a wheel at hand

An interrupted run goes on where it stopped; a finished one returns after a check."""


def main() -> None:
    """Run the tool."""
    parser = command_line(__doc__, EXAMPLES)
    parser.add_argument(
        '--out', type=Path, default=Path('data/zod_sample'), help='default: data/zod_sample'
    )
    parser.add_argument('--source', type=Path, help='the wheel (default: pip download)')
    args = parser.parse_args()
    with continued_later(), one_sentence_errors():
        written, kept = unpack(args.source or download_zod(default_cache()), args.out)
    print(NOTICE)
    print(f'{args.out}: {FRAMES} frames, {written} files written, {kept} kept.')


if __name__ == '__main__':
    main()
