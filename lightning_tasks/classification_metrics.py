"""Classification metrics from probabilities of a whole set, each by its textbook definition.

N samples, K classes. Everything is computed in float64 and defined for every input: a class that does not occur
has recall 0 and precision 0, and is left out of the means over classes; with one class only, AUROC is 0.5.
"""

import torch
from torch import Tensor

BINS = 15
TINY = 1e-12  # smallest probability whose logarithm is taken


def classification_scores(prob: Tensor, label: Tensor, class_names: list[str]) -> dict[str, Tensor]:
    """All scores of one set.

    * ``acc``; ``balanced_acc``: mean recall over the classes that occur; ``f1_macro``: mean F1 over the classes
      that occur or are predicted;
    * ``nll``: mean of -log p of the true class; ``brier``: mean of sum_k (p_k - [k is true])^2, in 0..2 (Brier 1950;
      for two classes twice the one-class form); ``ece``: see ``calibration_bins``;
    * ``auroc`` of class 1, with two classes; ``recall_<class>`` and ``precision_<class>``.

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
    prob = prob.double()
    matrix = confusion_matrix(prob.argmax(1), label, len(class_names)).double()
    hit, true, predicted = matrix.diag(), matrix.sum(1), matrix.sum(0)
    recall, precision = hit / true.clamp_min(1), hit / predicted.clamp_min(1)
    f1 = 2 * hit / (true + predicted).clamp_min(1)
    of_truth = prob.gather(1, label[:, None]).squeeze(1)  # (N,)
    scores = {
        "acc": hit.sum() / len(label),
        "balanced_acc": recall.sum() / (true > 0).sum(),
        "f1_macro": f1.sum() / (true + predicted > 0).sum(),
        "nll": -of_truth.clamp_min(TINY).log().mean(),
        "ece": expected_calibration_error(prob, label),
        "brier": (prob.square().sum(1) - 2 * of_truth + 1).mean(),
    }
    if len(class_names) == 2:
        scores["auroc"] = auroc(prob[:, 1], label)
    for name, values in (("recall", recall), ("precision", precision)):
        scores |= {f"{name}_{c}": value for c, value in zip(class_names, values.unbind(), strict=True)}
    return scores


def confusion_matrix(pred: Tensor, label: Tensor, num_classes: int) -> Tensor:
    """Counts int64 (K, K): rows are the truth, columns the prediction."""
    return torch.bincount(label * num_classes + pred, minlength=num_classes**2).view(num_classes, num_classes)


def calibration_bins(prob: Tensor, label: Tensor, bins: int = BINS) -> tuple[Tensor, Tensor, Tensor]:
    """Samples by the probability of their predicted class, in ``bins`` bins of equal width.

    Bin b holds b / bins <= p < (b + 1) / bins; the last one also p = 1.

    Returns:
        count, mean confidence and accuracy of each bin, float64 (bins,); 0 where a bin is empty.

    Source: Guo et al. 2017, "On calibration of modern neural networks", section 2 (bins closed above there).
    """
    confidence, pred = prob.double().max(1)
    number = (confidence * bins).long().clamp(0, bins - 1)  # p = 1 would open a bin of its own
    sums = torch.zeros(3, bins, dtype=torch.float64, device=prob.device)
    sums.index_add_(1, number, torch.stack([torch.ones_like(confidence), confidence, (pred == label).double()]))
    count = sums[0]
    return count, sums[1] / count.clamp_min(1), sums[2] / count.clamp_min(1)


def expected_calibration_error(prob: Tensor, label: Tensor, bins: int = BINS) -> Tensor:
    """Sum over bins of (share of the samples) x |accuracy - confidence|."""
    count, confidence, accuracy = calibration_bins(prob, label, bins)
    return (count * (accuracy - confidence).abs()).sum() / count.sum()


def auroc(value: Tensor, positive: Tensor) -> Tensor:
    """Chance that a positive sample has the higher value, ties counting half (Mann & Whitney 1947).

    Args:
        value: (N,), higher means positive.
        positive: (N,), 1 or 0.
    """
    _, place, count = value.unique(return_inverse=True, return_counts=True)
    rank = (count.cumsum(0) - (count - 1) / 2)[place].double()  # mean rank of equal values, from 1
    ones = positive.double()
    pairs = ones.sum() * (1 - ones).sum()
    wins = (rank * ones).sum() - ones.sum() * (ones.sum() + 1) / 2
    return torch.where(pairs > 0, wins / pairs.clamp_min(1), 0.5)
