r"""Compare pre-trainings by the segmentation they lead to: scratch, linear probe, fine-tuned.

Examples:
    # choose settings on the validation frames
    python tools/segmentation_ladder.py configs/cmcr/minkunet18_zod-sample.py \
        --split validation --seeds 0
    # the metrics: three seeds, test frames
    python tools/segmentation_ladder.py configs/cmcr/minkunet18_zod-sample.py \
        configs/slidr/minkunet18_zod-sample.py configs/scalr/minkunet18_zod-sample.py

    # end to end, as a person who is given a file would do it
    python tools/segmentation_ladder.py configs/cmcr/minkunet18_zod-sample.py --export

Pre-trains, trains a linear layer on the frozen backbone, fine-tunes, and trains from scratch, each
with each seed; prints a Markdown table of mean and standard deviation and writes it below --out.
Finished trainings are kept there and reused when the same command is given again.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mrd_plugin.apis.launch import find_configs, one_sentence_errors
from mrd_plugin.studies.cross_validation import markdown_table, write_table
from mrd_plugin.studies.segmentation_ladder import SegmentationLadder, common_metrics
from mrd_plugin.utils.arguments import add_training_flags, command_line


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = command_line(__doc__)
    parser.add_argument('configs', nargs='+', help='pre-training configs, two rows each')
    parser.add_argument(
        '--probe',
        default='configs/cmcr/benchmarks/minkunet18_zod-sample_linear-probe.py',
        metavar='CONFIG',
        help='trains a linear layer on a frozen backbone (default %(default)s)',
    )
    parser.add_argument(
        '--finetune',
        default='configs/cmcr/benchmarks/minkunet18_zod-sample_finetune.py',
        metavar='CONFIG',
        help='fine-tunes a backbone, or trains it from scratch (default %(default)s)',
    )
    parser.add_argument(
        '--split',
        choices=('validation', 'test'),
        default='test',
        help='frames that are scored (default test)',
    )
    add_training_flags(parser, seeds=(0, 1, 2))
    parser.add_argument(
        '--export',
        action='store_true',
        help='export the bare backbones to OUT/weights and go on from those files',
    )
    parser.add_argument(
        '--out',
        default='work_dirs/segmentation_ladder',
        help='folder of runs and tables (default %(default)s)',
    )
    return parser.parse_args()


def main() -> None:
    """Run, then print and write the table."""
    args = parse_args()
    ladder = SegmentationLadder(
        args.configs,
        args.probe,
        args.finetune,
        args.seeds,
        args.split,
        args.out,
        args.export,
        args.jobs,
        args.threads,
    )
    with one_sentence_errors():
        find_configs(*ladder.pretraining, ladder.probe, ladder.finetune)
        Path(args.out).mkdir(parents=True, exist_ok=True)
        rows = ladder.run()
    table = markdown_table(rows, common_metrics(rows), 'scratch')
    print(table)
    for name, figures in rows.items():
        covered = [one['coverage'] for one in figures if 'coverage' in one]
        if covered:
            print(f'{name}: coverage {min(covered):.1%} of the backbone in {len(covered)} runs')
    files = write_table(args.out, [args.split], table, rows)
    print(f'\nwritten: {", ".join(map(str, files))}')


if __name__ == '__main__':
    main()
