r"""Write the report of a run: WORK_DIR/report/index.html (one file, no network) and summary.json.

Examples:
    python tools/report.py work_dirs/pointbert_furniture
    xdg-open work_dirs/pointbert_furniture/report/index.html

The run's config and last checkpoint are used. Nothing beyond the shape layer is needed. The first
report over a data folder sends its pictures through the embedded image tower (about a minute) for the
icon ridge and keeps the logits in the data folder.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mrd_plugin.apis.launch import one_sentence_errors
from mrd_plugin.apis.report import write_report


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('work_dir', type=Path, metavar='WORK_DIR', help='folder of the run')
    return parser.parse_args()


def main() -> None:
    """Write the report and say where it is."""
    args = parse_args()
    with one_sentence_errors():
        write_report(args.work_dir)
    print(f'{args.work_dir / "report" / "index.html"} and {args.work_dir / "summary.json"} written')


if __name__ == '__main__':
    main()
