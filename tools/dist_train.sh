#!/usr/bin/env bash
# Train with one process a GPU (or, on a machine without one, a CPU process each).
set -euo pipefail

if [ $# -lt 2 ]; then
    cat <<'USAGE'
Usage: bash tools/dist_train.sh CONFIG PROCESSES [flags of tools/train.py]

  bash tools/dist_train.sh configs/mrd/pointbert_objaverse.py 8 --amp --resume
  NNODES=2 NODE_RANK=0 MASTER_ADDR=10.0.0.1 bash tools/dist_train.sh configs/mrd/pointbert_objaverse.py 8

Environment: NNODES (1), NODE_RANK (0), MASTER_ADDR (127.0.0.1), PORT (29500), PYTHON (python).
USAGE
    exit 2
fi

config=$1 processes=$2
shift 2
exec "${PYTHON:-python}" -m torch.distributed.run \
    --nnodes="${NNODES:-1}" --node_rank="${NODE_RANK:-0}" --nproc_per_node="$processes" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" --master_port="${PORT:-29500}" \
    "$(dirname "$0")/train.py" "$config" --launcher pytorch "$@"
