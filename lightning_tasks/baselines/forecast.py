"""Forecasts of the next day without a network: naive ones, and linear models of the same inputs."""

from typing import Any

import numpy as np
import torch
from sklearn.linear_model import Ridge
from torch import Tensor

from lightning_tasks.measures.forecast import forecast_scores

ALPHAS = np.logspace(-1, 4, 11)
DAY, WEEK = 24, 168


def forecast_baselines(datamodule: Any, naive_mae: Tensor) -> dict[str, dict[str, float]]:
    """Scores on the test part: name -> metrics.

    ``same hour yesterday`` is the seasonal naive forecast; as no consumption that is younger than 24 hours may be used,
    it is persistence, too. ``last week`` is the naive forecast of a week. ``linear regression`` reads the inputs of the
    hour alone. ``ridge`` has a model for each hour of the day, which also reads the means of the inputs over a day and
    over the window; its penalty is chosen on the validation part. ``best possible`` stands there for simulated data.

    Args:
        datamodule: Set up; gives ``inputs`` and ``target`` by part, and the series ``gas`` (N, 24) of all days.
        naive_mae: (), scale of MASE.
    """
    pool, rows = datamodule.pools[datamodule.pool_of("test")], datamodule.parts["test"]
    parts = {part: datamodule.arrays(part) for part in ("train", "val", "test")}
    target = parts["test"]["target"]
    forecasts = {
        "same hour yesterday": earlier(pool["gas"], rows, DAY),
        "last week": earlier(pool["gas"], rows, WEEK),
        "linear regression": linear(parts),
        "ridge": ridge(parts),
    }
    if "best" in pool:
        forecasts["best possible"] = torch.from_numpy(pool["best"][rows]).float()
    return {
        name: {k: float(v) for k, v in forecast_scores(pred, target, naive_mae).items()}
        for name, pred in forecasts.items()
    }


def earlier(series: np.ndarray, rows: np.ndarray, hours: int) -> Tensor:
    """The value ``hours`` before, or where it is missing that of as many hours before it; float32 (n, 24)."""
    back = hours // DAY
    values = series[rows - back].copy()
    for times in range(2, 8):
        place = rows - times * back
        gap = np.isnan(values) & (place >= 0)[:, None]
        values[gap] = series[np.maximum(place, 0)][gap]
    return torch.from_numpy(np.nan_to_num(values, nan=np.nanmean(series[rows - back]))).float()


def linear(parts: dict[str, dict[str, Tensor]]) -> Tensor:
    """Least squares on the inputs of each hour, (n, 24)."""
    x, y = (parts["train"][key].double() for key in ("inputs", "target"))
    x, y = x[:, -DAY:].flatten(0, 1).numpy(), y.flatten().numpy()
    model = Ridge(1e-6).fit(x[~np.isnan(y)], y[~np.isnan(y)])  # columns that sum to one have no unique solution
    new = parts["test"]["inputs"][:, -DAY:]
    return torch.from_numpy(model.predict(new.flatten(0, 1).double().numpy())).view(new.shape[:2]).float()


def ridge(parts: dict[str, dict[str, Tensor]]) -> Tensor:
    """A ridge regression for each hour of the day, (n, 24); one penalty for all, the best on the validation part."""
    x = {part: design(arrays["inputs"]) for part, arrays in parts.items()}
    y = {part: arrays["target"].double().numpy() for part, arrays in parts.items()}
    mean, std = x["train"].mean((0, 1)), x["train"].std((0, 1))
    x = {part: (values - mean) / np.where(std > 0, std, 1) for part, values in x.items()}
    errors = [np.nanmean((hourly(x, y, alpha, "val") - y["val"]) ** 2) for alpha in ALPHAS]
    return torch.from_numpy(hourly(x, y, float(ALPHAS[int(np.argmin(errors))]), "test")).float()


def hourly(x: dict[str, np.ndarray], y: dict[str, np.ndarray], alpha: float, part: str) -> np.ndarray:
    """Forecasts (n, 24) of a part by 24 models of the train part."""
    out = np.empty(x[part].shape[:2])
    for hour in range(DAY):
        known = ~np.isnan(y["train"][:, hour])
        model = Ridge(alpha).fit(x["train"][known, hour], y["train"][known, hour])
        out[:, hour] = model.predict(x[part][:, hour])
    return out


def design(inputs: Tensor) -> np.ndarray:
    """(n, 24, 3 F): the inputs of an hour, their mean over the day up to it, and over the window up to it."""
    total = torch.nn.functional.pad(inputs.double().cumsum(1), (0, 0, 1, 0))  # (n, T + 1, F)
    steps = inputs.shape[1]
    end = torch.arange(steps - DAY, steps) + 1
    day = (total[:, end] - total[:, (end - DAY).clamp(min=0)]) / end.clamp(max=DAY)[:, None]
    return torch.cat([inputs[:, end - 1].double(), day, total[:, end] / end[:, None]], 2).numpy()
