"""Classification: metrics against scikit-learn or the definition, losses, arguments, a whole run."""

from pathlib import Path

import numpy as np
import pytest
import sklearn.metrics as sk
import torch
import torch.nn.functional as F
from torchmetrics.functional import calibration_error

from datamodules import DataModule
from lightning_tasks.measures import segmentation_losses as losses
from lightning_tasks.measures.classification import classification_scores
from lightning_tasks.measures.classification_losses import soft_cross_entropy, soft_focal, soft_labels, soft_loss
from lightning_tasks.measures.corruptions import NAMES
from lightning_tasks.problems import ImageClassifier
from tests.conftest import results

CLASSES = ["a", "b", "c", "d"]


def sample(n=200, k=4, seed=0, sharp=2.0):
    generator = torch.Generator().manual_seed(seed)
    label = torch.randint(0, k, (n,), generator=generator)
    logits = sharp * torch.randn(n, k, generator=generator, dtype=torch.float64)
    logits[torch.arange(n), label] += 1
    return logits.softmax(1), label


# ---- metrics --------------------------------------------------------------------------------------------------------


def test_scores_are_those_of_scikit_learn():
    prob, label = sample()
    found = {k: float(v) for k, v in classification_scores(prob, label, CLASSES).items()}
    pred, p, y = prob.argmax(1).numpy(), prob.numpy(), label.numpy()
    expected = {
        "acc": sk.accuracy_score(y, pred),
        "balanced_acc": sk.balanced_accuracy_score(y, pred),
        "f1_macro": sk.f1_score(y, pred, average="macro"),
        "nll": sk.log_loss(y, p),
        "brier": ((p - np.eye(4)[y]) ** 2).sum(1).mean(),
        "ece": float(calibration_error(prob, label, "multiclass", n_bins=15, norm="l1", num_classes=4)),
    }
    for name, values in (("recall", sk.recall_score), ("precision", sk.precision_score)):
        expected |= {f"{name}_{c}": v for c, v in zip(CLASSES, values(y, pred, average=None), strict=True)}
    assert {k: found[k] for k in expected} == pytest.approx(expected)
    assert set(found) == set(expected)


def test_two_classes_have_an_auroc_with_ties_counted_half():
    prob, label = sample(k=2)
    prob = (prob * 5).round() / 5  # many ties
    found = classification_scores(prob, label, ["no", "yes"])["auroc"]
    assert float(found) == pytest.approx(sk.roc_auc_score(label, prob[:, 1]))
    alone = torch.ones(len(prob), dtype=torch.int64)
    assert float(classification_scores(prob, alone, ["no", "yes"])["auroc"]) == 0.5


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
def test_absent_classes_and_perfect_predictions_give_no_nan():
    label = torch.tensor([0, 0, 1])
    prob = F.one_hot(torch.tensor([0, 2, 1]), 4).float()
    found = {k: float(v) for k, v in classification_scores(prob, label, CLASSES).items()}
    assert all(np.isfinite(v) for v in found.values())
    assert found["recall_d"] == found["precision_d"] == found["recall_c"] == 0
    assert found["balanced_acc"] == pytest.approx(sk.balanced_accuracy_score([0, 0, 1], [0, 2, 1]))
    assert found["f1_macro"] == pytest.approx(sk.f1_score([0, 0, 1], [0, 2, 1], average="macro", zero_division=0))
    with pytest.raises(ValueError, match="2 classes"):
        classification_scores(prob, label, ["a", "b"])


# ---- losses ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weights", [None, torch.tensor([0.5, 2.0, 1.0, 0.3])])
def test_soft_losses_are_the_hard_ones_on_one_hot_labels_and_linear_in_the_mixture(weights):
    prob, label = sample(n=12)
    logits = prob.log().float()
    hard = F.one_hot(label, 4).float()
    expected = losses.cross_entropy(logits, label, class_weights=weights, label_smoothing=0.1)
    torch.testing.assert_close(soft_cross_entropy(logits, hard, weights, label_smoothing=0.1), expected)
    torch.testing.assert_close(
        soft_focal(logits, hard, weights, gamma=1.5), losses.focal(logits, label, gamma=1.5, class_weights=weights)
    )
    torch.testing.assert_close(soft_loss("focal", gamma=0.0)(logits, hard), soft_loss("ce")(logits, hard))


def test_mixed_labels_are_weighed_by_their_share():
    prob, label = sample(n=6)
    batch = {"label": label, "label2": label.flip(0), "lam": torch.tensor([1.0, 0.5, 0.2, 0.0, 0.9, 1.0])}
    one = torch.stack([F.cross_entropy(prob[i : i + 1].log(), label[i : i + 1]) for i in range(6)])
    two = torch.stack([F.cross_entropy(prob[i : i + 1].log(), label.flip(0)[i : i + 1]) for i in range(6)])
    expected = (batch["lam"] * one + (1 - batch["lam"]) * two).mean().float()
    torch.testing.assert_close(soft_cross_entropy(prob.log().float(), soft_labels(batch, 4)), expected)
    same = {"label": label, "label2": label, "lam": batch["lam"]}
    torch.testing.assert_close(soft_labels(same, 4), soft_labels({"label": label}, 4))


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
