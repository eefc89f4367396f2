"""What every classifier scores, however it was fitted: shared by ``Classifier`` and those of a closed form."""

from typing import Any

from torch import Tensor

from lightning_tasks.baselines.classes import class_share_baseline
from lightning_tasks.measures.classification import classification_scores, confusion_matrix, rows_by_class
from lightning_tasks.plots.classes import confusion_figure

from .task import Task


class ClassScores(Task):
    """Rows ``prob`` (B, K) and ``label`` (B,), and what follows from them; stands before the other base class.

    A subclass gives ``class_names``, K of them in the order of the labels, and ``prob`` in ``predict_step``.
    """

    scored_rows = written_rows = ("prob", "label")
    averaged = "prob"

    @property
    def num_classes(self) -> int:
        """K."""
        return len(self.class_names)

    def rows_of(self, batch: dict, out: dict) -> dict[str, Tensor]:
        """Probabilities and the true class."""
        return {"prob": out["prob"], "label": batch["label"]}

    def score(self, rows: dict[str, Tensor]) -> dict[str, Any]:
        """Those of ``measures.classification``, from the probabilities of the set."""
        return classification_scores(rows["prob"], rows["label"], self.class_names)

    def counted(self, rows: dict[str, Tensor]) -> dict[str, Tensor]:
        """Recall reads the samples of a class, precision those that are called so."""
        return rows_by_class(rows["prob"], rows["label"], self.class_names)

    def baselines(self, datamodule: Any) -> dict[str, dict[str, float]]:
        """The class shares of the train part, for every sample."""
        return class_share_baseline(self, datamodule)

    def figures_of_rows(self, rows: dict[str, Tensor]) -> dict[str, Any]:
        """Confusion matrix."""
        matrix = confusion_matrix(rows["prob"].argmax(1), rows["label"], self.num_classes)
        return {"confusion": confusion_figure(matrix, self.class_names)}
