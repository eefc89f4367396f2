"""Logistic and probit regression by maximum likelihood (exercise G2), fitted in one pass."""

from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from lightning_tasks.common.choices import checked_choice
from lightning_tasks.measures.binary_regression import LINKS, chance, fit_binary
from lightning_tasks.plots.style import COLORS
from lightning_tasks.problems import ClassScores, ClosedForm
from lightning_tasks.problems.task import NO_PICTURES

BINS = 12  # of the observed shares in the figure


class BinaryRegressionTask(ClassScores, ClosedForm):
    """Reads ``point`` (B, D) and ``label`` (B,) of 0 and 1; P(1 | x) is sigma(w . x + b), or Phi(w . x + b).

    Both models are fitted, so that one run compares them; ``link`` says which of them predicts. Weights, standard
    errors and likelihoods stand in the table ``weights`` among the figures.

    Args:
        link: ``logit`` or ``probit``.
        l2: Weight of half the sum of squared weights; needed where a plane separates the classes.
        features: D.
        feature_names: D names, for the table.
        class_names: Names of both classes.
        truth: Weights (D + 1) that made the data, for the table, the intercept last.

    Raises:
        ValueError: Another link, a negative l2, or (when fitted) classes without a maximum of the likelihood.
    """

    monitor, mode = "val/nll", "min"
    reads = ("point", "label")
    scored_rows = ("prob", "label", "score")
    refuses = {"explain": NO_PICTURES, "tta": NO_PICTURES}
    fitted = ("weights", "errors", "likelihood")

    def __init__(
        self,
        link: str = "logit",
        l2: float = 0.0,
        features: int | None = None,
        feature_names: list[str] | None = None,
        class_names: list[str] | None = None,
        truth: list[float] | None = None,
    ) -> None:
        super().__init__()
        self.save_hyperparameters(logger=False)
        checked_choice("link", link, LINKS)
        if l2 < 0 or not features:
            raise ValueError(f"l2={l2}, features={features}: need 0 or more, and a number of features.")
        self.class_names = list(class_names or ["negative", "positive"])
        self.names = [*(feature_names or [f"x{i + 1}" for i in range(features)]), "intercept"]
        self.register_buffer("weights", torch.zeros(len(LINKS), features + 1, dtype=torch.float64))
        self.register_buffer("errors", torch.zeros(len(LINKS), features + 1, dtype=torch.float64))
        self.register_buffer("likelihood", torch.zeros(len(LINKS), dtype=torch.float64))

    @property
    def num_parameters(self) -> int:
        """Weights of the model that predicts."""
        return self.weights.shape[1]

    def fit_rows(self, rows: dict[str, Tensor]) -> None:
        """Both maxima."""
        fits = [fit_binary(rows["point"], rows["label"], link, self.hparams.l2) for link in LINKS]
        self.weights = torch.stack([fit.weights for fit in fits])
        self.errors = torch.stack([fit.errors for fit in fits])
        if self._trainer is not None and ((self.score_of(rows["point"]) > 0) == (rows["label"] > 0)).all():
            self.trainer.datamodule.note(
                "A plane separates the classes of the train part: the weights are as long as l2 "
                f"({self.hparams.l2:g}) lets them be, and their standard errors mean little."
            )
        self.likelihood = -torch.tensor([fit.nll for fit in fits], dtype=torch.float64, device=self.device)

    def score_of(self, point: Tensor) -> Tensor:
        """W . x + b of the model that predicts, float64 (B,)."""
        weights = self.weights[LINKS.index(self.hparams.link)]
        return point.double() @ weights[:-1] + weights[-1]

    def predict_step(self, batch: dict, batch_idx: int = 0) -> dict[str, Any]:
        """``id`` and ``prob`` (B, 2)."""
        one = chance(self.score_of(batch["point"]), self.hparams.link)
        return {"id": batch["id"], "prob": torch.stack([1 - one, one], 1)}

    def rows_of(self, batch: dict, out: dict) -> dict[str, Tensor]:
        """Probabilities, label, and w . x + b."""
        return super().rows_of(batch, out) | {"score": self.score_of(batch["point"])}

    def figures(self, batch: dict, out: dict) -> dict[str, Any]:
        """Where there are two features: the points of a batch and both decision lines."""
        if self.hparams.features != 2:
            return {}
        figure = Figure(figsize=(4.6, 4), layout="constrained")
        axis = figure.subplots()
        point, label = batch["point"].cpu(), batch["label"].cpu()
        for k, name in enumerate(self.class_names):
            axis.plot(*point[label == k].T, ".", color=COLORS[2 * k + 2], label=name)
        edge = torch.stack([point[:, 0].min(), point[:, 0].max()]).double()
        for number, (link, weights) in enumerate(zip(LINKS, self.weights.cpu(), strict=True)):
            if weights[1] != 0:
                axis.plot(edge, -(weights[0] * edge + weights[2]) / weights[1], ["-", "--"][number], color="#000000",
                          label=f"{link}: P = .5")  # fmt: skip
        axis.set(xlabel=self.names[0], ylabel=self.names[1])
        axis.legend(fontsize=8)
        return {"lines": figure}

    def figures_of_rows(self, rows: dict[str, Tensor]) -> dict[str, Any]:
        """The curve of the model over w . x + b, and the share of class 1 in groups of as many samples each."""
        figure = Figure(figsize=(5, 3.4), layout="constrained")
        axis = figure.subplots()
        score, order = rows["score"].cpu().double().sort()
        label = rows["label"].cpu()[order].double()
        line = torch.linspace(float(score[0]), float(score[-1]), 200, dtype=torch.float64)
        axis.plot(line, chance(line, self.hparams.link), color=COLORS[4], label=self.hparams.link)
        groups = zip(score.tensor_split(BINS), label.tensor_split(BINS), strict=True)
        means = [(float(s.mean()), float(y.mean())) for s, y in groups if len(s)]
        axis.plot(*zip(*means, strict=True), "o", color=COLORS[7], label="observed share")
        axis.set(xlabel="w . x + b", ylabel="P(1 | x)", ylim=(-0.03, 1.03))
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8)
        return {"curve": figure}

    def texts(self, batch: dict, out: dict) -> dict[str, str]:
        """Weights, standard errors and log-likelihoods of both models."""
        truth = self.hparams.truth
        head = ["", *(f"{link}{what}" for link in LINKS for what in ("", ", error")), *(["truth"] if truth else [])]
        lines = [head, ["---"] * len(head)]
        for i, name in enumerate(self.names):
            cells = [f"{float(part[k, i]):.4f}" for k in range(len(LINKS)) for part in (self.weights, self.errors)]
            lines.append([name, *cells, *([f"{truth[i]:.4f}"] if truth else [])])
        cells = [cell for value in self.likelihood.tolist() for cell in (f"{value:.2f}", "")]
        lines.append(["log-likelihood, train part", *cells, *([""] if truth else [])])
        return {"weights": "\n".join("| " + " | ".join(line) + " |" for line in lines)}
