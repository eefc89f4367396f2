"""Metrics of two classes, one of them rare, from the probability of the positive one.

N samples. ``prob`` (N,) float, higher means positive; ``label`` (N,), 1 positive, 0 negative. Everything about ranking
is read from one ``Roc``, so that samples are sorted once; equal probabilities share one point, which is what "ties
count half" means. Where a class is missing, metrics that need it are NaN, and all are where one probability is NaN: it
has no rank. Computed in float64.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from . import calibration
from .calibration import TINY

MIN_TPR = 0.8  # the pAUC of ISIC 2024 looks at the sensitivities from here to 1


class Roc(NamedTuple):
    """Counts when everything from a threshold on is called positive; thresholds fall, and the first calls nothing so.

    Args:
        tp: True positives, float64 (M,), from 0 to the number of positives.
        fp: False positives, float64 (M,), from 0 to the number of negatives.
    """

    tp: Tensor
    fp: Tensor

    @property
    def tpr(self) -> Tensor:
        """Sensitivity (M,); NaN without positives."""
        return self.tp / self.tp[-1]

    @property
    def fpr(self) -> Tensor:
        """1 - specificity (M,); NaN without negatives."""
        return self.fp / self.fp[-1]


def roc(prob: Tensor, label: Tensor) -> Roc:
    """Sort once. O(N log N). All counts but the first are NaN where a probability is.

    Raises:
        ValueError: No samples, or shapes that do not fit.
    """
    if prob.ndim != 1 or prob.shape != label.shape or not len(prob):
        raise ValueError(f"prob {tuple(prob.shape)} and label {tuple(label.shape)}: need (N,) twice, N of 1 or more.")
    value, order = prob.sort(descending=True)
    tp = label[order].double().cumsum(0).masked_fill(value[0].isnan(), torch.nan)  # NaN comes first
    last = torch.cat([value[1:] != value[:-1], value.new_ones(1, dtype=torch.bool)])  # of a run of equal values
    tp = tp[last]
    called = last.nonzero().squeeze(1).double() + 1
    zero = tp.new_zeros(1)
    return Roc(torch.cat([zero, tp]), torch.cat([zero, called - tp]))


def auroc(curve: Roc) -> Tensor:
    """Area under the ROC: chance that a positive is above a negative, ties counting half (Mann & Whitney 1947)."""
    return torch.trapezoid(curve.tpr, curve.fpr)


def auroc_error(area: float, positives: int, negatives: int) -> float:
    """Standard error of an AUROC A, with Q1 = A / (2 - A) and Q2 = 2 A^2 / (1 + A).

    It takes samples for independent. The intervals of ``results.json`` resample whole patients instead.

    Source: Hanley & McNeil 1982, "The meaning and use of the area under a ROC curve", equation 2.
    """
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    variance = area * (1 - area) + (positives - 1) * (q1 - area**2) + (negatives - 1) * (q2 - area**2)
    return (max(variance, 0.0) / (positives * negatives)) ** 0.5


def auroc_interval(area: float, positives: int, negatives: int) -> tuple[float, float]:
    """95 % interval of an AUROC by its standard error, within 0 and 1; of no width at 0 and 1, where that is 0."""
    half = 1.96 * auroc_error(area, positives, negatives)
    return max(0.0, area - half), min(1.0, area + half)


def pauc(curve: Roc, min_tpr: float = MIN_TPR) -> Tensor:
    """Area between the ROC and the line TPR = ``min_tpr``: 0 to 1 - min_tpr, by chance (1 - min_tpr)^2 / 2.

    With min_tpr = 0.8 the score of ISIC 2024: best 0.2, chance 0.02. It is the integral of 1 - FPR over the TPR from
    min_tpr to 1, on the ROC with straight lines between its points.

    Source: Kaggle, "ISIC 2024 - Skin Cancer Detection with 3D-TBP", evaluation page.
    """
    tpr, fpr = curve.tpr, curve.fpr
    low, high = tpr[:-1], tpr[1:]
    begin = low.clamp_min(min_tpr)
    share = (begin - low) / (high - low).clamp_min(TINY)  # of the segment, which lies below the line
    fpr_begin = torch.lerp(fpr[:-1], fpr[1:], share)
    height = 1 - (fpr_begin + fpr[1:]) / 2
    # Horizontal segments have no extent in TPR; NaN (a missing class) stays NaN.
    return ((high - begin).clamp_min(0) * height).sum()


def average_precision(curve: Roc) -> Tensor:
    """Sum over thresholds of (recall_m - recall_(m - 1)) precision_m, not interpolated; by chance the prevalence."""
    precision = curve.tp[1:] / (curve.tp[1:] + curve.fp[1:])
    return (curve.tpr.diff() * precision).sum()


def sensitivity_at(curve: Roc, specificity: float) -> Tensor:
    """Highest sensitivity of a threshold whose specificity is at least ``specificity``."""
    allowed = torch.floor((1 - specificity) * curve.fp[-1] + 1e-9)  # in counts: 0.1 * 10 negatives allow exactly one
    sensitivity = torch.where(curve.fp <= allowed, curve.tpr, curve.tpr.new_zeros(())).max()
    return torch.where(curve.fp[-1] > 0, sensitivity, torch.nan)


def brier(prob: Tensor, label: Tensor) -> Tensor:
    """Mean of (p - y)^2, in 0..1 (Brier 1950)."""
    return calibration.brier(two_columns(prob.double()), label.long())


def nll(prob: Tensor, label: Tensor) -> Tensor:
    """Mean of -log of the probability of the true class, in nats, from ``prob`` (N,) or both columns (N, 2).

    One column of float32 says 1 for all above 1 - 2^-25: what is left for the negative class is taken as 2^-25 there
    (17.3 nats), and not as 0. Both columns say it exactly.
    """
    columns = prob if prob.ndim == 2 else two_columns(prob).clamp_min(torch.finfo(prob.dtype).eps / 4)
    return calibration.nll(columns, label.long())


def ece(prob: Tensor, label: Tensor) -> Tensor:
    """Expected calibration error of the predicted class, as for any number of classes (Guo et al. 2017)."""
    return calibration.ece(two_columns(prob), label.long())


def two_columns(prob: Tensor) -> Tensor:
    """Probabilities (N, 2) of the negative and the positive class, in the precision of ``prob``, as its rounding is."""
    return torch.stack([1 - prob, prob], 1)


RANKING = ("auroc", "pauc", "ap", "sens_at_spec90", "sens_at_spec95")  # what is read from a ``Roc``
BINARY_SCORES = (*RANKING, "brier", "nll", "ece")


def binary_scores(prob: Tensor, label: Tensor) -> dict[str, Tensor]:
    """All of the above from ``prob`` (N,) or both columns (N, 2): name -> float64 (0-dim), on its device."""
    columns, prob = prob, prob[:, 1] if prob.ndim == 2 else prob
    curve = roc(prob, label)
    return {
        "auroc": auroc(curve),
        "pauc": pauc(curve),
        "ap": average_precision(curve),
        "sens_at_spec90": sensitivity_at(curve, 0.90),
        "sens_at_spec95": sensitivity_at(curve, 0.95),
        "brier": brier(prob, label),
        "nll": nll(columns, label),
        "ece": ece(prob, label),
    }
