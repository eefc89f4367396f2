"""Predictions: streamed over a part for the verbs, and written to files with the names of the samples."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning import Callback, Trainer

from lightning_tasks.measures.recalibration import calibrated
from lightning_tasks.runs.tables import class_names_of, save_table


class _Collect(Callback):
    """Keep each batch's rows in the compact form ``task.file_columns`` gives them, and the true class where known."""

    def __init__(self) -> None:
        self.columns: dict[str, list[np.ndarray]] = {}

    def on_predict_batch_end(self, trainer, pl_module, outputs, batch, batch_idx, dataloader_idx=0) -> None:
        outputs = calibrated(pl_module, outputs)
        columns = {"id": outputs["id"], **pl_module.file_columns(outputs)}
        if "prob" in columns and "label" in batch:
            columns["label"] = batch["label"]
        for name, value in columns.items():
            self.columns.setdefault(name, []).append(value.cpu().numpy())


def write_predictions(trainer: Trainer, task: Any, data: Any, folder: Path) -> Path:
    """Run ``trainer.predict`` and write ``predictions_<part>`` into ``folder``."""
    collect = _Collect()
    trainer.callbacks.append(collect)
    trainer.predict(task, datamodule=data, return_predictions=False)
    columns = {name: np.concatenate(found) for name, found in collect.columns.items()}
    part = "predict" if "predict" in data.parts else "test"
    order = np.argsort(columns["id"], kind="stable")
    columns = {name: values[order] for name, values in columns.items()}
    columns["id"] = np.array(data.names(data.pool_of(part), columns["id"]))
    return save_table(folder / f"predictions_{part}", columns, class_names_of(task))


def stream(tasks: list, data: Any, part: str, weights: list[float] | None = None) -> Iterator[dict]:
    """Batches of a part with ``prob`` averaged over ``tasks``, in bounded memory and in the part's order."""
    for batch in batches_of(tasks, data, part):
        yield {**batch, "prob": mean_prob(member_probs(tasks, batch), weights)}


def batches_of(tasks: list, data: Any, part: str) -> Iterator[dict]:
    """Batches of a part on the device, to which ``tasks`` are brought in evaluation mode."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
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
