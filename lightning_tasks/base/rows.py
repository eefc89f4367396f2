"""Per-sample results of an epoch, gathered over devices, from which every metric is computed once."""

import numpy as np
import torch
from torch import Tensor
from torchmetrics import Metric

Scores = dict[str, float]


class Rows(Metric):
    """Collect tensors with one row a sample; ``compute`` gives them concatenated over batches and devices.

    Metrics need the whole set (the mean of batch AUROCs is not the AUROC), bootstrap intervals need single
    samples, and folds are pooled by concatenation: all three read the same rows.

    Args:
        names: Names of the tensors; every ``update`` gives exactly these.
    """

    full_state_update = False

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__()
        self.names = names
        self._axes: dict[str, torch.Size] = {}  # all but the first
        for name in names:
            self.add_state(name, default=[], dist_reduce_fx="cat")

    def update(self, **tensors: Tensor) -> None:
        """Append one batch; no arithmetic and no host synchronisation."""
        for name in self.names:
            getattr(self, name).append(tensors[name].detach())
            self._axes[name] = tensors[name].shape[1:]

    def whole(self) -> dict[str, Tensor]:
        """What ``compute`` gives, with all axes: torchmetrics takes them away from tensors with one element."""
        return {name: value.reshape(-1, *self._axes[name]) for name, value in self.compute().items()}

    def compute(self) -> dict[str, Tensor]:
        """Name -> tensor (N, ...) in float32 or integer, on the device."""
        rows = {}
        for name in self.names:
            state = getattr(self, name)
            value = torch.cat(state) if isinstance(state, list) else state
            rows[name] = value.float() if value.is_floating_point() else value
        return rows


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
    return {name: _interval(np.array(found)) for name, found in values.items()}


def members(rows: dict[str, Tensor]) -> list[np.ndarray]:
    """Row numbers of each independent unit."""
    size = len(next(iter(rows.values())))
    if "group" in rows:
        groups = rows["group"].cpu().numpy()
        found = [np.flatnonzero(groups == g) for g in np.unique(groups)]
        if len(found) > 1:
            return found
    return list(np.arange(size)[:, None])


def _interval(values: np.ndarray) -> tuple[float, float]:
    values = values[np.isfinite(values)]
    if not len(values):
        return (float("nan"), float("nan"))
    low, high = np.percentile(values, [2.5, 97.5])
    return (float(low), float(high))
