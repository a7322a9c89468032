"""Prepare the embedded furniture data set: 820 coloured, named shapes with images."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from mrd_plugin.apis.launch import continued_later, one_sentence_errors
from mrd_plugin.data_preparation.furniture.catalogue import read_catalogues
from mrd_plugin.data_preparation.furniture.convert import FORMS, convert_furniture
from mrd_plugin.data_preparation.furniture.openshape import shape_features, write_meta
from mrd_plugin.data_preparation.furniture.source import find_catalogues
from mrd_plugin.data_preparation.furniture.views import render_views
from mrd_plugin.utils.arguments import command_line, positive_int
from mrd_plugin.utils.errors import default_cache
from mrd_plugin.utils.files import read_json

SPLITS = Path(__file__).resolve().parents[2] / 'configs/_base_/datasets/furniture_splits'
OUT = {'plain': Path('data/furniture'), 'openshape': Path('data/furniture_openshape')}
EXAMPLES = """examples:
  python tools/prepare/furniture.py
      download the Debian package sweethome3d-furniture (120 MB) and write data/furniture
  python tools/prepare/furniture.py --source ~/sweethome3d-furniture_1.8-1_all.deb
      the same from a package at hand; a folder or zip of its .sh3f files works too
  python tools/prepare/furniture.py --views 12
      and render every shape from 12 sides (needs pip install '.[render]'; no screen, no driver)
  python tools/prepare/furniture.py --format openshape --features data/furniture/features/conse
      write OpenShape's pickled-dict files with the embeddings of a teacher to
      data/furniture_openshape

An interrupted run goes on where it stopped; a finished one returns after a check."""


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = command_line(__doc__, EXAMPLES)
    parser.add_argument(
        '--out', type=Path, help='data folder (default: data/furniture, or ..._openshape)'
    )
    parser.add_argument(
        '--source', type=Path, help='.deb, .sh3f, or folder or zip of .sh3f (default: apt-get)'
    )
    parser.add_argument('--format', choices=FORMS, default='plain', help='default: plain')
    parser.add_argument(
        '--points', type=positive_int, default=10000, help='points per shape (default: 10000)'
    )
    parser.add_argument('--seed', type=int, default=0, help='seed of the sampling (default: 0)')
    parser.add_argument(
        '--views',
        type=int,
        default=0,
        help='images of 224 px to render of each shape (default: 0); with --format openshape, how '
        'many of them have features in --features',
    )
    parser.add_argument(
        '--workers',
        type=positive_int,
        default=min(4, os.cpu_count() or 1),
        help='processes to work with',
    )
    parser.add_argument(
        '--features', type=Path, help='folder of tools/extract_teacher_features.py (openshape only)'
    )
    args = parser.parse_args()
    if args.features and args.format != 'openshape':
        parser.error('--features goes with --format openshape')
    if args.views and args.format == 'openshape' and not args.features:
        parser.error('--views with --format openshape needs --features: that form has no images')
    return args


def prepare(args: argparse.Namespace) -> str:
    """Do it; returns what was done."""
    out = args.out or OUT[args.format]
    entries = read_catalogues(find_catalogues(args.source, default_cache()))
    teacher = None
    if args.features:
        from mrd_plugin.models.teachers import CachedTeacher

        teacher = CachedTeacher(root=args.features)
    features = shape_features(entries, teacher, args.views) if teacher is not None else None
    done = ''
    if args.views and args.format == 'plain':
        rendered, kept = render_views(entries, out, args.views, workers=args.workers)
        done = f' {args.views} views each: {rendered} shapes rendered, {kept} reused.'
    written, reused = convert_furniture(
        entries, out, args.format, args.points, args.seed, args.workers, features
    )
    if args.format == 'openshape':
        split = read_json(SPLITS / 'default.json')
        classes = read_json(SPLITS / 'nouns.json')
        write_meta(out, entries, split, classes, teacher)
    return f'{out}: {len(entries)} shapes, {written} written, {reused} reused.{done}'


def main() -> None:
    """Run the tool."""
    args = parse_args()
    with continued_later(), one_sentence_errors():
        print(prepare(args))


if __name__ == '__main__':
    main()
