"""A resumed run goes on as itself: with other settings it is refused, or they take effect; done is done."""

import shutil
import time
from pathlib import Path

import pytest
import torch
import yaml

from lightning_tasks.app.settings import FROM_HERE, NEUTRAL, refused
from lightning_tasks.common.tables import read_metrics
from tests.conftest import results
from tests.toys import ToyDataModule, ToySequence

EPOCHS = "--trainer.max_epochs"


class OtherToys(ToyDataModule):
    """Reads ``toy.npz``, which holds the simulated arrays, where it is there."""

    def read(self, folder):
        torch.load(folder / "toy.npz")  # its numbers are taken from the file, so that they can be changed
        found = self.simulate()
        found["train"]["point"] = found["train"]["point"] + float(torch.load(folder / "toy.npz"))
        return found


def state(run: Path) -> dict:
    return torch.load(run / "checkpoints/last.ckpt", weights_only=True)


def files(run: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(run.rglob("*")) if path.is_file()}


def refusal(capsys, call) -> str:
    capsys.readouterr()
    with pytest.raises(SystemExit):
        call()
    message = capsys.readouterr().err.split("error: ")[1].strip()
    assert len(message.splitlines()) == 1
    return message


# ---- settings ---------------------------------------------------------------------------------------------------


REFUSED = {
    "data.fold 0 -> 1": ("--data.fold", 1),
    "data.seed 0 -> 1": ("--data.seed", 1),
    "seed_everything 0 -> 7": ("--seed_everything", 7),
    "model.width 8 -> 9": ("--model.width", 9),
    "model.optimizer adamw -> sgd": ("--model.optimizer", "sgd"),
    "model.schedule onecycle -> none": ("--model.schedule", "none"),
    "model.ema 0.0 -> 0.9": ("--model.ema", 0.9),
    "model.weight_decay 0.01 -> 0": ("--model.weight_decay", 0),
    "trainer.limit_train_batches None -> 1": ("--trainer.limit_train_batches", 1),
}


def test_a_setting_that_makes_another_run_is_refused_before_anything_is_written(toy, capsys):
    run = toy("ToySequence", EPOCHS, 1)
    before = files(run)
    for told, change in REFUSED.items():
        message = refusal(capsys, lambda change=change: toy("ToySequence", EPOCHS, 2, *change, "--resume"))
        assert message.startswith(f"--resume: {told}") and files(run) == before


def test_another_task_or_fewer_epochs_than_were_trained_are_refused(toy, cli, capsys):
    run = toy("ToySequence", EPOCHS, 2)
    before = files(run)
    other = ("fit", "--model", "tests.toys.ToyGan", "--data", "tests.toys.ToyDataModule", "--experiment", "ToySequence")
    assert "model tests.toys.ToySequence -> tests.toys.ToyGan" in refusal(capsys, lambda: cli(*other, "--resume"))
    told = refusal(capsys, lambda: toy("ToySequence", EPOCHS, 1, "--resume"))
    assert "has trained 2 epochs, and --trainer.max_epochs is 1" in told and files(run) == before


def test_the_table_names_options_that_there_are():
    from lightning_tasks.app.cli import Plan

    plan, known = Plan(["--model", "tests.toys.ToySequence", "--data", "CIFAR10DataModule"]), set()

    def walk(prefix, value):
        known.add(prefix)
        for key, inner in value.items() if isinstance(value, dict) else ():
            walk(prefix if key == "init_args" else f"{prefix}.{key}".lstrip("."), inner)

    walk("", yaml.safe_load(plan._parser("fit").dump(plan.options, skip_none=False)))
    assert set(NEUTRAL) | set(FROM_HERE) <= known | {"seen"}  # of other commands, and not in a configuration


def test_what_is_not_listed_is_refused_and_parts_of_what_is_are_not():
    old = {"model.net": "unet", "trainer.strategy": "auto", "trainer.logger.name": "a", "model.weight_decay": 0.1}
    new = old | {"model.weight_decay": 0.2, "trainer.strategy.class_path": "DDPStrategy"}
    assert refused(old, new) == []
    assert refused(old, new | {"model.net": "segformer"}) == ["model.net unet -> segformer"]
    assert refused(old, new | {"model.weight_decay": 0.0}) == ["model.weight_decay 0.1 -> 0.0"]


