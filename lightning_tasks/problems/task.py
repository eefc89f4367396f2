"""The LightningModule under every task: optimiser by name, epoch means, metrics from per-sample rows."""

from collections.abc import Callable
from typing import Any

import torch
from lightning import LightningModule
from lightning.pytorch.callbacks import EMAWeightAveraging
from torch import Tensor

from .optim import make_optimizer, make_schedule
from .rows import Rows


class Task(LightningModule):
    """Base of all tasks.

    A subclass builds its network as ``self.net``, names its per-sample results in ``row_names``, gives them to
    ``collect`` in ``validation_step`` and ``test_step``, and computes metrics from all of them in ``score``.
    ``monitor`` and ``mode`` choose the best checkpoint. Each class with arguments of its own calls
    ``self.save_hyperparameters(logger=False)``, so that ``self.hparams`` holds them all.

    Args:
        optimizer: Any name timm's optimiser factory knows.
        lr: Peak learning rate.
        weight_decay: Weight decay, not applied to biases and norms.
        schedule: ``onecycle``, ``cosine``, ``plateau`` or ``none``.
        warmup_epochs: Epochs of linear warm-up; 0 takes the schedule's default.
        ema: Decay of an exponential moving average of the weights, used for evaluation; 0 turns it off.
    """

    monitor: str = "val/loss"
    mode: str = "min"
    row_names: tuple[str, ...] = ()  # per-sample results that `score` reads
    file_rows: tuple[str, ...] = ()  # per-sample results written to files once the fit is over

    def __init__(
        self,
        optimizer: str = "adamw",
        lr: float = 1e-3,
        weight_decay: float = 1e-2,
        schedule: str = "onecycle",
        warmup_epochs: float = 0.0,
        ema: float = 0.0,
    ) -> None:
        super().__init__()
        self.save_hyperparameters(logger=False)
        self.example_input_array = None
        self._sums: dict[str, tuple[Tensor, int]] = {}  # name -> weighted sum on the device, weight
        self.rows: dict[str, Rows] = {}

    @property
    def num_parameters(self) -> int:
        """Number of parameters, trained or not."""
        return sum(p.numel() for p in self.parameters())

    # ---- for subclasses ---------------------------------------------------------------------------------------

    def score(self, rows: dict[str, Tensor]) -> dict[str, Any]:
        """Metrics of a whole set: name -> value, from rows of any subset of samples."""
        return {}

    def counted(self, rows: dict[str, Tensor]) -> dict[str, Tensor]:
        """Of the scores that read a part of the rows only: name -> which of them, bool (N,)."""
        return {}

    def rows_of(self, batch: dict, out: dict) -> dict[str, Tensor]:
        """Per-sample results (B, ...) that ``collect`` keeps, from ``out``: a ``predict_step`` with ``prob``.

        ``evaluate`` calls it with a task's own probabilities, ``ensemble`` and bags with averaged ones: both are
        scored in one way.
        """
        raise NotImplementedError(f"{type(self).__name__} gives no probabilities to average (it has no rows_of).")

    def rows_with(self, batch: dict, predict: Callable[[dict], Tensor]) -> dict[str, Tensor]:
        """As ``rows_of``, with probabilities from ``predict(batch)``: those of one member, or the mean of several.

        A task whose scores need predictions of changed copies too (corrupted images) calls ``predict`` on each.
        """
        return self.rows_of(batch, {"prob": predict(batch)})

    def baselines(self, datamodule: Any) -> dict[str, dict[str, float]]:
        """Scores on the test part of predictors that need no network: name -> metrics."""
        return {}

    def file_columns(self, out: dict) -> dict[str, Tensor]:
        """What ``predict`` writes of a ``predict_step``: name -> (B, ...)."""
        return {name: value for name, value in out.items() if name != "id" and isinstance(value, Tensor)}

    def figures(self, batch: dict, out: dict) -> dict[str, Any]:
        """Matplotlib figures for one fixed batch and its ``predict_step``."""
        return {}

    def figures_of_training(self, batch: dict) -> dict[str, Any]:
        """Matplotlib figures of the first training batch, as the network gets it."""
        return {}

    def figures_of_rows(self, rows: dict[str, Tensor]) -> dict[str, Any]:
        """Matplotlib figures of a whole evaluation, such as a confusion matrix."""
        return {}

    # ---- epoch means ------------------------------------------------------------------------------------------

    def track(self, name: str, value: Tensor, n: int) -> None:
        """Add ``value`` (0-dim) with weight ``n`` to the epoch mean ``name``.

        Sums stay on the device: ``self.log`` costs 1.5 ms a call, which is more than a step of a small network.
        """
        total, weight = self._sums.get(name, (None, 0))
        if total is None:
            total = torch.zeros((), device=self.device)
        self._sums[name] = total.add_(value.detach() * n), weight + n

    def _log_means(self, part: str) -> None:
        for name in sorted(n for n in self._sums if n.startswith(f"{part}/")):
            total, weight = self._sums.pop(name)
            pair = torch.stack([total, total.new_tensor(weight)])
            total, weight = self.trainer.strategy.reduce(pair, reduce_op="sum")
            self.log(name, total / weight, prog_bar=name.endswith("/loss"))

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
        tensors["id"] = batch["id"]
        if "group" in batch:
            tensors["group"] = batch["group"]
        if part not in self.rows:
            extra = () if self.trainer.state.fn == "fit" else self.file_rows
            known = ("group",) if "group" in batch else ()
            self.rows[part] = Rows(tuple(dict.fromkeys(("id", *self.row_names, *extra, *known)))).to(self.device)
        self.rows[part].update(**tensors)

    def _log_scores(self, part: str) -> None:
        self._log_means(part)
        if part not in self.rows:
            return
        rows = self.rows.pop(part).whole()
        self.last_rows = rows
        scores = {f"{part}/{name}": value for name, value in self.score(rows).items()}
        self.log_dict({k: torch.as_tensor(v, dtype=torch.float32, device=self.device) for k, v in scores.items()})

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

    def evaluate(self, part: str, batch: dict) -> None:
        """Forward one batch, ``track`` its losses and ``collect`` its rows."""
        raise NotImplementedError(f"{type(self).__name__}.evaluate")

    # ---- optimisation -----------------------------------------------------------------------------------------

    def optimized(self) -> Any:
        """What the optimiser is given: this module, or parameter groups with learning rates of their own."""
        return self

    def configure_optimizers(self) -> Any:
        """Optimiser and schedule named by the arguments."""
        h = self.hparams
        optimizer = make_optimizer(self.optimized(), h.optimizer, h.lr, h.weight_decay)
        steps = int(self.trainer.estimated_stepping_batches)
        warmup = round(h.warmup_epochs * steps / max(1, self.trainer.max_epochs or 1))
        schedule = make_schedule(optimizer, h.schedule, steps, warmup, self.monitor, self.mode)
        return optimizer if schedule is None else {"optimizer": optimizer, "lr_scheduler": schedule}

    def configure_callbacks(self) -> list:
        """The weight average, where one is asked for."""
        # Buffers are averaged too, so BatchNorm statistics belong to the averaged weights.
        return [EMAWeightAveraging(decay=self.hparams.ema)] if self.hparams.ema > 0 else []
