"""The command line of the benchmarks, behind ``tools/benchmark.py``."""

from __future__ import annotations

import argparse
import json

from benchmarks import BENCHMARKS
from benchmarks.harness import compare
from mrd_plugin.apis.launch import one_sentence_errors
from mrd_plugin.utils.arguments import command_line, device, positive_int


def parse_args(argv: list[str] | None, description: str | None) -> argparse.Namespace:
    """Read the command line; every benchmark brings its own size options."""
    parser = command_line(description)
    parser.add_argument('--list', action='store_true', help='name all benchmarks')
    commands = parser.add_subparsers(dest='name', metavar='NAME')
    for name, benchmark in sorted(BENCHMARKS.items()):
        command = commands.add_parser(name, help=benchmark.help, description=benchmark.help)
        command.add_argument('--json', action='store_true', help='print one JSON object')
        command.add_argument('--device', type=device, default='cpu', help='cpu (default) or cuda')
        command.add_argument(
            '--repeats', type=positive_int, help=f'runs of each side, default {benchmark.repeats}'
        )
        for option, default in benchmark.arguments.items():
            command.add_argument(
                f'--{option}', type=positive_int, default=default, help='default %(default)s'
            )
    args = parser.parse_args(argv)
    if not args.list and args.name is None:
        parser.error(f'a benchmark is needed: {", ".join(sorted(BENCHMARKS))}')
    return args


def main(argv: list[str] | None = None, description: str | None = __doc__) -> int:
    """Run the command line."""
    args = parse_args(argv, description)
    if args.list:
        for name, benchmark in sorted(BENCHMARKS.items()):
            print(f'{name:<14} {benchmark.help}')
        return 0
    benchmark = BENCHMARKS[args.name]
    options = {option: getattr(args, option) for option in benchmark.arguments}
    result = dict(name=args.name)
    with one_sentence_errors():
        result.update(compare(benchmark, {**options, 'device': args.device}, args.repeats))
    if args.json:
        print(json.dumps(result))
        return 0
    print(
        f'{args.name}: {result["ours_s"]:.4g} s against {result["reference_s"]:.4g} s, '
        f'{result["ratio"]:.2f} times as fast; extra memory {result["ours_peak_mb"]:.0f} MB '
        f'against {result["reference_peak_mb"]:.0f} MB; largest difference '
        f'{result["max_abs_diff"]:.2g}'
    )
    return 0
