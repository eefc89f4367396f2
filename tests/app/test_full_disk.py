"""A full disk: one line that names the file and the remedy, nothing cut, and the run goes on when there is room."""

import errno
import os
from pathlib import Path

import pytest

from lightning_tasks.common import atomic
from tests.conftest import results
from tests.small_fits import KINDS


def fill_for(monkeypatch, name):
    """From here on the disk has no room for files of this name."""
    replace = os.replace

    def full(source, target):
        if Path(target).name == name:
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(atomic.os, "replace", full)


def check_error(stop, capsys, name):
    error = capsys.readouterr().err.rsplit("error: ", 1)[1]
    assert stop.value.code == 2 and f"{name} could not be written" in error and "No space left on device" in error
    assert "Traceback" not in error and not list(Path("runs").rglob(".*.tmp"))


WRITTEN = ("config.yaml", "data.json", "metrics.csv", "last.ckpt", "results.json", "report.html",
           "rows.npz", "predictions.csv")  # fmt: skip


@pytest.mark.parametrize("name", WRITTEN)
def test_a_file_that_finds_no_room_is_named_and_what_stood_there_stays(toy, capsys, monkeypatch, name):
    toy("ToySequence", "--trainer.max_epochs", 1)
    before = {p: p.read_bytes() for p in Path("runs").rglob("*") if p.name == name and p.is_file()}
    with monkeypatch.context() as patch:
        fill_for(patch, name)
        with pytest.raises(SystemExit) as stop:
            toy("ToySequence", "--trainer.max_epochs", 2, "--resume")
    check_error(stop, capsys, name)
    if name == "results.json":  # they were of fewer epochs than lie there now
        assert before and not any(path.exists() for path in before)
    else:
        assert before and all(path.read_bytes() == content for path, content in before.items())
    run = toy("ToySequence", "--trainer.max_epochs", 2, "--resume")
    assert results(run)["epochs"] == 2 and (run / "report.html").is_file()


VERBS = {
    "calibration.json": ("calibrate", "--draws", 0, "--run"),
    "results.json": ("ensemble", "--draws", 0, "--runs", "runs/ToySequence/other"),
    "report.html": ("report", "--run"),
    "predictions_test.csv": ("predict", "--run"),
}


@pytest.mark.parametrize("name", VERBS)
def test_a_verb_without_room_leaves_the_run_as_it_was_and_works_when_there_is(toy, cli, capsys, monkeypatch, name):
    run = toy("ToySequence", "--trainer.max_epochs", 1)
    if name == "results.json":
        toy("ToySequence", "--trainer.max_epochs", 1, "--seed_everything", 1, name="other")
    kept = {p: p.read_bytes() for p in run.glob("*.json")} | {p: p.read_bytes() for p in run.glob("checkpoints/*")}
    with monkeypatch.context() as patch:
        fill_for(patch, name)
        with pytest.raises(SystemExit) as stop:
            cli(*VERBS[name], run)
    check_error(stop, capsys, name)
    assert all(path.read_bytes() == content for path, content in kept.items())
    cli(*VERBS[name], run)
    assert list(Path("runs").rglob(name))


NEW = {  # verb that writes a folder of its own -> a file of it, and its options
    "inspect": ("inspect.json", (*KINDS["classification"], "--tsne", 0)),
    "report": ("results.json", ("--draws", 0, "--runs", "runs/ToySequence/other", "runs/ToySequence/default")),
}


@pytest.mark.parametrize("verb", NEW)
def test_what_a_verb_left_in_a_new_folder_is_no_obstacle_and_what_others_left_is(toy, cli, capsys, monkeypatch, verb):
    name, options = NEW[verb]
    for run in ("default", "other") if verb == "report" else ():
        toy("ToySequence", "--trainer.max_epochs", 1, "--figures", "none", name=run)
    with monkeypatch.context() as patch:
        fill_for(patch, name)
        with pytest.raises(SystemExit) as stop:
            cli(verb, *options)
    check_error(stop, capsys, name)
    cli(verb, *options)
    assert not list(Path("runs").rglob(".unfinished"))
    (mine := Path("runs/ToySequence/mine/notes.txt")).parent.mkdir()
    mine.touch()
    with pytest.raises(SystemExit):
        cli(verb, *options, "--name", "mine")
    assert mine.is_file() and "--name" in capsys.readouterr().err
