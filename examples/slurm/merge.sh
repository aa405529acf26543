#!/bin/bash
# After the array: merge.sh PARTS FOLDER OPTIONS…. Every part is named, so that one that is missing is missed.
set -euo pipefail
parts=$1 folder=$2
shift 2
paths=()
for ((part = 1; part <= parts; part++)); do paths+=("$folder/part-$part"); done
exec npx --no-install coverage-principle merge "${paths[@]}" "$@" --threads "${SLURM_CPUS_PER_TASK:-1}"
