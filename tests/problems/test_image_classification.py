"""Classifiers of pictures: arguments, and whole runs."""

from pathlib import Path

import numpy as np
import pytest
import torch

from datamodules import DataModule
from lightning_tasks.measures.corruptions import NAMES
from lightning_tasks.problems import ImageClassifier
from tests.conftest import results

CLASSES = ["a", "b", "c", "d"]


# ---- arguments ------------------------------------------------------------------------------------------------------


def task(**kwargs) -> ImageClassifier:
    return ImageClassifier(**{"net": "timm/resnet10t", "class_names": CLASSES, **kwargs})


WRONG_ARGUMENTS = {
    "loss='dice': choose ce or focal": {"loss": "dice"},
    "loss='focal' has no argument 'label_smoothing'": {"loss": "focal", "loss_args": {"label_smoothing": 0.1}},
    "unfreeze='last': choose all, head or last:N": {"unfreeze": "last"},
    "unfreeze='half'": {"unfreeze": {3: "half"}},
    "corrupted='some': choose none, random, suite or": {"corrupted": "some"},
    "suite holds 6": {"corrupted": {"suite": [1, 6]}},
    "class_weights has 2 numbers; there are 4": {"class_weights": [1.0, 2.0]},
    "class_weights='invers': choose": {"class_weights": "invers"},
    "no metric of validation. Did you mean 'val/balanced_acc'": {"monitor": "val/balanced_ac"},
    "monitor='val/acc_corrupted' is no metric": {"monitor": "val/acc_corrupted"},
}


@pytest.mark.parametrize("message", WRONG_ARGUMENTS)
def test_wrong_arguments_are_clear_errors(message):
    with pytest.raises(ValueError, match=message):
        task(net="cnn_small", **WRONG_ARGUMENTS[message])


def test_monitor_follows_the_corrupted_score_and_knows_what_is_better():
    assert (task(net="cnn_small").monitor, task(net="cnn_small").mode) == ("val/acc", "max")
    assert task(net="cnn_small", corrupted="random").monitor == "val/acc_corrupted"
    chosen = task(net="cnn_small", corrupted="random", monitor="val/nll")
    assert (chosen.monitor, chosen.mode) == ("val/nll", "min")


def test_symmetric_pixels_are_those_of_networks_from_tensorflow():
    image = torch.tensor([0.0, 0.5, 1.0]).view(1, 3, 1, 1)
    assert task(net="cnn_small", normalize="symmetric").normalized(image).flatten().tolist() == [-1, 0, 1]


# ---- whole runs -----------------------------------------------------------------------------------------------------


class Stripes(DataModule):
    """Four classes of 16x16 pictures: flat, rows, columns, squares; all look alike in a mirror."""

    title = "stripes"
    files = ("stripes.npz",)

    def simulate(self):
        rng = np.random.default_rng(0)
        label = rng.integers(0, 4, 80).astype(np.uint8)
        rows = np.arange(16)[:, None] // 2 % 2 + np.zeros((1, 16), int)
        patterns = np.stack([0 * rows, rows, rows.T, rows ^ rows.T])
        image = (rng.integers(0, 100, (80, 3, 16, 16)) + 100 * patterns[label][:, None]).astype(np.uint8)
        return {"train": {"image": image[:60], "label": label[:60]}, "test": {"image": image[60:], "label": label[60:]}}


RUN = ("fit", "--model", "ImageClassifier", "--model.class_names", CLASSES, "--model.net_args",
       "{width: 4, stem_stride: 1}", "--data", f"{__name__}.Stripes", "--data.batch_size", 12,
       "--trainer.enable_progress_bar", "false", "--model.schedule", "none")  # fmt: skip


def run_dir(name="default") -> Path:
    return Path("runs/ImageClassifier") / name


