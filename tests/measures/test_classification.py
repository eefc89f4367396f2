"""Classification: metrics against scikit-learn or the definition, losses of hard and of mixed labels."""

import numpy as np
import pytest
import sklearn.metrics as sk
import torch
import torch.nn.functional as F
from torchmetrics.functional import calibration_error

from lightning_tasks.measures import segmentation_losses as losses
from lightning_tasks.measures.classification import classification_scores
from lightning_tasks.measures.classification_losses import soft_cross_entropy, soft_focal, soft_labels, soft_loss

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
    assert classification_scores(prob, alone, ["no", "yes"])["auroc"].isnan(), "nothing is ranked"


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
def test_what_no_sample_tells_is_nan_and_means_are_over_the_others():
    label = torch.tensor([0, 0, 1])
    prob = F.one_hot(torch.tensor([0, 2, 1]), 4).float()
    found = {k: float(v) for k, v in classification_scores(prob, label, CLASSES).items()}
    assert {k for k, v in found.items() if np.isnan(v)} == {"recall_c", "recall_d", "precision_d"}
    assert found["precision_c"] == 0, "it is predicted, and wrong"
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
