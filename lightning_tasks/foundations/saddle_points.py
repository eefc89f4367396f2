"""Optimisers at a saddle point, in a ravine, and on a toy regression (G6)."""

from collections.abc import Callable

import numpy as np
from matplotlib.figure import Figure

from lightning_tasks.foundations.arrays import gap
from lightning_tasks.foundations.optimiser_surfaces import Comparison, formula_checks
from lightning_tasks.plots.style import PALETTE
from lightning_tasks.problems.exercise import Answer, Check, Exercise, Table

State = dict[str, np.ndarray | float]
Gradient = Callable[[np.ndarray], np.ndarray]


def sgd(gradient: np.ndarray, state: State, lr: float) -> np.ndarray:
    """Step lr * g."""
    return lr * gradient


def momentum(gradient: np.ndarray, state: State, lr: float, keep: float = 0.9, share: float = 1.0) -> np.ndarray:
    """Step lr * v with v = keep * v + share * g; share 1 is torch's form, share .1 an average of gradients."""
    state["v"] = keep * state.get("v", 0.0) + share * gradient
    return lr * state["v"]


def averaged(gradient: np.ndarray, state: State, lr: float) -> np.ndarray:
    """Momentum .9 / .1: the same path as momentum .9 at a tenth of the learning rate."""
    return momentum(gradient, state, lr, share=0.1)


def rmsprop(gradient: np.ndarray, state: State, lr: float) -> np.ndarray:
    """Step lr * g / (sqrt(s) + 1e-8) with s = .99 s + .01 g^2 (Hinton's lecture 6e; torch's constants)."""
    state["s"] = 0.99 * state.get("s", 0.0) + 0.01 * gradient**2
    return lr * gradient / (np.sqrt(state["s"]) + 1e-8)


def adam(gradient: np.ndarray, state: State, lr: float) -> np.ndarray:
    """Kingma and Ba 2015, algorithm 1: betas .9 and .999, eps 1e-8, both averages divided by 1 - beta^t."""
    t = state["t"] = state.get("t", 0) + 1
    state["m"] = 0.9 * state.get("m", 0.0) + 0.1 * gradient
    state["s"] = 0.999 * state.get("s", 0.0) + 0.001 * gradient**2
    return lr * state["m"] / (1 - 0.9**t) / (np.sqrt(state["s"] / (1 - 0.999**t)) + 1e-8)


OPTIMISERS = {"SGD": sgd, "momentum .9": momentum, "momentum .9 / .1": averaged, "RMSProp": rmsprop, "Adam": adam}
RATES = (0.001, 0.01, 0.1, 1.0)


def walk(
    gradient: Gradient,
    start: np.ndarray,
    optimiser: Callable,
    lr: float,
    steps: int,
    done: Callable[[np.ndarray], bool],
) -> np.ndarray:
    """Path (T + 1, D) from ``start``, T the first step at which it is ``done``, at most ``steps``."""
    path, state = [np.asarray(start, float)], {}
    with np.errstate(over="ignore", invalid="ignore"):  # a path that diverges is a result
        while len(path) <= steps and not done(path[-1]) and np.isfinite(path[-1]).all():
            path.append(path[-1] - optimiser(gradient(path[-1]), state, lr))
    return np.array(path)


def saddle(w: np.ndarray) -> np.ndarray:
    """Gradient of x^2 - y^2."""
    return np.array([2.0, -2.0]) * w


def ravine(w: np.ndarray) -> np.ndarray:
    """Gradient of (x^2 + 50 y^2) / 2: fifty times as steep along y."""
    return np.array([1.0, 50.0]) * w


