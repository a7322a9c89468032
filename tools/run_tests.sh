#!/usr/bin/env bash
# Sets up both layers in .venv and runs the whole suite; further arguments go to pytest:
#   bash tools/run_tests.sh
#   bash tools/run_tests.sh -k mrd -x
# MRD_TEST_DATA names the folder with the test data that is not part of this repository.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

bash tools/setup_env.sh all

export MRD_TEST_DATA=${MRD_TEST_DATA:-$PWD/../shared/data}

# No test reads prepared data so far; what one will need is to be prepared here, for example:
# .venv/bin/python tools/prepare/furniture.py

exec .venv/bin/python -m pytest tests "$@"
