"""What cost curves say about the learning rate and the batch (G7)."""

from collections.abc import Callable

import numpy as np
from matplotlib.figure import Figure

from lightning_tasks.plots.style import PALETTE
from lightning_tasks.problems.exercise import Answer, Check, Exercise, Table

TEST_STEPS = 200  # of a range test
SHARES = (0.01, 0.5, 1.0, 1.5, 1.95, 2.0, 2.1)  # learning rates, in units of 1 / curvature


def descend(curvature: float, lr: float, steps: int, start: float = 1.0) -> np.ndarray:
    """Path w_0 .. w_steps (steps + 1,) of gradient descent on f(w) = curvature / 2 * w^2.

    Each step multiplies w by 1 - lr * curvature: it converges below lr = 2 / curvature, and changes sides above
    1 / curvature.
    """
    path = [start]
    for _ in range(steps):
        path.append(path[-1] - lr * curvature * path[-1])
    return np.array(path)


def symptom(path: np.ndarray, done: float = 0.01) -> str:
    """What a path of one weight towards 0 looks like.

    Args:
        path: Weights (T,), the first not 0.
        done: Share of the first cost that counts as arrived.

    Returns:
        ``diverges``, ``oscillates for ever``, ``oscillates, converges``, ``converges`` or ``slow``.
    """
    end, start = abs(path[-1]), abs(path[0])
    sides = bool((path[1:] * path[:-1] < 0).any())
    if not np.isfinite(end) or end > start * (1 + 1e-9):
        return "diverges"
    if sides:
        return "oscillates for ever" if end > start * (1 - 1e-9) else "oscillates, converges"
    return "converges" if end**2 <= done * start**2 else "slow"


def batch_of(costs: np.ndarray, noisy: float = 0.05) -> str:
    """``full batch`` for a curve that all but never rises, ``mini-batch`` where more than ``noisy`` of its steps do."""
    return "mini-batch" if rises(costs).mean() > noisy else "full batch"


def rises(costs: np.ndarray) -> np.ndarray:
    """Which steps (T - 1,) raise the cost, by more than rounding."""
    return np.diff(costs) > 1e-9 * np.abs(costs[:-1])


def range_test(slope: Callable[[np.ndarray], np.ndarray], w: np.ndarray, rates: np.ndarray) -> np.ndarray:
    """Weights (T + 1, ...) of a descent whose learning rate grows from step to step.

    Smith, "Cyclical Learning Rates for Training Neural Networks" (2017), section 3.3. The cost falls while the rate
    learns something, and turns where the rate is too high.

    Args:
        slope: Gradient at weights.
        w: First weights.
        rates: Rates (T,), one a step.
    """
    path = [w]
    for rate in rates:
        path.append(path[-1] - rate * slope(path[-1]))
    return np.array(path)


