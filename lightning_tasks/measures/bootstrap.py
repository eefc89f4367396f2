"""Bootstrap intervals over independent units, and exact ones of shares, where few units leave it nothing to draw."""

import math
from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from torch import Tensor

from lightning_tasks.common.units import FEW_POSITIVES, FEW_UNITS

from .binary import MIN_TPR, RANKING
from .calibration import AT_MOST_ONE, BIASED

MOST_BIAS = 1 / (math.sqrt(2) - 1)  # of a score, in biases that its draws show
FEW_CASES = 10  # of one kind: a share of fewer is too skewed to be resampled (the rule n p >= 10 of the normal law)


def bootstrap(
    score, rows: dict[str, Tensor], draws: int = 200, seed: int = 0, counted: dict[str, Tensor] | None = None
) -> dict[str, tuple[float, float]]:
    """95 % percentile intervals of ``score(rows)`` over the independent unit.

    The unit is the ``group`` (patient, site) where rows carry one with at least two values, else the sample.
    Draws in which a metric is undefined (NaN) are left out of its interval. Below ``FEW_UNITS`` units the percentiles
    are moved outwards by what the interval of a mean lacks there: Student's t for the normal law, and n / (n - 1).
    Which units count is what ``units_behind`` says. A partial AUC with fewer than ``FEW_POSITIVES`` of the rarer class
    gets ``logit_interval``, because it reads the lowest fifth of the positives alone. Those of ``BIASED`` measures are
    moved by the bias that the draws show (``unbiased_interval``).

    Args:
        score: Function of rows, returning name -> value.
        rows: Name -> tensor (N, ...).
        draws: Number of resamples.
        seed: Seed of the resamples.
        counted: Of scores that read a part of the rows only: name -> which of them, bool (N,).

    Returns:
        Name -> (low, high).

    Source: Efron & Tibshirani, An Introduction to the Bootstrap (1993), section 13.3; Hesterberg 2015, "What teachers
    should know about the bootstrap", section 4.5 (expanded percentiles).
    """
    values, units = replicates(score, rows, draws, seed), units_behind(rows, counted)
    is_partial = "pauc" in values and 2 <= units("pauc") < FEW_POSITIVES
    whole = score(rows) if is_partial or any(map(is_biased, values)) else {}

    def interval(name: str, drawn: np.ndarray) -> tuple[float, float]:
        if is_biased(name):
            most = 1.0 if name.rpartition("/")[2] in AT_MOST_ONE else math.inf
            return unbiased_interval(float(whole[name]), drawn, tail(units(name)), most)
        if name == "pauc" and is_partial:
            return logit_interval(float(whole[name]), drawn, units(name), 1 - MIN_TPR)
        return _interval(drawn, tail(units(name)))

    return {name: interval(name, drawn) for name, drawn in values.items()}


def replicates(score, rows: dict[str, Tensor], draws: int, seed: int = 0) -> dict[str, np.ndarray]:
    """``score`` of each resample, name -> (draws,): which units are drawn depends on their number and ``seed`` alone.

    Args:
        score: As in ``bootstrap``.
        rows: As in ``bootstrap``.
        draws: Number of resamples.
        seed: Seed of the resamples.
    """
    rng = np.random.default_rng(seed)
    units = members(rows)
    values: dict[str, list[float]] = {}
    for _ in range(draws):
        chosen = np.concatenate([units[i] for i in rng.integers(len(units), size=len(units))])
        index = torch.from_numpy(chosen).to(next(iter(rows.values())).device)
        for name, value in score({key: tensor[index] for key, tensor in rows.items()}).items():
            values.setdefault(name, []).append(float(value))
        if not values:  # nothing that may be resampled
            break
    return {name: np.array(drawn) for name, drawn in values.items()}


def paired(
    first: dict[str, np.ndarray], second: dict[str, np.ndarray], units: Callable[[str], int]
) -> dict[str, tuple[float, float]]:
    """95 % intervals of ``second - first``, both from ``replicates`` of the same units: name -> (low, high).

    What makes samples easy or hard for both cancels, so that they are narrower than intervals of the two scores
    suggest. ``BIASED`` scores are left out: how much of the bias cancels is not known.

    Args:
        first: Replicates of one score.
        second: Of the other one, in the same resamples.
        units: As ``units_behind`` gives it.

    Source: Efron & Tibshirani, An Introduction to the Bootstrap (1993), section 8.3 (paired data).
    """
    both = [name for name in first if name in second and not is_biased(name)]
    return {name: _interval(second[name] - first[name], tail(units(name))) for name in both}


def is_biased(name: str) -> bool:
    """Whether a score, perhaps with what it is of before a slash, is one of ``BIASED``."""
    return name.rpartition("/")[2] in BIASED


def is_ranking(name: str) -> bool:
    """Whether a score, perhaps of one stratum, is read from a ranking of two classes."""
    return name.startswith("auroc_") or name.rpartition("/")[2] in RANKING


def units_behind(rows: dict[str, Tensor], counted: dict[str, Tensor] | None = None) -> Callable[[str], int]:
    """Name of a score -> independent units that its interval goes by.

    Those of the rows that it reads, where ``counted`` (as in ``bootstrap``) says that it reads a part; of a ranking
    score those of the rarer class among them.
    """

    @cache
    def units(name: str) -> int:
        part = {k: v[counted[name].to(v.device)] for k, v in rows.items()} if counted and name in counted else rows
        return rarer_units(part) if is_ranking(name) else len(members(part))

    return units


