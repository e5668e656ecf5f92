#!/bin/sh
# Pushes images as an array of 12 tasks: `sbatch slurm.sh`, in a folder that all nodes share.
# A task runs again if its node fails, or if it ends with 75, which needs `RequeueExit=75` in slurm.conf.
#SBATCH --job-name=imgpush
#SBATCH --array=0-11
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=imgpush-%a.log
set -eu
exec imgpush push --cloud prod --shard auto --requeue-exit --if-exists skip \
  --journal push.journal --json images/*.qcow2 >>"report-$SLURM_ARRAY_TASK_ID.json"
