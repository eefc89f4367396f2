"""Regularisers, patterns and the two-class exercise: each assignment's checks."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from datamodules import PatternsDataModule
from datamodules.core.serving import spread
from lightning_tasks import GapClassifier, PatternTask, TwoClassTask
from lightning_tasks.app.members import load_run
from lightning_tasks.measures.generalisation import generalisation
from lightning_tasks.tasks.tables.two_class import output
from tests.conftest import ROOT, results

QUIET = ("--draws", 0, "--baselines", "false", "--trainer.enable_progress_bar", "false",
         "--trainer.enable_model_summary", "false")  # fmt: skip

# ---- regularisers -----------------------------------------------------------------------------------------------


def test_penalties_are_sums_over_weights_without_biases():
    task = GapClassifier(net="mlp", net_args={"hidden": [4]}, l1=0.5, l2=2.0)
    weight = [p.detach() for n, p in task.net.named_parameters() if n.endswith("weight")]
    expected = 0.5 * sum(w.abs().sum() for w in weight) + 2 * sum((w**2).sum() for w in weight)
    assert float(task.penalty()) == pytest.approx(float(expected), rel=1e-6)
    with pytest.raises(ValueError, match="penalties must be 0 or more"):
        GapClassifier(net="mlp", l1=-1.0)
    for wrong in ({"reachable": 90}, {"largest_gap": -0.1}):
        with pytest.raises(ValueError, match=r"need an accuracy in \[0, 1\], and 0 or more"):
            GapClassifier(net="mlp", **wrong)


def test_the_gap_is_measured_without_dropout_and_augmentation(cli):
    cli("fit", "--model", "GapClassifier", "--data", "FashionMNISTDataModule", "--data.limit", 100, *QUIET,
        "--trainer.max_epochs", 12, "--model.net", "mlp", "--model.net_args", "{hidden: [64], dropout: 0.3}",
        "--data.augment", "[{affine: {degrees: 40}}]", "--model.lr", 0.01, "--model.schedule", "none")  # fmt: skip
    found = results(Path("runs/GapClassifier/default"))["last"]
    assert found["train/clean_loss"] < found["train/loss"]
    assert found["val/gap"] == pytest.approx(found["val/loss"] - found["train/clean_loss"], abs=1e-5)
    assert found["train/clean_acc"] > 0.4


def test_the_gap_compares_one_criterion_under_one_set_of_weights(cli):
    cli("fit", "--model", "GapClassifier", "--data", "FashionMNISTDataModule", "--data.limit", 100, *QUIET,
        "--model.net", "mlp", "--model.net_args", "{hidden: [8]}", "--trainer.max_epochs", 1, "--model.ema", 0.5,
        "--model.lr", 0.005,
        "--model.loss_args", "{label_smoothing: 0.3}")  # fmt: skip
    run = load_run("runs/GapClassifier/default")  # its checkpoint holds the averaged weights
    found = results(run.dir.path)
    train, val = (run.data.arrays(part) for part in ("train", "val"))
    with torch.no_grad():
        clean, held_out = (float(run.task.criterion(run.task(part["image"]), part)) for part in (train, val))
    assert found["last"]["train/clean_loss"] == pytest.approx(clean, abs=1e-4)
    assert found["last"]["val/gap"] == pytest.approx(held_out - clean, abs=1e-4)
    assert found["metrics"]["test/train_loss"]["value"] == pytest.approx(clean, abs=1e-4)


def test_the_gap_is_measured_under_the_tested_weights_without_dropout_and_augmentation(tmp_path, cli):
    config = ROOT / "configs/fashion_mlp.yaml"
    cli("fit", "--config", config, "--data.source", "simulated", "--data.limit", 120, "--trainer.max_epochs", 2,
        "--model.net_args", "{hidden: [16], dropout: 0.5}", "--data.augment", "[hflip]", "--draws", 0, "--baselines",
        "false", "--model.gap_samples", 50, "--trainer.enable_progress_bar", "false")  # fmt: skip
    folder = tmp_path / "runs/fashion_mlp/default"
    run, found = load_run(folder), results(folder)["metrics"]
    pool, rows = run.data.pools["train"], spread(run.data.parts["train"], 50)
    logits = run.task(torch.from_numpy(pool["image"][rows]).float() / 255)
    label = torch.from_numpy(pool["label"][rows]).long()
    loss = F.cross_entropy(logits, label).item()
    assert found["test/train_loss"]["value"] == pytest.approx(loss, abs=1e-5)
    assert found["test/train_acc"]["value"] == pytest.approx((logits.argmax(1) == label).float().mean().item())
    assert found["test/gap"]["value"] == pytest.approx(found["test/loss"]["value"] - loss, abs=1e-5)
    train_acc, acc = found["test/train_acc"]["value"], found["test/acc"]["value"]
    label = generalisation(train_acc, acc, reachable=0.9, largest_gap=0.05)
    assert results(folder)["diagnosis"] == label
    text = (folder / "figures/test_generalisation.md").read_text()
    assert f"| {train_acc:.4f} | {acc:.4f} | {train_acc - acc:.4f} | {label} |" in text
    assert "Under- or overfitted, test part" in (folder / "report.html").read_text()


# ---- patterns ---------------------------------------------------------------------------------------------------


def draw(path, grid, size=(512, 461)):
    """An RGBA picture of a grid with lines between its cells, as the assignment's."""
    small = Image.new("RGBA", (8, 8))
    small.putdata([(200, 20, 30, 255) if cell else (255, 255, 255, 255) for cell in np.ravel(grid)])
    picture = small.resize(size, Image.NEAREST)
    for k in range(9):
        x, y = min(k * size[0] // 8, size[0] - 1), min(k * size[1] // 8, size[1] - 1)
        picture.paste((0, 0, 0, 255), (x, 0, x + 2, size[1]))
        picture.paste((0, 0, 0, 255), (0, y, size[0], y + 2))
    picture.save(path)


def test_pictures_of_grids_are_read_by_their_cells(tmp_path):
    folder = tmp_path / "patterns"
    folder.mkdir()
    grids = np.random.default_rng(0).integers(0, 2, (3, 8, 8))
    for name, grid in zip("abc", grids, strict=True):
        draw(folder / f"{name}.png", grid)
    clear = np.asarray(Image.open(folder / "c.png")).copy()
    clear[clear[..., 1] == 255] = 0  # white cells fully transparent, with black underneath
    Image.fromarray(clear).save(folder / "c.png")
    data = PatternsDataModule(root=str(tmp_path), copies=3, max_flips=5)
    data.setup()
    assert data.data_source == "real" and data.sizes() == {"train": 3, "val": 54, "test": 54}
    np.testing.assert_array_equal(data.pools["train"]["image"][:3, 0] // 255, grids)
    pool = data.pools["test"]
    changed = (pool["image"][:, 0] // 255 != grids[pool["label"]]).sum((1, 2))
    np.testing.assert_array_equal(changed, pool["flips"])
    assert np.bincount(pool["flips"]).tolist() == [9] * 6


def test_grids_are_seen_as_other_pictures_are(tmp_path):
    """16 bits a pixel, a turn that the camera wrote, and what systems leave beside pictures."""
    grids = np.random.default_rng(1).integers(0, 2, (2, 8, 8))
    wide = np.where(grids[0], 20_000, 65_535).astype(np.uint16).repeat(4, 0).repeat(4, 1)
    Image.fromarray(wide).save(tmp_path / "a.png")
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    stored = np.rot90(np.where(grids[1], 0, 255).astype(np.uint8).repeat(4, 0).repeat(4, 1))
    Image.fromarray(np.ascontiguousarray(stored)).save(tmp_path / "b.png", exif=exif)
    (tmp_path / "._a.png").write_bytes(b"left by a system")
    (tmp_path / "c.png").mkdir()
    data = PatternsDataModule(root=str(tmp_path), copies=1, max_flips=1)
    data.setup()
    assert data.class_names == ["a", "b"]
    np.testing.assert_array_equal(data.pools["train"]["image"][:2, 0] // 255, grids)


def test_names_come_from_the_pictures_and_there_is_nothing_to_split(tmp_path, cli, capsys):
    (tmp_path / "patterns").mkdir()
    for i, name in enumerate(("a.png", "b.PNG")):
        draw(tmp_path / "patterns" / name, np.eye(8, dtype=int)[:: 1 - 2 * i])
    args = ("fit", "--config", ROOT / "configs/patterns_mlp.yaml", "--data.root", tmp_path, *QUIET,
            "--trainer.max_epochs", 1)  # fmt: skip
    with pytest.raises(SystemExit):
        cli(*args, "--model.class_names", "[b,a]")
    assert "the data's classes are a, b, in this order. Set --model.class_names [a,b]" in capsys.readouterr().err
    cli(*args, "--data.limit", 1)  # a copy of each is left to validate on
    assert "- a\n" in (Path("runs/patterns_mlp/default") / "config.yaml").read_text()
    with pytest.raises(SystemExit):
        cli("kfold", *args[1:], "--folds", 3)
    assert "there are no folds to make" in capsys.readouterr().err
    for option in ({"fold": 1}, {"bag": 0}, {"exclude": "x.csv"}):
        with pytest.raises(ValueError, match="nothing to split or clean"):
            PatternsDataModule(**option)


def test_broken_pictures_are_errors(tmp_path):
    draw(tmp_path / "a.png", np.eye(8))
    with pytest.raises(ValueError, match="need two or more patterns"):
        PatternsDataModule(root=str(tmp_path)).setup()
    draw(tmp_path / "b.png", np.eye(8), size=(80, 80))
    with pytest.raises(ValueError, match="a.png and b.png show the same pattern"):
        PatternsDataModule(root=str(tmp_path)).setup()
    Image.new("RGB", (6, 6)).save(tmp_path / "b.png")
    with pytest.raises(ValueError, match="6x6 pixels; a grid of 8x8 cells"):
        PatternsDataModule(root=str(tmp_path)).setup()
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes()[:300])
    with pytest.raises(ValueError, match="b.png: cannot be read"):
        PatternsDataModule(root=str(tmp_path)).setup()


def test_the_mlp_fits_three_pictures_exactly_and_bears_some_flips(cli):
    from tests.conftest import ROOT

    cli(
        "fit",
        "--config",
        ROOT / "configs/patterns_mlp.yaml",
        *QUIET,
        "--baselines",
        "true",
        "--data.copies",
        10,
        "--trainer.check_val_every_n_epoch",
        50,
    )
    found = results(Path("runs/patterns_mlp/default"))["metrics"]
    assert found["test/acc_flips0"]["value"] == 1  # three distinct predictions, from three pictures
    assert found["test/acc_flips2"]["n"] == 30 and found["test/acc"]["n"] == 29 * 30
    assert found["test/acc_flips2"]["value"] > 0.95 and found["test/acc_flips28"]["value"] < 0.9
    assert (
        sum(p.numel() for p in PatternTask(net_args={"image_size": 8, "hidden": [16, 16]}, in_channels=1).parameters())
        == 1363
    )


# ---- sigma(ReLU(z)) ---------------------------------------------------------------------------------------------


def test_below_zero_the_output_is_one_half_and_its_gradient_zero():
    z = torch.tensor([-3.0, 2.0], requires_grad=True)
    y = output(z, "sigmoid_relu")
    y.sum().backward()
    assert y[0] == 0.5 and z.grad[0] == 0 and z.grad[1] > 0
    assert (output(torch.linspace(-9, 9, 99), "sigmoid_relu") >= 0.5).all()


def test_sigma_of_relu_says_class_one_only_whatever_is_trained(cli):
    from tests.conftest import ROOT

    config = ("fit", "--config", ROOT / "configs/two_class_relu.yaml", *QUIET, "--trainer.max_epochs", 8)
    found = {}
    for name, flags in (
        ("relu", ()),
        ("sigmoid", ("--model.output", "sigmoid")),
        ("strict", ("--model.strict", "true")),
    ):
        cli(*config, *flags, "--name", name)
        metrics = results(Path(f"runs/two_class_relu/{name}"))["metrics"]
        found[name] = {key.removeprefix("test/"): m["value"] for key, m in metrics.items()}
    said = pd.read_csv("runs/two_class_relu/relu/predictions.csv")["pred"]
    assert said.eq(1).all(), "what the task says at y = 0.5, not the first of two equal probabilities"
    assert found["relu"]["said_one"] == 1 and found["relu"]["acc"] == pytest.approx(0.5)
    assert found["relu"]["dead"] > 0.3 and found["relu"]["nll"] > 0.34  # half the samples cost log 2 or more
    assert found["sigmoid"]["acc"] > 0.8 and 0.4 < found["sigmoid"]["said_one"] < 0.6
    assert found["strict"]["said_one"] == pytest.approx(1 - found["relu"]["dead"], abs=1e-6)  # the dead stay dead
    assert found["strict"]["acc"] < found["sigmoid"]["acc"] and found["strict"]["nll"] == pytest.approx(
        found["relu"]["nll"], abs=1e-6
    )
    with pytest.raises(ValueError, match="choose sigmoid or sigmoid_relu"):
        TwoClassTask(output="relu")
