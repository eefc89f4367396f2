"""Weights by run, folder or word; what validate and test leave behind; what a training shows; its hyperparameters."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

import lightning_tasks
from lightning_tasks.app.places import as_shown
from lightning_tasks.app.weights import folder_of
from tests.conftest import ROOT, results

TOY = ("--model", "tests.toys.ToySequence", "--data", "tests.toys.ToyDataModule", "--draws", 5)
RUN = Path("runs/ToySequence/default")


@pytest.fixture
def run(toy, capsys):
    path = toy("ToySequence", "--trainer.max_epochs", 2)
    capsys.readouterr()
    return path


def test_weights_by_run_folder_and_word_score_the_same_and_are_written_beside_the_run(run, cli, capsys):
    fitted = results(run)["metrics"]
    ways = {
        "--run latest": ("--run", "runs/ToySequence/latest"),
        "a folder": (*TOY, "--ckpt_path", "runs/ToySequence/latest"),
        "best": (*TOY, "--ckpt_path", "best"),
        "best of --run": ("--run=runs/ToySequence/default", "--ckpt_path=best"),
    }
    for name, args in ways.items():
        (run / "test.json").unlink(missing_ok=True)
        cli("test", *args)
        out = capsys.readouterr().out
        found = json.loads((run / "test.json").read_text())
        assert found["metrics"] == fitted, name
        assert found["calibrated"] is False and found["baselines"] == results(run)["baselines"]
        assert "Verdict: test/acc" in out and f"metrics: {RUN}/test.json\nNext: calibrate, predict --run {RUN}." in out
        assert ("Weights: " in out) == (name != "--run latest")
    cli("validate", *TOY, "--ckpt_path", "last")
    out = capsys.readouterr().out
    found = json.loads((run / "val.json").read_text())
    assert found["checkpoint"] == "last.ckpt" and "Weights: runs/ToySequence/default/checkpoints/last.ckpt" in out
    assert f"Next: test --run {RUN} scores the test part." in out
    cli("predict", "--run", run)
    assert f"Wrote {RUN}/predictions_test.csv" in capsys.readouterr().out


WRONG = {
    "no run": (("test", "--run", "runs/none"), "runs/none is no run"),
    "no value": (("test", "--run"), "--run needs a run directory"),
    "a fit of a run": (("fit", "--run", "runs/x"), "--resume goes on with it"),
    "a fit at a word": (("fit", *TOY, "--name", "b", "--ckpt_path", "best"), "a fit goes on with a run by --resume"),
    "a fit that would go on": (("fit", *TOY, "--name", "b", "--ckpt_path", "x.pt"), "at its weights by --start x.pt"),
    "a fit at nothing": (("fit", *TOY, "--name", "b", "--start", "x.ckpt"), "checkpoint x.ckpt does not exist"),
    "a folder that is no run": (("test", *TOY, "--ckpt_path", "runs"), "runs is no run"),
    "a word without a run": (
        ("test", *TOY, "--name", "b", "--ckpt_path", "best"),
        "runs/ToySequence/b/checkpoints/best.ckpt does not exist",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_weights_that_are_not_there_have_a_remedy(cli, capsys, case):
    args, message = WRONG[case]
    Path("runs").mkdir()
    with pytest.raises(SystemExit):
        cli(*args)
    assert message in capsys.readouterr().err


READERS = {  # what takes a run -> the arguments before it
    "predict": ("predict", "--run"),
    "a folder": ("test", *TOY, "--ckpt_path"),
    "explain": ("explain", "--run"),
    "submit": ("submit", "--run"),
    "words": ("words", "--closest", "b00", "--run"),
    "calibrate": ("calibrate", "--run"),
    "inspect": ("inspect", *TOY[:4], "--run"),
    "ensemble": ("ensemble", "--runs", RUN),
    "export": ("export", "--run"),
    "teacher": ("fit", "--config", "configs/distill_mnist.yaml", "--data.source", "simulated", "--data.limit", 64,
                "--name", "b", "--model.teacher"),
    "weights": ("fit", "--config", "configs/mnist_cnn.yaml", "--data.source", "simulated", "--data.limit", 64,
                "--name", "b", "--model.weights"),
}  # fmt: skip


def test_a_run_without_its_best_weights_is_said_to_be_what_it_is(run, cli, capsys):
    """By all that take a run, with what to do; then the last epoch is taken by name, and the fit goes on."""
    other = run.with_name("killed")
    shutil.copytree(run, other)
    (other / "checkpoints/best.ckpt").unlink()
    for name in ("results.json", "report.html"):
        (other / name).unlink()
    (other / "config.yaml").write_text((other / "config.yaml").read_text().replace("name: default", "name: killed"))
    fit = f"fit --config {other}/config.yaml"

    def said(*args):
        with pytest.raises(SystemExit):
            cli(*args)
        return capsys.readouterr().err.split("error: ")[1]

    for reader, args in READERS.items():
        expected = f"{other} has last.ckpt and no best.ckpt: its fit did not finish. Go on with it: {fit} --resume."
        assert expected in said(*args, other), reader
    assert f"has no results.json: its fit did not finish. Go on with it: {fit} --resume." in said(
        "report", "--run", other
    )
    cli("predict", "--run", other, "--ckpt_path", "last")
    shutil.move(other / "checkpoints", "aside")
    for reader in ("predict", "a folder", "explain"):
        assert f"no epoch of its fit was validated yet. Train it: {fit} --overwrite." in said(*READERS[reader], other)
    shutil.move("aside", other / "checkpoints")
    cli(*fit.split(), "--resume")
    assert (other / "results.json").is_file()


def test_a_fit_begins_at_the_weights_of_another_run_and_says_so(run, cli, capsys):
    still = ("fit", *TOY, "--name", "on", "--start", run, "--model.lr", 0, "--model.weight_decay", 0)
    cli(*still, "--trainer.max_epochs", 2)
    on = run.with_name("on")
    found, last = results(on), torch.load(on / "checkpoints/last.ckpt", weights_only=True)
    first = torch.load(run / "checkpoints/best.ckpt", weights_only=True)["state_dict"]
    assert all(torch.equal(value, last["state_dict"][name]) for name, value in first.items())
    assert found["epochs"] == 2 and last["epoch"] == 1, "its own epochs, from the first on"
    assert found["weights"] == str(run / "checkpoints/best.ckpt")
    assert f"start: {found['weights']}" in (on / "config.yaml").read_text()
    assert not any("may know samples" in note for note in found["notes"])
    cli(*still, "--trainer.max_epochs", 3, "--resume")
    assert results(on)["epochs"] == 3 and results(on)["weights"] == found["weights"]
    cli("kfold", *TOY, "--start", run, "--folds", 2, "--trainer.max_epochs", 1)
    folds = run.with_name("kfold")
    assert results(folds)["weights"] == found["weights"]
    assert any("may know samples that are scored here" in note for note in results(folds)["notes"])


def test_a_checkpoint_by_itself_has_its_scores_beside_it(run, cli, tmp_path):
    (tmp_path / "alone").mkdir()
    (run / "checkpoints/best.ckpt").rename(tmp_path / "alone/x.ckpt")
    assert folder_of(tmp_path / "alone/x.ckpt") == tmp_path / "alone"
    cli("test", *TOY, "--ckpt_path", "alone/x.ckpt", "--name", "none", "--baselines", "false")
    assert (tmp_path / "alone/test.json").is_file() and not Path("runs/ToySequence/none").exists()


def test_tables_say_that_scores_are_not_calibrated(run, cli, capsys):
    cli("calibrate", "--run", run, "--draws", 3)
    capsys.readouterr()
    cli("test", "--run", run)
    assert "Not calibrated: scores of the network as trained." in capsys.readouterr().out
    assert "Not calibrated: scores of the network as trained." in (run / "report.html").read_text()


def test_paths_are_relative_to_where_the_user_stands(tmp_path):
    assert as_shown(tmp_path / "runs/a") == "runs/a" and as_shown(Path("runs/a")) == "runs/a"
    assert as_shown(Path("/usr/x")) == "/usr/x"


def test_a_training_into_a_file_has_one_line_an_epoch_and_no_empty_columns(tmp_path):
    command = [sys.executable, "-m", "lightning_tasks", "fit", *map(str, TOY), "--trainer.max_epochs", "5"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=tmp_path)
    shown = done.stdout + done.stderr
    assert done.returncode == 0 and shown.count("epoch ") == 5 and "%|" not in shown and "\r" not in shown, shown
    line = next(line for line in done.stdout.splitlines() if line.startswith("epoch 3 of 5: train/loss "))
    assert ", val/loss 0." in line and ", val/acc 0." in line
    assert re.search(r" \(\d+\.\d s, about \d+ s left\)$", line)
    last = next(line for line in done.stdout.splitlines() if line.startswith("epoch 5 of 5: "))
    assert re.search(r" \(\d+\.\d s\)$", last)
    assert not any(word in shown for word in ("FLOP", "Modules in", "Warning", "Loading `train")) and len(shown) < 3000
    assert "parameters\n" in shown


def test_hyperparameters_stand_in_their_file(run):
    found = yaml.safe_load((run / "hparams.yaml").read_text())
    assert found["model.width"] == 8 and found["data.batch_size"] == 32 and found["trainer.max_epochs"] == 2
    assert found["seed"] == 0 and found["model.lr"] > 0


def test_the_help_of_submit_lists_the_tasks_with_a_format(cli, capsys):
    from lightning_tasks.app.formats import SUBMITTED

    declared = {name for name in lightning_tasks.EXPORTS if getattr(getattr(lightning_tasks, name), "submits", None)}
    assert declared == set(SUBMITTED)
    with pytest.raises(SystemExit):
        cli("submit", "--help")
    assert "MarsTask: masks" in " ".join(capsys.readouterr().out.split())


def test_errors_and_last_lines_name_paths_from_where_the_user_stands(run, cli, capsys, tmp_path):
    (run / "results.json").unlink()
    with pytest.raises(SystemExit):
        cli("report", "--run", "runs/ToySequence/latest")
    assert str(tmp_path) not in (err := capsys.readouterr().err) and "runs/ToySequence/default has no results" in err
