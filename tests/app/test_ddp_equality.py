"""Two processes that each take half of every batch train, test, predict and fold what one process does (-m long).

Gradients are averaged over processes. So all holds but for what is no mean over the samples of a batch: statistics of
batch normalisation, and means over pixels where unlike numbers of them count. The segmentation here has neither.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from lightning_tasks.app import main
from lightning_tasks.common.tables import read_metrics
from lightning_tasks.tasks.generative import vae
from tests.app.test_ddp import TWO, assert_same
from tests.conftest import ROOT, measured, results
from tests.problems.test_image_classification import Animals
from tests.processes import in_two_processes
from tests.small_fits import QUIET
from tests.tasks.images.test_mars import write_pack
from tests.toys import ToyDataModule, ToyGan

pytestmark = pytest.mark.long


class OddToys(ToyDataModule):
    """Nineteen samples for the test, 80 to train: five batches of 16, or of 8 in two processes."""

    def simulate(self):
        pools = super().simulate()
        return {"train": pools["train"], "test": {key: value[:19] for key, value in pools["test"].items()}}


class OddAnimals(Animals):
    """Forty pictures to train, and 7 for the test."""

    count = 20

    def simulate(self):
        train = super().simulate()["train"]
        return {"train": {k: v[:50] for k, v in train.items()}, "test": {k: v[50:57] for k, v in train.items()}}


class SureGan(ToyGan):
    """Its noise follows from the samples: half a batch then has the noise that it has in the whole one."""

    def loss_of(self, player, batch):
        fake = self.generator((10 * batch["point"]).sin())
        if player == "generator":
            return F.softplus(-self.critic(fake)).mean()
        return F.softplus(-self.critic(batch["point"])).mean() + F.softplus(self.critic(fake.detach())).mean()


def sure(mean, variance, stream=None):
    """In place of a Gaussian draw, for the same reason."""
    return mean + variance.sqrt() * (10 * mean.detach()).sin()


DATA = ("--data", "tests.app.test_ddp_equality.OddToys")
SMALL = (*QUIET, "--draws", "20", "--baselines", "false", "--figures", "none", "--trainer.accelerator", "cpu")
TOYS = {"classification": "ToySequence", "regression": "ToyRegression", "reconstruction": "ToyAutoencoder"}
KINDS = {
    **{kind: ("--model", f"tests.toys.{toy}", *DATA) for kind, toy in TOYS.items()},
    # blocks that are frozen at first have no gradient to share
    "frozen": ("--model", "ImageClassifier", "--data", "tests.app.test_ddp_equality.OddAnimals",
               "--model.class_names", "[cat,dog,owl]", "--model.net", "mlp", "--model.unfreeze", "{0: head, 1: all}",
               "--model.net_args", "{image_size: 8, hidden: [8, 8]}"),
    "segmentation": ("--config", str(ROOT / "configs/mars_unet.yaml"), "--data.augment", "[]",
                     "--model.net_args", "{width: 4, depth: 2, norm: none}", "--model.loss", "ce",
                     "--model.class_weights", "none", "--data.samples_per_epoch", "32", "--data.limit", "45"),
    "language": ("--config", str(ROOT / "configs/char_lstm.yaml"), "--model.width", "8", "--data.simulated", "4130",
                 "--data.steps", "10", "--model.dropout", "0.0"),
    "generative": ("--config", str(ROOT / "configs/mixture_vae.yaml"), "--data.n_test", "33", "--data.n_train", "100",
                   "--model.hidden", "[8]"),
    "adversarial": ("--model", "tests.app.test_ddp_equality.SureGan", *DATA, "--model.clip", "1.0"),
}  # fmt: skip
SAMPLED = ("sample", "fake", "energy", "frechet", "kernel", "precision", "recall", "modes", "inside")  # by each process
FOLDED = ("regression", "classification", "segmentation")


def fit(kind: str, name: str, batch: int, *more: str) -> list[str]:
    task = (*KINDS[kind], "--model.lr", "0.01", "--trainer.max_epochs", "3")
    task += ("--data.folds", "5")
    return ["fit", *task, *SMALL, "--experiment", kind, "--name", name, "--data.batch_size", str(batch), *more]


def kfold(kind: str, name: str, batch: int, *more: str) -> list[str]:
    task = (*KINDS[kind], "--model.lr", "0.01", "--trainer.max_epochs", "2", "--experiment", f"folds_{kind}")
    return ["kfold", *task, *SMALL, "--folds", "2", "--name", name, "--data.batch_size", str(batch), *more]


def work(name: str = "two", batch: int = 8, more: tuple[str, ...] = TWO) -> None:
    """What two processes do, and one. How many streams a text is read in follows from the size of a batch."""
    for kind in KINDS:
        main(fit(kind, name, batch, *more))
        for verb in ("test", "predict"):
            run = f"runs/{kind}/{name}"
            weights = ("--ckpt_path", f"{run}/checkpoints/last.ckpt", "--trainer.accelerator", "cpu")
            main([verb, "--run", run, *weights, *QUIET, "--data.batch_size", "16"])


def without_ground(training):
    """Masks of classes that count."""
    training[:, 1] = training[:, 1].clip(1)
    return training


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A folder whose ``runs/<kind>`` holds ``one`` and ``two``."""
    home = tmp_path_factory.mktemp("ddp")
    (home / "data").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        patch.setattr(vae, "drawn", sure)
        write_pack(home / "data/mars", n=45, training_set=without_ground)
        work("one", 16, ())
        in_two_processes(work, home / "log")
    return home


