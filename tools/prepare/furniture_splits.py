"""Finds near duplicates in the furniture folder and writes the split files that are committed.

Examples:
    python tools/prepare/furniture_splits.py
    python tools/prepare/furniture_splits.py --data data/furniture --out /tmp/splits --seed 1
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from mrd_plugin.apis.launch import one_sentence_errors
from mrd_plugin.data_preparation.furniture.captions import frequent_nouns
from mrd_plugin.data_preparation.furniture.clusters import ClusterShape, find_clusters
from mrd_plugin.data_preparation.furniture.splits import default_split, fold_splits, strata
from mrd_plugin.utils.arguments import command_line
from mrd_plugin.utils.atomic import write_json
from mrd_plugin.utils.errors import ConfigError
from mrd_plugin.utils.files import read_json

OUT = Path('configs/_base_/datasets/furniture_splits')


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = command_line(__doc__)
    parser.add_argument(
        '--data', type=Path, default=Path('data/furniture'), help='plain furniture folder'
    )
    parser.add_argument('--out', type=Path, default=OUT, help='where the JSON files go')
    parser.add_argument('--seed', type=int, default=0, help='seed of the dealing')
    return parser.parse_args()


def write_splits(args: argparse.Namespace) -> str:
    """Write the files; returns what they hold."""
    index = args.data / 'index.json'
    if not index.exists():
        raise ConfigError(
            f'{index} does not exist; run tools/prepare/furniture.py --out {args.data} first.'
        )
    args.out.mkdir(parents=True, exist_ok=True)
    records = read_json(index)
    shapes = []
    for record in records:
        with np.load(args.data / record['shape']) as arrays:
            shapes.append(
                ClusterShape(
                    record['id'], record['group'], record['noun'], arrays['xyz'], arrays['rgb']
                )
            )
    clusters = find_clusters(shapes)
    nouns = {record['id']: record['noun'] for record in records}
    classes = frequent_nouns(nouns.values())
    stratum = strata(nouns, {record['id']: record['category'] for record in records}, classes)
    ids = list(nouns)
    write_json(args.out / 'nouns.json', classes)
    write_json(args.out / 'clusters.json', clusters)
    write_json(args.out / 'default.json', default_split(ids, clusters, stratum, args.seed))
    for number, split in enumerate(fold_splits(ids, clusters, stratum, seed=args.seed)):
        write_json(args.out / f'fold{number}.json', split)
    return (
        f'{len(ids)} shapes, {len(classes)} nouns, {len(clusters)} clusters with '
        f'{sum(map(len, clusters))} shapes; written to {args.out}'
    )


def main() -> None:
    """Run the tool."""
    args = parse_args()
    with one_sentence_errors():
        print(write_splits(args))


if __name__ == '__main__':
    main()
