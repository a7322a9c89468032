r"""Evaluate a checkpoint by the test part of a config.

Examples:
    python tools/test.py configs/mrd/pointbert_furniture.py \
        work_dirs/pointbert_furniture/epoch_60.pth
    # keep each sample's predictions
    python tools/test.py configs/mrd/pointbert_furniture.py \
        work_dirs/pointbert_furniture/epoch_60.pth \
        --out work_dirs/pointbert_furniture/predictions.pkl
    # two GPUs
    bash tools/dist_test.sh configs/mrd/pointbert_objaverse.py \
        work_dirs/pointbert_objaverse/epoch_200.pth 2

A checkpoint that contradicts the config (up axis, input channels, ...), or that has fewer than nine
tenths of the model's weights, is refused.
"""

from __future__ import annotations

import argparse

from mmengine.evaluator import DumpResults
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper

from mrd_plugin.apis.launch import (
    add_common_arguments,
    build_runner,
    load_config,
    one_sentence_errors,
    require_data,
)
from mrd_plugin.engine import check_meta, load_weights, read_checkpoint
from mrd_plugin.utils.arguments import command_line
from mrd_plugin.utils.errors import ConfigError


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = command_line(__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file (.pth or .safetensors)')
    parser.add_argument('--out', metavar='FILE.pkl', help='write the predictions to this file')
    add_common_arguments(parser)
    args = parser.parse_args()
    if args.out and not args.out.endswith(('.pkl', '.pickle')):
        parser.error(f'--out {args.out}: expected a name that ends in .pkl')
    return args


def main() -> None:
    """Test."""
    args = parse_args()
    with one_sentence_errors():
        cfg = load_config(args)
        if not cfg.get('test_dataloader'):
            raise ConfigError(f'{args.config} has no test_dataloader.')
        require_data(cfg, 'test_dataloader')
        checkpoint = read_checkpoint(args.checkpoint)
        check_meta(checkpoint.get('meta', {}), cfg)
        cfg.load_from, cfg.resume = None, False
        runner = build_runner(cfg)
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        report = load_weights(model, checkpoint.get('state_dict', checkpoint))
        print_log(f'{args.checkpoint}: {report}', 'current')
        if args.out:
            runner.test_evaluator.metrics.append(DumpResults(out_file_path=args.out))
        runner.test()


if __name__ == '__main__':
    main()
