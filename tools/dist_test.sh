#!/usr/bin/env bash
# Evaluate with one process a GPU (or, on a machine without one, a CPU process each).
set -euo pipefail

if [ $# -lt 3 ]; then
    cat <<'USAGE'
Usage: bash tools/dist_test.sh CONFIG CHECKPOINT PROCESSES [flags of tools/test.py]

  bash tools/dist_test.sh configs/mrd/pointbert_objaverse.py work_dirs/pointbert_objaverse/epoch_200.pth 4

Environment: NNODES (1), NODE_RANK (0), MASTER_ADDR (127.0.0.1), PORT (29500), PYTHON (python).
USAGE
    exit 2
fi

config=$1 checkpoint=$2 processes=$3
shift 3
exec "${PYTHON:-python}" -m torch.distributed.run \
    --nnodes="${NNODES:-1}" --node_rank="${NODE_RANK:-0}" --nproc_per_node="$processes" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" --master_port="${PORT:-29500}" \
    "$(dirname "$0")/test.py" "$config" "$checkpoint" --launcher pytorch "$@"
