"""Figures of fixed samples and of whole evaluations, to TensorBoard and to files."""

from pathlib import Path

import torch
from lightning import Callback, LightningModule, Trainer
from matplotlib.figure import Figure
from torch.utils.tensorboard import SummaryWriter

from lightning_tasks.common.atomic import write_atomic
from lightning_tasks.plots.save import png_of, save_figure
from lightning_tasks.plots.tensorboard import add_png


class Figures(Callback):
    """Draw ``task.figures`` of a few samples and ``task.figures_of_rows`` of the whole part.

    The samples are those that ``task.drawn_ids`` names, else the first batch; the same every time.

    During the fit they go to TensorBoard after epochs 1, 3, 9, 27, ... and the last, since a drawing may take longer
    than a small network's epoch; those of the test also to ``folder`` as PNG.
    ``task.figures_of_training`` draws the first training batch once, to both.

    Args:
        folder: Where PNG files go.
        during_fit: Draw during the fit, too; else those of the test alone.
    """

    def __init__(self, folder: Path, during_fit: bool = True) -> None:
        self.folder, self.during_fit = folder, during_fit
        self._next = 1
        self._batch: dict | None = None

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        """Draw the first batch of the fit, as augmented."""
        if batch_idx == 0 and trainer.current_epoch == 0 and self.during_fit and trainer.is_global_zero:
            self._write(trainer, "train", pl_module.figures_of_training(batch), save=True)

    def on_validation_batch_end(self, trainer, pl_module, outputs, batch, batch_idx, dataloader_idx=0) -> None:
        """Keep the first batch: the same samples every time."""
        if batch_idx == 0 and trainer.is_global_zero:
            self._batch = batch

    def on_test_batch_end(self, trainer, pl_module, outputs, batch, batch_idx, dataloader_idx=0) -> None:
        """Keep the first batch."""
        if batch_idx == 0 and trainer.is_global_zero:
            self._batch = batch

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw to TensorBoard."""
        epoch = trainer.current_epoch + 1
        if trainer.state.fn == "fit" and self.during_fit and (epoch >= self._next or epoch == trainer.max_epochs):
            self._next = 3 * epoch
            self._draw(trainer, pl_module, "val", save=False)

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw to TensorBoard and to files."""
        self._draw(trainer, pl_module, "test", save=True)

    def _draw(self, trainer: Trainer, task: LightningModule, part: str, save: bool) -> None:
        if not trainer.is_global_zero or self._batch is None:
            return
        ids = task.drawn_ids(task.last_rows) if task.last_rows and trainer.datamodule is not None else None
        batch = self._batch if ids is None else trainer.datamodule.batch_of(part, ids)
        with torch.inference_mode(), trainer.precision_plugin.forward_context():
            out = task.predict_step(batch, 0)
            figures, texts = task.figures(batch, out), task.texts(batch, out)
        for name, text in texts.items():
            if isinstance(writer := getattr(trainer.logger, "experiment", None), SummaryWriter):
                writer.add_text(f"{part}/{name}", text, trainer.global_step)
            if save:
                write_atomic(self.folder / f"{part}_{name}.md", text)
        if task.last_rows:
            figures |= task.figures_of_rows(task.last_rows)
        self._write(trainer, part, figures, save)

    def _write(self, trainer: Trainer, part: str, figures: dict[str, Figure], save: bool) -> None:
        writer = getattr(trainer.logger, "experiment", None)
        for name, figure in figures.items():
            png = save_figure(figure, self.folder / f"{part}_{name}.png") if save else png_of(figure)
            if isinstance(writer, SummaryWriter):
                add_png(writer, f"{part}/{name}", png, trainer.global_step)
