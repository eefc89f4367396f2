"""Flags of the Trainer: each works, or is refused before anything is trained, with the key to set."""

import csv

import pytest

from lightning_tasks.app.cli import TaskCLI
from tests.conftest import results

FIT = ("fit", "--model", "tests.toys.ToySequence", "--data", "tests.toys.ToyDataModule", "--draws", 0,
       "--baselines", "false", "--trainer.enable_progress_bar", "false")  # fmt: skip


def message(cli, capsys, *args):
    capsys.readouterr()
    with pytest.raises(SystemExit):
        cli(*FIT, *args)
    return capsys.readouterr().err


REFUSED = {
    "--trainer.limit_val_batches 0": "no epoch is validated, and validation chooses the checkpoint. Give 1 or more",
    "--trainer.limit_val_batches 0.0": "--trainer.limit_val_batches 0: no epoch is validated",
    "--trainer.limit_train_batches 0": "nothing is trained",
    "--trainer.limit_test_batches 0": "there is nothing to report",
    "--trainer.enable_checkpointing false": "A trial that leaves nothing behind is --trainer.fast_dev_run true",
    "--trainer.check_val_every_n_epoch 5 --trainer.max_epochs 3": "check_val_every_n_epoch 5 of 3 epochs",
    "--trainer.max_time 00:00:02:00": "the schedule of the learning rate has no length. Set one",
    "--trainer.max_epochs -1": "--trainer.max_epochs: without a number of epochs",
    "--trainer.precision bf16-true": "Choose bf16-mixed, 16-mixed (GPU) or 32-true",
    "--trainer.precision 16-true": "--trainer.precision 16-true: batches are float32",
    "--trainer.precision 64-true": "--trainer.precision 64-true: batches are float32",
    "--overwrite --start runs/ToySequence/default/checkpoints/last.ckpt": "To go on with that run use --resume",
}


@pytest.mark.parametrize("flags", REFUSED)
def test_a_flag_that_would_end_without_a_result_is_refused_at_the_start(cli, capsys, tmp_path, flags):
    kept = tmp_path / "runs/ToySequence/default/checkpoints/last.ckpt"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"weights")
    error = message(cli, capsys, *flags.split(), *(() if "overwrite" in flags else ("--name", "other")))
    assert REFUSED[flags] in error and "Traceback" not in error
    assert kept.read_bytes() == b"weights" and not (tmp_path / "runs/ToySequence/other").exists()


def test_a_verb_without_a_batch_is_refused_and_a_time_that_is_too_short_is_named(cli, capsys, tmp_path):
    cli(*FIT, "--trainer.max_epochs", 1)
    run = tmp_path / "runs/ToySequence/default"
    whole = {path.name for path in run.iterdir()}
    for verb, part in (("validate", "val"), ("test", "test"), ("predict", "predict")):
        with pytest.raises(SystemExit):
            cli(verb, "--run", run, f"--trainer.limit_{part}_batches", 0)
        error = capsys.readouterr().err
        assert f"--trainer.limit_{part}_batches 0: " in error and "Give 1 or more batches" in error
    assert {path.name for path in run.iterdir()} == whole
    error = message(cli, capsys, "--name", "other", "--trainer.max_epochs", 1, "--trainer.max_time", "00:00:00:00")
    assert "no epoch ended within --trainer.max_time 00:00:00:00" in error and "more time" in error


@pytest.mark.parametrize("verb", ["kfold", "sweep"])
def test_verbs_that_train_refuse_them_too(cli, capsys, verb, tmp_path):
    options = ("--folds", 2) if verb == "kfold" else ("--grid", "model.lr=0.1,0.2")
    with pytest.raises(SystemExit):
        cli(verb, *options, *FIT[1:], "--trainer.limit_val_batches", 0)
    assert "no epoch is validated" in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.ckpt"))


def test_a_task_of_one_pass_refuses_more_before_a_run_is_begun_or_touched(cli, capsys, toy):
    run = toy("ToyNearestMean", "--trainer.max_epochs", 1)
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    for words in (("--resume",), ("--overwrite",), ("--name", "other")):
        with pytest.raises(SystemExit):
            toy("ToyNearestMean", "--trainer.max_epochs", 2, *words)
        assert "--trainer.max_epochs 2: ToyNearestMean is fitted in one pass. Set 1." in capsys.readouterr().err
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
    assert not run.with_name("other").exists()


WORKS = {
    "--trainer.max_steps 1": 1,
    "--trainer.max_time 00:00:02:00 --trainer.max_epochs 2": 2,
    "--trainer.inference_mode false --trainer.max_epochs 1": 1,
    "--trainer.check_val_every_n_epoch 2 --trainer.max_epochs 5": 5,
    "--trainer.check_val_every_n_epoch 2 --trainer.max_epochs 5 --model.schedule plateau": 5,
    "--trainer.val_check_interval 0.5 --trainer.max_epochs 2": 2,
    "--trainer.num_sanity_val_steps 1 --trainer.max_epochs 1": 1,
    "--trainer.fast_dev_run true": None,
}


@pytest.mark.parametrize("flags", WORKS)
def test_others_give_a_whole_result(cli, flags, tmp_path):
    cli(*FIT, *flags.split())
    run = tmp_path / "runs/ToySequence/default"
    if WORKS[flags] is None:
        assert not run.exists()
        return
    assert results(run)["metrics"]["test/acc"]["n"] > 0 and results(run)["epochs"] == WORKS[flags]
    assert (run / "report.html").is_file() and (run / "checkpoints/last.ckpt").is_file()
    if "every_n" in flags:
        rows = list(csv.DictReader((run / "metrics.csv").open(encoding="utf-8")))
        assert [bool(row["val/acc"]) for row in rows] == [False, True, False, True, False]
        assert all(row["train/loss"] for row in rows)


@pytest.mark.parametrize("flag", ["limit_train_batches", "limit_val_batches", "limit_test_batches", "overfit_batches",
                                  "val_check_interval"])  # fmt: skip
def test_a_whole_number_counts_batches_and_one_with_a_point_is_a_share(flag, tmp_path):
    file = tmp_path / "a.yaml"
    for text in ("1", "1.0", "0.5"):
        file.write_text(f"trainer: {{{flag}: {text}}}\n")
        for args in ((f"--trainer.{flag}", text), ("--config", str(file))):
            options = TaskCLI([*map(str, FIT[1:]), *args], run=False).options
            assert repr(options.trainer[flag]) == text


def test_a_run_that_ends_before_an_epoch_was_validated_says_so(cli, capsys):
    cli(*FIT, "--data.batch_size", 8, "--trainer.max_steps", 2)
    assert "val/acc is not known, for no epoch was validated, so there is no best one" in capsys.readouterr().out
