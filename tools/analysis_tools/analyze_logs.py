r"""Curves and times from training logs.

Examples:
    # loss terms of a run as a PNG; without --keys all that has "loss" in its name
    python tools/analysis_tools/analyze_logs.py plot_curve work_dirs/pointbert_furniture \
        --keys align_image intra cross --out work_dirs/losses.png
    # two runs in one figure
    python tools/analysis_tools/analyze_logs.py plot_curve work_dirs/a work_dirs/b --keys loss
    # seconds an iteration
    python tools/analysis_tools/analyze_logs.py cal_train_time work_dirs/pointbert_furniture

A log is a work directory, a vis_data/scalars.json or another of MMEngine's .json logs.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path

from tqdm import tqdm

from mrd_plugin.apis.launch import one_sentence_errors
from mrd_plugin.utils.arguments import command_line
from mrd_plugin.utils.errors import ConfigError
from mrd_plugin.utils.training_log import TrainingLog, read_training_log


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = command_line(__doc__)
    tasks = parser.add_subparsers(dest='task', required=True)
    plot = tasks.add_parser('plot_curve', help='plot values over training')
    plot.add_argument('logs', nargs='+', help='work directories or .json logs')
    plot.add_argument('--keys', nargs='+', help='what to plot (default: all losses)')
    plot.add_argument('--legend', nargs='+', help='one text for each curve, log by log')
    plot.add_argument('--title', help='title of the figure')
    plot.add_argument('--out', default='curves.png', help='file to write (default curves.png)')
    times = tasks.add_parser('cal_train_time', help='mean, slowest and fastest epoch')
    times.add_argument('logs', nargs='+', help='work directories or .json logs')
    times.add_argument(
        '--include-outliers',
        action='store_true',
        help="count each epoch's first value too, in which the data loader starts",
    )
    return parser.parse_args()


def plot_curves(logs: list[TrainingLog], args: argparse.Namespace) -> None:
    """Draw all keys of all logs into one figure."""
    try:
        import matplotlib
    except ImportError:
        raise ConfigError("plot_curve needs matplotlib: pip install 'mrd_plugin[vis]'") from None
    matplotlib.use('Agg')  # needs no display
    from matplotlib import pyplot as plt

    out, formats = Path(args.out), plt.gcf().canvas.get_supported_filetypes()
    if out.suffix[1:].lower() not in formats:
        raise ConfigError(f'--out {out}: expected a name that ends in one of {", ".join(formats)}.')
    out.parent.mkdir(parents=True, exist_ok=True)
    curves = []
    for log in logs:
        keys = args.keys or [key for key in log.train if 'loss' in key]
        if not keys:
            raise ConfigError(f'{log.name} has no loss; --keys can be: {", ".join(log.keys)}.')
        prefix = f'{log.name}: ' if len(logs) > 1 else ''
        curves += [(f'{prefix}{key}', *log.curve(key)) for key in keys]
    if args.legend and len(args.legend) != len(curves):
        raise ConfigError(f'--legend has {len(args.legend)} texts for {len(curves)} curves.')

    figure, axes = plt.subplots(figsize=(8, 5), layout='constrained')
    for index, (label, steps, values) in enumerate(curves):
        marker = 'o' if len(steps) < 20 else None
        axes.plot(steps, values, label=args.legend[index] if args.legend else label, marker=marker)
    axes.set_xlabel('iteration')
    axes.set_title(args.title or '')
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(out, dpi=150)
    print(f'{args.out}: {len(curves)} curves')


def print_times(log: TrainingLog, include_outliers: bool) -> None:
    """Print seconds an iteration, by epoch."""
    epochs: dict[int, list[float]] = {}
    for step, seconds in zip(*log.curve('time')):
        epochs.setdefault(log.epoch_of.get(step, 1), []).append(seconds)
    means = {
        epoch: statistics.mean(times if include_outliers or len(times) == 1 else times[1:])
        for epoch, times in epochs.items()
    }
    slowest, fastest = max(means, key=means.__getitem__), min(means, key=means.__getitem__)
    print(
        f'{log.name}: {statistics.mean(means.values()):.4f} s an iteration over {len(means)} epochs'
    )
    print(f'  slowest epoch {slowest}: {means[slowest]:.4f} s')
    print(f'  fastest epoch {fastest}: {means[fastest]:.4f} s')
    print(f'  deviation between epochs: {statistics.pstdev(means.values()):.4f} s')


def main() -> None:
    """Analyse."""
    args = parse_args()
    with one_sentence_errors():
        logs = [read_training_log(path) for path in tqdm(args.logs, 'reading logs', disable=None)]
        if args.task == 'plot_curve':
            plot_curves(logs, args)
        else:
            for log in logs:
                print_times(log, args.include_outliers)


if __name__ == '__main__':
    main()
