#!/usr/bin/env bash
# @NODES@ Ray nodes of @CPUS@ CPUs and @GPUS@ GPUs each on this machine, all on the loopback device, to try a study on.
#
#   bash @FILE@
#
# While it runs, type `kill` to end a node as a power cut does, `add` to start one, `quit` to end the study: what was
# finished stays, packs in training go on elsewhere, and running the script again goes on with the study.
set -euo pipefail

STUDY=@STUDY@
OUTPUT=@OUTPUT@

if python -m study status "$OUTPUT" >/dev/null 2>&1; then
    command=(resume "$OUTPUT")
else
    command=(run "$STUDY" --output "$OUTPUT")
fi
exec python -m study.cluster.local --nodes @NODES@ --cpus @CPUS@ --gpus @GPUS@ -- python -m study "${command[@]}"
