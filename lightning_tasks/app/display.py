"""What a training shows while it runs: a summary without empty columns, a bar for a person or lines for a file."""

import logging
import math
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelSummary, ProgressBar
from lightning.pytorch.callbacks.progress.tqdm_progress import Tqdm

from lightning_tasks.common.durations import Remaining, duration

log = logging.getLogger("lightning.pytorch.callbacks.model_summary")
SHOWN = 4  # metrics of a line
TITLE: ContextVar[str] = ContextVar("title", default="")  # of the fit that runs: ``fold 2 of 5``
BAR = "{desc} {percentage:3.0f}%|{bar}| {elapsed}, {remaining} left{postfix}"
ENDLESS = "{desc} {n_fmt} steps, {elapsed}{postfix}"


@contextmanager
def titled(label: str) -> Iterator[None]:
    """Within it a bar begins with the label of one of several fits, without what it says in brackets."""
    token = TITLE.set(label.partition(" (")[0])
    try:
        yield
    finally:
        TITLE.reset(token)


def display(trainer_config: dict[str, Any], listed: list[Callback]) -> list[Callback]:
    """Callbacks that show a training, where the user has neither turned them off nor listed others.

    Args:
        trainer_config: Arguments of the Trainer.
        listed: Callbacks of the configuration.
    """
    shows: list[Callback] = []
    if trainer_config.get("enable_model_summary") is not False and not _has(listed, ModelSummary):
        shows.append(ShortSummary())
    if trainer_config.get("enable_progress_bar") is not False and not _has(listed, ProgressBar):
        shows.append(OneBar() if sys.stdout.isatty() else EpochLines())
    return shows


def _has(callbacks: list[Callback], kind: type) -> bool:
    return any(isinstance(callback, kind) for callback in callbacks)


