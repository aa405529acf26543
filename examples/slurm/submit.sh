#!/bin/bash
# Shares one command among the tasks of an array, and puts the parts together when all are there:
#   submit.sh PARTS FOLDER COMMAND… [-- OPTIONS OF MERGE…]
#   submit.sh 16 parts select scores/ --best-of 4,16 -- --report report.html --json
#   submit.sh 8 parts train sweep.json -- --output runs
# Options of sbatch for all jobs stand in SBATCH_OPTIONS, those of a task besides in PART_OPTIONS: --mem=64G --time=2:00:00.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
[ $# -ge 3 ] || { sed -n '2,6s/^# //p' "$0" >&2; exit 2; }
parts=$1 folder=$2
shift 2
command=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
  command+=("$1")
  shift
done
[ $# -eq 0 ] || shift

# An index must be below MaxArraySize, 1001 where nobody set it.
limit=$(scontrol show config | awk '$1 == "MaxArraySize" { print $3 }')
if [ "$parts" -ge "${limit:-1001}" ]; then
  echo "This cluster takes arrays of at most $((limit - 1)) tasks (MaxArraySize), not $parts." >&2
  exit 2
fi
mkdir -p "$folder"
# shellcheck disable=SC2086 # several options
array=$(sbatch --parsable --array="1-$parts" --output="$folder/%A-%a.log" --requeue \
  ${SBATCH_OPTIONS:-} ${PART_OPTIONS:-} "$here/part.sh" "$parts" "$folder" "${command[@]}")
# A part that fails is sent again by itself: sbatch --array=7 …/part.sh PARTS FOLDER COMMAND…; what is there is kept.
# shellcheck disable=SC2086
merge=$(sbatch --parsable --dependency="afterok:${array%%;*}" --kill-on-invalid-dep=yes --output="$folder/merge.log" \
  ${SBATCH_OPTIONS:-} "$here/merge.sh" "$parts" "$folder" "$@")
echo "$parts parts: ${array%%;*}; then merge: ${merge%%;*}"
