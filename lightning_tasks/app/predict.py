"""Predictions: streamed over a part for the verbs, and written to files with the names of the samples."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning import Callback, Trainer

from lightning_tasks.measures.recalibration import calibrated
from lightning_tasks.runs.tables import save_table


class _Collect(Callback):
    """Keep each batch's rows in the compact form ``task.file_columns`` gives them."""

    def __init__(self) -> None:
        self.columns: dict[str, list[np.ndarray]] = {}

    def on_predict_batch_end(self, trainer, pl_module, outputs, batch, batch_idx, dataloader_idx=0) -> None:
        outputs = calibrated(pl_module, outputs)
        for name, value in {"id": outputs["id"], **pl_module.file_columns(outputs)}.items():
            self.columns.setdefault(name, []).append(value.cpu().numpy())


def write_predictions(trainer: Trainer, task: Any, data: Any, folder: Path) -> Path | None:
    """Run ``trainer.predict`` and write ``predictions_<part>`` into ``folder``: all rows, in the data's order.

    Returns:
        The file; None in the processes that do not write it.
    """
    collect = _Collect()
    trainer.callbacks.append(collect)
    trainer.predict(task, datamodule=data, return_predictions=False)
    parts = gathered(trainer, {name: np.concatenate(found) for name, found in collect.columns.items()})
    if not trainer.is_global_zero:
        return None
    parts = [part for part in parts if part]  # of fewer samples than processes some have none
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    part = "predict" if "predict" in data.parts else "test"
    order = np.argsort(columns["id"], kind="stable")
    columns = {name: values[order] for name, values in columns.items()}
    columns["id"] = np.array(data.names(data.pool_of(part), columns["id"]))
    return save_table(folder / f"predictions_{part}", columns)


def gathered(trainer: Trainer, columns: dict[str, np.ndarray]) -> list[dict[str, np.ndarray]]:
    """The columns of every process, which may differ in their number of rows; given to the first process only."""
    if trainer.world_size == 1:
        return [columns]
    found: list[Any] = [None] * trainer.world_size
    torch.distributed.gather_object(columns, found if trainer.is_global_zero else None)
    return found


def stream(tasks: list, data: Any, part: str, weights: list[float] | None = None) -> Iterator[dict]:
    """Batches of a part with ``prob`` averaged over ``tasks``, in bounded memory and in the part's order."""
    for batch in batches_of(tasks, data, part):
        yield {**batch, "prob": mean_prob(member_probs(tasks, batch), weights)}


def batches_of(tasks: list, data: Any, part: str, device: torch.device | None = None) -> Iterator[dict]:
    """Batches of a part on ``device``, to which ``tasks`` are brought in evaluation mode; default: the first one's."""
    device = device or tasks[0].device
    for task in tasks:
        task.eval().to(device)
    for batch in data._dataloader(part):
        batch = {k: v.to(device) if isinstance(v, torch.Tensor) else v for k, v in batch.items()}
        yield data.on_after_batch_transfer(batch, 0)


@torch.inference_mode()
def member_probs(tasks: list, batch: dict) -> list[torch.Tensor]:
    """``prob`` (B, ...) of each task, recalibrated where its run was calibrated.

    Raises:
        ValueError: A task predicts no probabilities.
    """
    outs = [calibrated(task, task.predict_step(batch, 0)) for task in tasks]
    if any("prob" not in out for out in outs):
        raise ValueError(f"{type(tasks[0]).__name__} predicts no probabilities, so there is nothing to average.")
    # Double stays double: rounded to float32 it could turn near ties into ties, and so move a predicted class.
    return [out["prob"] if out["prob"].dtype == torch.float64 else out["prob"].float() for out in outs]


def mean_prob(probs: list[torch.Tensor], weights: list[float] | None = None) -> torch.Tensor:
    """Weighted mean over members; equal weights where none are given."""
    weights = weights or [1 / len(probs)] * len(probs)
    return sum(weight * prob for weight, prob in zip(weights, probs, strict=True))
