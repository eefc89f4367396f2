"""One row an epoch: the table a person opens first."""

from pathlib import Path

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint

from lightning_tasks.common.tables import read_metrics, write_csv


class MetricsCSV(Checkpoint):
    """Write ``metrics.csv``: epoch, step, and every metric that was measured in the epoch.

    A resumed run continues the table. Cells of validation are empty where the epoch was not validated.

    It is a ``Checkpoint`` because Lightning runs those last, after the task has logged its epoch means.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[dict[str, float]] = []
        self._validated = -1  # epoch of the newest validation

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note the epoch: Lightning keeps showing its metrics in later ones."""
        self._validated = trainer.current_epoch

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep the epochs before the one that starts now."""
        self.rows = [row for row in read_metrics(self.path) if row["epoch"] < trainer.current_epoch]

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Append this epoch."""
        if not trainer.is_global_zero:
            return
        row = {"epoch": trainer.current_epoch, "step": trainer.global_step}
        fresh = ("train/", "val/") if self._validated == trainer.current_epoch else ("train/",)
        row |= {name: float(value) for name, value in trainer.callback_metrics.items() if name.startswith(fresh)}
        self.rows.append(row)
        write_csv(self.path, self.rows)
