"""Figures of forecasts of a day: the series with intervals, errors by the hour, shares below quantiles."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from .style import COLORS

DAYS = 14


def days_figure(forecast: Tensor, target: Tensor, levels: Sequence[float]) -> Figure:
    """Stretches of ``DAYS`` days, the first ones and, of more, some in the middle: truth, point forecast and intervals.

    Args:
        forecast: (N, 24, 1 + Q), the point and then the quantiles; days in order.
        target: (N, 24), NaN where it is missing.
        levels: Q levels.
    """
    starts = [0] if len(target) <= DAYS else [0, max(DAYS, len(target) // 2 - DAYS // 2)]
    figure = Figure(figsize=(12, 0.5 + 2.8 * len(starts)), layout="constrained")
    for axis, start in zip(figure.subplots(len(starts), squeeze=False)[:, 0], starts, strict=True):
        days = slice(start, start + DAYS)
        part, truth = forecast[days].flatten(0, 1).numpy(), target[days].flatten().numpy()
        x = start + np.arange(len(truth)) / target.shape[1]
        for i in range(len(levels) // 2):
            name = f"{100 * (levels[-1 - i] - levels[i]):.0f} % interval"
            axis.fill_between(x, part[:, 1 + i], part[:, -1 - i], color=COLORS[2], alpha=0.25 + 0.2 * i, label=name)
        axis.plot(x, truth, color=COLORS[0], linewidth=1, label="truth")
        axis.plot(x, part[:, 0], color=COLORS[4], linewidth=1, label="forecast")
        axis.set(xlabel="days of the part", ylabel="gas in m3 an hour", xlim=(x[0], x[-1]))
        axis.grid(alpha=0.3)
    handles, names = axis.get_legend_handles_labels()
    figure.legend(handles, names, fontsize=8, ncols=len(names), loc="outside upper center")
    return figure


def hours_figure(pred: Tensor, target: Tensor) -> Figure:
    """Mean absolute error and mean error by hour of the day, beside the mean truth; (N, 24) each."""
    error, truth = (pred - target).numpy(), target.numpy()
    hours = np.arange(1, target.shape[1] + 1)
    figure = Figure(figsize=(8, 4), layout="constrained")
    axis = figure.subplots()
    axis.bar(hours, np.nanmean(np.abs(error), 0), color=COLORS[2], label="mean absolute error")
    axis.plot(hours, np.nanmean(error, 0), color=COLORS[4], marker=".", label="mean error")
    axis.plot(hours, np.nanmean(truth, 0), color=COLORS[0], linestyle=":", label="mean consumption")
    axis.axhline(0, color=COLORS[8], linewidth=0.8)
    axis.set(xlabel="hour of the day", ylabel="m3 an hour", xticks=hours)
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8)
    return figure


def levels_figure(levels: Sequence[float], below: Sequence[float]) -> Figure:
    """Share of the truth below each quantile over the quantile's level; calibrated forecasts lie on the diagonal."""
    figure = Figure(figsize=(4.5, 4.5), layout="constrained")
    axis = figure.subplots()
    axis.plot([0, 1], [0, 1], ":", color=COLORS[8], label="calibrated")
    axis.plot(levels, below, marker="o", color=COLORS[7], label="forecast")
    axis.set(xlabel="level of the quantile", ylabel="share of the truth below it", xlim=(0, 1), ylim=(0, 1))
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8)
    return figure