# ---- they take effect -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("schedule", ["onecycle", "cosine", "plateau", "none"])
def test_another_learning_rate_and_weight_decay_take_effect(toy, schedule):
    fixed = ("--model.schedule", schedule)
    toy("ToySequence", EPOCHS, 2, "--model.lr", 0.001, *fixed)
    run = toy("ToySequence", EPOCHS, 4, "--model.lr", 0.01, "--model.weight_decay", 0.02, *fixed, "--resume")
    assert any("Resumed with model.lr 0.001 -> 0.01" in note for note in results(run)["notes"])
    whole = toy("ToySequence", EPOCHS, 4, "--model.lr", 0.01, *fixed, name="whole")
    found, expected = ([row["train/lr"] for row in read_metrics(r / "metrics.csv")] for r in (run, whole))
    assert found[2:] == pytest.approx(expected[2:], rel=1e-6)
    assert {g["weight_decay"] for g in state(run)["optimizer_states"][0]["param_groups"]} == {0, 0.02}


@pytest.mark.parametrize(
    "change",
    [("--data.batch_size", 32), ("--data.batch_size", 5), ("--trainer.accumulate_grad_batches", 4)],
)
def test_a_schedule_goes_on_at_its_share_of_the_epochs_when_an_epoch_has_other_steps(toy, change):
    toy("ToySequence", EPOCHS, 6, "--early_stopping", 1, "--model.lr", 1e-9, "--data.batch_size", 10)  # ends early
    done = results(Path("runs/ToySequence/default"))["epochs"]
    assert done < 6
    run = toy("ToySequence", EPOCHS, 6, "--model.lr", 0.01, "--data.batch_size", 10, *change, "--resume")
    whole = toy("ToySequence", EPOCHS, 6, "--model.lr", 0.01, "--data.batch_size", 10, *change, name="whole")
    found, expected = ([row["train/lr"] for row in read_metrics(r / "metrics.csv")] for r in (run, whole))
    assert len(found) == 6 and found[done:] == pytest.approx(expected[done:], rel=1e-6) and found[-2] > 1e-5


def test_a_plateau_is_told_of_each_epoch_however_often_a_fit_is_resumed(toy):
    still = ("--model.schedule", "plateau", "--model.lr", 1e-7)
    whole = toy("ToySequence", EPOCHS, 9, *still, name="whole")
    for epochs in (3, 5, 9):
        run = toy("ToySequence", EPOCHS, epochs, *still, *(() if epochs == 3 else ("--resume",)))
    found, expected = ([row["train/lr"] for row in read_metrics(r / "metrics.csv")] for r in (run, whole))
    assert found == expected and found[-1] < found[0]


def test_a_schedule_ends_where_it_should_after_an_epoch_that_time_cut(toy, caplog, monkeypatch):
    step = ToySequence.training_step

    def slow(self, batch, batch_idx):
        if batch_idx == 3:
            time.sleep(2.5)
        return step(self, batch, batch_idx)

    batches = ("--data.batch_size", 8)  # ten an epoch
    with monkeypatch.context() as patch:
        patch.setattr(ToySequence, "training_step", slow)
        run = toy("ToySequence", EPOCHS, 2, *batches, "--trainer.max_time", "00:00:00:02")
    (cut,) = read_metrics(run / "metrics.csv")
    assert cut["step"] < 10
    toy("ToySequence", EPOCHS, 2, *batches, "--resume")
    assert f"Epoch 1 was cut {10 - cut['step']} of 10 steps before its end" in caplog.text
    whole = toy("ToySequence", EPOCHS, 2, *batches, name="whole")
    found, expected = (read_metrics(r / "metrics.csv")[-1]["train/lr"] for r in (run, whole))
    assert found == pytest.approx(expected, rel=1e-6)


def test_kfold_goes_on_with_what_may_change_and_refuses_the_rest(toy, capsys, tmp_path):
    from lightning_tasks.app.cli import Plan
    from lightning_tasks.app.jobs import state_of
    from lightning_tasks.runs.directory import RunDir

    toy("ToySequence", EPOCHS, 1)
    args = ["--model", "tests.toys.ToySequence", "--data", "tests.toys.ToyDataModule", EPOCHS]
    run, planned = RunDir(Path("runs/ToySequence/default")), Plan([*args, "3"]).settings()
    assert state_of(run, False, planned, "folds") == "begun"
    with pytest.raises(ValueError, match="max_epochs 1 -> 3"):
        state_of(run, True, planned, "folds")
    with pytest.raises(ValueError, match="data.fold 0 -> 1"):
        state_of(run, False, planned | {"data.fold": 1}, "folds")
    assert state_of(run, True, Plan([*args, "1", "--data.num_workers", "2"]).settings(), "folds") == "finished"
    run.last.write_bytes(b"")
    run.best.write_bytes(b"")
    assert state_of(run, False, planned, "folds") == "missing"


