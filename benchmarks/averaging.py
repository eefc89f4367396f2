"""What a step of averaged weights costs on one CPU thread: ours, and torch's as Lightning's callback uses it.

python benchmarks/averaging.py
python benchmarks/averaging.py --net smp/Unet/resnet34 --steps 50
"""

import argparse
import statistics
import time
from collections.abc import Callable
from types import SimpleNamespace

import torch
from torch.optim.swa_utils import AveragedModel, get_ema_avg_fn

from lightning_tasks import MarsTask
from lightning_tasks.callbacks.averaging import AveragedWeights


def milliseconds(step: Callable[[int], None], steps: int) -> float:
    """CPU milliseconds of a step, median."""
    times = []
    for i in range(steps):
        begin = time.process_time()
        step(i)
        times.append(1000 * (time.process_time() - begin))
    return statistics.median(times)


def main() -> None:
    """Print both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--net", default="smp/Unet/resnet18", help="network of MarsTask")
    parser.add_argument("--steps", type=int, default=20, help="steps of each")
    options = parser.parse_args()
    torch.set_num_threads(1)
    task, ours = MarsTask(net=options.net), AveragedWeights(0.99)
    theirs = AveragedModel(task, avg_fn=get_ema_avg_fn(0.99), use_buffers=True)

    def step_of_ours(i: int) -> None:
        ours.on_train_batch_end(SimpleNamespace(global_step=ours.step + 1), task, None, None, i)

    for i in range(2):  # the first step copies
        step_of_ours(i)
        theirs.update_parameters(task)
    parameters = sum(p.numel() for p in task.parameters())
    print(f"{options.net}, {parameters:,} parameters, CPU milliseconds a step, median of {options.steps}")
    print(f"ours   {milliseconds(step_of_ours, options.steps):8.2f}")
    print(f"torch  {milliseconds(lambda i: theirs.update_parameters(task), options.steps):8.2f}")


if __name__ == "__main__":
    main()
