"""Two processes write what one writes: all rows, once each, in the data's order."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest

from lightning_tasks.app import main
from lightning_tasks.app.cli import TaskCLI
from lightning_tasks.common.tables import read_metrics
from tests.conftest import ROOT, results
from tests.problems.test_image_classification import Animals
from tests.processes import in_two_processes
from tests.tasks.images.test_mars import write_pack


class SevenAnimals(Animals):
    """Seven of them are for the test."""

    def simulate(self):
        train = super().simulate()["train"]
        return {"train": train, "test": {key: value[:7] for key, value in train.items()}}


SMALL = (
    *("--data.batch_size", "4", "--draws", "5", "--trainer.max_epochs", "1", "--baselines", "false"),
    *("--trainer.enable_progress_bar", "false", "--trainer.enable_model_summary", "false"),
    *("--trainer.accelerator", "cpu"),
)
# Odd numbers of samples: the processes have different numbers of rows.
KINDS = {
    # with rows of int16
    "image": ("--model", "ImageClassifier", "--model.class_names", "[cat,dog,owl]", "--model.corrupted", "random",
              "--data", "tests.app.test_ddp.SevenAnimals", "--model.net", "mlp",
              "--model.net_args", "{image_size: 8, hidden: [4]}"),
    # the course's format, in a small file
    "segmentation": ("--config", str(ROOT / "configs/mars_unet.yaml"), "--model.net_args", "{width: 4, depth: 2}",
                     "--data.augment", "[]", "--data.folds", "4", "--data.limit", "20", "--model.loss", "ce"),
    "neighbours": ("--config", str(ROOT / "configs/variants/knn_two_moons.yaml"), "--data.n_test", "33",
                   "--data.n_train", "61"),
    # a state is carried along streams, which are shared out
    "language": ("--config", str(ROOT / "configs/char_lstm.yaml"), "--model.width", "8", "--data.simulated", "1003",
                 "--data.steps", "10"),
    "sequence": ("--model", "tests.toys.ToySequence", "--data", "tests.toys.ToyDataModule", "--data.limit", "19"),
    # bounds and samples are drawn
    "vae": ("--config", str(ROOT / "configs/mixture_vae.yaml"), "--data.n_test", "33", "--data.n_train", "61",
            "--model.hidden", "[8]"),
    # players with an optimiser each
    "gan": ("--config", str(ROOT / "configs/ring_gan.yaml"), "--data.n_test", "33", "--data.n_train", "61",
            "--model.width", "8", "--model.ema", "0.9", "--model.samples", "null"),
}  # fmt: skip
ANEW = ["image", "neighbours"]
# Each process draws numbers of its own: what depends on them is compared in size, and roughly in value.
DRAWN = {"vae": ("sample", "fake", "reconstruction", "iwae"), "gan": ("sample", "fake")}
SURE = ("test/kl", "test/active_units")

TWO = ("--trainer.strategy", "ddp", "--trainer.devices", "2")


def work() -> None:
    """What one process fitted is scored again, by a fit that has nothing left to train; predicted; and fitted anew."""
    for kind in KINDS:
        one = ("--config", f"runs/{kind}/one/config.yaml")
        main(["fit", *one, "--name", "two", "--resume", *TWO])
        main(["predict", *one, "--ckpt_path", f"runs/{kind}/two/checkpoints/best.ckpt", *TWO])
        if kind in ANEW:
            main(["fit", *one, "--name", "anew", *TWO])
    main(["fit", "--config", "runs/sequence/half/config.yaml", "--name", "half", "--resume", "--early_stopping", "null",
          "--model.lr", "0.01", *TWO])  # fmt: skip
    for kind in DRAWN:
        cli = TaskCLI(["fit", "--config", f"runs/{kind}/one/config.yaml", "--name", "anew", *TWO])
        weights = sum(float(p.detach().double().abs().sum()) for p in cli.model.parameters())
        print(f"\nweights {kind} {weights!r}", flush=True)


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A folder whose ``runs/<kind>/`` hold the runs ``one``, ``two`` and ``anew``."""
    home = tmp_path_factory.mktemp("ddp")
    (home / "data").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        write_pack(home / "data/mars")
        for kind, args in KINDS.items():
            figures = ("--figures", "last" if kind == "image" else "none")
            main(["fit", *args, *SMALL, *figures, "--experiment", kind, "--name", "one"])
            main(["predict", "--config", f"runs/{kind}/one/config.yaml",
                  "--ckpt_path", f"runs/{kind}/one/checkpoints/best.ckpt"])  # fmt: skip
            shutil.copytree(f"runs/{kind}/one", f"runs/{kind}/two")
            for written in ("predictions_test", "predictions", "rows", "results", "predictions_predict"):
                for path in Path(f"runs/{kind}/two").glob(f"{written}.*"):
                    path.unlink()
        long = (*SMALL, "--trainer.limit_train_batches", "1.0", "--trainer.max_epochs", "6", "--experiment", "sequence",
                "--figures", "none")  # fmt: skip
        main(["fit", *KINDS["sequence"], *long, "--model.lr", "1e-9", "--early_stopping", "1", "--name", "half"])
        main(["fit", *KINDS["sequence"], *long, "--model.lr", "0.01", "--name", "whole"])
        (home / "out.txt").write_text("".join(in_two_processes(work, home / "log")))
    return home


