"""One row an epoch: the table a person opens first."""

from pathlib import Path

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint

from lightning_tasks.common.tables import read_metrics, write_csv


class MetricsCSV(Checkpoint):
    """Write ``metrics.csv``: epoch, step, and every epoch metric. A resumed run continues the table.

    It is a ``Checkpoint`` because Lightning runs those last, after the task has logged its epoch means.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[dict[str, float]] = []

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep the epochs before the one that starts now."""
        self.rows = [row for row in read_metrics(self.path) if row["epoch"] < trainer.current_epoch]

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Append this epoch."""
        if not trainer.is_global_zero:
            return
        row = {"epoch": trainer.current_epoch, "step": trainer.global_step}
        row |= {name: float(value) for name, value in trainer.callback_metrics.items() if "/" in name}
        self.rows.append(row)
        write_csv(self.path, self.rows)
