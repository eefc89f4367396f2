"""Why a classifier must not end in sigma(ReLU(z)) (exercise G3), shown by training it."""

from typing import Any

import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from torch import Tensor, nn

from lightning_tasks.common.choices import checked_choice
from lightning_tasks.plots.style import COLORS
from lightning_tasks.problems import GradientTask
from lightning_tasks.problems.task import NO_PICTURES

OUTPUTS = ("sigmoid", "sigmoid_relu")


def output(z: Tensor, kind: str) -> Tensor:
    """Give y = sigma(z), or sigma(ReLU(z)), which is 0.5 or more for every z and has gradient 0 for z < 0."""
    return torch.sigmoid(z if kind == "sigmoid" else F.relu(z))


class TwoClassTask(GradientTask):
    """Reads ``point`` (B, D) and ``label`` (B,) of 0 and 1; class 1 is said where y >= 0.5.

    ``said_one`` is the share of samples that are called class 1: with ``sigmoid_relu`` it is 1 whatever the weights
    are. ``dead`` is the share with z < 0, which give no gradient there. The loss of a sample of class 0 is log 2 at
    best, so training drives all its z below 0, and stops.

    Args:
        output: ``sigmoid`` or ``sigmoid_relu``.
        strict: Say class 1 only where y > 0.5. The dead samples are then called class 0, and stay dead.
        features: D.
        hidden: Units of a hidden layer; 0 for a linear model.
        **kwargs: Arguments of ``GradientTask``.

    Raises:
        ValueError: Another ``output``.
    """

    monitor, mode = "val/loss", "min"
    reads = ("point", "label")
    scored_rows = ("prob", "label", "z")
    written_rows = (*scored_rows, "pred")
    averaged = "prob"
    refuses = {"explain": NO_PICTURES, "tta": NO_PICTURES}

    def __init__(
        self, output: str = "sigmoid_relu", strict: bool = False, features: int = 2, hidden: int = 0, **kwargs
    ) -> None:
        super().__init__(**kwargs)
        self.save_hyperparameters(logger=False)
        checked_choice("output", output, OUTPUTS)
        layers = [nn.Linear(features, hidden), nn.Tanh(), nn.Linear(hidden, 1)] if hidden else [nn.Linear(features, 1)]
        self.net = nn.Sequential(*layers)

    def forward(self, point: Tensor) -> Tensor:
        """The logit z (B,)."""
        return self.net(point).squeeze(1)

    def criterion(self, z: Tensor, label: Tensor) -> Tensor:
        """Binary cross entropy of y."""
        if self.hparams.output == "sigmoid":
            return F.binary_cross_entropy_with_logits(z, label.float())
        return F.binary_cross_entropy_with_logits(F.relu(z), label.float())  # sigma comes inside, stably

    def training_step(self, batch: dict, batch_idx: int) -> Tensor:
        """Loss of one batch; also the share of its samples that give no gradient."""
        z = self(batch["point"])
        loss = self.criterion(z, batch["label"])
        self.track("train/loss", loss, len(z))
        if self.hparams.output == "sigmoid_relu":
            self.track("train/without_gradient", (z < 0).float().mean(), len(z))
        return loss

    def predict_step(self, batch: dict, batch_idx: int = 0) -> dict[str, Any]:
        """``id`` and ``prob`` (B, 2), of class 0 and of class 1."""
        y = output(self(batch["point"]), self.hparams.output)
        return {"id": batch["id"], "prob": torch.stack([1 - y, y], 1)}

    def evaluate(self, part: str, batch: dict) -> None:
        """Loss, y and z of every sample."""
        z = self(batch["point"])
        self.track(f"{part}/loss", self.criterion(z, batch["label"]), len(z))
        self.collect(part, batch, **self.rows_of(batch, self.predict_step(batch)), z=z)

    def rows_of(self, batch: dict, out: dict) -> dict[str, Tensor]:
        """Probabilities, the class that is said, and the true one."""
        return {**self.file_columns(out), "label": batch["label"]}

    def file_columns(self, out: dict) -> dict[str, Tensor]:
        """Probabilities and the class that is said, which at y = 0.5 the largest probability does not tell."""
        return {"prob": out["prob"], "pred": self.says_one(out["prob"][:, 1]).long()}

    def says_one(self, y: Tensor) -> Tensor:
        """Which samples are called class 1."""
        return y > 0.5 if self.hparams.strict else y >= 0.5

    def score(self, rows: dict[str, Tensor]) -> dict[str, Any]:
        """Accuracy, share called class 1, NLL; of one network, which has a z, also the share with z < 0."""
        y, label = rows["prob"][:, 1].double(), rows["label"]
        one, broken = self.says_one(y), y.isnan()
        shares = {"acc": one == (label == 1), "said_one": one}
        if "z" in rows:  # the mean of several networks has none
            shares["dead"], broken = rows["z"] < 0, broken | rows["z"].isnan()
        scores = {name: share.double().masked_fill(broken, torch.nan).mean() for name, share in shares.items()}
        return scores | {"nll": -torch.where(label == 1, y, 1 - y).clamp_min(1e-12).log().mean()}

    def baselines(self, datamodule: Any) -> dict[str, dict[str, float]]:
        """The more frequent class of the train part, always."""
        share = float(datamodule.arrays("train")["label"].float().mean())
        label = datamodule.arrays("test")["label"]
        return {"majority class": {"acc": float((label == int(share >= 0.5)).float().mean())}}

    def figures_of_rows(self, rows: dict[str, Tensor]) -> dict[str, Any]:
        """Both outputs and their gradients over z, and where the samples of each class lie; of one network alone."""
        if "z" not in rows:
            return {}
        z = torch.linspace(-6, 6, 241)
        figure = Figure(figsize=(10, 3.4), layout="constrained")
        left, right = figure.subplots(1, 2)
        for number, kind in enumerate(OUTPUTS):
            y = output(z, kind)
            slope = y * (1 - y) * (1 if kind == "sigmoid" else z > 0)
            left.plot(z.tolist(), y.tolist(), color=COLORS[number + 1], label=f"y, {kind}")
            left.plot(z.tolist(), slope.tolist(), color=COLORS[number + 1], linestyle="--", label=f"dy/dz, {kind}")
        left.axhline(0.5, color="#999999", linestyle=":")
        left.set_xlabel("z")
        left.legend(fontsize=8)
        for label in (0, 1):
            right.hist(rows["z"][rows["label"] == label].tolist(), bins=40, alpha=0.6, label=f"class {label}")
        right.axvline(0, color="#999999", linestyle=":")
        right.set(xlabel=f"z after training ({self.hparams.output})", ylabel="samples")
        right.legend(fontsize=8)
        return {"outputs": figure}
