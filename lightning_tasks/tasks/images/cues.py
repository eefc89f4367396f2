"""Convolution against attention (assignment D11): what a network goes by, shape or texture, and how parts lie."""

from typing import Any

import torch
from torch import Tensor

from lightning_tasks.measures.calibration import hits
from lightning_tasks.plots.classes import grid_figure
from lightning_tasks.problems import ImageClassifier

CLEAN, SWAPPED = 0, 1
TILES = {"2x2": 2, "4x4": 3}  # numbers of ``probe``


class CuesTask(ImageClassifier):
    """Reads ``image``, ``label`` (of the outline), ``texture`` (of the surface) and ``probe`` (B,), each int64.

    Scores of classification are those of clean pictures, the loss is that of all. Beside them: ``shape_share``, of the
    pictures whose surface was swapped and that were called by either cue, the share called by their outline;
    ``texture_acc``, the share of all swapped ones called by their surface; ``acc_2x2`` and ``acc_4x4`` on pictures in
    tiles, and ``drop_2x2`` and ``drop_4x4``, how far they are below ``acc``.

    Args:
        net: Network by name.
        **kwargs: Arguments of ``ImageClassifier``.
    """

    reads = ("image", "label", "texture", "probe")
    asks = ("image",)
    scored_rows = written_rows = ("prob", "label", "texture", "probe")

    def __init__(self, net: str = "cnn_small", **kwargs) -> None:
        super().__init__(net=net, **kwargs)
        self.save_hyperparameters(logger=False)

    def rows_of(self, batch: dict, out: dict) -> dict[str, Tensor]:
        """Also the surface and the probe."""
        return super().rows_of(batch, out) | {"texture": batch["texture"], "probe": batch["probe"]}

    def score(self, rows: dict[str, Tensor]) -> dict[str, Any]:
        """Scores of clean pictures, and of the probes where rows hold them."""
        if "probe" not in rows:
            return super().score(rows)
        scores = super().score(of_probe(rows, CLEAN))
        probe = rows["probe"]
        by_shape, by_texture = (hits(rows["prob"], rows[key]) for key in ("label", "texture"))
        if (swapped := probe == SWAPPED).any():
            shape, texture = by_shape[swapped].mean(), by_texture[swapped].mean()
            scores |= {"shape_share": shape / (shape + texture).clamp_min(1e-12), "texture_acc": texture}
        for name, number in TILES.items():
            if (moved := probe == number).any():
                acc = by_shape[moved].mean()
                scores |= {f"acc_{name}": acc, f"drop_{name}": scores["acc"] - acc}
        return scores

    def counted(self, rows: dict[str, Tensor]) -> dict[str, Tensor]:
        """Which rows each score reads: clean ones, unless it is of a probe."""
        if "probe" not in rows:
            return super().counted(rows)
        probe, by_class = rows["probe"], super().counted(rows)
        clean, swapped = probe == CLEAN, probe == SWAPPED
        read = dict.fromkeys(super().score(rows), clean)
        read |= {name: which & clean for name, which in by_class.items()}
        read |= {"shape_share": swapped, "texture_acc": swapped}
        for name, number in TILES.items():
            read |= {f"acc_{name}": probe == number, f"drop_{name}": clean | (probe == number)}
        return read

    def baselines(self, datamodule: Any) -> dict[str, dict[str, float]]:
        """A guess."""
        rows = {key: datamodule.arrays("test")[key] for key in ("label", "texture", "probe")}
        rows["prob"] = torch.full((len(rows["label"]), self.num_classes), 1 / self.num_classes)
        return {"guess": {name: float(value) for name, value in self.score(rows).items()}}

    def figures_of_rows(self, rows: dict[str, Tensor]) -> dict[str, Any]:
        """Confusion matrix of clean pictures."""
        return super().figures_of_rows(of_probe(rows, CLEAN) if "probe" in rows else rows)

    def figures(self, batch: dict, out: dict) -> dict[str, Any]:
        """Also pictures of each probe that the batch holds."""
        drawn = super().figures(batch, out)
        for number, name in ((SWAPPED, "swapped"), *((n, f"tiles_{k}") for k, n in TILES.items())):
            if (rows := batch["probe"] == number).any():
                some = {key: value[rows] for key, value in batch.items()}
                drawn[name] = grid_figure(some, out["prob"][rows], self.class_names)
        return drawn


def of_probe(rows: dict[str, Tensor], number: int) -> dict[str, Tensor]:
    """Rows of one probe."""
    which = rows["probe"] == number
    return {name: value[which] for name, value in rows.items()}
