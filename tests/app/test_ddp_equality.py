"""Two processes that each take half of every batch train, test, predict and fold what one process does (-m long)."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from lightning_tasks.app import main
from tests.app.test_ddp import assert_same
from tests.conftest import ROOT, measured, results
from tests.small_fits import QUIET
from tests.toys import ToyDataModule

pytestmark = pytest.mark.long


class OddToys(ToyDataModule):
    """Nineteen samples for the test, 80 to train: five batches of 16, or of 8 in two processes."""

    def simulate(self):
        pools = super().simulate()
        return {"train": pools["train"], "test": {key: value[:19] for key, value in pools["test"].items()}}


KINDS = {"classification": "ToySequence", "regression": "ToyRegression", "reconstruction": "ToyAutoencoder"}
DATA = ("--data", "tests.app.test_ddp_equality.OddToys")
SMALL = (*QUIET, "--draws", "20", "--baselines", "false", "--figures", "none", "--trainer.accelerator", "cpu")
TWO = ("--trainer.strategy", "ddp", "--trainer.devices", "2")
DRIVER = (
    "import json, sys\nfrom lightning_tasks.app import main\nfor args in json.load(open('commands.json')): main(args)\n"
)


def fit(kind: str, name: str, batch: int, *more: str) -> list[str]:
    task = ("--model", f"tests.toys.{KINDS[kind]}", *DATA, "--model.lr", "0.01", "--trainer.max_epochs", "3")
    return ["fit", *task, *SMALL, "--experiment", kind, "--name", name, "--data.batch_size", str(batch), *more]


def kfold(name: str, batch: int, *more: str) -> list[str]:
    task = ("--model", "tests.toys.ToyRegression", *DATA, "--model.lr", "0.01", "--trainer.max_epochs", "2")
    return ["kfold", *task, *SMALL, "--folds", "2", "--name", name, "--data.batch_size", str(batch), *more]


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A folder whose ``runs/<kind>`` holds ``one`` and ``two``."""
    home = tmp_path_factory.mktemp("ddp")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        for kind in KINDS:
            main(fit(kind, "one", 16))
            for verb in ("test", "predict"):
                main([verb, "--run", f"runs/{kind}/one", "--trainer.accelerator", "cpu", *QUIET])
        main(kfold("one", 10))
        commands = [fit(kind, "two", 8, *TWO) for kind in KINDS]
        for verb in ("test", "predict"):
            commands += [[verb, "--run", f"runs/{kind}/two", *QUIET] for kind in KINDS]
        Path("commands.json").write_text(json.dumps(commands))
        Path("driver.py").write_text(DRIVER)
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        folds = [str(ROOT / "cli.py"), *kfold("two", 5, *TWO)]
        for command in (["driver.py"], folds):
            done = subprocess.run([sys.executable, *command], env=environment, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr[-3000:]
    return home


@pytest.mark.parametrize("kind", KINDS)
def test_a_network_that_two_processes_train_is_the_one_that_one_process_trains(home, kind):
    one, two = (home / "runs" / kind / name for name in ("one", "two"))
    assert results(one)["sizes"]["train"] == 80 and results(one)["sizes"]["test"] == 19
    assert results(two)["devices"] == 2
    first, second = (torch.load(run / "checkpoints/last.ckpt", weights_only=True)["state_dict"] for run in (one, two))
    for name, value in first.items():
        torch.testing.assert_close(second[name], value, atol=1e-5, rtol=1e-4, msg=name)
    for name, metric in results(one)["metrics"].items():
        other = results(two)["metrics"][name]
        assert (other["n"], other["units"]) == (metric["n"], metric["units"]), name
        assert other["value"] == pytest.approx(metric["value"], abs=1e-4, rel=1e-4), name


@pytest.mark.parametrize("kind", KINDS)
def test_test_and_predict_with_two_processes_write_what_one_writes(home, kind):
    one, two = (home / "runs" / kind / name for name in ("one", "two"))
    assert measured(two) == pytest.approx(measured(one), abs=1e-4, rel=1e-4)
    written = sorted(path.name for path in one.glob("predictions*"))
    assert written == sorted(path.name for path in two.glob("predictions*")) and len(written) >= 2
    for name in written:
        assert_same(one / name, two / name)


def test_folds_of_two_processes_are_pooled_to_what_one_process_gives(home):
    one, two = (home / "runs/ToyRegression" / name for name in ("one", "two"))
    rows = []
    for folder in (one, two):
        with (folder / "oof.csv").open() as file:
            rows.append(list(csv.DictReader(file)))
    assert [row["id"] for row in rows[0]] == [row["id"] for row in rows[1]] and len(rows[0]) == 100
    pred = [np.array([float(row["pred"]) for row in table]) for table in rows]
    np.testing.assert_allclose(pred[1], pred[0], atol=1e-4)
    assert results(two)["metrics"].keys() == results(one)["metrics"].keys()
