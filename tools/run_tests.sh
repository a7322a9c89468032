#!/usr/bin/env bash
# Sets up both layers in .venv, runs the checks of tools/check.sh and the whole suite:
#   bash tools/run_tests.sh                  all
#   bash tools/run_tests.sh --checks-only    ruff, formatting, types, import contracts, docs
#   bash tools/run_tests.sh -k mrd -x        no checks; these arguments go to pytest
# MRD_TEST_DATA names the folder with the test data that is not part of this repository.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

bash tools/setup_env.sh all

# Each worker and each process that a test starts imports torch and MMDetection3D: without bytecode on disk
# they would be compiled each time, which takes longer than most tests.
unset PYTHONDONTWRITEBYTECODE

if [ "${1:-}" = --checks-only ]; then
  exec env PYTHON=.venv/bin/python bash tools/check.sh "${@:2}"
fi

checks=0
if [ "$#" -eq 0 ]; then
  PYTHON=.venv/bin/python bash tools/check.sh || checks=$?
fi

export MRD_TEST_DATA=${MRD_TEST_DATA:-$PWD/../shared/data}

# The prepared data that tests read.
.venv/bin/python tools/prepare/zod_sample.py ||
  echo 'The embedded camera-LiDAR sample could not be fetched: its tests are skipped.' >&2

# One worker for each core, one thread each: most tests are small, so a second thread would idle.
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}

tests=0
.venv/bin/python -m pytest tests --numprocesses auto --dist worksteal "$@" || tests=$?

if [ "$checks" -ne 0 ]; then
  echo 'Some checks failed, see above the tests; bash tools/run_tests.sh --checks-only repeats them.' >&2
fi
exit $((tests != 0 ? tests : checks))
