"""Bootstrap intervals over independent units."""

import numpy as np
import torch
from torch import Tensor


def bootstrap(score, rows: dict[str, Tensor], draws: int = 200, seed: int = 0) -> dict[str, tuple[float, float]]:
    """95 % percentile intervals of ``score(rows)`` over the independent unit.

    The unit is the ``group`` (patient, site) where rows carry one with at least two values, else the sample.
    Draws in which a metric is undefined (NaN) are left out of its interval.

    Args:
        score: Function of rows, returning name -> value.
        rows: Name -> tensor (N, ...).
        draws: Number of resamples.
        seed: Seed of the resamples.

    Returns:
        Name -> (low, high).

    Source: Efron & Tibshirani, An Introduction to the Bootstrap (1993), section 13.3.
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
    return {name: _interval(np.array(replicates)) for name, replicates in values.items()}


def members(rows: dict[str, Tensor]) -> list[np.ndarray]:
    """Row numbers of each independent unit."""
    size = len(next(iter(rows.values())))
    if "group" in rows:
        groups = rows["group"].cpu().numpy()
        units = [np.flatnonzero(groups == g) for g in np.unique(groups)]
        if len(units) > 1:
            return units
    return list(np.arange(size)[:, None])


def _interval(values: np.ndarray) -> tuple[float, float]:
    values = values[np.isfinite(values)]
    if not len(values):
        return (float("nan"), float("nan"))
    low, high = np.percentile(values, [2.5, 97.5])
    return (float(low), float(high))