def rarer_units(rows: dict[str, Tensor]) -> int:
    """Independent units that hold a sample of the rarer of two classes; of other rows all units.

    A ranking score is a mean over pairs of both, and spreads as one over the fewer of them.
    """
    if "label" not in rows or rows["label"].ndim != 1:
        return len(members(rows))
    label = rows["label"].cpu()
    groups = rows["group"].cpu() if "group" in rows else torch.zeros_like(label)
    groups = groups if len(groups.unique()) > 1 else torch.arange(len(label))
    return min(len(groups[label == kind].unique()) for kind in (0, 1))


def logit_interval(value: float, drawn: np.ndarray, units: int, most: float) -> tuple[float, float]:
    """Student's interval of the logit of ``value / most``, whose spread is that of the draws.

    Args:
        value: The score of all rows.
        drawn: Its values in the draws.
        units: Independent ones behind it.
        most: The largest value that the score can have. Within a thousandth of it, and of 0, all count as equal.

    Source: Pepe, The Statistical Evaluation of Medical Tests for Classification and Prediction (2003), section 5.2, for
    the logit of an area.
    """
    from scipy.stats import t as student  # here: few evaluations need it

    def logit(x: np.ndarray) -> np.ndarray:
        share = np.clip(x / most, 1e-3, 1 - 1e-3)
        return np.log(share / (1 - share))

    half = float(student.ppf(0.975, units - 1)) * math.sqrt(units / (units - 1)) * np.nanstd(logit(drawn), ddof=1)
    centre = float(logit(np.array(value)))
    low, high = (most / (1 + math.exp(-end)) for end in (centre - half, centre + half))
    return (low, high) if half > 0 else (value, value)


def unbiased_interval(value: float, drawn: np.ndarray, cut: float, most: float = math.inf) -> tuple[float, float]:
    """Percentiles of the draws, moved by their bias and then by as much as the bias of ``value`` itself can be.

    The draws are too large by b on average, as ``value`` is by its own bias: between 0 and ``MOST_BIAS`` b. So the
    truth lies from b to (1 + ``MOST_BIAS``) b below the draws, and the interval holds both ends. What cannot be
    negative stays so. ``value`` is in it.

    Args:
        value: The score of all rows.
        drawn: Its values in the draws.
        cut: Share of the draws that is cut off on each side.
        most: The largest value that the score can have.

    Source: Efron & Tibshirani 1993, section 10.6, for b. For a mean of absolute differences, such as the calibration
    error, E|Z + Z'| - E|Z| = (sqrt 2 - 1) E|Z| where there is no difference in truth: b is least beside its bias there.
    """
    bias = float(np.nanmean(drawn)) - value if np.isfinite(drawn).any() else math.nan
    low, high = _interval(drawn, cut)
    ends = (bias, (1 + MOST_BIAS) * bias)
    low, high = low - max(ends), min(high - min(ends), most)
    return (max(low, 0.0), high) if np.nanmin(drawn, initial=0) >= 0 else (low, high)


def tail(units: int) -> float:
    """Share of the draws that is cut off on each side: 0.025, less where there are few units."""
    if not 2 <= units < FEW_UNITS:
        return 0.025
    from scipy.stats import norm  # here: few evaluations need it
    from scipy.stats import t as student

    return float(norm.cdf(student.ppf(0.025, units - 1) * math.sqrt(units / (units - 1))))


def exact_share(value: float, n: int, units: int) -> tuple[float, float] | None:
    """95 % interval of a share of ``n`` samples in ``units`` independent ones, or None where the bootstrap serves.

    It does not where fewer than ``FEW_CASES`` samples are on one side: with none there all draws are equal. Dependent
    samples get one only where all are on one side, as if each unit were one sample. Cautious: it covers 95 % or more.

    Source: Clopper & Pearson 1934, "The use of confidence or fiducial limits illustrated in the case of the binomial".
    """
    if not math.isfinite(value) or (units < n and value not in (0.0, 1.0)):
        return None
    hit = round(value * units)
    if abs(value * units - hit) > 1e-3 or min(hit, units - hit) >= FEW_CASES or not units:
        return None
    from scipy.stats import beta

    low = float(beta.ppf(0.025, hit, units - hit + 1)) if hit else 0.0
    high = float(beta.ppf(0.975, hit + 1, units - hit)) if hit < units else 1.0
    return low, high


def members(rows: dict[str, Tensor]) -> list[np.ndarray]:
    """Row numbers of each independent unit."""
    size = len(next(iter(rows.values())))
    if "group" in rows:
        groups = rows["group"].cpu().numpy()
        units = [np.flatnonzero(groups == g) for g in np.unique(groups)]
        if len(units) > 1:
            return units
    return list(np.arange(size)[:, None])


def _interval(values: np.ndarray, tail: float) -> tuple[float, float]:
    values = values[np.isfinite(values)]
    if not len(values):
        return (float("nan"), float("nan"))
    low, high = np.percentile(values, [100 * tail, 100 * (1 - tail)])
    return (float(low), float(high))
