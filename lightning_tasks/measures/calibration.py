"""How well probabilities match what happens, each measure by its definition.

N samples, K classes. ``prob`` (N, K) float with rows that sum to 1, ``label`` int64 (N,). The *confidence* of a sample
is the probability of its predicted class. Computed in float64. One NaN among the probabilities makes every measure
NaN: a class cannot be predicted from it. Remedies are in ``recalibration.py``.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

BINS = 15
TINY = 1e-12  # smallest probability whose logarithm is taken
KINDS = ("equal_width", "equal_mass")
# Computed from shares of bins or classes, whose noise does not cancel: of few samples they are too large, or too small.
AT_MOST_ONE = ("ece", "ece_equal_mass", "ece_classwise", "mce")
BIASED = (*AT_MOST_ONE, "brier_reliability", "brier_resolution", "brier_uncertainty", "brier_within")


def hits(prob: Tensor, label: Tensor) -> Tensor:
    """1 where the predicted class is the true one, else 0; NaN where a probability is NaN. float64 (N,)."""
    top, pred = prob.max(1)  # NaN counts as the largest
    return (pred == label).double().where(~top.isnan(), torch.nan)


def bin_numbers(value: Tensor, bins: int = BINS, kind: str = "equal_width") -> Tensor:
    """Bin 0..bins-1 of each value (N,) in [0, 1], int64.

    ``equal_width``: bin b holds b / bins < v <= (b + 1) / bins, the first one also v = 0 (Guo et al. 2017, section 2).
    Edges are rounded as the values are: the float32 nearest to 14 / 15 is above it, and belongs below the edge.
    ``equal_mass``: by rank, so that bins differ by one sample at most; equal values stay together, in the bin of the
    first of them.

    Raises:
        ValueError: for another ``kind``, or no bins.
    """
    if bins < 1 or kind not in KINDS:
        raise ValueError(f"bins={bins}, kind={kind!r}: need 1 or more bins, and {' or '.join(KINDS)}.")
    if kind == "equal_width":
        edges = torch.arange(1, bins, dtype=torch.float64, device=value.device) / bins
        return torch.bucketize(value.contiguous(), edges.to(value.dtype))
    _, place, count = value.unique(return_inverse=True, return_counts=True)
    first = count.cumsum(0) - count  # rank of the first of equal values
    return first[place] * bins // len(value)


def reliability_bins(
    prob: Tensor, label: Tensor, bins: int = BINS, kind: str = "equal_width"
) -> tuple[Tensor, Tensor, Tensor]:
    """Number of samples, mean confidence and accuracy of each bin, float64 (bins,); 0 where a bin is empty.

    Source: Guo et al. 2017, "On calibration of modern neural networks", section 2.
    """
    confidence = prob.max(1).values
    return _bin_means(confidence, hits(prob, label), bin_numbers(confidence, bins, kind), bins)


def ece(prob: Tensor, label: Tensor, bins: int = BINS, kind: str = "equal_width") -> Tensor:
    """Expected calibration error: sum over bins of ``n_b / N |accuracy_b - confidence_b|`` (Guo et al. 2017, eq. 3)."""
    count, confidence, accuracy = reliability_bins(prob, label, bins, kind)
    return (count * (accuracy - confidence).abs()).sum() / count.sum()


def mce(prob: Tensor, label: Tensor, bins: int = BINS, kind: str = "equal_width") -> Tensor:
    """Maximum calibration error: the largest ``|accuracy_b - confidence_b|`` of a bin (Guo et al. 2017, eq. 5)."""
    _, confidence, accuracy = reliability_bins(prob, label, bins, kind)
    return (accuracy - confidence).abs().max()


def classwise_ece(prob: Tensor, label: Tensor, bins: int = BINS, kind: str = "equal_width") -> Tensor:
    """Mean over classes of the ECE of "is it class k", binned by p_k (Kull et al. 2019, section 2)."""
    truth = _one_hot(prob, label)
    gaps = []
    for k in range(prob.shape[1]):
        count, p, share = _bin_means(prob[:, k], truth[:, k], bin_numbers(prob[:, k], bins, kind), bins)
        gaps.append((count * (share - p).abs()).sum() / len(label))
    return torch.stack(gaps).mean()


def nll(prob: Tensor, label: Tensor) -> Tensor:
    """Mean of -log p of the true class, in nats."""
    return -prob.double().gather(1, label[:, None]).clamp_min(TINY).log().mean()


def brier(prob: Tensor, label: Tensor) -> Tensor:
    """Mean of sum_k (p_k - [k is true])^2, in 0..2 (Brier 1950); of two classes half of it, (p - y)^2, in 0..1.

    Half for two, as in scikit-learn: where one class is the positive one, that is what the name stands for.
    """
    return (prob.double() - _one_hot(prob, label)).square().sum(1).mean() * _brier_scale(prob)


def _brier_scale(prob: Tensor) -> float:
    return 0.5 if prob.shape[1] == 2 else 1.0


def brier_decomposition(prob: Tensor, label: Tensor, bins: int = BINS) -> dict[str, Tensor]:
    """Brier score = reliability - resolution + uncertainty + within, summed over classes, of two halved.

    For each class, samples are binned by p_k; with mean forecast p_b, frequency o_b and base rate o:
    reliability = sum n_b / N (p_b - o_b)^2, resolution = sum n_b / N (o_b - o)^2, uncertainty = o (1 - o). ``within``
    is what is left because forecasts of one bin differ; it is 0 where they do not.

    Source: Murphy 1973, "A new vector partition of the probability score"; Stephenson et al. 2008 for ``within``.
    """
    truth = _one_hot(prob, label)
    parts = torch.zeros(3, dtype=torch.float64, device=prob.device)
    for k in range(prob.shape[1]):
        count, p, share = _bin_means(prob[:, k], truth[:, k], bin_numbers(prob[:, k], bins), bins)
        weight, base = count / len(label), truth[:, k].mean()
        parts[0] += (weight * (p - share).square()).sum()
        parts[1] += (weight * (share - base).square()).sum()
        parts[2] += base * (1 - base)
    parts *= _brier_scale(prob)
    names = ("brier_reliability", "brier_resolution", "brier_uncertainty")
    within = brier(prob, label) - (parts[0] - parts[1] + parts[2])
    return dict(zip(names, parts.unbind(), strict=True)) | {"brier_within": within}


def calibration_scores(prob: Tensor, label: Tensor, bins: int = BINS) -> dict[str, Tensor]:
    """All measures of one set: name -> 0-dim float64. ``acc`` and ``aurc`` tell whether the ranking stayed."""
    return {
        "acc": hits(prob, label).mean(),
        "ece": ece(prob, label, bins),
        "ece_equal_mass": ece(prob, label, bins, "equal_mass"),
        "ece_classwise": classwise_ece(prob, label, bins),
        "mce": mce(prob, label, bins),
        "nll": nll(prob, label),
        "brier": brier(prob, label),
        **brier_decomposition(prob, label, bins),
        "aurc": risk_coverage(prob, label)[1].mean(),
    }


def risk_coverage(prob: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
    """Share of the samples kept, most confident first, and error among them: (N,) each (Geifman & El-Yaniv 2017).

    Of equally confident samples each counts the mean error of all of them: their order means nothing.
    """
    confidence, wrong = prob.max(1).values, 1 - hits(prob, label)
    _, place, count = confidence.unique(return_inverse=True, return_counts=True)
    wrong = (torch.zeros_like(count, dtype=wrong.dtype).index_add_(0, place, wrong) / count)[place]
    wrong = wrong[confidence.argsort(descending=True)]
    covered = torch.arange(1, len(label) + 1, dtype=torch.float64, device=prob.device)
    return covered / len(label), wrong.cumsum(0) / covered


def ece_of_perfect(prob: Tensor, bins: int = BINS, draws: int = 200, seed: int = 0) -> tuple[float, float]:
    """Mean and 95 % quantile of the ECE that a perfectly calibrated model with these confidences would show.

    ECE is never negative, so N samples give one above 0 by chance alone: hits are drawn with the confidence as their
    probability (Vaicenavicius et al. 2019, consistency resampling).
    """
    confidence = prob.max(1).values.cpu()
    number = bin_numbers(confidence, bins)
    generator = torch.Generator().manual_seed(seed)
    eces = []
    for _ in range(draws):
        hit = (torch.rand(len(confidence), generator=generator) < confidence.double()).double()
        count, mean, share = _bin_means(confidence, hit, number, bins)
        eces.append((count * (share - mean).abs()).sum() / len(confidence))
    values = torch.stack(eces)
    return float(values.mean()), float(values.quantile(0.95))


def _one_hot(prob: Tensor, label: Tensor) -> Tensor:
    broken = prob.isnan().any(1, keepdim=True)
    return F.one_hot(label, prob.shape[1]).double().masked_fill(broken, torch.nan)


def _bin_means(value: Tensor, hit: Tensor, number: Tensor, bins: int) -> tuple[Tensor, Tensor, Tensor]:
    value = value.double()
    sums = torch.zeros(3, bins, dtype=torch.float64, device=value.device)
    sums.index_add_(1, number, torch.stack([torch.ones_like(value), value, hit]))
    return sums[0], sums[1] / sums[0].clamp_min(1), sums[2] / sums[0].clamp_min(1)