class ToyRegression:
    """Five samples of three features; a net 3 - 3 ReLU - 1 whose 16 parameters are one vector.

    Args:
        seed: Seed of data and first weights. Targets come from another net of the same form.
    """

    def __init__(self, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.x, self.start = rng.normal(size=(5, 3)), rng.normal(size=16)
        self.y = 2 * self.outputs(rng.normal(size=16))[0]  # (5,), like the outputs: (5, 1) would broadcast to (5, 5)

    def outputs(self, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Predictions (5,) and hidden layer (5, 3)."""
        hidden = np.maximum(self.x @ w[:9].reshape(3, 3) + w[9:12], 0.0)
        return hidden @ w[12:15] + w[15], hidden

    def loss(self, w: np.ndarray) -> float:
        """Mean squared error."""
        return float(np.mean((self.outputs(w)[0] - self.y) ** 2))

    def gradient(self, w: np.ndarray) -> np.ndarray:
        """Of the loss, (16,)."""
        predicted, hidden = self.outputs(w)
        error = 2 * (predicted - self.y) / len(self.y)
        by_sum = np.outer(error, w[12:15]) * (hidden > 0)  # (5, 3)
        return np.concatenate([(self.x.T @ by_sum).ravel(), by_sum.sum(0), hidden.T @ error, [error.sum()]])


class SaddlePoints(Exercise):
    """All optimisers from the same start.

    Args:
        lr: Learning rate at the saddle.
        start: First y at the saddle; x is 1 there.
        newer: Optimisers beside the classic ones on the surfaces: any names of timm's factory.
        seed: Seed of the toy regression and of the noise.

    Raises:
        ValueError: A learning rate of 0 or less, or an unknown optimiser.
    """

    question = "How do SGD, momentum, RMSProp and Adam compare on a toy regression, and what do they do at a saddle?"

    def __init__(
        self,
        lr: float = 0.01,
        start: float = 1e-6,
        newer: tuple[str, ...] = ("lion", "adopt", "adan"),
        seed: int = 0,
    ) -> None:
        if lr <= 0:
            raise ValueError(f"lr={lr}: need more than 0.")
        self.lr, self.start, self.toy = lr, start, ToyRegression(seed)
        self.newer, self.seed = tuple(newer), seed

    def answer(self) -> Answer:
        """Four tables; the paths at the saddle, the losses of the regression, trajectories on four surfaces."""
        surfaces = Comparison(self.newer, self.seed)
        saddles = {name: self.escape(step, self.start) for name, step in OPTIMISERS.items()}
        ravines = {
            name: [words(p := walk(ravine, [1.7, 0.6], step, lr, 1000, near), near(p[-1])) for lr in RATES]
            for name, step in OPTIMISERS.items()
        }
        paths = {name: [self.fit(step, lr) for lr in RATES] for name, step in OPTIMISERS.items()}
        fits = {name: [self.words(path) for path in row] for name, row in paths.items()}
        dead = [self.toy.loss(p[-1]) for row in paths.values() for p in row if self.is_dead(p[-1])]
        still = sum(abs(loss / self.toy.y.var() - 1) < 0.05 for loss in dead)
        steps = {name: escaped(path) for name, path in saddles.items()}
        text = (
            f"On x^2 - y^2 from (1, {self.start:g}), lr {self.lr:g}, |y| is above 1 after "
            + ", ".join(f"{n} steps ({name})" for name, n in steps.items())
            + ". SGD's step shrinks with the gradient, which is all but 0 near the saddle; momentum sums small "
            "gradients of one sign; Adam and RMSProp divide by the gradient's own size, so that a small one steps as "
            "far as a large one (RMSProp's first step is 10 lr, whatever the gradient: it corrects no bias). Exactly "
            "on y = 0 the gradient along y is 0 and none of them escapes: noise of mini-batches does that in practice. "
            "In the ravine SGD diverges above lr 2/50. On the regression "
            f"{len(dead)} of {len(OPTIMISERS) * len(RATES)} runs end where all ReLUs are dead and only the last bias "
            f"moves; {still} of them have settled on its plateau, where the loss is the variance of the targets, "
            f"{self.toy.y.var():.3f}. Momentum .9 / .1 is momentum .9 at a tenth of the "
            "rate. All begin at the same weights; a momentum that forgets lr, and targets (5,) less predictions "
            "(5, 1), which broadcast to (5, 5), are what goes wrong in such comparisons. On four more surfaces, each "
            "optimiser at the best of three rates, the quickest are: "
            + ", ".join(f"{name} ({surface})" for surface, name in surfaces.quickest().items())
            + ". No optimiser is the best everywhere, and a rate that suits one surface does not suit another."
        )
        return Answer(
            text,
            [
                Table("Saddle: steps until |y| > 1", ["optimiser", "steps", "from y = 0"],
                      [[name, n, escaped(self.escape(OPTIMISERS[name], 0.0))] for name, n in steps.items()]),
                Table("Ravine (x^2 + 50 y^2) / 2 from (1.7, .6): steps to a length of .01, 1,000 at most",
                      ["optimiser", *map(str, RATES)], [[name, *row] for name, row in ravines.items()]),
                Table("Toy regression: steps to a loss of .1, 1,000 at most", ["optimiser", *map(str, RATES)],
                      [[name, *row] for name, row in fits.items()]),
                surfaces.table(),
            ],
            [*self.checks(ravines), *formula_checks()],
            {"optimisers": self.figure(saddles, paths), "trajectories": surfaces.figure()},
            surfaces.scenes(),
        )  # fmt: skip

    def is_dead(self, w: np.ndarray) -> bool:
        """Whether no sample passes a ReLU; False for weights that are not finite."""
        return bool(np.isfinite(w).all() and not self.toy.outputs(w)[1].any())

    def words(self, path: np.ndarray) -> str:
        """Steps of a path on the toy regression to a loss of .1; ``diverged`` where its loss is above the first."""
        loss = self.toy.loss(path[-1])
        if loss <= 0.1:
            return str(len(path) - 1)
        return "not in 1000" if loss <= self.toy.loss(path[0]) else "diverged"

    def escape(self, step: Callable, start: float) -> np.ndarray:
        """Path from (1, start) until ``|y| > 1``, in 5,000 steps at most."""
        return walk(saddle, [1.0, start], step, self.lr, 5000, lambda w: abs(w[1]) > 1)

    def fit(self, step: Callable, lr: float) -> np.ndarray:
        """Path (T + 1, 16) on the toy regression."""
        return walk(self.toy.gradient, self.toy.start, step, lr, 1000, lambda w: self.toy.loss(w) <= 0.1)

    def checks(self, ravines: dict[str, list[str]]) -> list[Check]:
        """The sheet's counts, torch's optimisers on the same paths, and the limits by theory."""
        import torch

        sheet = SaddlePoints()
        makers = {
            "SGD": torch.optim.SGD,
            "momentum .9": lambda p, lr: torch.optim.SGD(p, lr, momentum=0.9),
            "momentum .9 / .1": lambda p, lr: torch.optim.SGD(p, lr, momentum=0.9, dampening=0.9),
            "RMSProp": torch.optim.RMSprop,
            "Adam": torch.optim.Adam,
        }
        checks = [
            Check(f"{name}: steps until |y| > 1 (lr .01, y 1e-6)", escaped(sheet.escape(OPTIMISERS[name], 1e-6)), n)
            for name, n in (("SGD", 698), ("momentum .9", 140), ("Adam", 77))
        ]
        for name, step in OPTIMISERS.items():
            ours = walk(self.toy.gradient, self.toy.start, step, 0.01, 50, lambda w: False)
            reference = torch_path(makers[name], self.toy.start, self.toy.gradient, 50)
            stuck = escaped(self.escape(step, 0.0))
            if name != "momentum .9 / .1":  # torch's first step has no dampening: the paths differ from there
                checks.append(Check(f"{name}: 50 steps on the regression, as torch", gap(ours, reference), 0.0, 1e-9))
            checks.append(Check(f"{name}: escapes from y = 0", stuck, "never"))
        slow = walk(self.toy.gradient, self.toy.start, averaged, 0.1, 50, lambda w: False)
        same = walk(self.toy.gradient, self.toy.start, momentum, 0.01, 50, lambda w: False)
        return [
            *checks,
            Check("momentum .9 / .1 is momentum .9 at a tenth of the rate", gap(slow, same), 0.0, 1e-9),
            Check("SGD in the ravine above 2/50", ravines["SGD"][2:], ["diverged", "diverged"]),
            Check("gradient of the regression, as autograd", gap(self.toy.gradient(self.toy.start), autograd(self.toy)),
                  0.0, 1e-10),
        ]  # fmt: skip

    def figure(self, saddles: dict[str, np.ndarray], paths: dict[str, list[np.ndarray]]) -> Figure:
        """The size of y over steps at the saddle; losses of the regression at lr .01."""
        figure = Figure(figsize=(9.5, 3.4), layout="constrained")
        left, right = figure.subplots(1, 2)
        for color, name in zip(PALETTE, saddles, strict=False):
            left.loglog(np.arange(len(saddles[name])) + 1, np.abs(saddles[name][:, 1]), color=color, label=name)
            losses = [self.toy.loss(w) for w in paths[name][1]]
            right.loglog(np.arange(len(losses)) + 1, losses, color=color, label=name)
        left.set(xlabel="step + 1", ylabel="|y| at the saddle")
        right.set(xlabel="step + 1", ylabel="loss of the regression, lr .01")
        for axis in (left, right):
            axis.grid(alpha=0.3)
        left.legend(fontsize=7)
        return figure


def near(w: np.ndarray) -> bool:
    """Whether a point is within .01 of the minimum at 0."""
    return bool(np.linalg.norm(w) < 0.01)


def escaped(path: np.ndarray) -> int | str:
    """Steps of a path until ``|y| > 1``, or ``never``."""
    return len(path) - 1 if abs(path[-1, 1]) > 1 else "never"


def words(path: np.ndarray, arrived: bool) -> str:
    """Steps of a path that arrived; else ``diverged`` (ten times as long as its start), or ``not in 1000``."""
    if arrived:
        return str(len(path) - 1)
    far = not np.isfinite(path[-1]).all() or np.linalg.norm(path[-1]) > 10 * np.linalg.norm(path[0])
    return "diverged" if far else "not in 1000"


def torch_path(maker: Callable, start: np.ndarray, gradient: Gradient, steps: int) -> np.ndarray:
    """The path of an optimiser of torch at lr .01, (steps + 1, D)."""
    import torch

    w = torch.tensor(start, requires_grad=True)
    optimizer, path = maker([w], lr=0.01), [start]
    for _ in range(steps):
        w.grad = torch.tensor(gradient(w.detach().numpy()))
        optimizer.step()
        path.append(w.detach().numpy().copy())
    return np.array(path)


def autograd(toy: ToyRegression) -> np.ndarray:
    """Gradient (16,) of the regression at its start, by torch."""
    import torch

    w = torch.tensor(toy.start, requires_grad=True)
    x, y = torch.tensor(toy.x), torch.tensor(toy.y)
    predicted = torch.relu(x @ w[:9].view(3, 3) + w[9:12]) @ w[12:15] + w[15]
    return torch.autograd.grad(((predicted - y) ** 2).mean(), w)[0].numpy()
