r"""Probe the frozen features of a checkpoint, or compare scratch, probe and fine-tuning.

Examples:
    # one checkpoint: linear probe, k-NN, 1 to 16 shots with 10 draws each
    python tools/probe.py configs/mrd/pointbert_furniture.py \
        work_dirs/pointbert_furniture/epoch_60.pth
    # on other data, whose train_dataloader and test_dataloader are taken
    python tools/probe.py configs/mrd/pointbert_objaverse.py CHECKPOINT \
        --data configs/mrd/benchmarks/pointbert_modelnet40_finetune.py
    # 5-way 10-shot; the embedding in the teacher's space instead of the backbone's feature
    python tools/probe.py CONFIG CHECKPOINT --probes few-shot --ways 5 --shots 10 \
        --features embedding
    # the ladder over the five furniture folds; pre-trains what is missing
    python tools/probe.py configs/mrd/pointbert_furniture.py --folds 0 1 2 3 4 --seeds 0 \
        --scratch configs/mrd/benchmarks/pointbert_furniture_scratch.py \
        --finetune configs/mrd/benchmarks/pointbert_furniture_finetune.py

Prints a Markdown table and writes it with a JSON file below --out. Features are made once for each
checkpoint; finished trainings are reused. What can be chosen (penalty, number of neighbours) is
chosen without the test shapes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mmengine.config import Config

from mrd_plugin.apis.launch import find_configs, one_sentence_errors, require_data
from mrd_plugin.studies.cross_validation import MetricRows, markdown_table, write_table
from mrd_plugin.studies.probing import Ladder, Probes, data_parts, probe
from mrd_plugin.utils.arguments import (
    add_overrides,
    add_training_flags,
    command_line,
    positive_int,
)
from mrd_plugin.utils.errors import ConfigError

METRICS = {
    'accuracy/top1': 'top-1',
    'accuracy_without_plugs/top1': 'without plugs',
    'accuracy/mean_class_top1': 'per-class mean',
}
BASE = 'linear probe'
KINDS = ('linear', 'knn', 'few-shot')
PROBES = dict(probes=list(KINDS), shots=[1, 2, 4, 8, 16], ways=None, draws=10)
LADDER = 'seeds part checkpoints scratch finetune options jobs threads base'.split()


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = command_line(__doc__)
    parser.add_argument('config', help='config that the checkpoint was pre-trained with')
    parser.add_argument('checkpoint', nargs='?', help='checkpoint; not with --folds')
    parser.add_argument('--features', default='backbone', help='backbone, embedding, ...')
    parser.add_argument('--data', help='config whose data are used (default: those of CONFIG)')
    parser.add_argument(
        '--probes',
        nargs='+',
        choices=KINDS,
        default=PROBES['probes'],
        help='what is fitted to the features (default: all)',
    )
    parser.add_argument(
        '--shots',
        type=positive_int,
        nargs='+',
        default=PROBES['shots'],
        help='training shapes per class of the few-shot probes (default: 1 2 4 8 16)',
    )
    parser.add_argument(
        '--ways', type=positive_int, help='classes of a few-shot probe (default: all)'
    )
    parser.add_argument(
        '--draws',
        type=positive_int,
        default=PROBES['draws'],
        help='draws of a few-shot probe (default 10)',
    )
    parser.add_argument(
        '--out',
        default='work_dirs/probe',
        help='folder of tables, features and trainings (default work_dirs/probe)',
    )
    ladder = parser.add_argument_group('over the furniture folds')
    ladder.add_argument('--folds', type=int, nargs='+', help='some of 0 1 2 3 4')
    add_training_flags(ladder)
    ladder.add_argument(
        '--part',
        choices=('val', 'test'),
        default='test',
        help='what is scored: val for choosing settings, test for the figures (default test)',
    )
    ladder.add_argument(
        '--checkpoints',
        help='existing checkpoints or work folders, with {fold} and, for several seeds, {seed} in '
        'the name',
    )
    ladder.add_argument('--scratch', metavar='CONFIG', help='adds the row of training from scratch')
    ladder.add_argument('--finetune', metavar='CONFIG', help='adds the row of fine-tuning')
    add_overrides(ladder, '--options', 'overrides of the pre-training')
    ladder.add_argument('--base', help=f'row that others are compared with (default: {BASE})')
    args = parser.parse_args()
    if (args.checkpoint is None) == (args.folds is None):
        parser.error('give either a checkpoint or --folds')
    given = [f'--{name}' for name in LADDER if getattr(args, name) != parser.get_default(name)]
    if args.folds is None and given:
        parser.error(f'{", ".join(given)} can only be given with --folds')
    if args.folds is not None and args.data:
        parser.error('--data can not be given with --folds, which are of the data of CONFIG')
    return args


def run_ladder(args: argparse.Namespace, probes: Probes) -> MetricRows:
    """Run the ladder that the command line describes."""
    ladder = Ladder(
        args.config,
        args.finetune,
        args.scratch,
        args.folds,
        args.seeds,
        args.part,
        args.out,
        args.checkpoints,
        tuple(args.options),
        args.jobs,
        args.threads,
    )
    rows = ladder.rows(probes)
    if args.base is not None and args.base not in rows:
        raise ConfigError(f'--base {args.base!r}: expected one of the rows {", ".join(rows)}.')
    return ladder.run(probes)


def table_names(args: argparse.Namespace) -> list[str]:
    """Return what the table is of: config, weights and folds, features, probes if not all, data."""
    names = list(Path(args.config).with_suffix('').parts[-2:])
    weights = args.checkpoint or args.checkpoints
    if weights:
        pattern = weights.removesuffix('.pth').replace('{', '').replace('}', '')
        names += Path(pattern).parts[-2:]
    if args.folds is not None:
        folds, seeds = ('-'.join(map(str, some)) for some in (args.folds, args.seeds))
        names += [f'fold{folds}', f'seed{seeds}', args.part, *args.options]
    names.append(args.features)
    for key, usual in PROBES.items():
        own = getattr(args, key)
        if own != usual:
            names.append(key + '-'.join(map(str, own if isinstance(own, list) else [own])))
    return [*names, Path(args.data).stem] if args.data else names


def main() -> None:
    """Probe, then print and write the table."""
    args = parse_args()
    probes = Probes(args.features, args.probes, args.shots, args.ways, args.draws)
    with one_sentence_errors():
        for key in ('config', 'data', 'scratch', 'finetune'):
            if getattr(args, key):
                setattr(args, key, *find_configs(getattr(args, key)))
        cfg = Config.fromfile(args.config)
        data = Config.fromfile(args.data) if args.data else cfg
        if not (data.get('train_dataloader') and data.get('test_dataloader')):
            raise ConfigError(
                f'{args.data or args.config} has no train and test data to probe with.'
            )
        require_data(data, 'train_dataloader', 'test_dataloader')
        Path(args.out).mkdir(parents=True, exist_ok=True)
        if args.folds is None:
            cache = Path(args.out) / 'features'
            parts = data_parts(data)
            rows = probe(cfg, args.checkpoint, parts, probes, cache, data)
        else:
            rows = run_ladder(args, probes)
    counts = [round(figures['accuracy/n']) for figures in next(iter(rows.values()))]
    metrics = {
        key: title for key, title in METRICS.items() if all(key in row[0] for row in rows.values())
    }
    base = args.base or BASE
    base = base if args.folds and base in rows else None
    table = markdown_table(rows, metrics, base)
    table = table.replace(' ± 0.0', '') if args.folds is None else table
    table += f'\n\nFeatures: {args.features}. N test shapes: {", ".join(map(str, counts))}.'
    print(table)
    files = write_table(args.out, table_names(args), table, dict(arguments=vars(args), rows=rows))
    print(f'\nwritten: {", ".join(map(str, files))}')


if __name__ == '__main__':
    main()
