"""Generative models: what they sample is compared with data, as two distributions."""

from typing import Any

import torch
from torch import Tensor

from lightning_tasks.measures.generative import energy_distance, frechet_distance
from lightning_tasks.plots.pictures import tiles_figure

from .checks import check_reads
from .gradient import GradientTask
from .task import NO_CLASSES, NO_MEAN, NO_PICTURES


class Generative(GradientTask):
    """A subclass names the key of its data in ``reads`` and gives ``sample(n, stream)``.

    Evaluation draws as many samples as there are in the part, from a stream that begins anew each time, and compares
    both sets by ``frechet`` and ``energy``, distances between distributions, of what ``describe`` makes of a sample.
    A bootstrap of such a distance is biased upwards, because a resample repeats samples: it gets no interval.
    """

    monitor, mode = "val/energy", "min"
    scored_rows = ("real", "fake")
    generates = "arrays"
    refuses = {"ensemble": NO_MEAN, "calibrate": NO_CLASSES, "explain": NO_PICTURES, "tta": NO_PICTURES}
    without_interval = ("frechet", "energy")

    def sample(self, n: int, stream: torch.Generator) -> Tensor:
        """``n`` samples on the task's device, as the data has them; all random numbers come from ``stream``."""
        raise NotImplementedError(f"{type(self).__name__}.sample")

    def describe(self, samples: Tensor) -> Tensor:
        """What two sets are compared by: float (N, F); the samples themselves, unless a subclass has features."""
        return samples.float().flatten(1)

    def setup(self, stage: str) -> None:
        """Also see that the data has what is read."""
        super().setup(stage)
        if stage == "fit" and self.trainer.datamodule is not None:
            check_reads(self, self.trainer.datamodule)

    def evaluate(self, part: str, batch: dict) -> None:
        """Real samples and as many made ones."""
        fake = self.sample(len(batch["id"]), self.stream(part))
        self.collect(part, batch, real=self.describe(batch[self.reads[0]]), fake=self.describe(fake))

    def predict_step(self, batch: dict, batch_idx: int = 0) -> dict[str, Any]:
        """``id`` and ``sample``: as many samples as the batch has."""
        return {"id": batch["id"], "sample": self.sample(len(batch["id"]), self.stream("predict"))}

    def score(self, rows: dict[str, Tensor]) -> dict[str, Any]:
        """Distances of the two sets."""
        return {
            "frechet": frechet_distance(rows["real"], rows["fake"]),
            "energy": energy_distance(rows["real"], rows["fake"]),
        }

    def baselines(self, datamodule: Any) -> dict[str, dict[str, float]]:
        """Real training samples in place of made ones: the floor that a perfect model would reach."""
        real = self.describe(datamodule.arrays("test")[self.reads[0]])
        train = self.describe(datamodule.arrays("train", limit=len(real))[self.reads[0]])
        size = min(len(real), len(train))
        return {"training samples": {k: float(v) for k, v in self.score({"real": real[:size], "fake": train}).items()}}

    def figures(self, batch: dict, out: dict) -> dict[str, Any]:
        """A grid of samples, where they are pictures."""
        samples = out["sample"]
        return {"samples": tiles_figure(samples[:64])} if samples.ndim == 4 else {}
