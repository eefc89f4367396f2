#!/bin/bash
# One fit in several processes of one machine, started by torchrun:
#     examples/torchrun.sh 2            two GPUs
#     examples/torchrun.sh 2 cpu        two processes on CPUs, to try it
# Without torchrun --trainer.strategy ddp --trainer.devices 2 does the same: Lightning then starts the processes.
set -euo pipefail
processes=${1:-2}
accelerator=${2:-auto}
torchrun --nproc-per-node "$processes" -m lightning_tasks fit --config configs/mnist_cnn.yaml --name torchrun \
  --trainer.strategy ddp --trainer.accelerator "$accelerator" --trainer.devices "$processes"