class LearningRates(Exercise):
    """Gradient descent on a parabola for several learning rates, and on a regression with two sizes of batch.

    A range test on the regression finds a rate, which is then compared with lower and higher ones.

    Args:
        curvature: Second derivative l of the parabola l / 2 * w^2.
        steps: Steps of each descent, 40 to 1000.
        batch: Rows of a mini-batch, of 200.
        seed: Seed of the regression.

    Raises:
        ValueError: A curvature of 0 or less, steps outside 40 to 1000, or a batch outside 1 to 199.
    """

    question = (
        "What are the signs of a learning rate that is too high or too low, and which of two cost curves, a smooth "
        "and a noisy one, is full-batch and which mini-batch descent? How does a range test find a rate between?"
    )

    def __init__(self, curvature: float = 4.0, steps: int = 60, batch: int = 8, seed: int = 0) -> None:
        if curvature <= 0 or not 40 <= steps <= 1000 or not 0 < batch < 200:
            raise ValueError(
                f"curvature={curvature}, steps={steps}, batch={batch}: need more than 0, 40 to 1000, and 1 to 199."
            )
        self.curvature, self.steps, self.batch, self.seed = curvature, steps, batch, seed

    def answer(self) -> Answer:
        """A label for each curve, and what the theory says."""
        rates = [share / self.curvature for share in SHARES]
        paths = [descend(self.curvature, lr, self.steps) for lr in rates]
        costs = [self.curvature / 2 * path**2 for path in paths]
        curves = {"all 200 rows": self.regression(200), f"{self.batch} rows": self.regression(self.batch)}
        tested, test_costs, comparison = self.rate_of_range_test()
        text = (
            "Too high: the cost oscillates, rises, becomes infinite or NaN. Too low: it falls steadily and slowly, and "
            "has not flattened when training ends. On l/2 w^2 each step multiplies w by 1 - lr l: descent converges "
            f"iff lr < 2/l = {2 / self.curvature:g}, changes sides at each step from 1/l = {1 / self.curvature:g} on, "
            "is there in one step at 1/l and stays as far away, from side to side, at 2/l. On one parabola the cost "
            "does not tell 1.5/l from .5/l (the same curve): oscillation shows in the weight, and in a cost of many "
            "directions. The smooth curve is full-batch descent, whose cost falls at each step while lr < 2/l; the "
            "noisy one is mini-batch descent, whose every cost is of other rows. A plateau is no proof of a low rate: "
            "a saddle point (exercise G6) or ReLUs that are dead (G3) look the same. A range test raises the rate from "
            "step to step, in one short descent. The steepest direction grows again from 2/l on; by then it is so "
            "small that the cost turns a little later, between 2/l and 4/l: a tenth of the rate at the turn is a safe "
            "first choice, a thousandth of that learns nothing in time."
        )
        rows = [
            [share, lr, abs(1 - share), float(cost[-1]), symptom(path)]
            for share, lr, cost, path in zip(SHARES, rates, costs, paths, strict=True)
        ]
        return Answer(
            text,
            [
                Table(f"Descent on {self.curvature / 2:g} w^2 from w = 1, {self.steps} steps",
                      ["lr x l", "lr", "|1 - lr l|", "last cost", "label"], rows),
                Table("Cost curves of a regression", ["rows a step", "steps that rise", "label"],
                      [[name, float(rises(c).mean()), batch_of(c)] for name, c in curves.items()]),
                Table(f"Range test of the regression, then {self.steps} steps at rates around it",
                      ["rate", "lr x l", "lr", "last cost"], comparison),
            ],
            self.checks(paths, curves, comparison),
            {"learning_rates": self.figure(costs, curves), "range_test": range_figure(tested, test_costs, comparison)},
        )  # fmt: skip

    def rows(self) -> tuple[np.random.Generator, np.ndarray, np.ndarray, float]:
        """The stream, x (200, 5), y (200,), and the curvature of least squares in its steepest direction."""
        rng = np.random.default_rng(self.seed)
        x = rng.normal(size=(200, 5))
        y = x @ np.arange(1.0, 6.0) + rng.normal(size=200)
        return rng, x, y, float(np.linalg.eigvalsh(x.T @ x / 200)[-1])

    def rate_of_range_test(self) -> tuple[np.ndarray, np.ndarray, list[list]]:
        """Rates (T,) in units of 1 / l; by how much costs (T,) before each step are above the least; rows of the table.

        Steps are taken along the axes of the curvature, from the difference to the least squares: costs themselves
        cannot be told apart below 1e-16 of the least one, and would turn where rounding says.
        """
        _, x, y, steepest = self.rows()
        curvatures, axes = np.linalg.eigh(x.T @ x / len(x))
        least = np.linalg.lstsq(x, y, rcond=None)[0]
        best = float(np.mean((x @ least - y) ** 2) / 2)
        shares = np.geomspace(1e-3, 10, TEST_STEPS)

        def above(rates: np.ndarray) -> np.ndarray:
            with np.errstate(over="ignore"):  # what diverges for long enough leaves float64
                return (curvatures * range_test(lambda w: curvatures * w, axes.T @ -least, rates) ** 2).sum(1) / 2

        tested = above(shares / steepest)[:-1]
        turn = float(shares[tested.argmin()])
        named = {"a ten-thousandth of the turn": 1e-4, "a tenth of the turn": 0.1, "twice the turn": 2.0}
        rows = [
            [
                name,
                turn * share,
                turn * share / steepest,
                best + float(above(np.full(self.steps, turn * share / steepest))[-1]),
            ]
            for name, share in named.items()
        ]
        return shares, tested, [*rows, ["least squares, exact", None, None, best]]  # fmt: skip

    def regression(self, batch: int) -> np.ndarray:
        """Costs (steps,) of least squares, each of the rows of its step, before it; lr is half of 1 / curvature."""
        rng, x, y, steepest = self.rows()
        lr = 0.5 / steepest
        w, costs = np.zeros(5), []
        for _ in range(self.steps):
            rows = rng.choice(200, batch, replace=False)
            error = x[rows] @ w - y[rows]
            costs.append(float(np.mean(error**2) / 2))
            w = w - lr * x[rows].T @ error / batch
        return np.array(costs)

    def checks(self, paths: list[np.ndarray], curves: dict[str, np.ndarray], comparison: list[list]) -> list[Check]:
        """Labels and paths by theory; torch's SGD on the same parabola; what the range test must find."""
        import torch

        shares = np.geomspace(1e-3, 10, TEST_STEPS)
        raised = range_test(lambda w: self.curvature * w, np.array([1.0]), shares / self.curvature)
        low, chosen, high, best = (row[-1] for row in comparison)
        turn = comparison[1][1] / 0.1

        w = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
        optimizer = torch.optim.SGD([w], lr=0.5 / self.curvature)
        for _ in range(5):
            optimizer.zero_grad()
            (self.curvature / 2 * w**2).backward()
            optimizer.step()
        first = "slow" if 0.99 ** (2 * self.steps) > 0.01 else "converges"
        expected = [first, "converges", "converges", *["oscillates, converges"] * 2, "oscillates for ever", "diverges"]
        return [
            *(Check(f"lr = {share:g} / l", symptom(path), label)
              for share, path, label in zip(SHARES, paths, expected, strict=True)),
            *(Check(f"lr = {share:g} / l: w after 10 steps is (1 - lr l)^10", float(path[10]), (1 - share) ** 10)
              for share, path in zip(SHARES, paths, strict=True)),
            Check("5 steps of torch's SGD at .5 / l", float(paths[1][5]), w.item()),
            Check("smooth curve", batch_of(curves["all 200 rows"]), "full batch"),
            Check("noisy curve", batch_of(curves[f"{self.batch} rows"]), "mini-batch"),
            Check("full batch below 2 / l: steps that rise", int(rises(curves["all 200 rows"]).sum()), 0),
            Check("range test of the parabola: steps that rise are those above 2 / l",
                  int((np.diff(np.abs(raised[:, 0])) > 0).sum()), int((shares > 2).sum())),
            Check("the range test of the regression turns between 2 / l and 4 / l", 2 < turn < 4, True),
            Check("a tenth of the turn comes within 1 % of the least cost", chosen < 1.01 * best, True),
            Check("lower and higher rates do not", low > 1.01 * best and not high < 1.01 * best, True),
        ]  # fmt: skip

    def figure(self, costs: list[np.ndarray], curves: dict[str, np.ndarray]) -> Figure:
        """Costs over steps for each learning rate; the two batches beside."""
        figure = Figure(figsize=(9.5, 3.4), layout="constrained")
        left, right = figure.subplots(1, 2)
        for share, cost, color in zip(SHARES, costs, PALETTE, strict=False):
            line = "--" if share == 1.5 else ".-"  # it lies on that of .5
            left.semilogy(np.maximum(cost, 1e-18), line, ms=3, lw=1, color=color, label=f"lr = {share:g} / l")
        left.set(xlabel="step", ylabel="cost", ylim=(1e-12, 1e6))
        for name, cost in curves.items():
            right.semilogy(cost, label=name)
        right.set(xlabel="step", ylabel="cost of the rows of the step")
        for axis in (left, right):
            axis.grid(alpha=0.3)
            axis.legend(fontsize=7)
        return figure


def range_figure(shares: np.ndarray, costs: np.ndarray, comparison: list[list]) -> Figure:
    """Cost above the least over the growing rate; the rates that the table compares as lines."""
    figure = Figure(figsize=(5.5, 3.4), layout="constrained")
    axis = figure.subplots()
    axis.loglog(shares, costs, color=PALETTE[0])
    for (name, share, *_), color in zip(comparison[:3], PALETTE[1:], strict=False):
        axis.axvline(share, ls="--", color=color, label=name)
    axis.set(xlabel="learning rate of the step, in units of 1 / l", ylabel="cost before the step, above the least")
    axis.grid(alpha=0.3)
    axis.legend(fontsize=7)
    return figure
