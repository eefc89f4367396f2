"""Processes side by side: what they are told, their last words, and that none outlives the command."""

import os
import signal
import sys
import threading
import time

import pytest

from lightning_tasks.app import jobs
from tests.app.verbs.test_sweep import SWEEP, table


def test_processes_side_by_side_are_told_what_to_do_and_their_last_words_kept(tmp_path, cli, capsys, monkeypatch):
    door = tmp_path / "door.py"
    door.write_text(
        "import sys; print(*sys.argv[1:]); print('error: fell')\n"
        "sys.exit(2 * ('--model.width 2' in ' '.join(sys.argv)))"
    )
    monkeypatch.setattr(jobs, "DOOR", [sys.executable, str(door)])
    with pytest.raises(SystemExit):  # the run that did not fail wrote nothing either
        cli(*SWEEP, "model.width=2,4", "--seeds", 0, "--jobs", 2)
    folder = tmp_path / "runs/ToySequence/sweep"
    assert [r["status"] for r in table(folder)] == ["failed", "waiting"] and table(folder)[0]["error"] == "error: fell"
    told = (folder / "width=4/seed_0.log").read_text()
    assert "--model.width 4" in told and "--name sweep/width=4/seed_0" in told and "--seed_everything 0" in told


def test_a_process_that_finds_another_at_work_does_not_take_its_log(tmp_path, cli, monkeypatch):
    door = tmp_path / "door.py"
    door.write_text("import sys; print('error: fell'); sys.exit(2)")
    monkeypatch.setattr(jobs, "DOOR", [sys.executable, str(door)])
    log = tmp_path / "runs/ToySequence/sweep/width=2/seed_0.log"
    log.parent.mkdir(parents=True)
    log.write_text("epoch 1 of the other one\n")
    with pytest.raises(SystemExit):
        cli(*SWEEP, "model.width=2", "--seeds", 0, "--jobs", 2)
    assert log.read_text() == "epoch 1 of the other one\nerror: fell\n"


def test_ended_by_a_scheduler_it_ends_its_processes_first(tmp_path, cli, capsys, monkeypatch):
    door = tmp_path / "door.py"
    door.write_text("import os, time, pathlib; pathlib.Path(f'pid{os.getpid()}').touch(); time.sleep(60)")
    monkeypatch.setattr(jobs, "DOOR", [sys.executable, str(door)])

    def stop():
        deadline = time.monotonic() + 50
        while len(list(tmp_path.glob("pid*"))) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=stop)
    thread.start()
    with pytest.raises(SystemExit, match="130"):
        cli(*SWEEP, "model.width=2,4", "--seeds", 0, "--jobs", 2)
    assert "Interrupted. The same command goes on from there" in capsys.readouterr().err
    thread.join()
    for path in tmp_path.glob("pid*"):
        with pytest.raises(ProcessLookupError):
            os.kill(int(path.name[3:]), 0)
