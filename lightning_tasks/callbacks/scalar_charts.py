"""Train and validation part of a metric on one chart of TensorBoard."""

import re

from lightning import Callback, LightningModule, Trainer
from torch.utils.tensorboard import SummaryWriter

from lightning_tasks.plots.panels import in_parts, panels_of


class ScalarCharts(Callback):
    """Lay out TensorBoard's custom scalars as a report's curves, as soon as an epoch has told what is measured."""

    def __init__(self) -> None:
        self._is_done = False

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """From the second epoch on: at the end of its own the task has not yet logged the means."""
        self._lay_out(trainer, pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """After a single epoch."""
        self._lay_out(trainer, pl_module)

    def _lay_out(self, trainer: Trainer, task: LightningModule) -> None:
        names, writer = list(trainer.callback_metrics), getattr(trainer.logger, "experiment", None)
        if self._is_done or not names or not isinstance(writer, SummaryWriter):
            return
        panels = panels_of(names, in_parts(task.panels), task.monitor)
        charts = {title: ["Multiline", patterns(title, group)] for title, group in panels.items()}
        writer.add_custom_scalars({"training": charts})
        self._is_done = True


def patterns(title: str, group: list[str]) -> list[str]:
    """Tags of a chart as the patterns that TensorBoard takes.

    Of charts of one title in several runs it shows the first alone, so that the twin of a metric is always among them.
    """
    twins = [f"{part}/{title}" for part in ("train", "val")]
    names = {*group, *twins} if set(group) & set(twins) else group
    return [f"{re.escape(name)}$" for name in sorted(names)]
