"""What a fit leaves, puts back and takes away; files are whole or absent. Kills are in ``tests/app/test_kills.py``."""

import os

import pytest
import torch

from lightning_tasks.common.atomic import write_atomic, write_atomic_with
from tests.conftest import results


def test_the_saved_configuration_repeats_the_run(tmp_path, toy, cli):
    run = toy("ToySequence", "--trainer.max_epochs", 2, "--seed_everything", 5)
    cli("fit", "--config", run / "config.yaml", "--name", "again")
    again = run.parent / "again"
    assert results(again)["metrics"] == results(run)["metrics"] and results(again)["seed"] == 5
    assert (again / "metrics.csv").read_text() == (run / "metrics.csv").read_text()
    assert (run.parent / "latest").resolve().name == "again"


def test_a_fit_that_fails_at_once_gives_back_what_it_would_have_replaced(toy, cli, capsys):
    run = toy("ToySequence", "--trainer.max_epochs", 1)
    before = (run / "results.json").read_text()
    with pytest.raises(SystemExit):
        toy("ToySequence", "--trainer.max_epochs", 1, "--overwrite", "--model.class_weights", "[1.0e38, 1.0e38]")
    assert "not finite" in capsys.readouterr().err.lower() and (run / "results.json").read_text() == before
    assert (run.parent / "latest").resolve().name == "default"
    toy("ToySequence", "--trainer.max_epochs", 2, "--overwrite")
    assert results(run)["epochs"] == 2 and sorted(p.name for p in run.parent.iterdir()) == ["default", "latest"]


def test_neither_the_link_to_the_newest_run_nor_a_fit_without_epochs_touches_a_run(toy, cli, capsys):
    run = toy("ToySequence", "--trainer.max_epochs", 1)
    before = (run / "results.json").read_text()
    for args, message in ((("--trainer.max_epochs", 0), "no epoch was trained"), (("--model.lr", 0.1), "Give another")):
        with pytest.raises(SystemExit):
            toy("ToySequence", *args, "--overwrite", name="latest" if "lr" in args[0] else "default")
        assert message in capsys.readouterr().err and (run / "results.json").read_text() == before
    assert (run.parent / "latest").resolve().name == "default"


def test_an_interrupted_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "file.txt"
    write_atomic(path, "old")

    def fail(temporary):
        temporary.write_text("half")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_atomic_with(path, fail)
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["file.txt"]


def test_ema_weights_are_those_that_are_scored(toy, cli, capsys):
    run = toy("ToySequence", "--trainer.max_epochs", 3, "--model.ema", 0.9, "--model.lr", 0.05)
    value = results(run)["metrics"]["test/loss"]["value"]
    checkpoint = torch.load(run / "checkpoints/best.ckpt", weights_only=True)
    assert any(
        not torch.equal(checkpoint["state_dict"][k], checkpoint["current_model_state"][k])
        for k in checkpoint["state_dict"]
    )
    capsys.readouterr()
    cli("test", "--config", run / "config.yaml", "--ckpt_path", run / "checkpoints/best.ckpt")
    assert f"{value:.4f}" in capsys.readouterr().out


def test_early_stopping_watches_the_metric_of_the_task(toy):
    run = toy("ToyGan", "--trainer.max_epochs", 60, "--early_stopping", 2, "--model.lr", 1e-9)
    assert results(run)["epochs"] < 60


def test_tensorboard_holds_scalars_figures_and_one_hyperparameter_entry(toy):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = toy("ToySequence", "--trainer.max_epochs", 2)
    tags: dict = {"scalars": set()}
    for events in run.glob("events.out.tfevents*"):
        accumulator = EventAccumulator(str(events)).Reload()
        tags["scalars"] |= set(accumulator.Tags()["scalars"])
        tags["hparams"] = tags.get("hparams") or "_hparams_/session_start_info" in accumulator.summary_metadata
    assert {"train/loss", "val/acc", "test/acc"} <= tags["scalars"] and tags["hparams"]
