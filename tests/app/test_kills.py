"""Killed at any moment: what lies there is whole, and the same command reaches the same weights and scores to the bit.

The moments are drawn with a seed, over the time that an unbroken command takes. The long form (``pytest -m long``)
kills a hundred times and more.
"""

import json
import math
import os
import random
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from lightning_tasks.common.tables import read_metrics
from lightning_tasks.runs.checkpoint import is_whole
from lightning_tasks.runs.directory import RunDir, is_filled
from tests.conftest import results
from tests.processes import SHM, Command
from tests.small_fits import KINDS, QUIET, write_files

SMALL = (*QUIET, "--draws", "5", "--baselines", "false")
MAY_DIFFER = {  # times, and where a run lies
    *("seconds", "samples_per_second", "name", "title", "config", "log", "git_commit"),
    *("dirpath", "best_model_path", "kth_best_model_path", "last_model_path", "best_k_models"),
}
MANY = {
    "kfold": ("kfold", *KINDS["classification"], "--folds", "3"),
    "sweep": ("sweep", *KINDS["regression"], "--grid", "model.lr=0.001,0.01", "--seeds", "0,1"),
}
LONG = {kind: 10 for kind in KINDS} | {"kfold": 15, "sweep": 15}  # kills of each: 120


def command_of(kind: str) -> tuple[str, ...]:
    epochs = 1 if kind == "closed form" else 3 if kind in MANY else 5
    figures = () if kind in MANY else ("--figures", "last", "--experiment", "one")
    begin = MANY.get(kind) or ("fit", *KINDS[kind])
    return (*begin, *SMALL, *figures, "--trainer.max_epochs", str(epochs))


def differences(one, other, where: str = "") -> list[str]:
    """Where two results files or two checkpoints do not hold the same to the bit, but for what may differ."""
    if isinstance(one, torch.Tensor):
        return [] if torch.equal(one, other) else [where]
    if isinstance(one, dict) and one.keys() == other.keys():
        return [d for key in one if key not in MAY_DIFFER for d in differences(one[key], other[key], f"{where}/{key}")]
    if isinstance(one, list | tuple) and len(one) == len(other):
        return [d for i, (a, b) in enumerate(zip(one, other, strict=True)) for d in differences(a, b, f"{where}/{i}")]
    return [] if one == other or one != one else [f"{where}: {one} {other}"]


def check_equal(whole: Path, killed: Path) -> None:
    """All files of results, tables and checkpoints below two directories."""
    for path in sorted(whole.rglob("*")):
        other = killed / path.relative_to(whole)
        if path.name == "results.json":
            assert not differences(results(path.parent), results(other.parent)), path
        elif path.name in ("metrics.csv", "predictions.csv", "predictions_test.csv", "oof.csv"):
            assert path.read_bytes() == other.read_bytes(), path
        elif path.suffix == ".npz":
            with np.load(path) as one, np.load(other) as two:
                assert set(one) == set(two) and all((one[key] == two[key]).all() for key in one), path
        elif path.suffix == ".ckpt":
            one, two = (torch.load(file, weights_only=True) for file in (path, other))
            assert not differences(one, two), path
    passing = ("tfevents", ".lock")  # a lock whose owner died holds nothing
    names = [
        {p.relative_to(f).as_posix() for p in f.rglob("*") if not any(word in p.name for word in passing)}
        for f in (whole, killed)
    ]
    assert names[0] == names[1] and not [p for p in killed.parent.iterdir() if p.name.startswith(f".{killed.name}")]


def check_whole(folder: Path) -> int:
    """No file below is cut; the number of epochs that a kill cannot take back any more."""
    epochs = 0
    for path in folder.rglob("*"):
        if path.suffix == ".ckpt":
            assert is_whole(path), path
            epochs += torch.load(path, weights_only=True)["epoch"] + 1 if path.name == "last.ckpt" else 0
        elif path.suffix == ".json":
            json.loads(path.read_text())
        elif path.name == "metrics.csv":
            read_metrics(path)
    return epochs


def words(kind: str, folder: Path) -> tuple[str, ...]:
    """What a user adds to the command that was killed."""
    if kind in MANY or not is_filled(folder):
        return ()
    return ("--resume",) if RunDir(folder).newest() else ("--overwrite",)


def play(kind: str, kills: int, temporary: Path | None, number: signal.Signals = signal.SIGKILL) -> int:
    """Kill until it was done so often, each run several times; the number of runs that ended as the unbroken one."""
    moments = random.Random(f"{kind} {number}")
    place = Path("runs") / {"kfold": "ToySequence", "sweep": "ToyRegression"}.get(kind, "one")
    begun = time.monotonic()
    unbroken = Command(*command_of(kind), "--name", "whole", log=Path("whole.log"), temporary=temporary)
    assert unbroken.wait() == 0, unbroken.said()
    seconds, done, run = time.monotonic() - begun, 0, 0
    while done < kills:
        name, run, landed = f"killed_{run}", run + 1, 0
        while True:
            kept = check_whole(place / name)
            command = Command(*command_of(kind), "--name", name, *words(kind, place / name), log=Path(f"{name}.log"),
                              temporary=temporary)  # fmt: skip
            end = command.begun + moments.uniform(0, seconds) if done < kills else math.inf
            status = command.kill_when(lambda end=end: time.monotonic() > end, number)
            if status == 0:
                break
            if number == signal.SIGKILL:
                assert status == -signal.SIGKILL, command.said()
            else:
                assert "Traceback" not in command.said(), command.said()
            assert check_whole(place / name) >= kept
            done, landed = done + 1, landed + 1
        if landed:
            check_equal(place / "whole", place / name)
    return run


@pytest.fixture
def other_disk(tmp_path):
    """A temporary folder on another file system, where there is one."""
    folder = SHM / f"lightning_tasks_test_{os.getpid()}" if SHM.is_dir() else tmp_path / "temporary"
    folder.mkdir()
    write_files(tmp_path)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize(("kind", "kills"), [("classification", 4), ("adversarial", 2)])
def test_killed_at_random_moments_a_run_ends_as_if_nothing_had_been(other_disk, kind, kills):
    play(kind, kills, other_disk)


@pytest.mark.long
@pytest.mark.parametrize("kind", LONG)
def test_killed_at_many_moments_every_kind_ends_as_if_nothing_had_been(other_disk, kind):
    assert play(kind, LONG[kind], other_disk)
    # of all that were killed at most the last scratch folder is left
    assert len(list(other_disk.glob("lightning_tasks_simulated_*/*"))) <= 1


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("kind", ["classification", "closed form", "pictures in files", "kfold", "sweep"])
def test_told_to_stop_at_any_moment_it_ends_without_a_traceback_and_goes_on(other_disk, kind, number):
    play(kind, 6, other_disk, number)
