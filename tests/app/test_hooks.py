"""What stands around every hook: nothing, unless a user asks for a profile."""

import torch
from lightning.pytorch.profilers import SimpleProfiler

from lightning_tasks.app.cli import TaskCLI
from lightning_tasks.app.hooks import NoProfiler

TOY = ["--model", "tests.toys.ToySequence", "--data", "tests.toys.ToyDataModule", "--draws", "0",
       "--trainer.enable_progress_bar", "false", "--trainer.enable_model_summary", "false",
       "--trainer.max_epochs", "1"]  # fmt: skip


def test_nothing_is_measured_unless_a_profiler_is_named():
    assert isinstance(TaskCLI(["fit", *TOY, "--trainer.fast_dev_run", "true"]).trainer.profiler, NoProfiler)
    named = TaskCLI(["fit", *TOY, "--trainer.fast_dev_run", "true", "--trainer.profiler", "simple"])
    assert isinstance(named.trainer.profiler, SimpleProfiler)


def test_both_checkpoints_keep_their_states_apart():
    TaskCLI(["fit", *TOY])
    states = torch.load("runs/ToySequence/default/checkpoints/last.ckpt", weights_only=True)["callbacks"]
    assert states["RunCheckpoint best"]["monitor"] == "val/acc" and states["RunCheckpoint last"]["monitor"] is None
