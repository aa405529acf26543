#!/bin/bash
# Tries examples/slurm on a Slurm of its own: two nodes on this host, in a folder of its own, as root, with Debian's packages
# slurm-wlm and munge. Says what accounting says of the jobs, and fails unless each result has the bytes of one process.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d /tmp/coverage-slurm-XXXXXX)
export SLURM_CONF=$work/slurm.conf
stop() {
  for pid in "$work"/*.pid; do [ -f "$pid" ] && kill "$(cat "$pid")" 2>/dev/null || true; done
  sleep 1
  rm -rf "$work"
}
trap stop EXIT

dd if=/dev/urandom of="$work/munge.key" bs=1024 count=1 status=none
chmod 400 "$work/munge.key"
mkdir -p "$work/munge" "$work/state" "$work/spool"
chmod 755 "$work" "$work/munge"
munged --key-file="$work/munge.key" --socket="$work/munge/socket" --pid-file="$work/munged.pid" \
  --log-file="$work/munge/log" --seed-file="$work/munge/seed" --force
host=$(hostname -s)
cat > "$SLURM_CONF" <<CONF
ClusterName=trial
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=17000
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$work/munge/socket
CredType=cred/munge
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool/%n
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd-%n.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
JobCompType=jobcomp/filetxt
JobCompLoc=$work/accounting
MaxArraySize=64
SchedulerParameters=sched_interval=1,defer
NodeName=one NodeHostname=$host NodeAddr=127.0.0.1 Port=17001 CPUs=2 State=UNKNOWN
NodeName=two NodeHostname=$host NodeAddr=127.0.0.1 Port=17002 CPUs=2 State=UNKNOWN
PartitionName=all Nodes=one,two Default=YES MaxTime=INFINITE State=UP
CONF
slurmctld -i
slurmd -N one
slurmd -N two

cd "$root"
principle() { node "$root/dist/cli/main.js" "$@"; }
mkdir -p "$work/bin"
# What part.sh and merge.sh call through npx.
printf '#!/bin/sh\nshift 2\nexec node %q/dist/cli/main.js "$@"\n' "$root" > "$work/bin/npx"
chmod +x "$work/bin/npx"
export PATH=$work/bin:$PATH

node --input-type=module -e "
  import { writeFileSync } from 'node:fs';
  const models = 60, responses = 4000;
  let state = 1;
  const uniform = () => (state = (state * 48271) % 2147483647) / 2147483647;
  const rows = Array.from({ length: responses }, (_, i) =>
    [i, ...Array.from({ length: models }, (_, m) => (-20 - 5 * uniform() * (1 + m / 30)).toFixed(6))].join(','));
  writeFileSync(process.argv[1], ['id,' + Array.from({ length: models }, (_, m) => 'step-' + m).join(','), ...rows].join('\n'));
" "$work/scores.csv"
cat > "$work/sweep.json" <<'JSON'
{ "data": { "kind": "problem", "name": "prop-i.1", "options": { "horizon": 4, "responses": 50 }, "heldOut": 200 },
  "training": { "stepSize": 0.05, "steps": 200 }, "validation": { "every": 50 }, "checkpoints": { "every": 50 },
  "sweep": { "training.procedure": ["sgd", "normalizedSgd"], "training.seed": [0, 1, 2, 3] } }
JSON
wait_for() { while [ -n "$(squeue -h -j "$1" 2>/dev/null)" ]; do sleep 1; done; }
submit() { "$root/examples/slurm/submit.sh" "$@" | tee /dev/stderr | sed 's/.*merge: //'; }
export SBATCH_OPTIONS=--cpus-per-task=1

wait_for "$(submit 5 "$work/parts" select "$work/scores.csv" --best-of 4,16 -- --json)"
principle select "$work/scores.csv" --best-of 4,16 --json --quiet > "$work/one.json"
wait_for "$(submit 3 "$work/sweep" train "$work/sweep.json" -- --output "$work/merged")"
principle train "$work/sweep.json" --output "$work/runs" --quiet > "$work/train.log"
wait_for "$(submit 3 "$work/paper" reproduce bernoulli prop-i.1 best-of-n --quick --seeds 0..1 -- --json)"
principle reproduce bernoulli prop-i.1 best-of-n --quick --seeds 0..1 --json --quiet > "$work/paper.json"

echo 'Accounting of the jobs:'
sed -E 's/ (UserId|GroupId|WorkDir|Reservation|Gres|Account|QOS|WcKey|Cluster)=[^ ]*//g' "$work/accounting"
same() {
  echo "$1: $(sha256sum < "$2" | cut -c 1-16) in parts, $(sha256sum < "$3" | cut -c 1-16) in one process"
  cmp "$2" "$3"
}
same select "$work/parts/merge.log" "$work/one.json"
same reproduce "$work/paper/merge.log" "$work/paper.json"
diff -r "$work/merged" "$work/runs"
sums() { (cd "$1" && find . -type f -print0 | sort -z | xargs -0 sha256sum) > "$1.sums"; }
sums "$work/merged"
sums "$work/runs"
same "train, $(wc -l < "$work/runs.sums") files" "$work/merged.sums" "$work/runs.sums"
if "$root/examples/slurm/submit.sh" 64 "$work/many" select x 2> "$work/refusal"; then exit 1; else cat "$work/refusal"; fi
