"""Measure an operator or a loss against its plain version.

Examples:
    python tools/benchmark.py --list
    python tools/benchmark.py mrd_loss --batch 2048 --json
    # on a GPU, 20 runs of each side
    python tools/benchmark.py fps --device cuda --repeats 20

Every benchmark takes --json, --device and --repeats, and sizes of its own: NAME --help lists them.
"""

import sys
from pathlib import Path

# The benchmarks lie beside this folder in the repository; no wheel carries them.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
try:
    from benchmarks.command_line import main
except ModuleNotFoundError as error:
    if error.name != 'benchmarks':
        raise
    sys.exit('tools/benchmark.py: the folder benchmarks is in the repository alone; run it there.')

if __name__ == '__main__':
    sys.exit(main(description=__doc__))