@pytest.mark.parametrize("kind", KINDS)
def test_a_network_that_two_processes_train_is_the_one_that_one_process_trains(home, kind):
    one, two = (home / "runs" / kind / name for name in ("one", "two"))
    assert results(one)["sizes"]["test"] % 2 == 1 and results(two)["devices"] == 2
    first, second = (torch.load(run / "checkpoints/last.ckpt", weights_only=True)["state_dict"] for run in (one, two))
    for name, value in first.items():
        torch.testing.assert_close(second[name], value, atol=1e-5, rtol=1e-4, msg=lambda m, n=name: f"{n}: {m}")
    for expected, found in zip(*(read_metrics(run / "metrics.csv") for run in (one, two)), strict=True):
        assert_close(
            *({n: v for n, v in r.items() if kind != "language" or "val/" not in n} for r in (expected, found))
        )
    expected, found = (results(run)["metrics"] for run in (one, two))
    assert {name: (m["n"], m["units"]) for name, m in found.items()} == {
        name: (m["n"], m["units"]) for name, m in expected.items()
    }
    if kind != "language":
        assert_close(*({name: m["value"] for name, m in metrics.items()} for metrics in (expected, found)))


@pytest.mark.parametrize("kind", KINDS)
def test_test_and_predict_with_two_processes_write_what_one_writes(home, kind):
    one, two = (home / "runs" / kind / name for name in ("one", "two"))
    assert_close(measured(one), measured(two))
    written = sorted(path.name for path in one.glob("predictions*"))
    assert written == sorted(path.name for path in two.glob("predictions*")) and len(written) >= 2
    for name in written:
        if kind != "language" or name.startswith("predictions_test"):  # those of the fit are of fewer streams
            assert_same(one / name, two / name, SAMPLED)


@pytest.mark.parametrize("kind", FOLDED)
def test_folds_of_two_processes_are_pooled_to_what_one_process_gives(tmp_path, kind):
    write_pack(tmp_path / "data/mars", training_set=without_ground)
    main(kfold(kind, "one", 10))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(ROOT / "cli.py"), *kfold(kind, "two", 5, *TWO)]  # as a user starts it
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    one, two = (tmp_path / "runs" / f"folds_{kind}" / name for name in ("one", "two"))
    (table,) = (path.name for path in one.glob("oof.*"))
    assert_same(one / table, two / table)
    assert_close(*({name: m["value"] for name, m in results(run)["metrics"].items()} for run in (one, two)))


def assert_close(expected: dict, found: dict) -> None:
    """Of metrics all but those that each process draws numbers for."""
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        if value is None:  # of a class that is nowhere
            assert found[name] is None, name
        elif name.rpartition("/")[2] not in SAMPLED:
            assert found[name] == pytest.approx(value, abs=1e-4, rel=1e-4, nan_ok=True), name
