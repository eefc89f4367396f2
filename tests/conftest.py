import gc
import json
import os
from pathlib import Path

import pytest
import torch

from datamodules.core import source

ROOT = Path(__file__).resolve().parents[1]
os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"  # `weights: auto` trains from scratch here, network or not
# Equal numbers on every machine: a GPU is hidden. With LIGHTNING_TASKS_GPU=1 tests/test_configs.py trains on it.
if not os.environ.get("LIGHTNING_TASKS_GPU"):
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
# Small networks: a second thread gains nothing, and waits for the first when the machine is busy. For processes too.
os.environ["OMP_NUM_THREADS"] = "1"
torch.set_num_threads(1)


class SimulatedStay(dict):
    """The data that was read last, and all simulated sets of ours: many tests ask for the same, which takes seconds."""

    def clear(self) -> None:
        for data, *where in list(self):
            if "simulated" not in where or not data.__module__.startswith("datamodules."):
                del self[(data, *where)]


source._LAST = SimulatedStay()


def pytest_collection_finish() -> None:
    """What is imported by now stays: a collection after each fit then looks at what the fits left alone."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish() -> None:
    """Libraries would report what is frozen as leaks."""
    gc.unfreeze()


@pytest.fixture(autouse=True)
def _in_tmp(tmp_path, monkeypatch):
    """Each test works in its own folder and finds no data there."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def cli():
    """Run one command as a user does, and return the results of a fit."""
    from lightning_tasks.app import main

    def run(*args: str) -> None:
        main([str(a) for a in args])

    return run


@pytest.fixture
def toy(cli):
    """``toy("ToyGan", "--trainer.max_epochs", 2)``: fit a toy task and return its run directory."""

    def run(task: str, *args, name: str = "default") -> Path:
        cli("fit", "--model", f"tests.toys.{task}", "--data", "tests.toys.ToyDataModule", "--draws", 5, "--name", name,
            "--trainer.enable_progress_bar", "false", *args)  # fmt: skip
        return Path("runs") / task / name

    return run


def results(run: Path) -> dict:
    return json.loads((run / "results.json").read_text())


def measured(run: Path) -> dict[str, float | None]:
    """What the newest ``test`` of a run measured: name -> value."""
    scores = json.loads((run / "test.json").read_text())["metrics"]
    return {name: score["value"] for name, score in scores.items()}


@pytest.fixture
def realdata() -> Path:
    """Folder of the unpacked real packs."""
    folder = os.environ.get("LIGHTNING_TASKS_DATA")
    if not folder:
        pytest.skip("LIGHTNING_TASKS_DATA is not set")
    return Path(folder)
