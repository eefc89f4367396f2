"""The LightningModule under every task: what it declares, epoch means, metrics from per-sample rows."""

import os
from collections.abc import Callable
from typing import Any

import torch
from lightning import LightningModule, Trainer
from torch import Tensor

from .checks import check_names, check_trained, check_trained_classes, names_known
from .exported import Exported, predicting
from .features import last_features
from .rows import Rows

NO_MEAN = "its predictions have no mean that is a prediction"
NO_CLASSES = "it gives no class probabilities for whole samples"
NO_PICTURES = "it classifies no pictures"


class Task(LightningModule):
    """Base of all tasks; has no arguments of its own.

    A subclass declares what it reads, keeps and supports by the attributes below, gives per-sample results to
    ``collect`` in ``evaluate``, and computes metrics from all of them in ``score``. Each class with arguments of its
    own calls ``self.save_hyperparameters(logger=False)``, so that ``self.hparams`` holds them all.

    Attributes:
        reads: Keys of a batch that the task needs, beside ``id``.
        asks: Those of them that a prediction needs; None takes all but ``label``, ``mask`` and ``target``.
        monitor: Metric that chooses the best checkpoint.
        mode: ``min`` or ``max``: whether ``monitor`` is to be small or large.
        headline: The metric, without its part, that tells how good a run is; None takes that of ``monitor``.
        scored_rows: Per-sample results that ``score`` reads.
        resampled_rows: Those of them that ``resampled`` reads; None: all.
        written_rows: Per-sample results that stand in the prediction files.
        submits: ``table``, a file that the data module writes; ``code``, one that the task writes; or None.
        generates: What ``sample`` makes: ``arrays`` by ``sample(n, stream)``, ``text`` by ``generate``, or None.
        projects: What ``features`` are, where TensorBoard's projector shows them: ``features``, ``codes``; or None.
        weights_origin: Where the first weights came from: ``scratch`` or what ``weights`` found.
        every_sample: Whether training must see each sample, also those of a short last batch.
        idles: Whether a training step leaves parameters without gradient: players that wait, blocks that are frozen.
        averaged: Key of ``predict_step`` whose mean over members is again a prediction; None if there is none.
        explains: What ``explain`` shows: ``pictures``, by ``logits`` and gradients; or ``text``, by ``word_weights``.
        refuses: Verb or option -> reason why it has no meaning for this task.
        panels: Title -> metrics (without part) that a report draws on one axes; what is in no panel has its own.
        class_names: Names of the classes, where a sample has one.
        knows_labels: Whether these are the data's classes; a pretext makes labels of its own.
        trained_names: Names of the data's classes and columns that the weights belong to (``names_known``).
        last_rows: Rows of the newest evaluation; empty before the first, and for a task that keeps none.
        calibration: Map that ``calibrate`` fitted for these weights, or None.
    """

    reads: tuple[str, ...] = ()
    asks: tuple[str, ...] | None = None
    monitor: str = "val/loss"
    mode: str = "min"
    headline: str | None = None
    scored_rows: tuple[str, ...] = ()
    resampled_rows: tuple[str, ...] | None = None
    written_rows: tuple[str, ...] = ()
    averaged: str | None = None
    submits: str | None = None
    explains = "pictures"
    generates: str | None = None
    projects: str | None = None
    weights_origin = "scratch"
    every_sample = False
    idles = False
    refuses: dict[str, str] = {"ensemble": NO_MEAN, "calibrate": NO_CLASSES, "explain": NO_PICTURES, "tta": NO_PICTURES}
    panels: dict[str, tuple[str, ...]] = {}
    class_names: list[str] = []
    knows_labels = True

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[str, Rows] = {}
        self.last_rows: dict[str, Tensor] = {}
        self.calibration: dict[str, Any] | None = None
        self.trained_names: dict[str, list[str]] = {}
        self.number_of: dict[str, int] = {}  # n of scores that are made of something else than rows
        self.step_loss: Tensor | None = None  # sum of what this training step tracked: the guard looks at it
        self._sums: dict[str, tuple[Tensor, int]] = {}  # name -> weighted sum on the device, weight
        self._streams: dict[str, torch.Generator] = {}

    @property
    def headline_metric(self) -> str:
        """``headline``, or the monitored metric; without its part."""
        return self.headline or self.monitor.split("/", 1)[-1]

    @property
    def is_fitting(self) -> bool:
        """Whether a fit is under way, its validations included: what is measured then chooses the epoch."""
        return self._trainer is not None and self.trainer.state.fn == "fit"

    @property
    def num_parameters(self) -> int:
        """Number of parameters, trained or not."""
        return sum(p.numel() for p in self.parameters())

    # ---- for subclasses ---------------------------------------------------------------------------------------

    def check_trainer(self, trainer: Trainer) -> None:
        """Raise a ValueError where a trainer cannot fit this task; nothing has been written yet."""

    def fit_statistics(self, statistics: dict[str, Tensor]) -> None:
        """Take the ``DataModule.statistics`` of the train part into buffers, when a fit begins."""

    def evaluate(self, part: str, batch: dict) -> None:
        """Collect the rows of one batch of ``val`` or ``test``; a task with a loss also tracks it."""
        self.collect(part, batch, **self.rows_with(batch, self.predicted))

    def predicted(self, batch: dict) -> Tensor:
        """What ``averaged`` names of a batch, (B, ...)."""
        return self.predict_step(batch, 0)[self.averaged]

    def score(self, rows: dict[str, Tensor]) -> dict[str, Any]:
        """Metrics of a whole set: name -> value, from rows of any subset of samples."""
        return {}

    def resampled(self, rows: dict[str, Tensor]) -> dict[str, Any]:
        """Those of ``score`` that get a bootstrap interval: not distances between sets, which repeated samples bias."""
        return self.score(rows)

    def counted(self, rows: dict[str, Tensor]) -> dict[str, Tensor]:
        """Of the scores that read a part of the rows only: name -> which of them, bool (N,)."""
        return {}

    def rows_of(self, batch: dict, out: dict) -> dict[str, Tensor]:
        """Per-sample results (B, ...) that ``collect`` keeps, from ``out``: a ``predict_step``, or a mean of several.

        ``evaluate`` calls it with the task's own prediction, ``ensemble`` and bags with an averaged one: both are
        scored in one way.
        """
        raise NotImplementedError(f"{type(self).__name__}.rows_of")

    def rows_with(self, batch: dict, predict: Callable[[dict], Tensor]) -> dict[str, Tensor]:
        """As ``rows_of``, with what ``predict(batch)`` says: one network, or the mean of several.

        A task whose scores need predictions of changed copies too (corrupted images) calls ``predict`` on each.
        """
        return self.rows_of(batch, {self.averaged: predict(batch)})

    def features(self, batch: dict) -> Tensor:
        """What the network makes of a batch before its last layer: float32 (B, F)."""
        return last_features(self, batch, len(self.class_names) or None)

    def exported(self, sample: dict) -> Exported:
        """The graph that ``export`` writes; ``sample`` is a batch, whose shapes are those of the graph's inputs.

        Mostly a prediction of what is asked for. A task that makes samples exports what makes them.
        """
        return predicting(self, sample)

    def baselines(self, datamodule: Any) -> dict[str, dict[str, float]]:
        """Scores on the test part of predictors that need no network: name -> metrics."""
        return {}

    def diagnosis(self, scores: dict[str, float | None]) -> str:
        """What the scores of a test mean, in a word for the table of a sweep, such as ``overfitted``; or nothing."""
        return ""

    def file_columns(self, out: dict) -> dict[str, Tensor]:
        """What ``predict`` writes of a ``predict_step``: name -> (B, ...)."""
        return {name: value for name, value in out.items() if name != "id" and isinstance(value, Tensor)}

    def drawn_ids(self, rows: dict[str, Tensor]) -> Tensor | None:
        """Ids of the samples of an evaluation that ``figures`` draws; None: those of its first batch."""
        return None

    def figures(self, batch: dict, out: dict) -> dict[str, Any]:
        """Matplotlib figures for one fixed batch and its ``predict_step``."""
        return {}

    def figures_of_training(self, batch: dict) -> dict[str, Any]:
        """Matplotlib figures of the first training batch, as the network gets it."""
        return {}

    def figures_of_rows(self, rows: dict[str, Tensor]) -> dict[str, Any]:
        """Matplotlib figures of a whole evaluation, such as a confusion matrix."""
        return {}

    def texts(self, batch: dict, out: dict) -> dict[str, str]:
        """Markdown for TensorBoard and the report: sentences with their predictions, generated text."""
        return {}

    # ---- random numbers of an evaluation ----------------------------------------------------------------------

    def stream(self, part: str) -> torch.Generator:
        """Random numbers on the task's device, from their start in each evaluation of ``part``.

        Sampling, corruption and dropout on purpose draw from it, so that the same checkpoint scores the same.
        """
        if part not in self._streams:
            seed = int(os.environ.get("PL_GLOBAL_SEED", 0)) * 1_009 + sum(part.encode())
            rank = self.trainer.global_rank if self._trainer else 0
            self._streams[part] = torch.Generator(self.device).manual_seed(seed * 1_009 + rank)
        return self._streams[part]

    def restart_streams(self) -> None:
        """Let each ``stream`` begin anew."""
        self._streams.clear()

    def on_validation_start(self) -> None:
        """Begin the evaluation's random numbers."""
        self.restart_streams()

    on_test_start = on_predict_start = on_validation_start

    # ---- epoch means ------------------------------------------------------------------------------------------

    def track(self, name: str, value: Tensor, n: int | Tensor) -> None:
        """Add ``value`` (0-dim) with weight ``n`` to the epoch mean ``name``.

        In an evaluation ``value`` is a mean, and ``n`` what it was divided by: then the result is that of the whole
        part, whatever the batches. What is no such mean (Dice of a batch) is taken of each sample first.

        Sums stay on the device: ``self.log`` costs 1.5 ms a call, which is more than a step of a small network.
        """
        value = value.detach()
        total, weight = self._sums.get(name, (None, 0))
        if total is None:
            total = torch.zeros((), device=self.device)
        self._sums[name] = total.add_(value * n), weight + n
        if name.startswith("train/") and not self.automatic_optimization:
            self.step_loss = value if self.step_loss is None else self.step_loss + value

    def _log_means(self, part: str) -> None:
        for name in sorted(n for n in self._sums if n.startswith(f"{part}/")):
            total, weight = self._sums.pop(name)
            pair = torch.stack([total, torch.as_tensor(weight, dtype=total.dtype, device=total.device)])
            total, weight = self.trainer.strategy.reduce(pair, reduce_op="sum").cpu()
            self.log(name, total / weight, prog_bar=name.endswith("/loss"))

    def setup(self, stage: str) -> None:
        """Compare with the data; when a fit begins take names and statistics of its train part for the checkpoint."""
        data = self.trainer.datamodule
        if data is None:
            return
        (check_names if stage == "fit" else check_trained)(self, data)
        if stage == "fit":
            self.trained_names = names_known(self, data)
            self.fit_statistics(data.statistics())

    def on_save_checkpoint(self, checkpoint: dict) -> None:
        """Keep what the weights know by its place."""
        checkpoint["names"] = self.trained_names

    def on_load_checkpoint(self, checkpoint: dict) -> None:
        """See that the weights belong to the same classes and columns in the same order."""
        check_trained_classes(self.class_names, checkpoint.get("hyper_parameters", {}).get("class_names"))
        self.trained_names = checkpoint.get("names") or self.trained_names
        if self._trainer is not None and self.trainer.datamodule is not None:  # a fit that begins at these weights
            check_names(self, self.trainer.datamodule)

    def on_train_epoch_start(self) -> None:
        """Forget what an interrupted epoch left."""
        self._sums.clear()

    def on_train_epoch_end(self) -> None:
        """Log the epoch means of training and the learning rate."""
        self._log_means("train")
        if self.trainer.optimizers:
            self.log("train/lr", self.trainer.optimizers[0].param_groups[-1]["lr"])

    # ---- evaluation -------------------------------------------------------------------------------------------

    def collect(self, part: str, batch: dict, **tensors: Tensor) -> None:
        """Keep per-sample results (B, ...) of a batch, with its ``id`` and, where known, its ``group``."""
        known = [name for name in ("id", "group") if name in batch]
        tensors |= {name: batch[name] for name in known}
        if part not in self.rows:
            extra = () if self.is_fitting else self.written_rows
            kept = [name for name in self.scored_rows if name in tensors]
            self.rows[part] = Rows(tuple(dict.fromkeys(("id", *kept, *extra, *known)))).to(self.device)
        self.rows[part].update(**tensors)

    def _log_scores(self, part: str) -> None:
        self._log_means(part)
        if part not in self.rows:
            return
        self.last_rows = self.rows.pop(part).whole()
        scores = {f"{part}/{name}": value for name, value in self.score(self.last_rows).items()}
        self.log_dict({name: torch.as_tensor(value, dtype=torch.float32) for name, value in scores.items()})

    def on_validation_epoch_end(self) -> None:
        """Compute and log the validation metrics over the whole part."""
        self._log_scores("val")

    def on_test_epoch_end(self) -> None:
        """Compute and log the test metrics over the whole part."""
        self._log_scores("test")

    def test_step(self, batch: dict, batch_idx: int) -> None:
        """Evaluate as in validation, under the name ``test``."""
        self.evaluate("test", batch)

    def validation_step(self, batch: dict, batch_idx: int) -> None:
        """Evaluate one batch."""
        self.evaluate("val", batch)
