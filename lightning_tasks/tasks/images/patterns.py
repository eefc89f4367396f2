"""An MLP that tells three 8x8 patterns apart (assignment D12), and how many flipped cells it bears."""

from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from lightning_tasks.measures.calibration import hits
from lightning_tasks.problems import ImageClassifier


class PatternTask(ImageClassifier):
    """Reads ``image`` (B, 1, 8, 8), ``label`` and ``flips`` (B,), the number of cells that differ from the pattern.

    ``acc_flips<n>`` is the accuracy on copies with n flipped cells; ``acc_flips0``, on the patterns themselves, must
    be 1.

    Args:
        net: Network by name; ``mlp`` on 64 cells needs ``image_size: 8``.
        class_names: Names of the patterns, in the order of their labels.
        in_channels: 1.
        **kwargs: Arguments of ``ImageClassifier``.
    """

    reads = ("image", "label", "flips")
    asks = ("image",)
    scored_rows = written_rows = ("prob", "label", "flips")

    def __init__(
        self, net: str = "mlp", class_names: list[str] | None = None, in_channels: int | None = None, **kwargs
    ) -> None:
        super().__init__(
            net=net, class_names=class_names or ["plus", "ring", "stairs"], in_channels=in_channels, **kwargs
        )
        self.save_hyperparameters(logger=False)

    def rows_of(self, batch: dict, out: dict) -> dict[str, Tensor]:
        """Probabilities, the true class and the number of flipped cells."""
        return super().rows_of(batch, out) | {"flips": batch["flips"]}

    def score(self, rows: dict[str, Tensor]) -> dict[str, Any]:
        """Scores of classification and, where rows hold their number, accuracy by flipped cells."""
        accuracies = by_flips(rows) if "flips" in rows else {}  # baselines have none
        return super().score(rows) | {f"acc_flips{n}": acc for n, acc in accuracies.items()}

    def counted(self, rows: dict[str, Tensor]) -> dict[str, Tensor]:
        """An accuracy by flipped cells reads the copies with so many."""
        by_number = {f"acc_flips{int(n)}": rows["flips"] == n for n in rows["flips"].unique()}
        return super().counted(rows) | by_number

    def figures(self, batch: dict, out: dict) -> dict[str, Any]:
        """Red cells on white."""
        return super().figures({**batch, "image": red_on_white(batch["image"])}, out)

    def figures_of_training(self, batch: dict) -> dict[str, Any]:
        """Red cells on white."""
        return super().figures_of_training({**batch, "image": red_on_white(batch["image"])})

    def figures_of_rows(self, rows: dict[str, Tensor]) -> dict[str, Any]:
        """Also accuracy over the number of flipped cells."""
        accuracies = by_flips(rows)
        figure = Figure(figsize=(6, 3.4), layout="constrained")
        axis = figure.subplots()
        axis.plot(list(accuracies), [float(v) for v in accuracies.values()], marker="o")
        axis.axhline(1 / self.num_classes, color="#999999", linestyle=":", label="chance")
        axis.set(xlabel="flipped cells of 64", ylabel="accuracy", ylim=(0, 1.03))
        axis.grid(alpha=0.3)
        axis.legend()
        return super().figures_of_rows(rows) | {"accuracy_over_flips": figure}


def red_on_white(image: Tensor) -> Tensor:
    """(B, 1, H, W) of 0 (white) and 1 (red) as RGB."""
    return torch.cat([torch.ones_like(image), 1 - image, 1 - image], 1)


def by_flips(rows: dict[str, Tensor]) -> dict[int, Tensor]:
    """Accuracy for each number of flipped cells that occurs."""
    hit = hits(rows["prob"], rows["label"])
    return {int(n): hit[rows["flips"] == n].mean() for n in rows["flips"].unique()}
