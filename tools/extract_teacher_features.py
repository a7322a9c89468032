"""Run a teacher once over a data folder, so that training reads its embeddings from disk."""

from __future__ import annotations

import argparse
from pathlib import Path

from mmengine.config import Config

import mrd_plugin  # noqa: F401
from mrd_plugin.apis.launch import find_configs, one_sentence_errors
from mrd_plugin.apis.run_loading import build_teacher
from mrd_plugin.data_preparation.teacher_cache import CacheRequest, write_cache
from mrd_plugin.models.teachers import TEMPLATE_SETS, Teacher
from mrd_plugin.utils.arguments import command_line, device, positive_int
from mrd_plugin.utils.errors import ConfigError
from mrd_plugin.utils.files import read_json

EXAMPLES = """examples:
  python tools/extract_teacher_features.py data/furniture --teacher conse \\
      --classes configs/_base_/datasets/furniture_splits/nouns.json
  python tools/extract_teacher_features.py data/furniture --patches \\
      --classes configs/_base_/datasets/furniture_splits/nouns.json
  python tools/extract_teacher_features.py data/mine --teacher my_clip.py \\
      --out data/mine/features/b32

A config file holds the teacher under `model.teacher` or `teacher`, for instance
  teacher = dict(type='OpenCLIPTeacher', model='ViT-B-32',
                 pretrained='weights/vit_b_32.safetensors')
An interrupted run goes on where it stopped; a finished one returns at once."""


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = command_line(__doc__, EXAMPLES)
    parser.add_argument('data', type=Path, help='data folder with index.json')
    parser.add_argument(
        '--teacher', default='conse', help="'conse' or a config file (default: conse)"
    )
    parser.add_argument('--out', type=Path, help='cache folder (default: DATA/features/TEACHER)')
    parser.add_argument('--classes', type=Path, help='JSON list of class names')
    parser.add_argument(
        '--prompts',
        nargs='+',
        default=['identity', 'short'],
        choices=sorted(TEMPLATE_SETS),
        help='template sets for names, nouns and categories (default: identity short)',
    )
    parser.add_argument(
        '--class-prompts',
        nargs='+',
        default=['identity', 'short', 'openshape64'],
        choices=sorted(TEMPLATE_SETS),
        help='template sets for the class names (default: identity short openshape64)',
    )
    parser.add_argument(
        '--patches',
        action='store_true',
        help='the patch tokens of the images too (L times the size)',
    )
    parser.add_argument('--batch-size', type=positive_int, help="(default: the teacher's own)")
    parser.add_argument(
        '--dtype',
        default='float16',
        choices=['float16', 'float32'],
        help='of the cache (default float16)',
    )
    parser.add_argument('--device', type=device, default='cpu', help="'cpu', 'cuda', 'cuda:1', ...")
    return parser.parse_args()


def teacher_of(args: argparse.Namespace) -> Teacher:
    """Build the online teacher of the command line."""
    if args.teacher == 'conse':
        config = dict(type='ConSETeacher')
    else:
        (args.teacher,) = find_configs(args.teacher)
        loaded = Config.fromfile(args.teacher)
        config = loaded.get('teacher') or loaded.get('model', {}).get('teacher')
        if config is not None and config['type'] in ('CachedTeacher', 'SampleFeatureTeacher'):
            raise ConfigError(
                f"{args.teacher}: a {config['type']} can't be extracted from; name the online "
                'teacher'
            )
    if config is not None and args.batch_size:
        config = dict(config, batch_size=args.batch_size)
    return build_teacher(config, args.teacher).to(args.device)


def read_classes(path: Path | None) -> list[str]:
    """Read the class names of the command line."""
    return [] if path is None else read_json(path, '--classes takes a JSON list of names')


def main() -> None:
    """Encode and write."""
    args = parse_args()
    classes = read_classes(args.classes)
    out = args.out or args.data / 'features' / Path(args.teacher).stem
    teacher = teacher_of(args)
    request = CacheRequest.from_folder(args.data, classes, args.prompts, args.class_prompts)
    out.parent.mkdir(parents=True, exist_ok=True)
    written = write_cache(teacher, request, args.data, out, args.dtype, args.patches)
    print(
        f'{out}: {len(request.images)} images and {len(request.texts)} texts '
        + ('written' if written else 'were there already')
    )


if __name__ == '__main__':
    with one_sentence_errors():
        main()
