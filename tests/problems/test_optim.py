"""Optimisers by name."""

import subprocess
import sys

from torch import nn

from lightning_tasks.problems.optim import make_optimizer

COUNT = """
import lightning, torch, torch.nn as nn
from lightning_tasks.problems.optim import make_optimizer
net = nn.Linear(2, 1)
optimizer = make_optimizer(net, "adamw", 1e-3, 0.0)
net(torch.ones(1, 2)).sum().backward()
asked, ask = [], torch.cuda._device_count_nvml
torch.cuda._device_count_nvml = lambda: asked.append(1) or ask()
optimizer.step()
print(torch.cuda.is_available(), len(asked))
"""


def test_a_step_does_not_look_for_the_driver_where_there_is_no_gpu():
    done = subprocess.run([sys.executable, "-c", COUNT], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "0"]


def test_norms_and_biases_do_not_decay():
    groups = make_optimizer(nn.Sequential(nn.Linear(2, 3), nn.LayerNorm(3)), "adamw", 1e-3, 0.1).param_groups
    decays = {tuple(p.shape): group["weight_decay"] for group in groups for p in group["params"]}
    assert decays == {(3, 2): 0.1, (3,): 0.0}
