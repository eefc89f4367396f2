"""Generative models: what they sample is compared with data, as two distributions."""

import copy
import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from lightning_tasks.common.choices import checked_choice
from lightning_tasks.measures.generative import (
    energy_distance,
    frechet_distance,
    kernel_distance,
    precision_recall,
    total_variation,
)
from lightning_tasks.measures.modes import Mixture, coverage
from lightning_tasks.measures.nearest import Bank
from lightning_tasks.plots.pictures import rows_figure, tiles_figure
from lightning_tasks.plots.samples import modes_figure, shares_figure
from lightning_tasks.runs.data_record import other_data
from lightning_tasks.runs.frozen import load_frozen

from .checks import check_compared, check_reads
from .gradient import GradientTask
from .task import NO_CLASSES, NO_MEAN, NO_PICTURES

READS = {"dense": "point", "conv": "image"}  # the kind of a network, and the key of what it makes
SIDE = 8  # of the copies that pictures are compared by: a covariance of all pixels would not fit into memory
NEIGHBOURS = 3  # of the manifolds behind precision and recall
LOOKED_AT = 10_000  # training pictures among which the nearest to a sample is looked for


class Generative(GradientTask):
    """A subclass names the key of its data in ``reads``, or calls ``make_by(net)``, and gives ``sample(n, stream)``.

    Evaluation draws as many samples as there are in the part, from a stream that begins anew each time, and compares
    both sets, as ``describe`` makes numbers of them: ``frechet``, ``energy`` and ``kernel`` distance, ``precision`` and
    ``recall``. With ``features`` also ``class_balance``, how far the class shares of the samples are from the data's
    (total variation), as that classifier sees both. Where the data knows its true components: ``modes``, how many of
    them are captured, and ``inside``, the share of samples that belong to any (``measures.modes``).

    A bootstrap of such a distance is biased upwards, because a resample repeats samples: none gets an interval. All of
    them depend on the number of samples, so baselines have the same number: training samples, the floor of a perfect
    model, and this network untrained, the ceiling.

    Args:
        features: Directory of a finished classifier of the same pictures; sets are then compared by what its network
            gives before its last layer. A config names one that is trained first under ``needs``. Without it points
            are compared as they are, and pictures by their means over 8x8 fields.
        samples: Evaluate so many samples of a part, evenly spread, and compare with as many made ones; None means all.
        compare: ``always``, or ``after`` the fit alone, where sampling takes longer than an epoch.
        components: K, of data that knows them; the data module states it.
        dims: D of the points, likewise.
        **kwargs: Arguments of ``GradientTask``.

    Raises:
        ValueError: Fewer than 10 samples, another word for ``compare``, or ``after`` where a distance chooses the best
            epoch.
    """

    monitor, mode = "val/energy", "min"
    scored_rows = ("real", "fake")
    resampled_rows = ()
    generates = "arrays"
    refuses = {"ensemble": NO_MEAN, "calibrate": NO_CLASSES, "explain": NO_PICTURES, "tta": NO_PICTURES}

    def __init__(
        self,
        features: str | None = None,
        samples: int | None = None,
        compare: str = "always",
        components: int | None = None,
        dims: int | None = None,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.save_hyperparameters(logger=False)
        if samples is not None and samples < 10:
            raise ValueError(f"samples={samples}: need 10 or more to compare with as many of the data.")
        checked_choice("compare", compare, ("always", "after"))
        if features is not None:
            self.scored_rows = (*self.scored_rows, "real_class", "fake_class")
        k, d = components or 0, dims or 0
        self.register_buffer("mode_weight", torch.zeros(k))
        self.register_buffer("mode_mean", torch.zeros(k, d))
        self.register_buffer("mode_cov", torch.zeros(k, d, d))
        self._judge: tuple[Any, ...] = ()  # in a tuple, where nn.Module does not find it: it is in no checkpoint

    # ---- points and pictures ----------------------------------------------------------------------------------

    def make_by(self, net: str) -> None:
        """Read and make points with ``net='dense'``, pictures with ``'conv'``.

        Raises:
            ValueError: Another network, or points of an unknown number of dimensions.
        """
        self.reads = (READS[checked_choice("net", net, tuple(READS))],)
        if net == "dense" and self.hparams.dims is None:
            raise ValueError("net='dense' needs the numbers of a point, which the data states: set --model.dims.")

    @property
    def pictures(self) -> bool:
        """Whether samples are pictures."""
        return self.reads[0] == "image"

    def scaled(self, x: Tensor) -> Tensor:
        """What the networks get: pictures in [-1, 1]; points as they are."""
        return x * 2 - 1 if self.pictures else x

    def unscaled(self, x: Tensor) -> Tensor:
        """What the networks gave, as the data has it; pictures are cut to [0, 1]."""
        return ((x + 1) / 2).clamp(0, 1) if self.pictures else x

    # ---- samples ----------------------------------------------------------------------------------------------

    @property
    def sample_classes(self) -> list[str]:
        """Names of the classes that ``sample`` can be asked for by ``label`` int64 (n,); mostly none."""
        return []

    def sample(self, n: int, stream: torch.Generator) -> Tensor:
        """``n`` samples on the task's device, as the data has them; all random numbers come from ``stream``."""
        raise NotImplementedError(f"{type(self).__name__}.sample")

    # ---- what sets are compared by ----------------------------------------------------------------------------

    @property
    def judge(self) -> Any:
        """The classifier of ``features``."""
        if not self._judge:
            judge = load_frozen(self.hparams.features)
            if not judge.class_names:
                raise ValueError(f"features {self.hparams.features} is no classifier: train one on the same pictures.")
            self._judge = (judge,)
        return self._judge[0].to(self.device)

    def describe(self, samples: Tensor) -> dict[str, Tensor]:
        """``numbers`` float32 (N, F) that sets are compared by, and ``class`` (N,) where there is a classifier."""
        if self.hparams.features is None:
            small = F.adaptive_avg_pool2d(samples.float(), SIDE) if samples.ndim == 4 else samples.float()
            return {"numbers": small.flatten(1)}
        batch = {"id": torch.zeros(len(samples), dtype=torch.int64), "image": samples}
        return {"numbers": self.judge.features(batch), "class": self.judge.predicted(batch).argmax(1)}

    def setup(self, stage: str) -> None:
        """Also see that the data has what is read, and what the classifier was trained on."""
        super().setup(stage)
        data = self.trainer.datamodule
        if stage != "fit" or data is None:
            return
        check_compared(self)
        check_reads(self, data)
        if self.hparams.features is not None and (message := other_data(self.hparams.features, data)):
            data.note(f"features: {message}")

    def fit_statistics(self, statistics: dict[str, Tensor]) -> None:
        """Also take the true components, where the data knows them."""
        super().fit_statistics(statistics)
        if len(self.mode_weight):
            for name in ("mode_weight", "mode_mean", "mode_cov"):
                getattr(self, name).copy_(statistics[name])

    @property
    def mixture(self) -> Mixture | None:
        """The true components, on the host as rows are, or None where the data does not know any."""
        parts = [part.cpu() for part in (self.mode_weight, self.mode_mean, self.mode_cov)]
        return Mixture(*parts) if len(parts[0]) else None

    # ---- evaluation -------------------------------------------------------------------------------------------

    def evaluate(self, part: str, batch: dict) -> None:
        """What is measured of each sample; and real samples with as many made ones."""
        compares = self.hparams.compare == "always" or not self.is_fitting
        data, samples = self.trainer.datamodule, self.hparams.samples
        if compares and samples is not None and data is not None:
            kept = torch.isin(batch["id"], data.sample_ids(part, samples).to(batch["id"].device))
            batch = {key: value[kept] for key, value in batch.items()}
        if len(batch["id"]):
            rows = self.measured(part, batch) | (self.compared(part, batch) if compares else {})
            self.collect(part, batch, **rows)

    def measured(self, part: str, batch: dict) -> dict[str, Tensor]:
        """Rows of a batch that need no samples, such as the terms of a bound."""
        return {}

    def compared(self, part: str, batch: dict) -> dict[str, Tensor]:
        """Rows of a batch: what ``describe`` says of its samples and of as many made ones."""
        sets = {"real": batch[self.reads[0]], "fake": self.sample(len(batch["id"]), self.stream(part))}
        rows = {}
        for name, samples in sets.items():
            described = self.describe(samples)
            rows[name] = described["numbers"]
            if "class" in described:
                rows[f"{name}_class"] = described["class"]
        return rows

    def predict_step(self, batch: dict, batch_idx: int = 0) -> dict[str, Any]:
        """``id`` and ``sample``: as many samples as the batch has."""
        return {"id": batch["id"], "sample": self.sample(len(batch["id"]), self.stream("predict"))}

    def score(self, rows: dict[str, Tensor]) -> dict[str, Any]:
        """Distances of the two sets, where samples were made."""
        if "fake" not in rows:
            return {}
        broken = any(not rows[name].isfinite().all() for name in ("real", "fake"))
        real, fake = (rows[name].where(rows[name].isfinite(), 0) for name in ("real", "fake"))
        scores = {
            "frechet": frechet_distance(real, fake),
            "energy": energy_distance(real, fake),
            "kernel": kernel_distance(real, fake),
        }
        if len(real) > NEIGHBOURS:
            scores["precision"], scores["recall"] = precision_recall(real, fake, NEIGHBOURS)
        if "fake_class" in rows:
            count = int(max(rows["real_class"].max(), rows["fake_class"].max())) + 1
            scores["class_balance"] = total_variation(rows["real_class"], rows["fake_class"], count)
        if self.mixture is not None:
            covered = coverage(fake, self.mixture)
            scores |= {"modes": covered.captured.sum(), "inside": covered.inside}
        return {name: math.nan for name in scores} if broken else scores

    def resampled(self, rows: dict[str, Tensor]) -> dict[str, Any]:
        """None."""
        return {}

    def baselines(self, datamodule: Any) -> dict[str, dict[str, float]]:
        """Real training samples in place of made ones, and this network untrained."""
        key, limit = self.reads[0], self.hparams.samples
        real, train = (datamodule.arrays(part, limit)[key].to(self.device) for part in ("test", "train"))
        size = min(len(real), len(train))
        real = real[:size]
        untrained = copy.deepcopy(self)
        for module in untrained.modules():
            if hasattr(module, "reset_parameters"):
                module.reset_parameters()
        stream = torch.Generator(self.device).manual_seed(0)
        with torch.no_grad():
            made = {
                "training samples": train[:size],
                "untrained": torch.cat([untrained.eval().sample(len(part), stream) for part in real.split(256)]),
            }
            return {name: self.score_sets(real, samples) for name, samples in made.items()}

    def score_sets(self, real: Tensor, fake: Tensor) -> dict[str, float]:
        """The distances between two sets of samples."""
        rows = {}
        for name, samples in (("real", real), ("fake", fake)):
            parts = [self.describe(part) for part in samples.split(256)]
            rows[name] = torch.cat([part["numbers"] for part in parts]).cpu()
            if "class" in parts[0]:
                rows[f"{name}_class"] = torch.cat([part["class"] for part in parts]).cpu()
        return {name: float(value) for name, value in Generative.score(self, rows).items()}

    # ---- figures ----------------------------------------------------------------------------------------------

    def figures(self, batch: dict, out: dict) -> dict[str, Any]:
        """A grid of samples, where they are pictures, and the training picture that is nearest to each."""
        samples = out["sample"]
        if samples.ndim != 4:
            return {}
        drawn = {"samples": tiles_figure(samples[:64])}
        if self.trainer.datamodule is not None:
            nearest, _ = self.nearest_in_training(samples[:12])
            drawn["nearest"] = rows_figure({"sample": samples[:12].cpu(), "nearest": nearest})
        return drawn

    def nearest_in_training(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """The training pictures nearest to ``pictures`` (N, C, H, W), and root mean square differences (N,)."""
        train = self.trainer.datamodule.arrays("train", LOOKED_AT)[self.reads[0]]
        rows, squared = Bank(train.flatten(1)).search(pictures.float().cpu().flatten(1), 1)
        return train[rows[:, 0]], (squared[:, 0] / train[0].numel()).sqrt()

    def texts(self, batch: dict, out: dict) -> dict[str, str]:
        """Of pictures of the test: whether samples lie nearer to training pictures than held-out ones do."""
        if out["sample"].ndim != 4 or self.trainer.state.fn != "test" or self.trainer.datamodule is None:
            return {}
        sets = {"samples": out["sample"], "held-out pictures": batch[self.reads[0]]}
        means = {name: float(self.nearest_in_training(pictures)[1].mean()) for name, pictures in sets.items()}
        words = " and ".join(f"{value:.3f} of {len(sets[name])} {name}" for name, value in means.items())
        return {"memorised": f"Root mean square difference to the nearest of at most {LOOKED_AT:,} training pictures, "
                             f"means: {words}. A network that repeats what it saw makes samples near 0."}  # fmt: skip

    def figures_of_rows(self, rows: dict[str, Tensor]) -> dict[str, Any]:
        """Points beside the data, and class shares, where there are such."""
        drawn: dict[str, Any] = {}
        if "fake" not in rows:
            return drawn
        if self.mixture is not None and self.mixture.mean.shape[1] <= 3:
            drawn["points"] = modes_figure(rows["real"], rows["fake"], self.mixture)
        if "fake_class" in rows:
            drawn["class_shares"] = shares_figure(rows["real_class"], rows["fake_class"], self.judge.class_names)
        return drawn
