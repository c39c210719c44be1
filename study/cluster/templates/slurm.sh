#!/usr/bin/env bash
# A study on @NODES@ SLURM nodes: one Ray cluster for the length of the job, its head on the first node.
#
#   sbatch @FILE@
#
# It may be preempted, or run out of time: with --requeue SLURM starts it again, and it goes on where it was. The study
# directory and this folder have to be on a file system that all nodes see.
#SBATCH --job-name=@NAME@
#SBATCH --nodes=@NODES@
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=@CPUS@
#SBATCH --gpus-per-node=@GPUS@
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x-%j.log
# Two minutes before the end the script is told, so that checkpoints are written.
#SBATCH --signal=B:USR1@120
set -euo pipefail

STUDY=@STUDY@
OUTPUT=@OUTPUT@

# What `python -m study` needs on every node, such as:  source "$HOME/venv/bin/activate"

# One token for all nodes: without it whoever reaches the ports could run code as you.
export RAY_AUTH_MODE=token
umask 077
export RAY_AUTH_TOKEN_PATH="$PWD/.ray-token-$SLURM_JOB_ID"
[ -s "$RAY_AUTH_TOKEN_PATH" ] || python -c 'import secrets; print(secrets.token_hex(32), end="")' >"$RAY_AUTH_TOKEN_PATH"

# Two jobs may share a node: the ports follow from the job's number.
port=$((20000 + SLURM_JOB_ID % 20000))
mapfile -t nodes < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
head=${nodes[0]}
address="$(srun --overlap --nodes=1 --ntasks=1 --nodelist="$head" hostname --ip-address | awk '{print $1}'):$port"
export RAY_ADDRESS="$address"
resources=(--num-cpus "$SLURM_CPUS_PER_TASK" --num-gpus "${SLURM_GPUS_ON_NODE:-0}" --disable-usage-stats)

srun --overlap --nodes=1 --ntasks=1 --nodelist="$head" \
    ray start --head --block --port "$port" --include-dashboard false "${resources[@]}" &
if [ "${#nodes[@]}" -gt 1 ]; then
    srun --overlap --nodes=$((${#nodes[@]} - 1)) --ntasks-per-node=1 --exclude="$head" \
        bash -c 'until ray start --block "$@"; do sleep 5; done' node --address "$address" "${resources[@]}" &
fi
until ray status --address "$address" >/dev/null 2>&1; do sleep 2; done

if python -m study status "$OUTPUT" >/dev/null 2>&1; then
    command=(resume "$OUTPUT")
else
    command=(run "$STUDY" --output "$OUTPUT")
fi
python -m study "${command[@]}" &
driver=$!

# Told to go, the driver has checkpoints written; if it does not get so far, the newest ones have to do.
# shellcheck disable=SC2317
leave() {
    kill -TERM "$driver"
    wait "$driver" || true
}
trap 'leave; scontrol requeue "$SLURM_JOB_ID"; exit 0' USR1 # out of time
trap 'leave; exit 143' TERM                                 # preempted: SLURM requeues it itself; or cancelled

code=0
wait "$driver" || code=$?
jobs -p | xargs --no-run-if-empty kill 2>/dev/null || true
rm -f "$RAY_AUTH_TOKEN_PATH"
exit "$code"
