#!/usr/bin/env bash
# Train on a Slurm cluster; one task a GPU.
set -euo pipefail

if [ $# -lt 3 ]; then
    cat <<'USAGE'
Usage: [GPUS=8] bash tools/slurm_train.sh PARTITION JOB_NAME CONFIG [flags of tools/train.py]

  GPUS=16 bash tools/slurm_train.sh gpu mrd configs/mrd/pointbert_objaverse.py --amp --resume

Environment: GPUS (8), GPUS_PER_NODE (8, or GPUS if that is less), CPUS_PER_TASK (5),
SRUN_ARGS (further flags of srun), PYTHON (python).
USAGE
    exit 2
fi

partition=$1 job_name=$2 config=$3
shift 3
gpus=${GPUS:-8}
gpus_per_node=${GPUS_PER_NODE:-$((gpus < 8 ? gpus : 8))}
# shellcheck disable=SC2086 # SRUN_ARGS holds several words
exec srun -p "$partition" --job-name="$job_name" --gres="gpu:$gpus_per_node" \
    --ntasks="$gpus" --ntasks-per-node="$gpus_per_node" --cpus-per-task="${CPUS_PER_TASK:-5}" \
    --kill-on-bad-exit=1 ${SRUN_ARGS:-} \
    "${PYTHON:-python}" -u "$(dirname "$0")/train.py" "$config" --launcher slurm "$@"
