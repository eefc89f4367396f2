"""Blood cells, eight types (assignment B1)."""

from pathlib import Path

from lightning_tasks.problems import ImageClassifier, Task
from lightning_tasks.runs.code_submission import write_code_submission

CLASSES = [
    "basophil",
    "eosinophil",
    "erythroblast",
    "immature_granulocyte",
    "lymphocyte",
    "monocyte",
    "neutrophil",
    "platelet",
]


class BloodCellsTask(ImageClassifier):
    """Name the type of one blood cell.

    ``image``: float32 (B, 3, H, W) in [0, 1]; ``label``: int64 (B,), the place in ``CLASSES``. The hidden test of the
    assignment is corrupted, and networks with 0.98 on clean pictures scored 0.36 there: by default the accuracy on
    randomly corrupted validation pictures (``val/acc_corrupted``) chooses the checkpoint.

    Args:
        corrupted: As in ``ImageClassifier``.
        **kwargs: Arguments of ``ImageClassifier``.
    """

    submits = "code"

    def __init__(self, corrupted: str | dict[str, list[int]] = "random", **kwargs) -> None:
        super().__init__(in_channels=3, class_names=CLASSES, corrupted=corrupted, **kwargs)
        self.save_hyperparameters(logger=False)

    @staticmethod
    def write_code_submission(members: list[Task], path: Path, side: int | None = None) -> None:
        """Write the zip with ``model.py`` and the networks of ``members``; see ``code_submission``.

        Args:
            members: One trained task, or the members of an ensemble.
            path: Zip to write.
            side: Side of the pictures the members were trained on; ``Model.predict`` gets 96x96.
        """
        write_code_submission(members, path, side=side)
