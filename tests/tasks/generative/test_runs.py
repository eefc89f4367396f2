"""GAN and VAE run as any other task: killed and resumed, stopped where nothing is finite, over several seeds."""

from pathlib import Path

import pytest
import torch

from lightning_tasks import GanTask, VaeTask
from tests.conftest import results

DATA = ("--data", "MixtureDataModule", "--data.shape", "ring", "--data.components", 4, "--data.dims", 2,
        "--data.n_train", 120, "--data.n_test", 40, "--data.batch_size", 20, "--trainer.enable_progress_bar", "false",
        "--draws", 3, "--figures", "last", "--baselines", "false")  # fmt: skip
FITS = {
    GanTask: ("--model", "GanTask", "--model.net", "dense", "--model.width", 8, "--model.ema", 0.9),
    VaeTask: ("--model", "VaeTask", "--model.net", "dense", "--model.size", 2, "--model.hidden", "[8]"),
}


def fit(cli, task: type, name: str, *more) -> Path:
    cli("fit", *FITS[task], *DATA, "--experiment", "runs", "--name", name, *more)
    return Path("runs/runs") / name


@pytest.mark.parametrize("task", FITS)
def test_killed_within_an_epoch_and_resumed_it_ends_with_the_weights_of_an_unbroken_run(cli, monkeypatch, task):
    args = ("--trainer.max_epochs", 3)
    whole = fit(cli, task, "whole", *args)
    step, seen = task.training_step, []

    def killed(self, batch, batch_idx):
        seen.append(batch_idx)
        if len(seen) == 9:  # of 5 steps an epoch: in the second
            raise SystemExit("killed")
        return step(self, batch, batch_idx)

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(task, "training_step", killed)
        fit(cli, task, "broken", *args)
    broken = Path("runs/runs/broken")
    assert len(seen) == 9 and not (broken / "results.json").exists()
    fit(cli, task, "broken", *args, "--resume")
    expected, found = (torch.load(run / "checkpoints/last.ckpt", weights_only=True) for run in (whole, broken))
    assert found["epoch"] == 2 and len(found["optimizer_states"]) == (2 if task is GanTask else 1)
    assert all(torch.equal(expected["state_dict"][key], found["state_dict"][key]) for key in expected["state_dict"])
    assert (whole / "metrics.csv").read_text() == (broken / "metrics.csv").read_text()
    assert results(whole)["metrics"] == results(broken)["metrics"]


@pytest.mark.parametrize("task", FITS)
def test_a_loss_that_is_not_finite_stops_the_run_and_names_the_epoch(cli, capsys, monkeypatch, task):
    method = "loss_of" if task is GanTask else "training_step"
    loss = getattr(task, method)
    monkeypatch.setattr(task, method, lambda self, *args: loss(self, *args) * torch.nan)
    with pytest.raises(SystemExit):
        fit(cli, task, "wild", "--trainer.max_epochs", 3)
    assert "The training loss is not finite at epoch 1, step 1" in capsys.readouterr().err


@pytest.mark.parametrize("task", FITS)
def test_several_seeds_are_several_runs_with_a_spread(cli, task):
    cli("sweep", *FITS[task], *DATA, "--trainer.max_epochs", 1, "--seeds", "0,1", "--experiment", "seeds",
        "--name", "seeds")  # fmt: skip
    (combination,) = results(Path("runs/seeds/seeds"))["combinations"]
    assert combination["n"] == 2 and combination["metrics"]["test/energy"]["sd"] > 0
    runs = [Path(f"runs/seeds/seeds/default/seed_{seed}/checkpoints/last.ckpt") for seed in (0, 1)]
    first, second = (torch.load(run, weights_only=True)["state_dict"] for run in runs)
    assert any(not torch.equal(first[key], second[key]) for key in first)


def test_a_code_with_more_numbers_than_a_sample_is_noted(cli):
    run = fit(cli, VaeTask, "wide", "--trainer.max_epochs", 1, "--model.size", 5)
    assert "size=5: the code has more numbers than the 2 of a sample" in " ".join(results(run)["notes"])
