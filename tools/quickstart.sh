#!/usr/bin/env bash
# From a fresh clone to a trained backbone and its report, on one machine with nothing but Python:
#   bash tools/quickstart.sh           # the shape family: MRD on 820 shapes; no compiler needed
#   bash tools/quickstart.sh --lidar   # the LiDAR family: CMCR on real frames; adds mmdet3d, compiles mmcv once
# Each step reuses what an earlier run left behind, so an interrupted run is simply started again.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
  sed -n '2,5s/^# \{0,1\}//p' tools/quickstart.sh
}

layer=shape
name=pointbert_furniture
config=configs/mrd/$name.py
total=4
case "${1:-}" in
  '') ;;
  --lidar)
    layer=all
    name=cmcr_minkunet18_zod-sample
    config=configs/cmcr/minkunet18_zod-sample.py
    total=3
    ;;
  -h | --help)
    usage
    exit 0
    ;;
  *)
    printf 'tools/quickstart.sh: unknown option "%s"\n\n' "$1" >&2
    usage >&2
    exit 2
    ;;
esac

work_dir=work_dirs/$name
python=.venv/bin/python
number=0
again="bash tools/quickstart.sh${1:+ $1}"

# step TITLE COMMAND...: runs a step and says how long it took, or which one failed.
step() {
  local title=$1 start=$SECONDS
  shift
  number=$((number + 1))
  printf '\n[quickstart %d/%d] %s\n' "$number" "$total" "$title"
  if ! "$@"; then
    printf '\nQuickstart stopped at step %d (%s): the reason is above. Mend it and run' \
      "$number" "$title" >&2
    printf ' "%s" again: it goes on from here.\n' "$again" >&2
    exit 1
  fi
  printf '[quickstart %d/%d] done in %d s\n' "$number" "$total" $((SECONDS - start))
}

bash tools/setup_env.sh "$layer"

# Four processes follow, and each imports torch: its bytecode is to be kept.
unset PYTHONDONTWRITEBYTECODE

if [ "$layer" = shape ]; then
  step 'prepare 820 real shapes' "$python" tools/prepare/furniture.py
  step 'encode images and captions with the embedded teacher' \
    "$python" tools/extract_teacher_features.py data/furniture \
    --classes configs/_base_/datasets/furniture_splits/nouns.json
else
  step 'prepare 28 real frames of camera and LiDAR' "$python" tools/prepare/zod_sample.py
fi
step 'train' "$python" tools/train.py "$config" --resume auto
step 'evaluate and write the report' "$python" tools/report.py "$work_dir"

printf '\nDone in %d s. The report: %s\n' "$SECONDS" "$PWD/$work_dir/report/index.html"
