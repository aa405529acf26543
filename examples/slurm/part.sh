#!/bin/bash
# One task of the array: part.sh PARTS FOLDER COMMAND…. The number of parts is told, not taken from SLURM_ARRAY_TASK_COUNT,
# which is 1 where one task is sent again.
set -euo pipefail
parts=$1 folder=$2
shift 2
[ "$1" = train ] && out=--output || out=--out
exec npx --no-install coverage-principle "$@" --shard "$SLURM_ARRAY_TASK_ID/$parts" \
  "$out" "$folder/part-$SLURM_ARRAY_TASK_ID" --threads "${SLURM_CPUS_PER_TASK:-1}"