# ---- the data ---------------------------------------------------------------------------------------------------


def test_other_data_and_data_that_is_gone_are_refused(toy, capsys, tmp_path):
    folder = tmp_path / "data/toy"
    folder.mkdir(parents=True)
    torch.save(torch.tensor(0.0), folder / "toy.npz")
    data = ("--data", "tests.app.test_resume.OtherToys")
    run = toy("ToySequence", EPOCHS, 1, *data)
    assert results(run)["data_source"] == "real"
    before = files(run)
    torch.save(torch.tensor(1.0), folder / "toy.npz")
    from datamodules.core import source

    source._LAST.clear()  # another process would not have it
    told = refusal(capsys, lambda: toy("ToySequence", EPOCHS, 2, *data, "--resume"))
    assert "the data has changed since the run began" in told and files(run) == before
    (folder / "toy.npz").unlink()
    told = refusal(capsys, lambda: toy("ToySequence", EPOCHS, 2, *data, "--resume"))
    assert "trained on real data, and what is found now is simulated data" in told and files(run) == before
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    torch.save(torch.tensor(0.0), moved / "toy.npz")
    toy("ToySequence", EPOCHS, 2, *data, "--data.root", moved, "--resume")
    assert results(run)["epochs"] == 2


# ---- done is done -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("task", "epochs"), [("ToySequence", 3), ("ToyNearestMean", 1)])
def test_resuming_a_finished_run_trains_nothing_and_leaves_its_results(toy, task, epochs):
    run = toy(task, EPOCHS, epochs, "--early_stopping", 5)
    before, table, weights = results(run), (run / "metrics.csv").read_text(), files(run / "checkpoints")
    assert before["last"] == {k: v for k, v in read_metrics(run / "metrics.csv")[-1].items() if "/" in k}
    for _ in range(2):
        toy(task, EPOCHS, epochs, "--early_stopping", 5, "--resume")
        assert results(run) == before and (run / "metrics.csv").read_text() == table
        assert files(run / "checkpoints") == weights


def test_a_run_that_was_stopped_early_stays_so_until_its_patience_grows(toy):
    args = ("ToySequence", EPOCHS, 12, "--model.lr", 1e-9, "--early_stopping")
    run = toy(*args, 2)
    before, table = results(run), (run / "metrics.csv").read_text()
    done = before["epochs"]
    assert done < 12
    for _ in range(2):
        toy(*args, 2, "--resume")
        assert results(run) == before and (run / "metrics.csv").read_text() == table
    toy(*args, 4, "--resume")
    assert results(run)["epochs"] == done + 2
    toy("ToySequence", EPOCHS, 12, "--early_stopping", 0, name="at once")
    assert results(run.with_name("at once"))["epochs"] > 0
    toy(*args, "null", "--resume")
    assert results(run)["epochs"] == 12


@pytest.mark.parametrize("epochs", [2, 5])
def test_a_run_that_was_moved_is_scored_by_what_lies_in_it(toy, epochs):
    args = ("ToySequence", "--model.lr", 0.05, "--model.schedule", "none")
    run = toy(*args, EPOCHS, 2)
    moved = run.with_name("moved")
    shutil.copytree(run, moved)
    toy(*args, EPOCHS, 5, "--seed_everything", 3, "--overwrite")  # another run now lies in the old place
    before = files(run)
    toy(*args, EPOCHS, epochs, "--resume", name="moved")
    whole = toy(*args, EPOCHS, epochs, name="whole")
    assert results(moved)["metrics"] == results(whole)["metrics"]
    assert results(moved)["best"] == results(whole)["best"] and files(run) == before


def test_a_finished_run_whose_best_was_cut_is_scored_by_its_last_epoch_and_says_so(toy):
    args = (EPOCHS, 2, "--model.schedule", "none")
    run = toy("ToySequence", *args)
    best = run / "checkpoints/best.ckpt"
    best.write_bytes(best.read_bytes()[:500])
    again = results(toy("ToySequence", *args, "--resume"))
    assert again["best_epoch"] == 1 and "best.ckpt cannot be read" in " ".join(again["notes"])
