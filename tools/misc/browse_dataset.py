r"""Write samples of a config's data set, after its pipeline, as PNG, PLY and (shapes) HTML.

Examples:
    python tools/misc/browse_dataset.py configs/mrd/pointbert_furniture.py
    # two samples of the validation data as figures
    python tools/misc/browse_dataset.py configs/cmcr/minkunet18_zod-sample.py --phase val \
        --indices 0 5 --formats png --output-dir /tmp/frames
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

import numpy as np
from mmengine.registry import DATASETS
from mmengine.runner import set_random_seed

import mrd_plugin  # noqa: F401
from mrd_plugin.apis.launch import one_sentence_errors, read_config, require_data
from mrd_plugin.utils.arguments import add_config_options, command_line, positive_int
from mrd_plugin.utils.errors import ConfigError

FORMATS = ('png', 'ply', 'html')


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = command_line(__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--output-dir', type=Path, default=Path('work_dirs/browse'), help='folder to write to'
    )
    parser.add_argument(
        '--phase',
        '-p',
        default='train',
        choices=['train', 'val', 'test'],
        help='whose data (default train)',
    )
    parser.add_argument(
        '--show-number', '-n', type=positive_int, default=8, help='how many samples'
    )
    parser.add_argument(
        '--indices', type=int, nargs='+', help='these samples instead of evenly spaced ones'
    )
    parser.add_argument(
        '--formats', nargs='+', choices=FORMATS, help='default: all (sweeps have no html)'
    )
    parser.add_argument('--seed', type=int, default=0, help='of the random transforms')
    add_config_options(parser)
    return parser.parse_args()


def browse(args: argparse.Namespace) -> int:
    """Build the data set, run its pipeline and write the files; return how many samples."""
    from mrd_plugin.reports.samples.sample_writers import writer_of

    cfg = read_config(args)
    loader = cfg.get(f'{args.phase}_dataloader')
    if loader is None:
        raise ConfigError(f'{args.config} has no {args.phase}_dataloader.')
    require_data(cfg, f'{args.phase}_dataloader')
    args.output_dir.mkdir(parents=True, exist_ok=True)
    if loader.dataset.get('cache_in_memory'):
        loader.dataset.cache_in_memory = False
    dataset = DATASETS.build(loader.dataset)
    set_random_seed(args.seed)
    indices = args.indices
    if indices is None:
        indices = np.linspace(0, len(dataset) - 1, min(args.show_number, len(dataset)))
    writer = writer_of(dataset)
    formats = args.formats or writer.formats
    if not set(formats) <= set(writer.formats):
        raise ConfigError(f'--formats {" ".join(formats)}: expected some of {writer.formats}.')
    for index in map(int, indices):
        data = dataset[index]
        name = f'{args.phase}-{index:05d}-{data["data_samples"].sample_id}'
        writer.write(args.output_dir / re.sub(r'[^\w.-]+', '_', name), data, formats)
    title = f'{Path(args.config).name}: {args.phase} data, {len(dataset)} samples'
    writer.finish(args.output_dir / args.phase, title, formats)
    return len(indices)


def main() -> None:
    """Browse, and say what is missing."""
    args = parse_args()
    try:
        with one_sentence_errors():
            count = browse(args)
    except ModuleNotFoundError as error:
        sys.exit(f"Error: {error.name} is missing; install it with `pip install -e '.[vis]'`.")
    except IndexError as error:
        sys.exit(f'Error: {error}')
    print(f'{count} samples in {args.output_dir}')


if __name__ == '__main__':
    main()
