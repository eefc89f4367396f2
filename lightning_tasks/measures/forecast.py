"""Scores of forecasts of a series, in float64; NaN in a target is a missing value and is not scored.

Letters: N samples, S steps each, Q quantiles.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from .regression import regression_scores


def forecast_scores(pred: Tensor, target: Tensor, naive_mae: Tensor) -> dict[str, Tensor]:
    """``r2``, ``rmse``, ``mae``, ``mase`` and ``wape`` over all known steps of all samples as one set.

    MASE = MAE / MAE of the seasonal naive forecast on the training part (Hyndman & Koehler 2006, "Another look at
    measures of forecast accuracy", section 3): below 1 is better than that. Samples of several folds have the scale of
    the training part that their forecast comes from, each. ``WAPE = sum |y - p| / sum |y|``.

    Args:
        pred: float (N, S).
        target: float (N, S), NaN where it is missing.
        naive_mae: (N,) or (), scale of MASE, in the target's units.
    """
    known = ~target.isnan()
    scaled = (pred.double() - target.double()).abs() / naive_mae.double().expand(len(target))[:, None]
    scores = regression_scores(pred[known], target[known])
    total = target[known].double().abs().mean()
    return {**scores, "mase": scaled[known].mean(), "wape": scores["mae"] / total}


def pinball(quantiles: Tensor, target: Tensor, levels: Sequence[float]) -> Tensor:
    """Mean pinball loss: max(q (y - p), (q - 1) (y - p)) over known steps and quantiles.

    Source: Koenker & Bassett 1978, "Regression Quantiles".

    Args:
        quantiles: float (..., Q).
        target: float (...), NaN where it is missing.
        levels: Q numbers in (0, 1).
    """
    error = target.nan_to_num()[..., None] - quantiles
    q = torch.as_tensor(levels, dtype=quantiles.dtype, device=quantiles.device)
    loss = torch.maximum(q * error, (q - 1) * error).mean(-1)
    return masked_mean(loss, target)


def masked_mean(values: Tensor, target: Tensor) -> Tensor:
    """Mean of values (...) where the target (...) is known; 0 with a gradient where none is."""
    known = ~target.isnan()
    return torch.where(known, values, 0.0).sum() / known.sum().clamp(min=1)


def interval_scores(quantiles: Tensor, target: Tensor, levels: Sequence[float]) -> dict[str, Tensor]:
    """``pinball``, and for each pair of quantiles ``coverage_<percent>`` and ``width_<percent>``.

    Coverage is the share of targets from the lower to the upper quantile; it should be the pair's distance in levels.

    Args:
        quantiles: float (N, S, Q), in order.
        target: float (N, S), NaN where it is missing.
        levels: Q numbers in (0, 1), in order; the first and the last are a pair, and so on.
    """
    y, q = target.double(), quantiles.double()
    scores = {"pinball": pinball(q, y, levels)}
    for i in range(len(levels) // 2):
        low, high = q[..., i], q[..., -1 - i]
        name = f"{100 * (levels[-1 - i] - levels[i]):.0f}"
        held = ((y >= low) & (y <= high)).double().masked_fill(low.isnan() | high.isnan(), torch.nan)
        scores[f"coverage_{name}"] = masked_mean(held, y)
        scores[f"width_{name}"] = masked_mean(high - low, y)
    return scores
