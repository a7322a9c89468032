"""Measure an operator or a loss against its plain version.

Examples:
    python tools/benchmark.py --list
    python tools/benchmark.py mrd_loss --batch 2048 --json
    # on a GPU, 20 runs of each side
    python tools/benchmark.py fps --device cuda --repeats 20

Every benchmark takes --json, --device and --repeats, and sizes of its own: NAME --help lists them.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from mrd_plugin.apis.launch import one_sentence_errors
from mrd_plugin.utils.arguments import command_line, device, positive_int

# The benchmarks lie beside this folder in the repository; no wheel carries them.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
try:
    from benchmarks import BENCHMARKS
    from benchmarks.harness import compare
except ModuleNotFoundError as error:
    if error.name != 'benchmarks':
        raise
    sys.exit('tools/benchmark.py: the folder benchmarks is in the repository alone; run it there.')


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; every benchmark brings its own size options."""
    parser = command_line(__doc__)
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


def main(argv: list[str] | None = None) -> int:
    """Run the command line."""
    args = parse_args(argv)
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


if __name__ == '__main__':
    sys.exit(main())
