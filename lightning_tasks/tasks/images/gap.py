"""Under- and overfitting (assignment D3): L1 and L2, and the gap between train and held-out loss made visible."""

import torch
from torch import Tensor

from lightning_tasks.measures.calibration import TINY, hits
from lightning_tasks.measures.generalisation import generalisation
from lightning_tasks.problems import ImageClassifier


class GapClassifier(ImageClassifier):
    """A classifier of pictures, with what a comparison of regularisers needs.

    After each epoch ``train/clean_loss`` and ``train/clean_acc`` are measured on the train part as validation is: in
    evaluation mode and without augmentation. ``train/loss`` is not comparable with ``val/loss``, because dropout and
    augmentation make it larger, and it is taken while the weights still move. ``val/gap`` is validation loss minus
    clean train loss: what overfitting is. A test measures the same under the weights that are tested:
    ``test/train_loss``, ``test/train_acc`` and ``test/gap``; ``figures/test_generalisation.md``, the report and the
    table of a sweep say by ``measures.generalisation`` whether the network is under- or overfitted.

    Args:
        l1: Weight of the sum of absolute weights (not of biases and norms) in the loss.
        l2: Weight of the sum of squared weights in the loss. ``weight_decay`` does the same for SGD (with l2 =
            weight_decay / 2); under Adam the two differ.
        gap_samples: Samples of the train part that are measured after each epoch and in a test; 0 for none.
        reachable: Accuracy on the train part that a network large enough reaches; below it one is underfitted.
        largest_gap: Accuracy on the train part less that on the held-out one above which one is overfitted.
        **kwargs: Arguments of ``ImageClassifier``.

    Raises:
        ValueError: A negative weight or gap, or an accuracy outside [0, 1].
    """

    def __init__(
        self,
        l1: float = 0.0,
        l2: float = 0.0,
        gap_samples: int = 10_000,
        reachable: float = 0.9,
        largest_gap: float = 0.05,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.save_hyperparameters(logger=False)
        if l1 < 0 or l2 < 0:
            raise ValueError(f"l1={l1}, l2={l2}: penalties must be 0 or more.")
        if not 0 <= reachable <= 1 or largest_gap < 0 or gap_samples < 0:
            raise ValueError(
                f"reachable={reachable}, largest_gap={largest_gap}, gap_samples={gap_samples}: need an accuracy in "
                "[0, 1], and 0 or more."
            )
        self._sample: dict[str, Tensor] | None = None
        self._train_acc: Tensor | None = None

    def penalty(self) -> Tensor:
        """``l1 sum |w| + l2 sum w^2`` over weights with two or more axes."""
        weights = [p for p in self.net.parameters() if p.ndim > 1]
        h = self.hparams
        return h.l1 * sum(w.abs().sum() for w in weights) + h.l2 * sum(w.square().sum() for w in weights)

    def training_step(self, batch: dict, batch_idx: int) -> Tensor:
        """Loss of one batch, and the penalty, which ``train/loss`` leaves out."""
        loss = super().training_step(batch, batch_idx)
        return loss + self.penalty() if self.hparams.l1 or self.hparams.l2 else loss

    def on_validation_epoch_start(self) -> None:
        """Measure the train part as validation is measured; averaged weights (``ema``) are in by now."""
        if self.is_fitting:
            self._measure_train("train/clean_loss", "train/clean_acc")

    def on_validation_epoch_end(self) -> None:
        """Also track the gap."""
        if self.is_fitting:
            self._track_gap("val")
        super().on_validation_epoch_end()

    def on_test_epoch_start(self) -> None:
        """Measure the train part under the weights that are tested."""
        self._measure_train("test/train_loss", "test/train_acc")

    def on_test_epoch_end(self) -> None:
        """Also track the gap."""
        self._track_gap("test")
        super().on_test_epoch_end()

    @torch.no_grad()
    def _measure_train(self, loss_name: str, acc_name: str) -> None:
        """Loss and accuracy of the train part, by the same criterion as those of validation and test."""
        if not self.hparams.gap_samples:
            return
        if self._sample is None:
            arrays = self.trainer.datamodule.arrays("train", limit=self.hparams.gap_samples)
            self._sample = {key: arrays[key].to(self.device) for key in ("image", "label")}
        label = self._sample["label"]
        prob = torch.cat([self.probabilities({"image": image}) for image in self._sample["image"].split(1000)])
        self._train_loss = self.criterion(prob.clamp_min(TINY).log(), {"label": label})
        self.track(loss_name, self._train_loss, 1)
        self._train_acc = hits(prob, label).mean()
        self.track(acc_name, self._train_acc, 1)

    def texts(self, batch: dict, out: dict) -> dict[str, str]:
        """Also, of the test, whether the network is under- or overfitted, with both accuracies and limits."""
        texts, h = super().texts(batch, out), self.hparams
        if self.trainer.state.fn != "test" or self._train_acc is None or not self.last_rows:
            return texts
        train, held_out = float(self._train_acc), float(hits(self.last_rows["prob"], self.last_rows["label"]).mean())
        label = self.diagnosis({"test/train_acc": train, "test/acc": held_out})
        lines = [
            "| train accuracy | held-out accuracy | gap | verdict |", "|---|---|---|---|",
            f"| {train:.4f} | {held_out:.4f} | {train - held_out:.4f} | {label} |", "",
            f"Underfitted: train accuracy below {h.reachable:g}. Else overfitted: a gap above {h.largest_gap:g}.",
        ]  # fmt: skip
        return texts | {"generalisation": "\n".join(lines)}

    def diagnosis(self, scores: dict[str, float | None]) -> str:
        """``underfitted``, ``overfitted`` or ``neither``; nothing where the train part is not measured."""
        train, held_out = scores.get("test/train_acc"), scores.get("test/acc")
        if train is None or held_out is None:
            return ""
        return generalisation(train, held_out, self.hparams.reachable, self.hparams.largest_gap)

    def _track_gap(self, part: str) -> None:
        total, weight = self._sums.get(f"{part}/loss", (None, 0))
        if self.hparams.gap_samples and total is not None:
            self.track(f"{part}/gap", total / weight - self._train_loss, weight)  # processes have unequal shares
