"""Knowledge distillation (assignment D9): a small student learns from a teacher's softened probabilities."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from lightning_tasks.measures.classification import chosen, judged, share_right
from lightning_tasks.plots.soft_labels import soft_label_figure
from lightning_tasks.problems import ImageClassifier
from lightning_tasks.runs.data_record import other_data
from lightning_tasks.runs.frozen import load_frozen


def distillation_loss(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """T^2 KL(softmax(z_t / T) || softmax(z_s / T)), mean over samples.

    T^2 keeps the gradient's size while T changes. The teacher's distribution comes first: the student is asked to
    cover all of it.

    Args:
        student: Logits float (B, K), with gradient.
        teacher: Logits float (B, K), without.
        temperature: T > 0.

    Source: Hinton, Vinyals & Dean 2015, "Distilling the knowledge in a neural network", section 2.
    """
    p = (teacher.detach().float() / temperature).log_softmax(1)
    q = (student.float() / temperature).log_softmax(1)
    return temperature**2 * F.kl_div(q, p, reduction="batchmean", log_target=True)


class DistillationTask(ImageClassifier):
    """The student is ``net``; its loss is alpha x ``distillation_loss`` + (1 - alpha) x the loss of its labels.

    Reads ``image`` and ``label`` as ``ImageClassifier`` does. The teacher sees the same augmented images, is always
    in evaluation mode and gets no gradients. ``alpha: 0`` needs none and is plain training of the student: the control.

    Args:
        teacher: Directory of a finished run on the same classes; a config names one that is trained first under
            ``needs``. It must stay where it is.
        alpha: Weight of the teacher, in [0, 1].
        temperature: T of both softmaxes, above 0.
        **kwargs: Arguments of ``ImageClassifier``, for the student.

    Raises:
        ValueError: ``alpha`` or ``temperature`` out of range, no teacher, or one with other classes.
    """

    panels = {"losses": ("loss", "loss_teacher", "loss_labels")}

    def __init__(self, teacher: str | None = None, alpha: float = 0.7, temperature: float = 4.0, **kwargs) -> None:
        super().__init__(**kwargs)
        self.save_hyperparameters(logger=False)
        if not 0 <= alpha <= 1 or temperature <= 0:
            raise ValueError(
                f"alpha={alpha}, temperature={temperature}: need 0 <= alpha <= 1 and a temperature above 0."
            )
        # In a tuple, where nn.Module does not find it: a student's checkpoint holds the student.
        self._teacher: tuple[torch.nn.Module, ...] = ()

    # ---- teacher ----------------------------------------------------------------------------------------------

    def on_fit_start(self) -> None:
        """Load the teacher, and say what it may have seen."""
        super().on_fit_start()
        run = self.hparams.teacher
        if self.hparams.alpha == 0 or self._teacher:
            return
        if run is None:
            raise ValueError(
                "there is no teacher: set --model.teacher to the directory of a finished run, or let the config name "
                "one that is trained first (needs: {teacher: {config: configs/mnist_cnn.yaml}})."
            )
        teacher = load_frozen(run)
        if not isinstance(teacher, ImageClassifier) or teacher.class_names != self.class_names:
            raise ValueError(
                f"teacher {run} is no classifier of {', '.join(self.class_names)}. Train one on the same classes."
            )
        data = self.trainer.datamodule
        if message := other_data(run, data):
            data.note(f"teacher: {message}")
        self._teacher = (teacher.to(self.device),)

    def teach(self, image: Tensor) -> Tensor:
        """The teacher's logits (B, K)."""
        with torch.no_grad():
            return self._teacher[0](image)

    # ---- steps ------------------------------------------------------------------------------------------------

    def training_loss(self, batch: dict) -> Tensor:
        """Weighted sum of both losses."""
        alpha = self.hparams.alpha
        if alpha == 0:
            return super().training_loss(batch)
        logits, teacher_logits = self(batch["image"]), self.teach(batch["image"])
        soft = distillation_loss(logits, teacher_logits, self.hparams.temperature)
        hard = self.criterion(logits, batch)
        for name, value in (("loss_teacher", soft), ("loss_labels", hard)):
            self.track(f"train/{name}", value, len(batch["id"]))
        return alpha * soft + (1 - alpha) * hard

    def evaluate(self, part: str, batch: dict) -> None:
        """As in classification; during the fit also the share of samples on which student and teacher agree."""
        super().evaluate(part, batch)
        if part == "val" and self._teacher:
            agree = judged(chosen(self(batch["image"])), chosen(self.teach(batch["image"])))
            self.track("val/agreement", share_right(agree), len(agree))

    def figures(self, batch: dict, out: dict) -> dict[str, Any]:
        """Also, while the teacher is there, what it says of the pictures on which it doubts most."""
        drawn = super().figures(batch, out)
        if self._teacher:
            teacher_logits = self.teach(batch["image"])
            drawn["soft_labels"] = soft_label_figure(
                batch["image"],
                teacher_logits,
                out["prob"],
                self.hparams.temperature,
                self.class_names,
                batch.get("label"),
            )
        return drawn

    def baselines(self, datamodule: Any) -> dict[str, dict[str, float]]:
        """Those of classification, and the teacher itself."""
        baselines = super().baselines(datamodule)
        if not self._teacher:
            return baselines
        self._teacher[0].to(self.device)
        probs, labels = [], []
        for batch in datamodule.test_dataloader():
            batch = {k: v.to(self.device) for k, v in datamodule.on_after_batch_transfer(batch, 0).items()}
            probs.append(self.teach(batch["image"]).float().softmax(1).cpu())
            labels.append(batch["label"].cpu())
        scores = self.score({"prob": torch.cat(probs), "label": torch.cat(labels)})
        size = sum(p.numel() for p in self._teacher[0].parameters())
        return {f"teacher, {size:,} params": {name: float(value) for name, value in scores.items()}} | baselines
