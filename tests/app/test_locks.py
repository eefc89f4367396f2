"""Two commands on one directory: a run has one process, and folds and sweeps are shared out, each part trained once."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from lightning_tasks.app import jobs
from lightning_tasks.app.jobs import Job, in_turn
from lightning_tasks.common.lock import BUSY, Busy, Lock
from lightning_tasks.runs.directory import RunDir, remove_runs
from tests.conftest import ROOT, results
from tests.processes import Command

TOY = ("--model", "tests.toys.ToySequence", "--data", "tests.toys.ToyDataModule", "--draws", "0",
       "--baselines", "false", "--trainer.enable_progress_bar", "false", "--figures", "none")  # fmt: skip
HOLD = """
import sys, time, pathlib
sys.path.insert(0, sys.argv[1])
from lightning_tasks.common.lock import Lock
lock = Lock(pathlib.Path("a.lock"), "a")
lock.take()
pathlib.Path("taken").touch()
time.sleep(60)
"""


def wait_for(path, seconds=60):
    end = time.monotonic() + seconds
    while not Path(path).exists() and time.monotonic() < end:
        time.sleep(0.02)
    assert Path(path).exists()


def test_a_lock_is_its_owners_until_he_releases_it_and_leaves_no_file(tmp_path):
    one, other = (Lock(tmp_path / "a.lock", "runs/a") for _ in range(2))
    with one:
        with pytest.raises(Busy, match=f"runs/a: process {os.getpid()} on .* is at work there. Wait for it, or"):
            other.take()
        assert (tmp_path / "a.lock").is_file()
    with other:
        pass
    other.release()
    assert not (tmp_path / "a.lock").exists()


def test_a_lock_that_was_removed_between_opening_and_locking_is_not_taken_for_held(tmp_path):
    path = tmp_path / "a.lock"
    first = Lock(path, "a")
    first.take()
    path.unlink()  # as a release does it, before it closes
    second = Lock(path, "a")
    second.take()
    with pytest.raises(Busy):
        Lock(path, "a").take()
    second.release()


def test_a_killed_owner_loses_its_lock(tmp_path):
    owner = subprocess.Popen([sys.executable, "-c", HOLD, str(ROOT)])
    wait_for("taken")
    with pytest.raises(Busy, match=f"process {owner.pid} on"):
        Lock(Path("a.lock"), "a").take()
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    Lock(Path("a.lock"), "a").take()


def test_a_fit_where_another_one_trains_is_told_and_changes_nothing(toy, cli, capsys):
    run = toy("ToySequence", "--trainer.max_epochs", 1)
    before = {p: p.stat().st_mtime_ns for p in run.rglob("*")}
    with RunDir(run).lock():
        for word in ("--resume", "--overwrite"):
            with pytest.raises(SystemExit) as stop:
                toy("ToySequence", "--trainer.max_epochs", 2, word)
            assert stop.value.code == BUSY and "is at work there" in capsys.readouterr().err
        with pytest.raises(Busy):
            remove_runs([RunDir(run.parent / "other"), RunDir(run)])
    assert {p: p.stat().st_mtime_ns for p in run.rglob("*")} == before
    toy("ToySequence", "--trainer.max_epochs", 2, "--resume")
    assert results(run)["epochs"] == 2 and not list(run.parent.glob("*.lock"))


@pytest.mark.parametrize("begun", [False, True])
def test_what_another_process_finished_between_look_and_lock_is_not_trained_over(toy, begun, monkeypatch, capsys):
    run = RunDir(Path("runs/ToySequence/default"))
    if begun:
        toy("ToySequence", "--trainer.max_epochs", 1)
        run.results.unlink()
    job = Job("one", "run 1 of 1", ["fit", *TOY, "--trainer.max_epochs", "2"], Path("log"), run)

    def renew() -> Job | None:
        if run.results.is_file():
            return None
        return replace(job, args=[*job.args, "--resume" if begun else "--overwrite"])

    job = replace(job, renew=renew)
    announce = Job.announce

    def finish_then_announce(self, *words: str) -> None:
        toy("ToySequence", "--trainer.max_epochs", 2, "--resume" if begun else "--overwrite")  # as another process does
        finished.append({p: p.stat().st_mtime_ns for p in run.path.rglob("*")})
        announce(self, *words)

    finished = []
    monkeypatch.setattr(Job, "announce", finish_then_announce)
    monkeypatch.setattr(jobs, "WAIT", 0)
    assert in_turn([job]) == {}
    shown = capsys.readouterr().out
    assert "was at work there meanwhile" in shown and "finished by another process" in shown
    assert finished == [{p: p.stat().st_mtime_ns for p in run.path.rglob("*")}]


@pytest.mark.parametrize("verb", ["kfold", "sweep"])
def test_two_commands_share_the_parts_and_each_is_trained_once(verb):
    options = {"kfold": ("--folds", "3"), "sweep": ("--grid", "model.width=2,4", "--seeds", "0,1")}[verb]
    args = (verb, *options, *TOY, "--trainer.max_epochs", "12")
    commands = [Command(*args, log=Path(f"log_{i}")) for i in range(2)]
    assert [command.wait() for command in commands] == [0, 0], "\n".join(command.said() for command in commands)
    parts = sorted(path.parent for path in Path("runs").rglob("checkpoints/last.ckpt"))
    assert len(parts) == {"kfold": 3, "sweep": 4}[verb]
    shown = "".join(command.said() for command in commands)
    trained = shown.count(": starts") + shown.count(": goes on") - shown.count("at work there")
    assert trained == len(parts), shown
    assert results(Path("runs/ToySequence") / verb)["metrics" if verb == "kfold" else "combinations"]