def test_a_run_with_everything_on(cli):
    cli(*RUN, "--trainer.max_epochs", 5, "--draws", 5, "--model.corrupted", "{suite: [1, 5]}", "--model.tta", "hflip",
        "--model.class_weights", "inverse", "--model.loss_args", "{label_smoothing: 0.1}",
        "--model.lr", 0.01, "--model.ema", 0.5, "--data.augment", "[cutmix: {p: 0.2}, mixup: {p: 0.2}]")  # fmt: skip
    found = results(run_dir())
    metrics = {k: m["value"] for k, m in found["metrics"].items()}
    assert metrics["test/acc"] > 0.6 and found["monitor"] == "val/acc_corrupted"
    assert {f"test/acc_{n}" for n in (*NAMES, "corrupted", "suite")} <= set(metrics)
    kinds = [metrics[f"test/acc_{n}"] for n in NAMES]
    assert metrics["test/acc_suite"] == pytest.approx(np.mean(kinds), abs=1e-6)
    baselines = found["baselines"]
    assert set(baselines) == {"majority class", "linear model on 16x16"}
    assert baselines["linear model on 16x16"]["acc"] > 0.9 > baselines["majority class"]["acc"]
    figures = {p.stem for p in (run_dir() / "figures").glob("*.png")}
    assert figures == {"train_samples", "test_samples", "test_corrupted", "test_confusion", "test_suite"}
    header = (run_dir() / "predictions.csv").read_text().splitlines()[0].split(",")
    assert header[:7] == ["id", *(f"prob_{name}" for name in CLASSES), "pred", "label"]
    assert header[7:] == [f"corrupted_{k}" for k in range(1 + 9 * 2)]


def test_resume_while_blocks_unfreeze_gives_what_an_unbroken_run_gives(cli):
    stages = ("--model.unfreeze", "{0: head, 1: 'last:1', 2: all}",
            "--model.backbone_lr", 0.1, "--draws", 0, "--baselines", "false")  # fmt: skip
    cli(*RUN, *stages, "--trainer.max_epochs", 3, "--name", "whole")
    cli(*RUN, *stages, "--trainer.max_epochs", 1, "--name", "broken")
    first = torch.load(run_dir("broken") / "checkpoints/last.ckpt", weights_only=True)
    cli(*RUN, *stages, "--trainer.max_epochs", 3, "--name", "broken", "--resume")
    whole, broken = (
        torch.load(run_dir(n) / "checkpoints/last.ckpt", weights_only=True)["state_dict"] for n in ("whole", "broken")
    )
    assert all(torch.equal(whole[k], broken[k]) for k in whole)
    moved = {k for k, v in first["state_dict"].items() if not torch.equal(v, whole[k])}
    assert {"net.stem.0.weight", "net.stages.3.0.conv1.weight"} <= moved, "all blocks train in the end"
    state = first["optimizer_states"][0]["state"]
    assert len(state) == 2, "after an epoch of the head alone the optimiser has touched its two tensors"


class Animals(DataModule):
    """Six pictures of each of three classes, which the data names."""

    title, files, class_names = "animals", ("animals.npz",), ["cat", "dog", "owl"]
    count = 6

    def simulate(self):
        label = np.arange(3 * self.count) % 3
        image = np.random.default_rng(0).integers(0, 255, (len(label), 3, 8, 8), np.uint8)
        return {"train": {"image": image, "label": label}, "test": {"image": image[:1], "label": label[:1]}}


class NoOwls(Animals):
    """One class without samples."""

    def simulate(self):
        pools = super().simulate()
        keep = pools["train"]["label"] < 2
        return pools | {"train": {key: value[keep] for key, value in pools["train"].items()}}


class OneOwl(Animals):
    """One class with a single sample."""

    def simulate(self):
        pools = super().simulate()
        keep = np.flatnonzero(pools["train"]["label"] < 2).tolist() + [2]
        return pools | {"train": {key: value[keep] for key, value in pools["train"].items()}}


class NoNames(Animals):
    class_names = None