def columns(path: Path) -> dict[str, np.ndarray]:
    """Columns of a CSV or npz file."""
    if path.suffix == ".npz":
        with np.load(path) as file:
            return {key: file[key] for key in file}
    with path.open() as file:
        rows = list(csv.DictReader(file))
    return {key: numbers_of(np.array([row[key] for row in rows])) for key in rows[0]}


def numbers_of(text: np.ndarray) -> np.ndarray:
    """As numbers, or as they are where they are names of samples and classes."""
    try:
        return text.astype(float)
    except ValueError:
        return text


def assert_same(one: Path, two: Path, drawn: tuple[str, ...] = ()) -> None:
    expected, found = columns(one), columns(two)
    assert len(expected["id"]) == len(set(expected["id"].tolist()))
    assert expected.keys() == found.keys() and len(expected["id"]) == len(found["id"])
    for key, values in expected.items():
        if key.rsplit("_", 1)[0] in drawn or key in drawn:
            assert found[key].shape == values.shape and np.isfinite(found[key]).all(), key
        elif values.dtype.kind in "fc":
            np.testing.assert_allclose(found[key], values, atol=1e-5, err_msg=key)
        else:
            assert found[key].dtype == values.dtype and (found[key] == values).all(), key


@pytest.mark.parametrize("kind", KINDS)
def test_two_processes_score_and_predict_what_one_does(home, kind):
    one, two = home / "runs" / kind / "one", home / "runs" / kind / "two"
    expected, found = results(one), results(two)
    assert found["devices"] == 2 and expected["devices"] == 1 and found["metrics"].keys() == expected["metrics"].keys()
    for name, metric in expected["metrics"].items():
        assert found["metrics"][name]["n"] == metric["n"], name
        if kind in DRAWN and name not in SURE:
            assert found["metrics"][name]["value"] == pytest.approx(metric["value"], rel=0.5, abs=0.5), name
            continue
        assert found["metrics"][name]["value"] == pytest.approx(metric["value"], abs=1e-5, nan_ok=True), name
    written = sorted(p.name for p in one.iterdir() if p.name.startswith(("predictions", "rows")))
    assert len(written) == 3
    for name in written:
        assert_same(one / name, two / name, DRAWN.get(kind, ()))


@pytest.mark.parametrize("kind", DRAWN)
def test_two_processes_train_one_network(home, kind):
    """Each has samples and noise of its own: their weights are equal only if they share gradients."""
    anew = home / "runs" / kind / "anew"
    lines = [line.split() for line in (home / "out.txt").read_text().splitlines() if line.startswith("weights")]
    first, second = (float(value) for _, name, value in lines if name == kind)
    assert first == second and np.isfinite(first)
    assert results(anew)["devices"] == 2 and read_metrics(anew / "metrics.csv")[-1]["step"] > 0


@pytest.mark.parametrize("kind", ANEW)
def test_a_fit_of_two_processes_writes_all_rows(home, kind):
    one, anew = home / "runs" / kind / "one", home / "runs" / kind / "anew"
    for path in [*one.glob("predictions.*"), one / "rows.npz"]:
        assert (columns(path)["id"] == columns(anew / path.name)["id"]).all()
    expected, found = results(one)["metrics"]["test/acc"], results(anew)["metrics"]["test/acc"]
    assert found["n"] == expected["n"]
    if kind == "neighbours":  # fitted to the whole train part
        assert found == expected


def test_only_one_process_speaks(home):
    assert (home / "out.txt").read_text().count("Wrote") == len(KINDS)


def test_a_schedule_goes_on_where_it_was_when_there_are_more_devices(home):
    half, whole = (read_metrics(home / f"runs/sequence/{name}/metrics.csv") for name in ("half", "whole"))
    done = next(i for i, row in enumerate(half) if row["train/lr"] > 1e-6)
    assert 0 < done < 5 and len(half) == 6 and half[-1]["step"] < whole[-1]["step"]
    assert [row["train/lr"] for row in half[done:-1]] == pytest.approx(
        [row["train/lr"] for row in whole[done:-1]], rel=0.2
    )
