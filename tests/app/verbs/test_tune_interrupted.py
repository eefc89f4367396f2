"""A tuning that is killed, stopped, or printed to nobody goes on to the same trials, winners and scores."""

import csv
import errno
import math
import multiprocessing
import os
import random
import signal
import sys
import time
from pathlib import Path

import pytest
from optuna.pruners import NopPruner
from optuna.trial import TrialState

from lightning_tasks.app.verbs.tune import study, trial, tune
from lightning_tasks.app.verbs.tune.space import read_space
from lightning_tasks.app.verbs.tune.study import KILLS, JournalLock, Search
from tests.app.test_kills import differences
from tests.conftest import results
from tests.processes import Command

TOY = ("tune", "--model", "tests.toys.ToySequence", "--data", "tests.toys.ToyDataModule", "--draws", "3",
       "--trainer.enable_progress_bar", "false", "--trainer.enable_model_summary", "false", "--trainer.max_epochs", "3",
       "--figures", "none", "--baselines", "false", "--space", "space.yaml")  # fmt: skip
SPACE = ("space:\n  model.lr: {type: float, low: 1e-3, high: 0.5, log: true}\n"
         "  model.width: {type: categorical, choices: [2, 4, 8]}\n")  # fmt: skip
MAY_DIFFER = ("trial", "seconds")  # of the table: an interrupted trial keeps its number


@pytest.fixture(autouse=True)
def _space():
    Path("space.yaml").write_text(SPACE)


def table(name: str) -> list[dict[str, str]]:
    """Trials without what a kill changes."""
    with Path(f"runs/ToySequence/{name}/trials.csv").open() as file:
        return [{key: value for key, value in row.items() if key not in MAY_DIFFER} for row in csv.DictReader(file)]


def check_equal(name: str) -> None:
    """The study ``name`` ended as the study ``whole``."""
    assert table(name) == table("whole")
    one, other = (results(Path(f"runs/ToySequence/{study}/final")) for study in ("whole", name))
    assert [c["metrics"] for c in one["combinations"]] == [c["metrics"] for c in other["combinations"]]
    assert not differences(one["headline"], other["headline"])


def search(name: str) -> Search:
    return Search(Path(name), "random", 3, 0, "maximize", NopPruner())


def never_blamed() -> None:
    """However often a trial is killed, it is not its fault."""
    study.KILLS = 10**6


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_killed_at_random_moments_a_tuning_ends_in_the_same_table(number):
    args = (*TOY, "--trials", 4, "--seeds", "5,6", "--pruner", "none")
    begun = time.monotonic()
    unbroken = Command(*args, "--study", "whole", log=Path("whole.log"))
    assert unbroken.wait() == 0, unbroken.said()
    seconds, moments, done, run = time.monotonic() - begun, random.Random(f"tune {number}"), 0, 0
    while done < 15:
        name, run = f"killed_{run}", run + 1
        while True:
            command = Command(*args, "--study", name, log=Path(f"{name}.log"), before=never_blamed)
            end = command.begun + moments.uniform(0, seconds) if done < 15 else math.inf
            status = command.kill_when(lambda end=end: time.monotonic() > end, number)
            if status == 0:
                break
            done += 1
            assert status == -number if number == signal.SIGKILL else "Traceback" not in command.said(), command.said()
        check_equal(name)


def test_a_trial_that_printed_to_nobody_or_met_a_full_disk_runs_again(cli, capsys, monkeypatch):
    args = (*TOY, "--trials", 1, "--control", "none", "--study", "again")
    monkeypatch.setattr(tune, "finish", lambda *_: None)
    real = trial.TrialCLI

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "metrics.csv")

    def close_and_print(*_):
        os.close(read)
        print("an epoch", flush=True)

    read, write = os.pipe()
    with open(write, "w") as unread, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", unread)
        patch.setattr(trial, "TrialCLI", close_and_print)
        with pytest.raises(SystemExit) as stop:
            cli(*args)
    assert stop.value.code == 141
    monkeypatch.setattr(trial, "TrialCLI", full)
    with pytest.raises(SystemExit):
        cli(*args)
    assert "metrics.csv could not be written: No space left" in capsys.readouterr().err
    monkeypatch.setattr(trial, "TrialCLI", real)
    folder = Path("runs/ToySequence/again")
    assert not list(folder.glob("trials/*.log"))
    cli(*args)
    first, second, third = Search(folder, "tpe", 1, 0, "maximize", NopPruner()).study.get_trials()
    assert first.params == second.params == third.params and third.state == TrialState.COMPLETE


def test_a_trial_that_is_put_back_runs_again_however_often():
    space, whole = read_space(Path("space.yaml")), search("whole")
    _, _, expected = whole.ask(space)
    for _ in range(KILLS + 2):
        again = search("again")
        asked, place, values = again.ask(space)
        assert (place, values) == (0, expected)
        again.put_back(asked)
    asked, _, _ = again.ask(space)
    again.tell(asked, TrialState.COMPLETE, 1.0)
    again.put_back(asked)  # was told
    assert [t.state for t in again.all()] == [TrialState.COMPLETE] and again.ask(space)[1] == 1


def test_a_trial_that_died_while_it_was_drawn_is_drawn_anew():
    space = read_space(Path("space.yaml"))
    whole, broken = search("whole"), search("broken")
    _, _, expected = whole.ask(space)
    suggest = type(space).suggest

    def die(self, trial):
        trial.suggest_float("model.lr", 1e-3, 0.5, log=True)
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(type(space), "suggest", die)
        broken.ask(space)
    assert type(space).suggest is suggest and broken.ask(space)[1:] == (0, expected)


def die_in_a_line(folder: str) -> None:
    """In another process: die while the lock of the journal is held."""
    lock = JournalLock(Path(folder) / "study.journal")
    lock.acquire()
    with lock.journal.open("ab") as file:
        file.write(b'{"op_code": 5, "half a li')
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_kill_while_the_journal_is_written_stops_nobody_and_loses_no_line():
    space, found = read_space(Path("space.yaml")), search("study")
    asked, _, expected = found.ask(space)
    found.tell(asked, TrialState.COMPLETE, 1.0)
    process = multiprocessing.get_context("fork").Process(target=die_in_a_line, args=("study",))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    again = search("study")
    asked, place, _ = again.ask(space)
    again.tell(asked, TrialState.COMPLETE, 2.0)
    assert place == 1 and [t.value for t in search("study").done()] == [1.0, 2.0]
    assert search("study").done()[0].params == expected
