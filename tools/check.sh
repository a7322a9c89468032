#!/usr/bin/env bash
# Checks that need no test: ruff, formatting, types, import contracts, the site of docs/.
#   bash tools/check.sh              all of them
#   bash tools/check.sh ruff mypy    only these: ruff, format, mypy, imports, docs
# PYTHON names the Python to use; otherwise that of .venv, or else the first in PATH. Each check is one line
# with its duration; what a failed one said follows it.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

python=${PYTHON:-.venv/bin/python}
[ -n "${PYTHON:-}" ] || [ -x "$python" ] || python=python

output=$(mktemp)
trap 'rm -f "$output"' EXIT
failed=()

# check NAME REMEDY COMMAND...: runs a command, and prints its output only if it fails.
check() {
  local name=$1 remedy=$2 start=${EPOCHREALTIME/[.,]/} tenths
  shift 2
  local outcome=ok
  "$@" >"$output" 2>&1 || outcome=failed
  tenths=$(((${EPOCHREALTIME/[.,]/} - start) / 100000))
  printf '[check] %-8s %-6s %d.%d s\n' "$name" "$outcome" $((tenths / 10)) $((tenths % 10))
  if [ "$outcome" = failed ]; then
    sed 's/^/    /' "$output"
    printf '[check] %s failed: %s\n' "$name" "$remedy"
    failed+=("$name")
  fi
}

run() {
  case "$1" in
    ruff)
      check ruff "fix what is listed above; '$python -m ruff check --fix .' fixes some of it." \
        "$python" -m ruff check .
      ;;
    format)
      check format "run '$python -m ruff format .'." "$python" -m ruff format --check .
      ;;
    mypy)
      check mypy 'a type is wrong or missing in the lines above.' "$python" -m mypy mrd_plugin tools
      ;;
    imports)
      check imports 'an import crosses a contract of pyproject.toml; docs/architecture.md has the reasons.' \
        "$python" -c 'from importlinter.cli import lint_imports_command as main; main()'
      ;;
    docs)
      check docs 'a page, a link or a docstring gives one of the warnings above.' \
        "$python" docs/build_site.py
      ;;
    *)
      printf 'tools/check.sh: unknown check "%s"; there are ruff, format, mypy, imports, docs.\n' "$1" >&2
      exit 2
      ;;
  esac
}

[ "$#" -gt 0 ] || set -- ruff format mypy imports docs
for name in "$@"; do
  run "$name"
done

if [ "${#failed[@]}" -gt 0 ]; then
  printf '[check] %d of %d checks failed: %s.\n' "${#failed[@]}" "$#" "${failed[*]}" >&2
  exit 1
fi
