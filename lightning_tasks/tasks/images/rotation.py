"""Rotation as a pretext (assignment D10): labels that cost nothing, features that transfer."""

from typing import Any

import torch
from torch import Tensor

from lightning_tasks.measures.classification import classification_scores
from lightning_tasks.problems import ImageClassifier
from lightning_tasks.problems.exported import Exported, predicting

TURNS = ("0", "90", "180", "270")  # degrees, anticlockwise


class RotationTask(ImageClassifier):
    """Reads ``image`` (B, C, S, S) and no label: by how many right angles was each picture turned?

    In training every picture of a batch is turned by a random multiple of 90 degrees, in evaluation by ``id`` modulo 4,
    so that each is asked once and every time alike. Turns are exact (``rot90``): interpolation would leave corners that
    give the answer away. Keep flips out of ``augment``: some pictures mirrored are the same pictures turned.

    Args:
        **kwargs: Arguments of ``ImageClassifier``.

    Raises:
        ValueError: Class weights by counts of the data's classes, which are not the turns; pictures that are mixed.

    Source: Gidaris, Singh & Komodakis 2018, "Unsupervised representation learning by predicting image rotations".
    """

    reads = ("image",)
    knows_labels = False  # turns are classes of any pictures
    refuses = {"tta": "a flipped picture is another question", "explain": "its classes are turns, not what is shown"}

    def __init__(self, **kwargs) -> None:
        super().__init__(class_names=list(TURNS), **kwargs)
        self.save_hyperparameters(logger=False)
        if isinstance(weights := self.hparams.class_weights, str) and weights != "none":
            raise ValueError(f"class_weights={weights!r}: all turns are as frequent. Leave it at none, or give four.")

    def turned(self, batch: dict, turns: Tensor) -> dict:
        """The batch with pictures turned by ``turns`` (B,) right angles, which are its labels."""
        image = batch["image"].clone()
        for k in (1, 2, 3):
            rows = turns == k
            image[rows] = batch["image"][rows].rot90(k, (-2, -1))
        return {**batch, "image": image, "label": turns}

    def asked(self, batch: dict) -> dict:
        """The batch as evaluation asks it."""
        return self.turned(batch, batch["id"] % 4)

    def training_step(self, batch: dict, batch_idx: int) -> Tensor:
        """Loss of one batch, turned anew in every epoch."""
        if "label2" in batch:
            raise ValueError("A mixed picture has no one turn: leave mixup and cutmix out of --data.augment.")
        turns = torch.randint(4, (len(batch["id"]),), device=batch["id"].device)
        return super().training_step(self.turned(batch, turns), batch_idx)

    def evaluate(self, part: str, batch: dict) -> None:
        """Loss and rows."""
        super().evaluate(part, self.asked(batch))

    def predict_step(self, batch: dict, batch_idx: int = 0) -> dict[str, Any]:
        """``id``, ``prob`` (B, 4) and the true turn, ``label`` (B,)."""
        return super().predict_step(self.asked(batch)) | {"label": batch["id"] % 4}

    def exported(self, sample: dict) -> Exported:
        """The turn of a picture as it is given."""
        return predicting(self, self.asked(sample), lambda batch: {"prob": self.probabilities(batch)}, self.asked)

    def rows_of(self, batch: dict, out: dict) -> dict[str, Tensor]:
        """Probabilities and the true turn."""
        return {"prob": out["prob"], "label": batch["id"] % 4}

    def baselines(self, datamodule: Any) -> dict[str, dict[str, float]]:
        """A guess."""
        label = datamodule.arrays("test")["id"] % 4
        scores = classification_scores(torch.full((len(label), 4), 0.25), label, self.class_names)
        return {"guess": {name: float(value) for name, value in scores.items()}}

    def figures(self, batch: dict, out: dict) -> dict[str, Any]:
        """Turned pictures with the predicted and the true turn."""
        return super().figures(self.asked(batch), out)

    def figures_of_training(self, batch: dict) -> dict[str, Any]:
        """Turned pictures with their turn."""
        return super().figures_of_training(self.asked(batch))
