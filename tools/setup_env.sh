#!/usr/bin/env bash
# Sets up the virtual environment .venv in the project's folder.
#   bash tools/setup_env.sh shape   what the quickstart needs; no compiler
#   bash tools/setup_env.sh all     the same, mmcv with operators, mmdet3d and the tools for tests
# Run again, it does only what is missing. PYTHON names the Python to use.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

case "${1:-}" in
  shape | all) ;;
  *)
    sed -n '2,5s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
    exit 2
    ;;
esac

suits() {
  command -v "$1" >/dev/null 2>&1 &&
    "$1" -S -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' >/dev/null 2>&1
}

stop() {
  printf '\nSet-up stopped: %s, then run the same command again.\n' "$1" >&2
  exit 1
}

if [ -n "${PYTHON:-}" ]; then
  suits "$PYTHON" || stop "PYTHON=$PYTHON is not Python 3.11 or 3.12; name one that is"
  python=$PYTHON
else
  python=
  candidates=(python3.11 python3.12 python3 python)
  [ -e "$root/.venv/mrd_setup/unfinished" ] || candidates=("$root/.venv/bin/python" "${candidates[@]}")
  for candidate in "${candidates[@]}"; do
    if suits "$candidate"; then
      python=$candidate
      break
    fi
  done
  [ -n "$python" ] || stop 'found no Python 3.11 or 3.12 in PATH; install one (for example:
apt-get install python3.11 python3.11-venv) or name its path in PYTHON'
fi

# The checks of the set-up import torch and mmcv: their bytecode is to be kept.
unset PYTHONDONTWRITEBYTECODE

exec "$python" -S "$root/tools/setup/setup_env.py" "$@"
