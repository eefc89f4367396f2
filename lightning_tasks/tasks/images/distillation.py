"""Knowledge distillation (assignment D9): a small student learns from a teacher's softened probabilities."""

from typing import Any

import torch
import torch.nn.functional as F
from lightning.pytorch.utilities import rank_zero_info
from torch import Tensor

from lightning_tasks.measures.classification_losses import soft_cross_entropy, soft_labels
from lightning_tasks.nets.classifier import build_classifier
from lightning_tasks.plots.soft_labels import soft_label_figure
from lightning_tasks.problems import ImageClassifier
from lightning_tasks.problems.optim import make_optimizer, make_schedule
from lightning_tasks.runs.frozen import freeze, load_frozen, other_data


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
        teacher: Directory of a finished run on the same data, or None to train ``teacher_net`` first.
        teacher_net: Network of the teacher to train.
        teacher_args: Its arguments.
        teacher_epochs: Epochs of its training, with AdamW and one cycle.
        teacher_lr: Its peak learning rate.
        alpha: Weight of the teacher, in [0, 1].
        temperature: T of both softmaxes, above 0.
        **kwargs: Arguments of ``ImageClassifier``, for the student.

    Raises:
        ValueError: ``alpha`` or ``temperature`` out of range, or a teacher with other classes.
    """

    def __init__(
        self,
        teacher: str | None = None,
        teacher_net: str = "mnist_cnn",
        teacher_args: dict[str, Any] | None = None,
        teacher_epochs: int = 3,
        teacher_lr: float = 4e-3,
        alpha: float = 0.7,
        temperature: float = 4.0,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.save_hyperparameters(logger=False)
        if not 0 <= alpha <= 1 or temperature <= 0:
            raise ValueError(
                f"alpha={alpha}, temperature={temperature}: need 0 <= alpha <= 1 and a temperature above 0."
            )
        # In a tuple, where nn.Module does not find it: a student's checkpoint holds the student.
        self._teacher: tuple[torch.nn.Module, ...] = ()
        self._kept: dict[str, Tensor] | None = None

    # ---- teacher ----------------------------------------------------------------------------------------------

    def on_fit_start(self) -> None:
        """Load the teacher, take it from the checkpoint of an interrupted fit, or train it."""
        super().on_fit_start()
        if self.hparams.alpha == 0 or self._teacher:
            return
        if self.hparams.teacher is not None:
            teacher = load_frozen(self.hparams.teacher)
            if not isinstance(teacher, ImageClassifier) or teacher.class_names != self.class_names:
                raise ValueError(
                    f"teacher {self.hparams.teacher} is no classifier of {', '.join(self.class_names)}. "
                    "Train one on the same classes."
                )
            data = self.trainer.datamodule
            if told := other_data(self.hparams.teacher, data):
                data.note(f"teacher: {told}")
        else:
            teacher = self._new_teacher()
            if self._kept is not None:
                teacher.load_state_dict(self._kept)
            else:
                self._train(teacher.to(self.device))
        self._teacher = (freeze(teacher).to(self.device),)

    def _new_teacher(self) -> torch.nn.Module:
        h = self.hparams
        return build_classifier(h.teacher_net, self.in_channels, self.num_classes, **(h.teacher_args or {}))

    def _train(self, teacher: torch.nn.Module) -> None:
        """Plain training on the train part; the student's own random streams begin afterwards, at its first epoch."""
        h, data = self.hparams, self.trainer.datamodule
        if self.trainer.world_size > 1:
            raise ValueError(
                "Several devices would train several teachers: train one first and give --model.teacher RUN."
            )
        loader = data.train_dataloader()
        size = sum(p.numel() for p in teacher.parameters())
        rank_zero_info(f"First the teacher: {h.teacher_net}, {size:,} parameters, {h.teacher_epochs} epochs.")
        optimizer = make_optimizer(teacher, "adamw", h.teacher_lr, 0.01)
        schedule = make_schedule(optimizer, "onecycle", h.teacher_epochs * len(loader), 0, "val/acc", "max")[
            "scheduler"
        ]
        teacher.train()
        with torch.enable_grad():
            for epoch in range(h.teacher_epochs):
                loader.sampler.set_epoch(epoch)
                for batch in loader:
                    batch = data.on_after_batch_transfer(batch, 0)
                    logits = teacher(self.normalized(batch["image"]))
                    loss = soft_cross_entropy(logits, soft_labels(batch, self.num_classes))  # not the student's
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
                    schedule.step()
                rank_zero_info(f"Teacher, epoch {epoch + 1} of {h.teacher_epochs}: loss {loss.item():.3f} (last batch)")
        data._epoch = -1  # the augmentation's stream of epoch 0 is the student's again

    def teach(self, image: Tensor) -> Tensor:
        """The teacher's logits (B, K)."""
        teacher = self._teacher[0]
        with torch.no_grad():
            return teacher(image) if self.hparams.teacher is not None else teacher(self.normalized(image))

    def on_save_checkpoint(self, checkpoint: dict) -> None:
        """Keep a teacher that was trained here: an interrupted fit goes on with the same one."""
        super().on_save_checkpoint(checkpoint)
        if self._teacher and self.hparams.teacher is None:
            checkpoint["teacher"] = self._teacher[0].state_dict()

    def on_load_checkpoint(self, checkpoint: dict) -> None:
        """Recall it."""
        super().on_load_checkpoint(checkpoint)
        self._kept = checkpoint.get("teacher")

    # ---- steps ------------------------------------------------------------------------------------------------

    def training_step(self, batch: dict, batch_idx: int) -> Tensor:
        """Weighted sum of both losses."""
        alpha = self.hparams.alpha
        if alpha == 0:
            return super().training_step(batch, batch_idx)
        logits, taught = self(batch["image"]), self.teach(batch["image"])
        soft = distillation_loss(logits, taught, self.hparams.temperature)
        hard = self.criterion(logits, batch)
        loss = alpha * soft + (1 - alpha) * hard
        for name, value in (("loss", loss), ("loss_teacher", soft), ("loss_labels", hard)):
            self.track(f"train/{name}", value, len(batch["id"]))
        return loss

    def evaluate(self, part: str, batch: dict) -> None:
        """As in classification; during the fit also the share of samples on which student and teacher agree."""
        super().evaluate(part, batch)
        if part == "val" and self._teacher:
            agree = self(batch["image"]).argmax(1) == self.teach(batch["image"]).argmax(1)
            self.track("val/agreement", agree.float().mean(), len(agree))

    def figures(self, batch: dict, out: dict) -> dict[str, Any]:
        """Also, while the teacher is there, what it says of the pictures on which it doubts most."""
        drawn = super().figures(batch, out)
        if self._teacher:
            taught = self.teach(batch["image"])
            drawn["soft_labels"] = soft_label_figure(
                batch["image"], taught, out["prob"], self.hparams.temperature, self.class_names, batch.get("label")
            )
        return drawn

    def baselines(self, datamodule: Any) -> dict[str, dict[str, float]]:
        """Those of classification, and the teacher itself."""
        found = super().baselines(datamodule)
        if not self._teacher:
            return found
        self._teacher[0].to(self.device)
        probs, labels = [], []
        for batch in datamodule.test_dataloader():
            batch = {k: v.to(self.device) for k, v in datamodule.on_after_batch_transfer(batch, 0).items()}
            probs.append(self.teach(batch["image"]).float().softmax(1).cpu())
            labels.append(batch["label"].cpu())
        scores = self.score({"prob": torch.cat(probs), "label": torch.cat(labels)})
        size = sum(p.numel() for p in self._teacher[0].parameters())
        return {f"teacher, {size:,} params": {name: float(value) for name, value in scores.items()}} | found
