"""Each kind of problem: whole runs, what it declares, and what it refuses."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from lightning import Trainer
from lightning.pytorch.plugins import MixedPrecision

from lightning_tasks.app.members import Run, batches_of, predictions
from tests.conftest import measured, results
from tests.toys import ToyDataModule, ToyGan, ToyRegression, ToySequence

FINISHED = ["config.yaml", "checkpoints/best.ckpt", "metrics.csv", "results.json", "report.html"]


@pytest.mark.parametrize(
    ("task", "metric", "least"),
    [("ToyRegression", "test/r2", 0.3), ("ToyAutoencoder", "test/psnr", 12.0), ("ToyGan", "test/energy", None)],
)
def test_a_run_is_whole_and_scored_again_alike(toy, cli, task, metric, least):
    run = toy(task, "--trainer.max_epochs", 4, "--model.lr", 0.02, "--data.batch_size", 4)
    assert [f for f in FINISHED if not (run / f).is_file()] == []
    found = results(run)
    assert f"test/{found['headline']}" in found["metrics"] and found["monitor"].startswith("val/")
    value = found["metrics"][metric]
    assert least is None or value["value"] > least
    assert ("low" in value) == (task != "ToyGan"), "a distance between distributions has no bootstrap interval"
    assert found["baselines"]
    cli("test", "--config", run / "config.yaml", "--ckpt_path", run / "checkpoints/best.ckpt")
    assert measured(run) == pytest.approx({name: one["value"] for name, one in found["metrics"].items()}, abs=1e-5)
    cli("predict", "--config", run / "config.yaml", "--ckpt_path", run / "checkpoints/best.ckpt")
    assert len(pd.read_csv(run / "predictions_test.csv")) == 20


def test_a_task_without_rows_finishes(toy):
    run = toy("ToyNothing", "--trainer.max_epochs", 1)
    assert list(results(run)["metrics"]) == ["test/loss"] and not (run / "predictions.csv").exists()


def test_regressions_are_averaged_and_predict_in_units_of_the_target(toy, cli):
    runs = [toy("ToyRegression", "--trainer.max_epochs", 3, "--seed_everything", s, name=f"s{s}") for s in (0, 1)]
    cli("ensemble", "--runs", *runs, "--draws", 3)
    found = results(Path("runs/ToyRegression/ensemble"))
    assert found["metrics"]["test/rmse"]["value"] <= np.mean(
        [m["metrics"]["test/rmse"]["value"] for m in found["members"]]
    )
    table = pd.read_csv(runs[0] / "predictions.csv")
    assert abs(table["pred"].mean() - table["target"].mean()) < table["target"].std()


def test_a_target_of_another_number_is_one_clear_error():
    task = ToyRegression(outputs=2)
    with pytest.raises(ValueError, match="outputs=2, but targets have 1"):
        task.fit_statistics({"target_mean": torch.zeros(1), "target_std": torch.ones(1)})


def test_what_has_no_meaning_is_refused_by_name(toy, cli, capsys):
    gan, nearest = toy("ToyGan", "--trainer.max_epochs", 1), toy("ToyNearestMean", "--trainer.max_epochs", 1)
    other = toy("ToyGan", "--trainer.max_epochs", 1, name="other")
    for verb, reason in (
        (("ensemble", "--runs", gan, other), "ensemble has no meaning for ToyGan: its predictions have no mean"),
        (("calibrate", "--run", gan), "calibrate has no meaning for ToyGan: it gives no class probabilities"),
        (("explain", "--run", nearest), "explain has no meaning for ToyNearestMean: it classifies no pictures"),
    ):
        capsys.readouterr()
        with pytest.raises(SystemExit):
            cli(*verb)
        assert reason in capsys.readouterr().err
    for task, flag in (("ToyNearestMean", "--model.lr"), ("ToySequence", "--model.tta")):
        with pytest.raises(SystemExit):
            toy(task, flag, "1", name="wrong")
        assert f"{task} has no option '{flag.removeprefix('--model.')}'" in capsys.readouterr().err


# ---- adversarial -------------------------------------------------------------------------------------------------


def test_players_move_in_turn_and_the_others_stay(toy):
    run = toy("ToyGan", "--trainer.max_epochs", 1, "--model.steps", "{critic: 3}", "--model.clip", 0.5,
              "--model.schedule", "cosine", "--model.rates", "{critic: 2.0}")  # fmt: skip
    state = torch.load(run / "checkpoints/last.ckpt", weights_only=True)
    critic, generator = (next(iter(o["state"].values()))["step"] for o in state["optimizer_states"])
    assert int(critic) == 3 * int(generator)
    rates = [o["param_groups"][0]["initial_lr"] for o in state["optimizer_states"]]
    assert rates == [4e-4, 2e-4] and len(state["lr_schedulers"]) == 2
    last = results(run)["last"]
    assert {"train/critic", "train/generator", "train/lr"} <= set(last)


def test_the_gradient_of_one_player_does_not_reach_another():
    task, data = ToyGan(), ToyDataModule(source="simulated")
    data.setup()
    batch = data.arrays("train", limit=16)
    task.critic.requires_grad_(False)
    task.loss_of("generator", batch).backward()
    assert all(p.grad is None for p in task.critic.parameters()) and task.generator.weight.grad is not None


def test_a_clipped_step_is_the_same_whether_gradients_are_scaled_or_not():
    moved = []
    scaler = torch.amp.GradScaler("cpu", init_scale=1024)
    for precision in (MixedPrecision("bf16-mixed", "cpu"), MixedPrecision("16-mixed", "cpu", scaler)):
        torch.manual_seed(0)
        task, data = ToyGan(clip=1.0, optimizer="sgd", lr=0.1), ToyDataModule(source="simulated")
        before = task.critic[0].weight.detach().clone()
        Trainer(accelerator="cpu", max_steps=2, plugins=[precision], logger=False, enable_checkpointing=False,
                enable_progress_bar=False, enable_model_summary=False, limit_val_batches=0).fit(task, data)  # fmt: skip
        moved.append(float((task.critic[0].weight - before).norm().detach()))
    assert moved[1] == pytest.approx(moved[0], rel=0.1) and moved[0] > 1e-3


def test_wrong_players_and_numbers_are_errors():
    for wrong, message in (
        ({"rates": {"critc": 1.0}}, "rates names 'critc'; the players are critic, generator"),
        ({"steps": {"critic": 0}}, "steps holds 0"),
        ({"clip": -1.0}, "clip=-1.0"),
        ({"schedule": "plateau"}, "need 0 or more, and onecycle, cosine or none"),
    ):
        with pytest.raises(ValueError, match=message):
            ToyGan(**wrong)


@pytest.mark.parametrize(
    ("what", "words"),
    [("loss", "loss is not finite at epoch"), ("weights", "weights are not (critic.0.weight). Lower")],
)
def test_what_is_not_finite_stops_manual_optimisation_too(toy, capsys, monkeypatch, what, words):
    loss_of = ToyGan.loss_of

    def spoilt(self, player, batch):
        return loss_of(self, player, batch) * (torch.nan if what == "loss" else 1)

    def spoil(self, outputs, batch, batch_idx):
        if what == "weights" and batch_idx + 1 == self.trainer.num_training_batches:
            self.critic[0].weight.data.fill_(torch.nan)

    monkeypatch.setattr(ToyGan, "loss_of", spoilt)
    monkeypatch.setattr(ToyGan, "on_train_batch_end", spoil)
    with pytest.raises(SystemExit):
        toy("ToyGan", "--trainer.max_epochs", 2)
    assert words in (error := capsys.readouterr().err) and "--model.clip 1" in error


# ---- evaluation that draws random numbers ------------------------------------------------------------------------


def test_the_same_checkpoint_samples_the_same_whatever_was_drawn_before(toy, cli):
    run = toy("ToyGan", "--trainer.max_epochs", 1)
    shown = []
    for noise in (0, 1):
        torch.manual_seed(noise)
        cli("test", "--config", run / "config.yaml", "--ckpt_path", run / "checkpoints/best.ckpt")
        shown.append(measured(run))
    assert shown[0] == shown[1]
    assert json.loads((run / "results.json").read_text())["metrics"]["test/energy"]["value"] is not None


# ---- members read with their own data ----------------------------------------------------------------------------


class Doubled(ToyDataModule):
    """Tokens are numbered by what was fitted: another member has another numbering."""

    def fit(self, train):
        return {"shift": int(self.hparams.fold)}

    def encode(self, pool):
        tokens = np.where(pool["tokens"] > 0, (pool["tokens"] - 1 + self.fitted["shift"]) % 8 + 1, 0)
        return {**pool, "tokens": tokens}


def test_each_member_is_asked_in_its_own_numbering():
    members = []
    for fold in (0, 3):
        data = Doubled(source="simulated", fold=fold)
        data.setup()
        torch.manual_seed(0)
        members.append(Run(None, ToySequence().eval(), data))
    for batches in batches_of(members, "test"):
        first, second = batches
        assert torch.equal(first["id"], second["id"]) and not torch.equal(first["tokens"], second["tokens"])
        found = predictions(members, batches)
        for member, batch, prob in zip(members, batches, found, strict=True):
            torch.testing.assert_close(prob, member.task.predict_step(batch)["prob"])
    alike = [Run(None, m.task, ToyDataModule(source="simulated", fold=f)) for m, f in zip(members, (0, 3), strict=True)]
    for member in alike:
        member.data.setup()
    assert all(one is other for one, other in batches_of(alike, "test")), "equal data modules share their batches"
