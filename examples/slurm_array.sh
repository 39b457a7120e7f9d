#!/bin/bash
#SBATCH --job-name=painprint
#SBATCH --cpus-per-task=2
#SBATCH --mem=6G
#SBATCH --time=04:00:00
#SBATCH --output=painprint-%A_%a.log

# One participant a task of an array; without an array, the group level. How to submit it, and what to
# do when a task was stopped: docs/installation.md.
set -eu

BIDS_DIR=${BIDS_DIR:-/data/study}
DERIVATIVES=${DERIVATIVES:-$BIDS_DIR/derivatives/xcp_d}
OUT_DIR=${OUT_DIR:-$BIDS_DIR/derivatives/painprint}
PAINPRINT=${PAINPRINT:-$HOME/painprint-env/bin/painprint}
options=(--derivatives "$DERIVATIVES" --n-jobs "${SLURM_CPUS_PER_TASK:-1}")

if [ -z "${SLURM_ARRAY_TASK_ID:-}" ]; then
  exec "$PAINPRINT" run "$BIDS_DIR" "$OUT_DIR" group "${options[@]}"
fi
participants=("$BIDS_DIR"/sub-*/)
if [ "$SLURM_ARRAY_TASK_ID" -ge "${#participants[@]}" ]; then
  echo "$BIDS_DIR: there is no participant number $SLURM_ARRAY_TASK_ID (there are ${#participants[@]}," \
    "counted from 0)" >&2
  exit 1
fi
participant=$(basename "${participants[$SLURM_ARRAY_TASK_ID]}")
exec "$PAINPRINT" run "$BIDS_DIR" "$OUT_DIR" participant --participant-label "$participant" \
  --task-id rating "${options[@]}"
