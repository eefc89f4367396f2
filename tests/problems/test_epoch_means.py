"""Epoch means: weighted by the number of samples, summed on the device, forgotten once logged."""

from types import SimpleNamespace

import pytest
import torch

from lightning_tasks.problems import Task


def test_means_are_weighted_by_samples_and_summed_over_ranks():
    task, logged = Task(), {}
    task.log = lambda name, value, prog_bar: logged.update({name: float(value)})
    # another rank with the same sums: the mean stays
    task._trainer = SimpleNamespace(strategy=SimpleNamespace(reduce=lambda pair, reduce_op: 2 * pair))
    values, sizes = torch.rand(50), torch.randint(1, 9, (50,)).tolist()
    for value, n in zip(values.requires_grad_(), sizes, strict=True):
        task.track("train/loss", value, n)
        task.track("val/loss", value, 1)
    task._log_means("train")
    expected = (values.double() @ torch.tensor(sizes).double() / sum(sizes)).item()
    assert logged == {"train/loss": pytest.approx(expected, rel=1e-5)}
    task._log_means("val")
    assert logged["val/loss"] == pytest.approx(values.mean().item(), rel=1e-5)
    task._log_means("val")
    assert not task._sums
