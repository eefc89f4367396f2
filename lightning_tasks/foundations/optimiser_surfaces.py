"""Optimisers by name on surfaces in the plane: a saddle, a ravine, a bent valley, a bowl with noise (G6)."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import nn

from lightning_tasks.foundations.arrays import gap
from lightning_tasks.plots.style import PALETTE
from lightning_tasks.problems.exercise import Check, Scene, Table
from lightning_tasks.problems.optim import make_optimizer

RATES = (0.001, 0.01, 0.1)
STEPS = 200
NEAR = 0.1  # from a minimum: arrived
LATE = 50  # last steps, over whose mean a noisy path is judged
DECAY = 0.01
# Label -> name in timm's factory (its "momentum" is SGD without Nesterov's step) and arguments
NAMED = {
    "SGD": ("momentum", {"momentum": 0.0}),
    "momentum .9": ("momentum", {}),
    "Nesterov .9": ("sgd", {}),
    "RMSProp": ("rmsprop", {}),
    "Adam": ("adam", {}),
    "AdamW": ("adamw", {"weight_decay": DECAY}),
}


@dataclass(frozen=True)
class Surface:
    """A function of the plane.

    Args:
        name: Of the column.
        value: Points (..., 2) -> (...).
        gradient: Point (2,) -> (2,).
        start: Of every path.
        minima: (M, 2).
        extent: Left, right, bottom, top of the part that is drawn.
        noise: Standard deviation of what is added to each gradient.
    """

    name: str
    value: Callable[[np.ndarray], np.ndarray]
    gradient: Callable[[np.ndarray], np.ndarray]
    start: tuple[float, float]
    minima: tuple[tuple[float, float], ...]
    extent: tuple[float, float, float, float]
    noise: float = 0.0

    def distances(self, path: np.ndarray) -> np.ndarray:
        """(T,) from each point of a path (T, 2) to the nearest minimum; infinite where it is not finite."""
        with np.errstate(over="ignore", invalid="ignore"):
            far = np.linalg.norm(path[:, None] - np.array(self.minima), axis=2).min(1)
        return np.where(np.isfinite(far), far, np.inf)


SURFACES = (
    Surface(
        "saddle",
        lambda w: w[..., 0] ** 2 / 2 + w[..., 1] ** 4 / 4 - w[..., 1] ** 2 / 2,
        lambda w: np.array([w[0], w[1] ** 3 - w[1]]),
        (1.0, 1e-3),
        ((0.0, 1.0), (0.0, -1.0)),
        (-1.5, 1.5, -1.5, 1.5),
    ),
    Surface(
        "ravine",
        lambda w: (w[..., 0] ** 2 + 50 * w[..., 1] ** 2) / 2,
        lambda w: np.array([1.0, 50.0]) * w,
        (1.7, 0.6),
        ((0.0, 0.0),),
        (-2.0, 2.0, -1.0, 1.0),
    ),
    Surface(
        "valley",  # Rosenbrock's, flattened: bent, with a minimum at (1, 1)
        lambda w: (1 - w[..., 0]) ** 2 + 10 * (w[..., 1] - w[..., 0] ** 2) ** 2,
        lambda w: np.array([-2 * (1 - w[0]) - 40 * w[0] * (w[1] - w[0] ** 2), 20 * (w[1] - w[0] ** 2)]),
        (-1.2, 1.0),
        ((1.0, 1.0),),
        (-2.0, 2.0, -1.0, 3.0),
    ),
    Surface(
        "noise",
        lambda w: (w**2).sum(-1) / 2,
        lambda w: w,
        (1.5, 1.0),
        ((0.0, 0.0),),
        (-2.0, 2.0, -2.0, 2.0),
        noise=1.0,
    ),
)


def walk_by_name(surface: Surface, name: str, lr: float, steps: int = STEPS, seed: int = 0, **options) -> np.ndarray:
    """Path (steps + 1, 2) of an optimiser of timm's factory; the noise of a seed is the same for all optimisers.

    Raises:
        ValueError: An unknown optimiser.
    """
    holder = nn.Module()
    holder.w = nn.Parameter(torch.tensor([surface.start], dtype=torch.float64))  # a matrix: vectors get no decay
    optimizer = make_optimizer(holder, name, lr, options.pop("weight_decay", 0.0), **options)
    noise = surface.noise * np.random.default_rng(seed).normal(size=(steps, 2))
    path = [np.array(surface.start)]
    with np.errstate(over="ignore", invalid="ignore"):  # a path that diverges is a result
        for step in range(steps):
            gradient = surface.gradient(path[-1]) + noise[step]
            holder.w.grad = torch.from_numpy(gradient[None].copy())
            optimizer.step()
            path.append(holder.w.detach().numpy()[0].copy())
    return np.array(path)


def arrival(surface: Surface, path: np.ndarray) -> int | None:
    """First step within ``NEAR`` of a minimum from which on the path stays there; None if there is none."""
    away = np.flatnonzero(surface.distances(path) >= NEAR)
    first = int(away[-1]) + 1 if len(away) else 0
    return first if first < len(path) else None


def merit(surface: Surface, path: np.ndarray) -> float:
    """The smaller the better: mean late distance under noise, else steps to arrive, and if none the last distance."""
    far = surface.distances(path)
    if surface.noise:
        return float(far[-LATE:].mean())
    steps = arrival(surface, path)
    return float(steps) if steps is not None else len(path) + float(far[-1])


class Comparison:
    """All optimisers on all surfaces, each at the rate of ``RATES`` that is best for it.

    Args:
        newer: More names of timm's factory.
        seed: Of the noise.

    Raises:
        ValueError: An unknown name.
    """

    def __init__(self, newer: tuple[str, ...] = ("lion", "adopt", "adan"), seed: int = 0) -> None:
        for name in newer:
            walk_by_name(SURFACES[0], name, RATES[0], steps=0)  # tells an unknown one before anything is computed
        optimisers = NAMED | {name: (name, {}) for name in newer}
        self.paths: dict[str, dict[str, tuple[float, np.ndarray]]] = {}
        for label, (name, options) in optimisers.items():
            self.paths[label] = {}
            for surface in SURFACES:
                tried = [(lr, walk_by_name(surface, name, lr, seed=seed, **options)) for lr in RATES]
                self.paths[label][surface.name] = min(tried, key=lambda pair, s=surface: merit(s, pair[1]))

    def table(self) -> Table:
        """Steps to arrive for good, and the rate that did it; under noise the mean distance at the end."""
        rows = []
        for label, paths in self.paths.items():
            row: list = [label]
            for surface in SURFACES:
                lr, path = paths[surface.name]
                steps, far = arrival(surface, path), surface.distances(path)
                late = f"{far[-LATE:].mean():.3f}"
                row.append(f"{late if surface.noise else steps if steps is not None else 'never'} (lr {lr:g})")
            rows.append(row)
        heads = [f"{s.name}: distance" if s.noise else f"{s.name}: steps" for s in SURFACES]
        rates = ", ".join(map(str, RATES))
        title = (
            f"Surfaces, best of lr {rates}: steps until within {NEAR} of a minimum for good, {STEPS} at most; "
            f"under noise the mean distance over the last {LATE}"
        )
        return Table(title, ["optimiser", *heads], rows)

    def quickest(self) -> dict[str, str]:
        """Surface -> optimiser with the best merit."""
        return {
            s.name: min(self.paths, key=lambda label, s=s: merit(s, self.paths[label][s.name][1])) for s in SURFACES
        }

    def scenes(self) -> list[Scene]:
        """Paths over contours, for the animation."""
        return [
            Scene(s.name, s.extent, heights(s), {label: paths[s.name][1] for label, paths in self.paths.items()})
            for s in SURFACES
        ]

    def figure(self) -> Figure:
        """Trajectories over contours, a panel a surface."""
        figure = Figure(figsize=(9.5, 8.4), layout="constrained")
        colors = dict(zip(self.paths, PALETTE, strict=False))
        for panel, scene in zip(figure.subplots(2, 2).flatten(), self.scenes(), strict=True):
            left, right, bottom, top = scene.extent
            x, y = np.linspace(left, right, scene.height.shape[1]), np.linspace(bottom, top, scene.height.shape[0])
            panel.contour(x, y, scene.height, levels=24, colors="#bbbbbb", linewidths=0.6)
            for label, path in scene.paths.items():
                panel.plot(*path.T, color=colors.get(label), linewidth=1.2, label=label)
            panel.set(title=scene.title, xlim=(left, right), ylim=(bottom, top))
        panel.legend(fontsize=7)
        return figure


def heights(surface: Surface, points: int = 80) -> np.ndarray:
    """(points, points) logarithms of heights above the lowest one: steps of contours that tell flat from steep."""
    left, right, bottom, top = surface.extent
    grid = np.stack(np.meshgrid(np.linspace(left, right, points), np.linspace(bottom, top, points)), -1)
    value = surface.value(grid)
    return np.log(value - value.min() + 0.02)


# ---- the same by their formulas ---------------------------------------------------------------------------------


def nesterov(w: np.ndarray, gradient: np.ndarray, state: dict, lr: float) -> np.ndarray:
    """Step lr (g + .9 v) with v = .9 v + g (Sutskever et al. 2013, as torch rearranges it)."""
    state["v"] = 0.9 * state.get("v", 0.0) + gradient
    return w - lr * (gradient + 0.9 * state["v"])


def adamw(w: np.ndarray, gradient: np.ndarray, state: dict, lr: float) -> np.ndarray:
    """Adam's step after w is made smaller by lr * decay (Loshchilov & Hutter 2019, algorithm 2)."""
    t = state["t"] = state.get("t", 0) + 1
    state["m"] = 0.9 * state.get("m", 0.0) + 0.1 * gradient
    state["s"] = 0.999 * state.get("s", 0.0) + 0.001 * gradient**2
    step = state["m"] / (1 - 0.9**t) / (np.sqrt(state["s"] / (1 - 0.999**t)) + 1e-8)
    return w * (1 - lr * DECAY) - lr * step


def lion(w: np.ndarray, gradient: np.ndarray, state: dict, lr: float) -> np.ndarray:
    """Sign of .9 m + .1 g; then m = .99 m + .01 g (Chen et al. 2023, algorithm 2)."""
    m = state.get("m", 0.0)
    state["m"] = 0.99 * m + 0.01 * gradient
    return w - lr * np.sign(0.9 * m + 0.1 * gradient)


def formula_checks() -> list[Check]:
    """The factory's optimisers against their formulas, 50 steps down the valley."""
    valley, checks = SURFACES[2], []
    for formula, (name, options) in ((nesterov, NAMED["Nesterov .9"]), (adamw, NAMED["AdamW"]), (lion, ("lion", {}))):
        w, state = np.array(valley.start), {}
        path = [w]
        for _ in range(50):
            w = formula(w, valley.gradient(w), state, 0.01)
            path.append(w)
        difference = gap(walk_by_name(valley, name, 0.01, 50, **options), np.array(path))
        checks.append(Check(f"{formula.__name__} by its formula, as timm's factory", difference, 0.0, 1e-9))
    return checks
