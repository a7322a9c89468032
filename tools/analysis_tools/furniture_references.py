r"""The rows that every learned metric is put beside, over the five furniture folds.

Examples:
    python tools/analysis_tools/furniture_references.py --part test
    python tools/analysis_tools/furniture_references.py --part val --config configs/mrd/my_config.py

Prints a Markdown table with mean ± standard deviation over the folds, and the metrics on the
default split. Zero-shot means unseen shapes, seen words. The config gives teacher, prompts and the
points that the shape descriptors see. The first call sends the images through the embedded image
tower (about a minute) and keeps the logits in the data folder.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from mmengine.registry import init_default_scope
from tqdm import tqdm

from mrd_plugin.apis.launch import one_sentence_errors, read_config, require_data
from mrd_plugin.studies.cross_validation import SPLITS, markdown_table
from mrd_plugin.studies.references import shape_table, split_references
from mrd_plugin.utils.arguments import command_line

COLUMNS = {
    'zero_shot/top1': 'zero-shot top-1',
    'zero_shot/top5': 'top-5',
    'zero_shot/mean_class_top1': 'macro',
    'retrieval/text_to_shape/r5': 'text→shape R@5',
    'retrieval/text_to_shape/r10': 'R@10',
    'retrieval/shape_to_text/r1': 'shape→text R@1',
    'retrieval/shape_to_text/r5': 'R@5',
    'retrieval/image_to_shape/r5': 'image→shape R@5',
    'retrieval/image_to_shape/r10': 'R@10',
}


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = command_line(__doc__)
    parser.add_argument(
        '--part', choices=('val', 'test'), default='test', help='what is scored (default test)'
    )
    parser.add_argument(
        '--config',
        default='configs/mrd/pointbert_furniture.py',
        help='gives teacher, prompts and points (default %(default)s)',
    )
    return parser.parse_args()


def main() -> None:
    """Print both tables."""
    args = parse_args()
    cfg = read_config(args)
    init_default_scope(cfg.get('default_scope', 'mmengine'))
    require_data(cfg, 'test_dataloader')
    table = shape_table(cfg)
    fit = ('train', 'val') if args.part == 'test' else 'train'
    splits = ['default', *(f'fold{number}' for number in range(5))]
    found = [
        split_references(cfg, table, f'{SPLITS}/{split}.json', args.part, fit)
        for split in tqdm(splits, 'splits', disable=None, leave=False)
    ]
    for title, rows in (('Five folds', found[1:]), ('Default split', found[:1])):
        by_name: dict[str, Sequence[dict[str, float]]] = {
            name: [row[name] for row in rows] for name in rows[0]
        }
        nouns = sum(row['chance']['zero_shot/n'] for row in rows)
        shapes = sum(row['chance']['retrieval/image_to_shape/n'] for row in rows)
        print(f'\n{title}, {args.part} part: {shapes} shapes, {nouns} with one of the nouns\n')
        written = markdown_table(by_name, COLUMNS).replace('nan ± nan', '–')
        if len(rows) == 1:
            written = written.replace('nan ± 0.0', '–').replace(' ± 0.0', '')
        print(written)


if __name__ == '__main__':
    with one_sentence_errors():
        main()