class ShortSummary(ModelSummary):
    """Modules with their parameters; Lightning's table also counts modes, and operations, which it finds to be 0."""

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Also ask the task for its number: what is fitted in one pass has a parameter that is none of the model."""
        self._number = pl_module.num_parameters
        super().on_fit_start(trainer, pl_module)

    def summarize(self, summary_data, total_parameters, trainable_parameters, *args, **kwargs) -> None:
        """Log a line a module, and the sum."""
        columns = dict(summary_data)
        names, kinds, counts = (columns.get(key, []) for key in ("Name", "Type", "Params"))
        width, wide = (max([len(text) for text in column], default=0) for column in (names, kinds))
        rows = zip(names, kinds, counts, strict=True)
        lines = [f"{name:{width}}  {kind:{wide}}  {count.strip():>7}" for name, kind, count in rows
                 if name != "other params" or self._number == total_parameters]  # fmt: skip
        frozen = total_parameters - trainable_parameters
        lines.append(f"{self._number:,} parameters" + (f", {frozen:,} of them frozen" if frozen else ""))
        log.info("\n".join(lines))


def metrics_text(trainer: Trainer, task: LightningModule) -> str:
    """``train/loss 0.12, val/loss 0.15, val/acc 0.96``: losses, the monitored metric and the headline."""
    values = {name: float(value) for name, value in trainer.callback_metrics.items()}
    wanted = dict.fromkeys(("train/loss", "val/loss", task.monitor, f"val/{task.headline_metric}"))
    names = [name for name in wanted if math.isfinite(values.get(name, math.nan))]
    if not any(name.startswith("train/") for name in names):  # two players have a loss each
        names = [*[n for n in values if n.startswith("train/") and n != "train/lr"][:SHOWN], *names]
    return ", ".join(f"{name} {values[name]:.4g}" for name in names)


def epochs_of(trainer: Trainer) -> int | None:
    """Epochs of a fit; None where it has no end."""
    return trainer.max_epochs if trainer.max_epochs is not None and trainer.max_epochs > 0 else None


class OneBar(ProgressBar):
    """One bar over all epochs with the time left, and one for an evaluation by itself; for a terminal.

    Metrics of an epoch are shown when the next one begins: at the end of its own the task has not yet logged the means.
    """

    def __init__(self) -> None:
        super().__init__()
        self._bar: Tqdm | None = None
        self._is_enabled = True

    def disable(self) -> None:
        """Show nothing, in other processes than the first."""
        self._is_enabled = False

    def enable(self) -> None:
        """Show the bar."""
        self._is_enabled = True

    def print(self, *args: Any, **kwargs: Any) -> None:
        """Print above the bar."""
        Tqdm.write(kwargs.get("sep", " ").join(map(str, args)), file=sys.stdout)

    def _open(self, what: str, total: float | None, begun: int = 0) -> None:
        has_end = total is not None and math.isfinite(total)
        self._bar = Tqdm(
            desc=", ".join(filter(None, (TITLE.get(), what))),
            total=int(total) if has_end else None,
            initial=begun,
            bar_format=BAR if has_end else ENDLESS,
            leave=False,
            dynamic_ncols=True,
            file=sys.stdout,
            disable=not self._is_enabled,
        )

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _step(self) -> None:
        if self._bar is not None:
            self._bar.update()

    # ---- a fit ------------------------------------------------------------------------------------------------

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Open it, where a resumed fit goes on."""
        batches, epochs = trainer.num_training_batches, epochs_of(trainer)
        begun = trainer.current_epoch * batches if math.isfinite(batches) else 0
        self._open("training", None if epochs is None else epochs * batches, int(begun))

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Name the epoch, and the metrics of the one before."""
        if self._bar is None:
            return
        of = f" of {epochs}" if (epochs := epochs_of(trainer)) else ""
        self._bar.set_description_str(
            ", ".join(filter(None, (TITLE.get(), f"epoch {trainer.current_epoch + 1}{of}"))), refresh=False
        )
        self._bar.set_postfix_str(metrics_text(trainer, pl_module))

    def on_train_batch_end(self, *args: Any) -> None:
        """One step more."""
        self._step()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """In place of the bar, one line of what came of the training."""
        if self._bar is None:
            return
        seconds = self._bar.format_dict["elapsed"]
        self._close()
        if self._is_enabled:
            name = TITLE.get() or "trained"
            print(f"{name}: {trainer.current_epoch} epochs in {duration(seconds)}: {metrics_text(trainer, pl_module)}")

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Leave the line to what is said of it."""
        self._close()

    # ---- an evaluation by itself ------------------------------------------------------------------------------

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Of ``validate``; within a fit the bar of the training stands."""
        if trainer.state.fn == "validate":
            self._open("validation part", sum(trainer.num_val_batches))

    def on_validation_batch_end(self, trainer: Trainer, *args: Any) -> None:
        """One batch more."""
        if trainer.state.fn == "validate":
            self._step()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take it away."""
        if trainer.state.fn == "validate":
            self._close()

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Of the test part."""
        self._open("test part", sum(trainer.num_test_batches))

    def on_test_batch_end(self, *args: Any) -> None:
        """One batch more."""
        self._step()

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take it away."""
        self._close()

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Of predictions."""
        self._open("predictions", sum(trainer.num_predict_batches))

    def on_predict_batch_end(self, *args: Any) -> None:
        """One batch more."""
        self._step()

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take it away."""
        self._close()


class EpochLines(ProgressBar):
    """One line an epoch with the time left, for output that goes to a file or a pipe.

    A line is printed when the next epoch begins: at the end of its own the task has not yet logged the means.
    """

    def __init__(self) -> None:
        super().__init__()
        self._begun = 0.0
        self._ended: tuple[int, float] | None = None  # epoch that waits for its line, and its seconds
        self._remaining = Remaining(0)

    def disable(self) -> None:
        """Of other processes than the first: ``_tell`` asks the trainer."""

    def enable(self) -> None:
        """As ``disable``."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Count the epochs that are to come."""
        self._remaining = Remaining((epochs_of(trainer) or 0) - trainer.current_epoch)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Tell of the epoch before, and note the time."""
        self._tell(trainer, pl_module)
        self._begun = time.perf_counter()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note the epoch."""
        self._ended = trainer.current_epoch, time.perf_counter() - self._begun
        self._remaining.step()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Tell of the last epoch."""
        self._remaining.total = 0  # early stopping may have left some
        self._tell(trainer, pl_module)

    def _tell(self, trainer: Trainer, task: LightningModule) -> None:
        if self._ended is None or not trainer.is_global_zero:
            return
        (epoch, seconds), self._ended = self._ended, None
        of = f" of {epochs}" if (epochs := epochs_of(trainer)) else ""
        times = ", ".join(filter(None, (f"{seconds:.1f} s", self._remaining.words())))
        print(f"epoch {epoch + 1}{of}: {metrics_text(trainer, task)} ({times})", flush=True)
