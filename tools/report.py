r"""Write the report of a run: WORK_DIR/report/index.html (one file, no network) and summary.json.

Examples:
    python tools/report.py work_dirs/pointbert_furniture
    python tools/report.py work_dirs/cmcr_minkunet18_zod-sample
    xdg-open work_dirs/pointbert_furniture/report/index.html

The run's config and last checkpoint are used. For a run of the shape family nothing beyond the
shape layer is needed; the first report over a data folder sends its images through the embedded
image tower (about a minute) for the icon ridge and keeps the logits in the data folder.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mrd_plugin.apis.launch import one_sentence_errors
from mrd_plugin.apis.run_loading import load_run
from mrd_plugin.methods.base_lidar import ImageToLiDAR
from mrd_plugin.reports.lidar_report import write_lidar_report
from mrd_plugin.reports.shape_report import write_report
from mrd_plugin.utils.arguments import command_line


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = command_line(__doc__)
    parser.add_argument('work_dir', type=Path, metavar='WORK_DIR', help='folder of the run')
    return parser.parse_args()


def main() -> None:
    """Write the report and say where it is."""
    args = parse_args()
    with one_sentence_errors():
        run = load_run(args.work_dir)
        (args.work_dir / 'report').mkdir(exist_ok=True)
        write = write_lidar_report if isinstance(run.model, ImageToLiDAR) else write_report
        write(run)
    print(f'{args.work_dir / "report" / "index.html"} and {args.work_dir / "summary.json"} written')


if __name__ == '__main__':
    main()
