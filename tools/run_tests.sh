#!/usr/bin/env bash
# Sets up both layers in .venv and runs the whole suite; further arguments go to pytest:
#   bash tools/run_tests.sh
#   bash tools/run_tests.sh -k mrd -x
# MRD_TEST_DATA names the folder with the test data that is not part of this repository.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

bash tools/setup_env.sh all

export MRD_TEST_DATA=${MRD_TEST_DATA:-$PWD/../shared/data}

# The prepared data that tests read.
.venv/bin/python tools/prepare/zod_sample.py ||
  echo 'The embedded camera-LiDAR sample could not be fetched: its tests are skipped.' >&2

# Each worker and each process that a test starts imports torch and MMDetection3D: without bytecode on disk
# they would be compiled each time, which takes longer than most tests.
unset PYTHONDONTWRITEBYTECODE

# One worker for each core, one thread each: most tests are small, so a second thread would idle.
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}

exec .venv/bin/python -m pytest tests --numprocesses auto --dist worksteal "$@"
