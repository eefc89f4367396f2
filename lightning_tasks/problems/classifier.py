"""Classification of anything: one class for each sample, whatever the batch holds."""

from typing import Any

import torch
from torch import Tensor

from lightning_tasks.common.choices import checked_choice, nearest
from lightning_tasks.measures.class_weights import CLASS_WEIGHTS, class_weights_from_counts, given_class_weights
from lightning_tasks.measures.classification import score_names
from lightning_tasks.measures.classification_losses import soft_labels, soft_loss

from .checks import check_classes, check_input
from .class_scores import ClassScores
from .gradient import GradientTask
from .task import NO_PICTURES

LOWER_IS_BETTER = ("loss", "nll", "ece", "brier")


class Classifier(ClassScores, GradientTask):
    """Reads ``label`` (B,) int64 of a batch, ``label2`` and ``lam`` (B,) of a mixed one, and what ``logits`` reads.

    A subclass builds its network and gives ``logits(batch)``: (B, K). Class weights, smoothing, scores, baselines,
    calibration and ensembles come from here. Scores are those of ``measures.classification``, from the probabilities
    of the whole part.

    Args:
        class_names: Names of the K classes, in the order of the labels. None takes those of the data.
        loss: ``ce`` or ``focal``.
        loss_args: ``{label_smoothing: 0.1}`` for ``ce``, ``{gamma: 2}`` for ``focal``.
        class_weights: ``none``, ``inverse``, ``effective`` or ``sqrt`` (from training samples), or K numbers.
        monitor: Metric that chooses the checkpoint; None takes the task's own, mostly ``val/acc``.
        **kwargs: Arguments of ``GradientTask``.

    Raises:
        ValueError: An unknown loss, choice or metric, or class weights of the wrong number.
    """

    reads = ("label",)
    projects = "features"
    monitor, mode = "val/acc", "max"
    refuses = {"explain": NO_PICTURES, "tta": NO_PICTURES}

    def __init__(
        self,
        class_names: list[str] | None = None,
        loss: str = "ce",
        loss_args: dict[str, float] | None = None,
        class_weights: str | list[float] = "none",
        monitor: str | None = None,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.save_hyperparameters(logger=False)
        self.class_names = list(class_names or ["negative", "positive"])
        if isinstance(class_weights, str):
            checked_choice("class_weights", class_weights, CLASS_WEIGHTS)
        self.loss = soft_loss(loss, **(loss_args or {}))
        given = [1.0] * self.num_classes if isinstance(class_weights, str) else class_weights
        self.register_buffer("class_weights", given_class_weights(given, self.num_classes))
        self._choose_monitor(monitor)

    def metric_names(self) -> list[str]:
        """Names of the scores of validation, without its part."""
        return ["loss", *score_names(self.class_names)]

    def _choose_monitor(self, monitor: str | None) -> None:
        known = [f"val/{name}" for name in self.metric_names()]
        self.monitor = monitor or self.monitor
        if self.monitor not in known:
            hint = nearest(self.monitor, known)
            raise ValueError(f"monitor={monitor!r} is no metric of validation.{hint} Known: {', '.join(known)}.")
        self.mode = "min" if self.monitor.removeprefix("val/") in LOWER_IS_BETTER else "max"

    # ---- the network ------------------------------------------------------------------------------------------

    def logits(self, batch: dict) -> Tensor:
        """Logits (B, K) of a batch: the one door to the network, for training, evaluation and explanations.

        Gradients reach the batch's tensors.
        """
        raise NotImplementedError(f"{type(self).__name__}.logits")

    def prob_of(self, logits: Tensor) -> Tensor:
        """Probabilities float32 (B, K)."""
        return logits.float().softmax(1)

    def probabilities(self, batch: dict) -> Tensor:
        """(B, K)."""
        return self.prob_of(self.logits(batch))

    def setup(self, stage: str) -> None:
        """Also see, when a fit begins, that class names and network fit the data."""
        data = self.trainer.datamodule
        if stage == "fit" and data is not None and self.knows_labels:
            check_classes(self.class_names, data)
        super().setup(stage)
        if stage == "fit" and data is not None:
            check_input(self, data)

    def fit_statistics(self, statistics: dict[str, Tensor]) -> None:
        """Fit the class weights to the training samples."""
        super().fit_statistics(statistics)
        mode = self.hparams.class_weights
        if isinstance(mode, str) and mode != "none":
            counts = torch.zeros(self.num_classes)
            counts[: len(statistics["class_counts"])] = statistics["class_counts"].float()
            self.class_weights.copy_(class_weights_from_counts(counts, mode))

    # ---- steps ------------------------------------------------------------------------------------------------

    def criterion(self, logits: Tensor, batch: dict) -> Tensor:
        """The loss with this task's weights and smoothing, on plain or mixed labels."""
        weights = None if self.hparams.class_weights == "none" else self.class_weights
        return self.loss(logits, soft_labels(batch, self.num_classes), class_weights=weights)

    def training_step(self, batch: dict, batch_idx: int) -> Tensor:
        """Loss of one batch."""
        loss = self.training_loss(batch)
        self.track("train/loss", loss, len(batch["id"]))
        return loss

    def training_loss(self, batch: dict) -> Tensor:
        """What a step of training lowers."""
        return self.criterion(self.logits(batch), batch)

    def evaluate(self, part: str, batch: dict) -> None:
        """Loss and rows."""
        rows = self.rows_with(batch, self.probabilities)
        logits = rows["prob"].clamp_min(1e-12).log()  # softmax gives the probabilities back, averaged over views
        weighted = self.hparams.class_weights != "none"
        total = self.class_weights[batch["label"]].sum() if weighted else len(batch["id"])  # what the mean divides by
        self.track(f"{part}/loss", self.criterion(logits, batch), total)
        self.collect(part, batch, **rows, **self.own_rows(batch))

    def own_rows(self, batch: dict) -> dict[str, Tensor]:
        """Per-sample results of this network alone, which a mean of several has not."""
        return {}

    def predict_step(self, batch: dict, batch_idx: int = 0) -> dict[str, Any]:
        """``id`` and ``prob`` (B, K)."""
        return {"id": batch["id"], "prob": self.probabilities(batch)}
