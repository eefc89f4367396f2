"""Regression: one number or several for each sample, whatever the batch holds."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from lightning_tasks.common.choices import checked_choice
from lightning_tasks.measures.regression import regression_scores
from lightning_tasks.plots.regression import scatter_figure

from .checks import check_reads
from .gradient import GradientTask
from .task import NO_CLASSES, NO_PICTURES

LOSSES = {"mse": F.mse_loss, "mae": F.l1_loss, "huber": F.huber_loss}


class Regression(GradientTask):
    """Reads ``target`` float32 (B,) or (B, D) of a batch, and what ``outputs`` reads.

    A subclass builds its network and gives ``outputs(batch)``, of the shape of ``target``, in its own scale: targets
    are standardised by mean and standard deviation of the train part (``DataModule.statistics`` gives
    ``target_mean`` and ``target_std``), and predictions are put back into the target's units. Scores are those of
    ``measures.regression``.

    Args:
        loss: Of the standardised target: ``mse``, ``mae`` or ``huber``.
        outputs: D, numbers a sample.
        **kwargs: Arguments of ``GradientTask``.

    Raises:
        ValueError: Another loss.
    """

    reads = ("target",)
    monitor, mode = "val/rmse", "min"
    headline = "r2"
    scored_rows = written_rows = ("pred", "target")
    averaged = "pred"
    refuses = {"calibrate": NO_CLASSES, "explain": NO_PICTURES, "tta": NO_PICTURES}

    def __init__(self, loss: str = "mse", outputs: int = 1, **kwargs) -> None:
        super().__init__(**kwargs)
        self.save_hyperparameters(logger=False)
        self.loss = LOSSES[checked_choice("loss", loss, tuple(LOSSES))]
        self.register_buffer("target_mean", torch.zeros(outputs))
        self.register_buffer("target_std", torch.ones(outputs))

    def outputs(self, batch: dict) -> Tensor:
        """What the network says of a batch in units of the standardised target, (B,) or (B, D)."""
        raise NotImplementedError(f"{type(self).__name__}.outputs")

    def setup(self, stage: str) -> None:
        """Also see that the data has what is read."""
        super().setup(stage)
        if stage == "fit" and self.trainer.datamodule is not None:
            check_reads(self, self.trainer.datamodule)

    def fit_statistics(self, statistics: dict[str, Tensor]) -> None:
        """Take mean and standard deviation of the training targets.

        Raises:
            ValueError: The data has another number of targets.
        """
        super().fit_statistics(statistics)
        mean, std = statistics["target_mean"].reshape(-1), statistics["target_std"].reshape(-1)
        if mean.shape != self.target_mean.shape:
            raise ValueError(f"outputs={len(self.target_mean)}, but targets have {len(mean)}. Set --model.outputs.")
        self.target_mean.copy_(mean)
        self.target_std.copy_(torch.where(std > 0, std, torch.ones_like(std)))

    def scaled(self, target: Tensor) -> Tensor:
        """A target in units of its standard deviation, from its mean."""
        return (target.view(len(target), -1) - self.target_mean).div(self.target_std).view_as(target)

    def unscaled(self, output: Tensor) -> Tensor:
        """An output of the network in the target's units, float32."""
        flat = output.float().view(output.shape[0], -1)  # not len, which would fix the batch of an exported graph
        return (flat * self.target_std + self.target_mean).view_as(output)

    def training_step(self, batch: dict, batch_idx: int) -> Tensor:
        """Loss of one batch."""
        loss = self.loss(self.outputs(batch).float(), self.scaled(batch["target"]))
        self.track("train/loss", loss, len(batch["id"]))
        return loss

    def evaluate(self, part: str, batch: dict) -> None:
        """Loss and rows."""
        rows = self.rows_with(batch, self.predicted)
        loss = self.loss(self.scaled(rows["pred"]), self.scaled(batch["target"]))
        self.track(f"{part}/loss", loss, len(batch["id"]))
        self.collect(part, batch, **rows)

    def predict_step(self, batch: dict, batch_idx: int = 0) -> dict[str, Any]:
        """``id`` and ``pred``, in the target's units."""
        return {"id": batch["id"], "pred": self.unscaled(self.outputs(batch))}

    def rows_of(self, batch: dict, out: dict) -> dict[str, Tensor]:
        """Prediction and target."""
        return {"pred": out["pred"], "target": batch["target"]}

    def score(self, rows: dict[str, Tensor]) -> dict[str, Any]:
        """Scores of the set."""
        return regression_scores(rows["pred"], rows["target"])

    def baselines(self, datamodule: Any) -> dict[str, dict[str, float]]:
        """The mean of the training targets, for every sample."""
        target = datamodule.arrays("test")["target"]
        mean = datamodule.arrays("train")["target"].mean(0, keepdim=True).expand_as(target)
        return {"training mean": {k: float(v) for k, v in regression_scores(mean, target).items()}}

    def figures_of_rows(self, rows: dict[str, Tensor]) -> dict[str, Any]:
        """Prediction over target."""
        return {"predictions": scatter_figure(rows["pred"], rows["target"])}
