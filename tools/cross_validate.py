r"""Cross-validate configs over the five furniture folds and print a table.

Examples:
    # choose settings: train part against validation part
    python tools/cross_validate.py configs/mrd/pointbert_furniture.py --part val --seeds 0
    # final metrics: train + validation part against the test part, every shape tested once
    python tools/cross_validate.py configs/openshape/pointbert_furniture.py \
        configs/mrd/pointbert_furniture.py --part test --seeds 0 1
    # a variant of a config as a row of its own
    python tools/cross_validate.py configs/mrd/pointbert_furniture.py --name tau_.2 \
        --options model.loss.tau_intra=0.2

Finished runs are kept under --out and reused when the same command is given again.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mrd_plugin.apis.launch import find_configs, one_sentence_errors
from mrd_plugin.studies.cross_validation import (
    FoldRun,
    markdown_table,
    require_splits,
    run_all,
    write_table,
)
from mrd_plugin.utils.arguments import (
    add_overrides,
    add_training_flags,
    command_line,
)
from mrd_plugin.utils.errors import ConfigError

METRICS = {
    'zero_shot/top1': 'zero-shot top-1',
    'zero_shot_without_plugs/top1': 'without plugs',
    'zero_shot/mean_class_top1': 'macro',
    'retrieval/text_to_shape/r10': 'text→shape R@10',
    'retrieval/shape_to_text/r5': 'shape→text R@5',
    'retrieval/image_to_shape/r10': 'image→shape R@10',
}


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = command_line(__doc__)
    parser.add_argument('configs', nargs='+', help='config files, one row each')
    parser.add_argument(
        '--part', choices=('val', 'test'), default='test', help='what is scored (default test)'
    )
    parser.add_argument(
        '--folds', type=int, nargs='+', default=[0, 1, 2, 3, 4], help='default: all five'
    )
    add_training_flags(parser)
    parser.add_argument(
        '--out',
        default='work_dirs/cross_validation',
        help='folder of runs and tables (default %(default)s)',
    )
    parser.add_argument('--base', help='row (config stem) that the others are compared with')
    parser.add_argument('--name', help='row name, with --options')
    add_overrides(parser, '--options', 'overrides, as --cfg-options')
    add_overrides(
        parser,
        '--first-stage-options',
        'the same for the first stage of a two-stage method (TAMM), trained on each fold',
    )
    return parser.parse_args()


def row_name(config: str) -> str:
    """Name a row after the config's path below ``configs``, so that twins stay apart."""
    parts = Path(config).with_suffix('').parts
    return '/'.join(parts[parts.index('configs') + 1 :] if 'configs' in parts else parts[-2:])


def main() -> None:
    """Run, then print and write the table."""
    args = parse_args()
    runs = [
        FoldRun(
            config,
            fold,
            seed,
            args.part,
            args.out,
            tuple(args.options),
            args.name or row_name(config),
            tuple(args.first_stage_options),
        )
        for fold in args.folds
        for seed in args.seeds
        for config in args.configs
    ]
    with one_sentence_errors():
        args.configs = find_configs(*args.configs)
        require_splits(args.folds)
        names = sorted({run.name for run in runs})
        if args.base is not None and args.base not in names:
            raise ConfigError(f'--base {args.base}: expected one of the rows {", ".join(names)}.')
        Path(args.out).mkdir(parents=True, exist_ok=True)
        figures = run_all(runs, args.jobs, args.threads)
    rows: dict[str, list[dict[str, float]]] = {}
    for run, figure in figures.items():
        rows.setdefault(run.name, []).append(figure)
    table = markdown_table(rows, METRICS, args.base)
    print(table)
    first, *others = rows
    files = write_table(args.out, [f'{args.part}_{first}', *others], table, rows)
    print(f'\nwritten: {", ".join(map(str, files))}')


if __name__ == '__main__':
    main()
