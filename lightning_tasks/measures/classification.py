"""Classification metrics from probabilities of a whole set, each by its textbook definition.

N samples, K classes. Everything is computed in float64 and defined for every input: a class that does not occur
has recall 0 and precision 0, and is left out of the means over classes; with one class only, AUROC is 0.5, and the
average precision of a class that does not occur is 0. One NaN among the probabilities makes every score NaN.
"""

import torch
from torch import Tensor

from .binary import auroc, average_precision, roc
from .calibration import brier, ece, nll


def chosen(values: Tensor, dim: int = -1) -> Tensor:
    """Index of the largest of the values along ``dim``; -1, which is no class, where one of them is NaN."""
    return values.argmax(dim).masked_fill(values.isnan().any(dim), -1)


def judged(choice: Tensor, truth: Tensor) -> Tensor:
    """1 where the ``chosen`` one is the true one, 0 where it is another, -1 where there is none; int64."""
    return (choice == truth).long().masked_fill(choice < 0, -1)


def share_right(right: Tensor) -> Tensor:
    """Mean over axis 0 of what ``judged`` gave, float64; NaN where nothing was chosen."""
    return right.double().masked_fill(right < 0, torch.nan).mean(0)


def classification_scores(prob: Tensor, label: Tensor, class_names: list[str]) -> dict[str, Tensor]:
    """All scores of one set.

    * ``acc``; ``balanced_acc``: mean recall over the classes that occur; ``f1_macro``: mean F1 over the classes
      that occur or are predicted;
    * ``nll``, ``ece`` and ``brier``: see ``calibration``;
    * ``auroc``, average precision ``ap`` and ``f1`` of class 1, with two classes;
    * ``recall_<class>`` and ``precision_<class>``.

    What no sample tells is NaN: recall of a class that does not occur, precision of one that is not predicted,
    ``auroc`` of samples of one class, ``ap`` without class 1. Resamples like that are left out of intervals.

    Args:
        prob: (N, K), rows sum to 1.
        label: int64 (N,) in 0..K-1.
        class_names: K names.

    Returns:
        name -> float64 (0-dim), on the device of ``prob``.

    Raises:
        ValueError: for no samples, or shapes that do not fit.
    """
    if prob.shape != (len(label), len(class_names)) or not len(label):
        raise ValueError(
            f"prob {tuple(prob.shape)} does not fit {len(label)} labels of {len(class_names)} classes: "
            "need one row for each label and one column for each class."
        )
    matrix = confusion_matrix(prob.argmax(1), label, len(class_names)).double()
    matrix = matrix.masked_fill(prob.isnan().any(), torch.nan)
    hit, true, predicted = matrix.diag(), matrix.sum(1), matrix.sum(0)
    recall, precision = hit / true, hit / predicted
    f1 = 2 * hit / (true + predicted)
    scores = {
        "acc": hit.sum() / len(label),
        "balanced_acc": recall[true > 0].mean(),
        "f1_macro": f1[true + predicted > 0].mean(),
        "nll": nll(prob, label),
        "ece": ece(prob, label),
        "brier": brier(prob, label),
    }
    if len(class_names) == 2:
        curve = roc(prob[:, 1], label)
        scores["auroc"] = auroc(curve)
        scores["ap"] = average_precision(curve)
        scores["f1"] = f1[1]
    for name, values in (("recall", recall), ("precision", precision)):
        scores |= {f"{name}_{c}": value for c, value in zip(class_names, values.unbind(), strict=True)}
    return scores


def score_names(class_names: list[str]) -> list[str]:
    """Names of ``classification_scores``, in its order."""
    names = ["acc", "balanced_acc", "f1_macro", "nll", "ece", "brier"]
    names += ["auroc", "ap", "f1"] if len(class_names) == 2 else []
    return names + [f"{score}_{name}" for score in ("recall", "precision") for name in class_names]


def is_share(name: str, rows: dict[str, Tensor]) -> bool:
    """Whether a score is a share of samples.

    It is where a row of its name says 0 or 1 of each; and where it is accuracy, recall or precision of ``prob`` (N, K)
    and ``label``.
    """
    if name in rows:
        return bool(((rows[name] == 0) | (rows[name] == 1)).all())
    of_samples = "label" in rows and "prob" in rows and rows["prob"].ndim == 2
    return of_samples and (name == "acc" or name.startswith(("acc_", "recall_", "precision_")))


def rows_by_class(prob: Tensor, label: Tensor, class_names: list[str]) -> dict[str, Tensor]:
    """Which samples, bool (N,), the scores of single classes are shares of: the true ones, or the predicted ones."""
    pred = prob.argmax(1)
    references = (("recall", label), ("precision", pred))
    return {f"{score}_{name}": classes == k for score, classes in references for k, name in enumerate(class_names)}


def confusion_matrix(pred: Tensor, label: Tensor, num_classes: int) -> Tensor:
    """Counts int64 (K, K): rows are the truth, columns the prediction."""
    return torch.bincount(label * num_classes + pred, minlength=num_classes**2).view(num_classes, num_classes)
