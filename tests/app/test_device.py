"""The device is the trainer's: a machine's GPU is neither used nor named where the trainer says cpu."""

import pytest
import torch

from lightning_tasks.app.jobs import one_process
from lightning_tasks.app.members import batches_of, load_run
from lightning_tasks.problems.checks import check_input
from lightning_tasks.runs.device import device_name
from tests.conftest import results
from tests.toys import ToyDataModule, ToySequence

CPU = ("--trainer.accelerator", "cpu")


def test_results_name_the_device_of_the_trainer_and_verbs_use_that_of_the_run(toy, monkeypatch):
    run = toy("ToySequence", "--trainer.max_epochs", 1, *CPU)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device=None: f"GPU {device}")
    toy("ToySequence", "--trainer.max_epochs", 1, *CPU, "--resume")  # nothing is left to train: the finish alone
    assert results(run)["device"].startswith("CPU, ")
    assert device_name(torch.device("cuda", 1)) == "GPU cuda:1"
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    assert device_name(torch.device("cpu")) == "CPU, 2 threads"
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    assert device_name(torch.device("cpu")) == "CPU, 1 thread"
    loaded = load_run(str(run), list(CPU))
    assert {batch["id"].device.type for (batch,) in batches_of([loaded], "test")} == {"cpu"}


@pytest.mark.parametrize(("accelerator", "alone"), [("cpu", True), ("auto", False)])
def test_several_gpus_make_several_processes_only_where_they_are_used(monkeypatch, accelerator, alone):
    class Options:
        devices, num_nodes = "auto", 1

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    Options.accelerator = accelerator
    assert one_process(Options) is alone


def test_during_setup_a_sample_meets_the_weights_where_they_are():
    """Lightning names the GPU in ``task.device`` before it moves the weights there."""
    data, task = ToyDataModule(), ToySequence()
    data.setup("fit")
    task._device = torch.device("meta")
    check_input(task, data)
