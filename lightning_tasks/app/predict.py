"""Predictions of ``predict``, written to files with the names of the samples."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning import Callback, Trainer

from lightning_tasks.measures.recalibration import calibrated
from lightning_tasks.plots.masks import ROWS, mask_figure
from lightning_tasks.plots.tensorboard import publish
from lightning_tasks.runs.tables import save_table

from .places import as_shown

Columns = dict[str, list[np.ndarray]]  # of the file to be, in batches


def add(columns: Columns, task: Any, batch: dict, out: dict) -> None:
    """Add rows in the compact form ``task.file_columns`` gives them, and the true class where known."""
    rows = {"id": out["id"], **task.file_columns(out)}
    if "prob" in rows and "label" in batch:
        rows.setdefault("label", batch["label"])  # a task may have a truth of its own
    for name, value in rows.items():
        columns.setdefault(name, []).append(value.cpu().numpy())


def joined(columns: Columns) -> dict[str, np.ndarray]:
    """Each as one array."""
    return {name: np.concatenate(batches) for name, batches in columns.items()}


class _Collect(Callback):
    """Keep the rows of each batch."""

    def __init__(self) -> None:
        self.columns: Columns = {}

    def on_predict_batch_end(self, trainer, pl_module, outputs, batch, batch_idx, dataloader_idx=0) -> None:
        add(self.columns, pl_module, batch, calibrated(pl_module, outputs))


def write_predictions(trainer: Trainer, task: Any, data: Any, folder: Path) -> Path | None:
    """Run ``trainer.predict`` and write ``predictions_<part>`` into ``folder``: all rows, in the data's order.

    Returns:
        The file; None in the processes that do not write it.
    """
    collect = _Collect()
    trainer.callbacks.append(collect)
    trainer.predict(task, datamodule=data, return_predictions=False)
    parts = gathered(trainer, joined(collect.columns))
    if not trainer.is_global_zero:
        return None
    parts = [part for part in parts if part]  # of fewer samples than processes some have none
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return save_predictions(task, data, columns, folder)


def save_predictions(task: Any, data: Any, columns: dict[str, np.ndarray], folder: Path) -> Path:
    """Write rows in the data's order, with names in place of numbers; masks of the user's own also as a figure."""
    part = predicted_part(data)
    order = np.argsort(columns["id"], kind="stable")
    columns = {name: values[order] for name, values in columns.items()}
    masks = columns.get("pred")
    if data.hparams.predict is not None and masks is not None and masks.ndim == 3:
        image = torch.from_numpy(data.images(part, data.parts[part][:ROWS])).float() / 255
        figure = mask_figure({"image": image}, torch.from_numpy(masks), task.class_names, None)
        (drawn,) = publish(folder, {"predict/own": figure})
        print(f"Masks: {as_shown(drawn)}")
    columns["id"] = np.array(data.names(data.pool_of(part), columns["id"]))
    return save_table(folder / f"predictions_{part}", columns, task.class_names)


def predicted_part(data: Any) -> str:
    """The unlabelled part, or where there is none the test part."""
    return "predict" if "predict" in data.parts else "test"


def gathered(trainer: Trainer, columns: dict[str, np.ndarray]) -> list[dict[str, np.ndarray]]:
    """The columns of every process, which may differ in their number of rows; given to the first process only."""
    if trainer.world_size == 1:
        return [columns]
    everywhere: list[Any] = [None] * trainer.world_size
    torch.distributed.gather_object(columns, everywhere if trainer.is_global_zero else None)
    return everywhere
