"""Machine learning beside deep learning over the number of training samples, on pictures and on a table (G17)."""

import time
from collections.abc import Callable

import numpy as np
import torch
from matplotlib.figure import Figure
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from lightning_tasks.problems.exercise import Answer, Check, Table

from .small_training import PictureExercise, accuracy, mean_sd, mlp, parameters, picture_cnn, train, tumour_table

STRENGTHS = (0.01, 0.1, 1.0)  # C of the logistic regression, chosen on a quarter of the training samples
COLORS = ("#000000", "#0072B2", "#009E73", "#D55E00")
HIDDEN = 20_000  # parameters of the MLP on the table, about
Scores = dict[str, dict[int, list[tuple[float, float]]]]  # model -> samples -> accuracy and seconds of each seed


def logistic(x: np.ndarray, y: np.ndarray) -> LogisticRegression:
    """Logistic regression whose penalty was chosen on a quarter of the samples, then fitted to all."""
    cut = max(1, len(y) // 4)
    if len(np.unique(y[cut:])) < 2:
        return LogisticRegression(C=STRENGTHS[0], max_iter=1000, tol=1e-3).fit(x, y)
    held = [
        LogisticRegression(C=c, max_iter=1000, tol=1e-3).fit(x[cut:], y[cut:]).score(x[:cut], y[:cut])
        for c in STRENGTHS
    ]
    return LogisticRegression(C=STRENGTHS[int(np.argmax(held))], max_iter=1000, tol=1e-3).fit(x, y)


def forest(x: np.ndarray, y: np.ndarray) -> RandomForestClassifier:
    """A hundred trees; more data needs no other settings."""
    return RandomForestClassifier(100, random_state=0).fit(x, y)


def best_at(scores: Scores, size: int) -> tuple[str, float]:
    """The model with the highest mean accuracy at a number of samples, and that accuracy."""
    means = {name: float(np.mean([a for a, _ in by_size[size]])) for name, by_size in scores.items()}
    first = max(means, key=means.get)
    return first, means[first]


class LearningSizes(PictureExercise):
    """Logistic regression and a random forest beside an MLP and a CNN, at growing numbers of training samples.

    Args:
        sizes: Numbers of training pictures.
        rows: Numbers of training rows of the table, 400 at most.
        side: Pixels a side.
        steps: Of each training of a network, whatever the number of samples.
        seeds: One or more.

    Raises:
        ValueError: Numbers out of range.
    """

    question = "What are the key differences between machine learning and deep learning?"

    def __init__(
        self,
        sizes: tuple[int, ...] = (60, 240, 960),
        rows: tuple[int, ...] = (30, 100, 400),
        side: int = 12,
        steps: int = 200,
        seeds: tuple[int, ...] = (0, 1),
    ) -> None:
        if len(sizes) < 2 or min(sizes) < 10 or not rows or min(rows) < 10 or max(rows) > 400 or steps < 1:
            raise ValueError(
                f"sizes={list(sizes)}, rows={list(rows)}, steps={steps}: need two sizes of 10 or more, rows of 10 to "
                "400, and steps."
            )
        super().__init__(max(sizes), side, seeds)
        self.sizes, self.rows, self.steps = sorted(sizes), sorted(rows), steps

    def fitters(self, net_of: dict[str, Callable], seed: int) -> dict[str, Callable]:
        """Model -> a function that fits it to (x, y) and gives a function of x that says classes."""

        def classic(fit: Callable) -> Callable:
            def fitted(x: Tensor, y: Tensor) -> Callable:
                model = fit(x.flatten(1).numpy(), y.numpy())
                return lambda x, y: float(model.score(x.flatten(1).numpy(), y.numpy()))

            return fitted

        def deep(make: Callable) -> Callable:
            def fitted(x: Tensor, y: Tensor) -> Callable:
                torch.manual_seed(seed)
                net = train(make(), x, y, self.steps, seed)
                return lambda x, y: accuracy(net, x, y)

            return fitted

        models = {"logistic regression": classic(logistic), "random forest": classic(forest)}
        return models | {name: deep(make) for name, make in net_of.items()}

    def answer(self) -> Answer:
        """A table and a panel for the pictures and for the table."""
        budget = parameters(picture_cnn(self.channels, self.side, self.classes))
        inputs = self.channels * self.side**2
        picture_nets = {
            "MLP": lambda: mlp(inputs, self.classes, budget),
            "CNN": lambda: picture_cnn(self.channels, self.side, self.classes),
        }
        pictures: Scores = {}
        rows: Scores = {}
        for seed in self.seeds:
            for size in self.sizes:
                self.fill(pictures, size, self.drawn(seed, size), self.test, self.fitters(picture_nets, seed))
            (x, y), test = tumour_table(seed)
            for size in self.rows:
                models = self.fitters({"MLP": lambda: mlp(30, 2, HIDDEN)}, seed)
                self.fill(rows, size, (x[:size], y[:size]), test, models)
        text = (
            "Classic methods are given features and learn a simple rule on them; deep networks learn the features "
            "themselves, need more data and computing for it, and are harder to read. "
            + self.ranking("pictures", pictures, self.sizes)
            + " "
            + self.ranking("rows of the table", rows, self.rows)
            + self.rule(pictures, rows)
            + " Logistic regression has a tuned penalty and the forest its hundred trees; the networks have the same "
            "number of steps at every size, so that time, too, is what differs."
        )
        tables = [
            self.table("Pictures", pictures, self.sizes, len(self.test[1])),
            self.table("Tumours, 30 measures", rows, self.rows, 169),
        ]
        return Answer(text, tables, self.checks(), {"sizes": self.figure(pictures, rows)})

    def fill(self, scores: Scores, size: int, part: tuple, test: tuple, models: dict[str, Callable]) -> None:
        """Fit each model to a part and score it on the test samples."""
        for name, fit in models.items():
            begin = time.perf_counter()
            score = fit(*part)
            seconds = time.perf_counter() - begin
            scores.setdefault(name, {}).setdefault(size, []).append((score(*test), seconds))

    def ranking(self, what: str, scores: Scores, sizes: list[int]) -> str:
        """Which model is best with the fewest and with the most samples."""
        (first, a), (last, b) = (best_at(scores, size) for size in (sizes[0], sizes[-1]))
        return f"With {sizes[0]} {what} the best is {first} ({a:.3f}), with {sizes[-1]} {last} ({b:.3f})."

    def rule(self, pictures: Scores, rows: Scores) -> str:
        """Whether the scores follow what is said of them."""
        few = {best_at(scores, sizes[0])[0] for scores, sizes in ((pictures, self.sizes), (rows, self.rows))}
        if not few & {"MLP", "CNN"} and best_at(pictures, self.sizes[-1])[0] in ("MLP", "CNN"):
            return ""
        return (
            f" That is no law: numbers of samples are one thing, {self.steps} steps and pictures that are centred and "
            "alike another (--steps, --sizes and --data change them)."
        )

    def table(self, title: str, scores: Scores, sizes: list[int], n: int) -> Table:
        """Mean accuracy at each size, and seconds of a fit at the largest."""
        rows = [
            [name, *(mean_sd([a for a, _ in by_size[size]]) for size in sizes),
             f"{np.mean([s for _, s in by_size[sizes[-1]]]):.2f}"]
            for name, by_size in scores.items()
        ]  # fmt: skip
        heads = ["model", *(f"{size} samples" for size in sizes), f"seconds, {sizes[-1]}"]
        return Table(f"{title}: test accuracy, n = {n}, {len(self.seeds)} seeds", heads, rows)

    def checks(self) -> list[Check]:
        """What makes the comparison fair."""
        small, large = self.drawn(0, self.sizes[0]), self.drawn(0, self.sizes[-1])
        (x, y), (test_x, test_y) = tumour_table(0)
        begins = bool((large[0][: len(small[1])] == small[0]).all())
        joined = torch.cat([x, test_x]).unique(dim=0)
        share = max(float((y == k).float().mean()) for k in (0, 1))
        fitted = logistic(x.numpy(), y.numpy()).score(test_x.numpy(), test_y.numpy())
        return [
            Check("a smaller draw is the beginning of a larger one", begins, True),
            Check("rows of the table that stand in both parts", len(x) + len(test_x) - len(joined), 0),
            Check("logistic regression on the table beats the majority", fitted > share, True),
        ]

    def figure(self, pictures: Scores, rows: Scores) -> Figure:
        """Accuracy over the number of samples, a line a model, a dot a seed."""
        figure = Figure(figsize=(9, 3.6), layout="constrained")
        for panel, scores, title in zip(figure.subplots(1, 2), (pictures, rows), ("pictures", "table"), strict=True):
            for color, (name, by_size) in zip(COLORS, scores.items(), strict=False):
                panel.plot(
                    list(by_size), [np.mean([a for a, _ in v]) for v in by_size.values()], color=color, label=name
                )
                for size, values in by_size.items():
                    panel.plot([size] * len(values), [a for a, _ in values], ".", color=color)
            panel.set(title=title, xlabel="training samples", xscale="log")
            sizes = list(next(iter(scores.values())))
            panel.set_xticks(sizes, list(map(str, sizes)))
            panel.minorticks_off()
            panel.grid(alpha=0.3)
            panel.legend(fontsize=8)
        figure.axes[0].set_ylabel("test accuracy")
        return figure
