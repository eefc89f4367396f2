"""Scores of predicted numbers over a whole set, in float64.

N samples, D numbers each; for D above 1 a score is the mean over the D columns.
"""

import torch
from torch import Tensor


def regression_scores(pred: Tensor, target: Tensor) -> dict[str, Tensor]:
    """``r2``, ``rmse`` and ``mae``.

    R^2 = 1 - sum (y - p)^2 / sum (y - mean y)^2, NaN for a target that does not vary; 0 is the mean of the scored
    set, and below 0 a prediction is worse than that mean.

    Args:
        pred: float (N,) or (N, D).
        target: float, of the same shape.

    Raises:
        ValueError: Shapes that differ, or no samples.
    """
    if pred.shape != target.shape or not len(pred):
        raise ValueError(f"pred {tuple(pred.shape)} and target {tuple(target.shape)}: need the same shape, not empty.")
    p, y = pred.double().view(len(pred), -1), target.double().view(len(target), -1)
    error = (y - p).square().sum(0)
    spread = (y - y.mean(0)).square().sum(0)
    r2 = torch.where(spread > 0, 1 - error / spread, torch.full_like(spread, torch.nan))
    return {"r2": r2.mean(), "rmse": (error / len(y)).sqrt().mean(), "mae": (y - p).abs().mean()}
