"""Bootstrap intervals over independent units, and exact ones of shares, where few units leave it nothing to draw."""

import math

import numpy as np
import torch
from torch import Tensor

from lightning_tasks.common.units import FEW_UNITS

from .calibration import BIASED

MOST_BIAS = 1 / (math.sqrt(2) - 1)  # of a score, in biases that its draws show
FEW_CASES = 10  # of one kind: a share of fewer is too skewed to be resampled (the rule n p >= 10 of the normal law)


def bootstrap(score, rows: dict[str, Tensor], draws: int = 200, seed: int = 0) -> dict[str, tuple[float, float]]:
    """95 % percentile intervals of ``score(rows)`` over the independent unit.

    The unit is the ``group`` (patient, site) where rows carry one with at least two values, else the sample.
    Draws in which a metric is undefined (NaN) are left out of its interval. Below ``FEW_UNITS`` units the percentiles
    are moved outwards by what the interval of a mean lacks there: Student's t for the normal law, and n / (n - 1).
    Those of ``BIASED`` measures are moved by the bias that the draws show (``unbiased_interval``).

    Args:
        score: Function of rows, returning name -> value.
        rows: Name -> tensor (N, ...).
        draws: Number of resamples.
        seed: Seed of the resamples.

    Returns:
        Name -> (low, high).

    Source: Efron & Tibshirani, An Introduction to the Bootstrap (1993), section 13.3; Hesterberg 2015, "What teachers
    should know about the bootstrap", section 4.5 (expanded percentiles).
    """
    values, cut = replicates(score, rows, draws, seed), tail(len(members(rows)))
    whole = score(rows) if any(map(is_biased, values)) else {}
    return {
        name: unbiased_interval(float(whole[name]), drawn, cut) if is_biased(name) else _interval(drawn, cut)
        for name, drawn in values.items()
    }


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


def paired(first: dict[str, np.ndarray], second: dict[str, np.ndarray], units: int) -> dict[str, tuple[float, float]]:
    """95 % intervals of ``second - first``, both from ``replicates`` of the same units: name -> (low, high).

    What makes samples easy or hard for both cancels, so that they are narrower than intervals of the two scores
    suggest. ``BIASED`` scores are left out: how much of the bias cancels is not known.

    Args:
        first: Replicates of one score.
        second: Of the other one, in the same resamples.
        units: Number of independent units.

    Source: Efron & Tibshirani, An Introduction to the Bootstrap (1993), section 8.3 (paired data).
    """
    both = [name for name in first if name in second and not is_biased(name)]
    return {name: _interval(second[name] - first[name], tail(units)) for name in both}


def is_biased(name: str) -> bool:
    """Whether a score, perhaps with what it is of before a slash, is one of ``BIASED``."""
    return name.rpartition("/")[2] in BIASED


def unbiased_interval(value: float, drawn: np.ndarray, cut: float) -> tuple[float, float]:
    """Percentiles of the draws, moved by their bias and then by as much as the bias of ``value`` itself can be.

    The draws are too large by b on average, as ``value`` is by its own bias: between 0 and ``MOST_BIAS`` b. So the
    truth lies from b to (1 + ``MOST_BIAS``) b below the draws, and the interval holds both ends. What cannot be
    negative stays so. ``value`` is in it.

    Args:
        value: The score of all rows.
        drawn: Its values in the draws.
        cut: Share of the draws that is cut off on each side.

    Source: Efron & Tibshirani 1993, section 10.6, for b. For a mean of absolute differences, such as the calibration
    error, E|Z + Z'| - E|Z| = (sqrt 2 - 1) E|Z| where there is no difference in truth: b is least beside its bias there.
    """
    bias = float(np.nanmean(drawn)) - value if np.isfinite(drawn).any() else math.nan
    low, high = _interval(drawn, cut)
    ends = (bias, (1 + MOST_BIAS) * bias)
    low, high = low - max(ends), high - min(ends)
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
