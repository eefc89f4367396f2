"""One bar for a terminal, lines for a file, and how much time is left of one fit or of several."""

import io
import re
import sys
from pathlib import Path

import pytest

from lightning_tasks.app import jobs
from lightning_tasks.app.display import TITLE, titled
from lightning_tasks.common import durations
from lightning_tasks.common.durations import Remaining, duration

TOY = ("--model", "tests.toys.ToySequence", "--data", "tests.toys.ToyDataModule", "--draws", "0", "--figures", "none",
       "--baselines", "false", "--trainer.enable_model_summary", "false")  # fmt: skip


class Terminal(io.StringIO):
    """Standard output that a person looks at."""

    def isatty(self):
        return True

    def lines(self):
        """What stands in the end: a return goes back to the start of its line."""
        return [line.split("\r")[-1] for line in self.getvalue().split("\n")]


@pytest.fixture
def terminal(monkeypatch):
    """``terminal()`` in a test: what is printed after it. Between fixture and test pytest sets its own output."""

    def begin():
        screen = Terminal()
        monkeypatch.setattr(sys, "stdout", screen)
        return screen

    return begin


def test_a_training_has_one_bar_over_all_epochs_and_leaves_one_line(cli, terminal):
    screen = terminal()
    cli("fit", *TOY, "--trainer.max_epochs", 3)
    shown = screen.getvalue()
    assert re.search(r"epoch 2 of 3 +\d+%\|.*\| 00:0\d, [\d:?]+ left, train/loss [\d.]+, val/loss [\d.]+", shown)
    assert "test part" in shown and "Validation" not in shown and "v_num" not in shown
    bars = [line for line in screen.lines() if "|" in line and "%" in line and "95 %" not in line]
    assert not bars, "bars are taken away"
    (line,) = [line for line in screen.lines() if line.startswith("trained: 3 epochs in ")]
    assert "train/loss" in line and "val/acc" in line
    assert screen.lines()[-2] == "Next: calibrate, predict --run runs/ToySequence/default."


def test_bars_of_folds_name_the_fold_and_evaluations_have_their_own(cli, terminal):
    screen = terminal()
    cli("kfold", *TOY, "--trainer.max_epochs", 1, "--folds", 2)
    shown = screen.getvalue()
    assert "fold 1 of 2, epoch 1 of 1" in shown and "fold 2 of 2, test part" in shown
    assert re.search(r"fold 2 of 2 \(fold_1\): starts, about \d+ s left", shown)
    assert "Next: ensemble --runs runs/ToySequence/kfold OTHER" in shown, "no file takes words of two vocabularies"
    cli("predict", "--run", "runs/ToySequence/kfold/fold_0")
    assert "predictions" in screen.getvalue() and Path("runs/ToySequence/kfold/fold_0/predictions_test.csv").is_file()


def test_time_left_is_that_of_what_is_done(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(durations.time, "monotonic", lambda: now[0])
    remaining = Remaining(4)
    assert remaining.words() == ""
    now[0] += 60
    remaining.step()
    assert remaining.words() == "about 3 min left"
    now[0] += 20
    remaining.step()
    assert remaining.words() == "about 80 s left"
    remaining.total = 2
    assert remaining.words() == ""
    assert [duration(s) for s in (0.2, 89, 90, 5300, 5400, 90_000)] == [
        "1 s", "89 s", "2 min", "88 min", "1 h 30 min", "25 h 0 min",
    ]  # fmt: skip


def test_several_fits_tell_how_long_the_rest_takes(monkeypatch, capsys, tmp_path):
    now, seen = [0.0], []
    monkeypatch.setattr(durations.time, "monotonic", lambda: now[0])

    def fit(args):
        now[0] += 120
        seen.append(TITLE.get())

    monkeypatch.setattr(jobs, "TaskCLI", fit)
    made = [jobs.Job(f"fold_{i}", f"fold {i + 1} of 3 (fold_{i})", ["fit"], tmp_path / "log") for i in range(3)]
    assert jobs.in_turn(made) == {}
    assert capsys.readouterr().out.splitlines() == [
        "fold 1 of 3 (fold_0): starts",
        "fold 2 of 3 (fold_1): starts, about 4 min left",
        "fold 3 of 3 (fold_2): starts, about 2 min left",
    ]
    assert seen == ["fold 1 of 3", "fold 2 of 3", "fold 3 of 3"]
    with titled("trial 2 of 9 (tpe_1)"):
        assert TITLE.get() == "trial 2 of 9"
    assert TITLE.get() == ""
