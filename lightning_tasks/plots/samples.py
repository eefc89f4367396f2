"""Made samples beside real ones: points by the component they belong to, and shares of classes."""

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from lightning_tasks.measures.modes import Mixture, components_of

from .style import PALETTE

SHOWN = 2000  # points a side
NONE = "#BBBBBB"


def modes_figure(real: Tensor, fake: Tensor, mixture: Mixture) -> Figure:
    """Points (N, D) of the data and of the model, D of 1 to 3, coloured by true component; gray belongs to none."""
    dims = real.shape[1]
    figure = Figure(figsize=(9, 4.4), layout="constrained")
    for place, (name, points) in enumerate({"data": real, "samples": fake}.items(), 1):
        points = points[:SHOWN].float().cpu()
        component = components_of(points, Mixture(*(part.cpu() for part in mixture)))
        colors = np.array([*PALETTE, NONE])[np.where(component >= 0, component % len(PALETTE), -1)]
        axis = figure.add_subplot(1, 2, place, projection="3d" if dims == 3 else None)
        columns = points.T if dims > 1 else [points[:, 0], np.zeros(len(points))]
        axis.scatter(*(np.asarray(column) for column in columns), s=4, c=colors)
        low, high = real.min(0).values.cpu(), real.max(0).values.cpu()
        room = 0.2 * (high - low)
        for letter, a, b in zip("xyz", low - room, high + room, strict=False):
            getattr(axis, f"set_{letter}lim")(float(a), float(b))
        axis.set_title(f"{name}: {int((component >= 0).sum())} of {len(points)} in a component", fontsize=9)
    return figure


def shares_figure(real: Tensor, fake: Tensor, names: list[str]) -> Figure:
    """Share of each class among real pictures and among samples, as the classifier sees both; labels (N,) int64."""
    figure = Figure(figsize=(7, 3.2), layout="constrained")
    axis = figure.subplots()
    at = np.arange(len(names))
    for shift, (name, label, color) in enumerate((("data", real, "#999999"), ("samples", fake, "#0072B2"))):
        share = np.bincount(label.cpu().numpy(), minlength=len(names)) / len(label)
        axis.bar(at + 0.4 * shift - 0.2, share, 0.4, label=name, color=color)
    axis.set_xticks(at, names, rotation=30 if max(map(len, names)) > 3 else 0, fontsize=8)
    axis.set(ylabel="share")
    axis.legend(fontsize=8)
    return figure


def errors_figure(step: Tensor, error: Tensor, target: str, bins: int = 20) -> Figure:
    """Mean squared error (N,) of a ``target``, such as the noise, over the step int64 (N,)."""
    step, error = step.cpu().numpy(), error.float().cpu().numpy()
    edges = np.linspace(step.min(), step.max() + 1, bins + 1)
    number = np.digitize(step, edges) - 1
    centres = [step[number == i].mean() for i in range(bins) if (number == i).any()]
    means = [error[number == i].mean() for i in range(bins) if (number == i).any()]
    figure = Figure(figsize=(6, 3.2), layout="constrained")
    axis = figure.subplots()
    axis.plot(centres, means, ".-", color="#0072B2")
    axis.set(xlabel="step t", ylabel=f"mean squared error of the {target}", ylim=(0, None))
    axis.grid(alpha=0.3)
    return figure