class NoTest(Animals):
    def simulate(self):
        pools = super().simulate()
        return pools | {"test": {key: value[:0] for key, value in pools["test"].items()}}


ANIMALS = ["--model", "ImageClassifier", "--model.net", "mlp", "--model.net_args", "{image_size: 8, hidden: [4]}",
           "--model.class_names", "[cat,dog,owl]", "--trainer.max_epochs", 1, "--draws", 2, "--data.batch_size", 4,
           "--trainer.enable_progress_bar", "false"]  # fmt: skip
MISFITS = {
    "names in another order": ("Animals", "class_names", "[dog,cat,owl]", "the data's classes are cat, dog, owl, in"),
    "a name twice": ("Animals", "class_names", "[cat,cat,owl]", "class_names holds 'cat' twice"),
    "more labels than names": ("NoNames", "class_names", "[cat,dog]", "labels go up to 2, but class_names names 2"),
    "a class without samples": ("NoOwls", "lr", 0.1, "no sample of class owl"),
    "an empty test part": ("NoTest", "lr", 0.1, "animals: the test part holds no samples"),
    "another picture size": ("Animals", "net_args", "{image_size: 9}", "net='mlp' cannot take pictures of 3 x 8 x 8"),
    "another number of channels": ("Animals", "in_channels", 1, "in_channels=1, but pictures have 3 channels"),
}


@pytest.mark.parametrize("case", MISFITS)
def test_data_and_task_that_do_not_fit_are_one_clear_error(cli, capsys, case):
    data, key, value, message = MISFITS[case]
    with pytest.raises(SystemExit):
        cli("fit", *ANIMALS, "--data", f"{__name__}.{data}", f"--model.{key}", value)
    assert message in capsys.readouterr().err


def test_a_class_rarer_than_the_folds_and_names_in_other_words_are_told_of(cli):
    cli("kfold", *ANIMALS, "--data", "tests.problems.test_image_classification.OneOwl", "--folds", 3)
    cli(
        "fit",
        *ANIMALS,
        "--data",
        "tests.problems.test_image_classification.Animals",
        "--model.class_names",
        "[chat,chien,hibou]",
    )
    folds = [results(Path(f"runs/ImageClassifier/kfold/fold_{i}"))["notes"] for i in range(3)]
    assert sum("No sample of class owl" in " ".join(notes) for notes in folds) == 1
    assert "the data's classes are cat, dog, owl" in " ".join(results(Path("runs/ImageClassifier/default"))["notes"])


def test_one_sample_is_scored_like_many_and_samples_a_second_count_those_there_were(cli):
    cli(
        "fit",
        *ANIMALS,
        "--data",
        "tests.problems.test_image_classification.Animals",
        "--data.folds",
        18,
        "--data.batch_size",
        64,
    )
    found = results(Path("runs/ImageClassifier/default"))
    assert found["sizes"] == {"train": 17, "val": 1, "test": 1} and found["metrics"]["test/acc"]["n"] == 1
    rate, seconds = found["samples_per_second"], found["seconds"]  # both are rounded to two digits
    assert rate * seconds == pytest.approx(17, abs=0.006 * (rate + seconds))


class LaidOut(ImageClassifier):
    """Looks at its weights when optimisers are made, just after DDP has wrapped them."""

    def configure_optimizers(self):
        weight = self.net.stem[0].weight
        assert weight.shape[1] > 1 and weight.is_contiguous(memory_format=torch.channels_last)
        return super().configure_optimizers()


def test_weights_are_laid_out_before_processes_agree_on_the_layout_of_gradients(cli):
    """DDP that wraps them in another layout mixes their gradients up, without a word."""
    cli("fit", "--model", "tests.problems.test_image_classification.LaidOut", "--model.class_names", "[cat,dog,owl]",
        "--data", "tests.problems.test_image_classification.Animals", "--model.net_args", "{width: 4}",
        "--model.channels_last", "true", "--trainer.fast_dev_run", "true")  # fmt: skip
