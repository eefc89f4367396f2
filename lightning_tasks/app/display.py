"""What a training shows while it runs: a summary without empty columns, a bar for a person or lines for a file."""

import logging
import math
import sys
import time
from typing import Any

from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelSummary, ProgressBar

log = logging.getLogger("lightning.pytorch.callbacks.model_summary")
SHOWN = 4  # metrics of a line


def display(trainer_config: dict[str, Any], listed: list[Callback]) -> list[Callback]:
    """Callbacks that show a training, where the user has neither turned them off nor listed others.

    Args:
        trainer_config: Arguments of the Trainer.
        listed: Callbacks of the configuration.
    """
    shows: list[Callback] = []
    if trainer_config.get("enable_model_summary") is not False and not _has(listed, ModelSummary):
        shows.append(ShortSummary())
    is_on = trainer_config.get("enable_progress_bar") is not False
    if is_on and not sys.stdout.isatty() and not _has(listed, ProgressBar):
        shows.append(EpochLines())
    return shows


def _has(callbacks: list[Callback], kind: type) -> bool:
    return any(isinstance(callback, kind) for callback in callbacks)


class ShortSummary(ModelSummary):
    """Modules with their parameters; Lightning's table also counts modes, and operations, which it finds to be 0."""

    @staticmethod
    def summarize(summary_data, total_parameters, trainable_parameters, *args, **kwargs) -> None:
        """Log a line a module, and the sum."""
        columns = dict(summary_data)
        names, kinds, counts = (columns.get(key, []) for key in ("Name", "Type", "Params"))
        width, wide = (max([len(text) for text in column], default=0) for column in (names, kinds))
        rows = zip(names, kinds, counts, strict=True)
        lines = [f"{name:{width}}  {kind:{wide}}  {count.strip():>7}" for name, kind, count in rows]
        frozen = total_parameters - trainable_parameters
        lines.append(f"{total_parameters:,} parameters" + (f", {frozen:,} of them frozen" if frozen else ""))
        log.info("\n".join(lines))


class EpochLines(ProgressBar):
    """One line an epoch, for output that goes to a file or a pipe.

    A line is printed when the next epoch begins: at the end of its own the task has not yet logged the means.
    """

    def __init__(self) -> None:
        super().__init__()
        self._begun = 0.0
        self._ended: tuple[int, float] | None = None  # epoch that waits for its line, and its seconds

    def disable(self) -> None:
        """Of other processes than the first: ``_tell`` asks the trainer."""

    def enable(self) -> None:
        """As ``disable``."""

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Tell of the epoch before, and note the time."""
        self._tell(trainer, pl_module)
        self._begun = time.perf_counter()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note the epoch."""
        self._ended = trainer.current_epoch, time.perf_counter() - self._begun

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Tell of the last epoch."""
        self._tell(trainer, pl_module)

    def _tell(self, trainer: Trainer, task: LightningModule) -> None:
        if self._ended is None or not trainer.is_global_zero:
            return
        (epoch, seconds), self._ended = self._ended, None
        of = f" of {trainer.max_epochs}" if trainer.max_epochs is not None and trainer.max_epochs > 0 else ""
        values = {name: float(value) for name, value in trainer.callback_metrics.items()}
        wanted = dict.fromkeys(("train/loss", "val/loss", task.monitor, f"val/{task.headline_metric}"))
        names = [name for name in wanted if math.isfinite(values.get(name, math.nan))]
        if not any(name.startswith("train/") for name in names):  # two players have a loss each
            names = [*[n for n in values if n.startswith("train/") and n != "train/lr"][:SHOWN], *names]
        metrics = ", ".join(f"{name} {values[name]:.4g}" for name in names)
        print(f"epoch {epoch + 1}{of}: {metrics} ({seconds:.1f} s)", flush=True)
