"""What a trained network makes of the validation part, for TensorBoard's projector."""

from typing import Any

import torch
from lightning import Trainer

from lightning_tasks.plots.projector import write_projector
from lightning_tasks.runs.directory import RunDir

POINTS = 1_000


@torch.inference_mode()
def project(run: RunDir, task: Any, data: Any, trainer: Trainer) -> None:
    """Write codes or features of the first samples of the validation part, where the task ``projects`` them.

    Args:
        run: Where to.
        task: With its best weights.
        data: Set up.
        trainer: Its precision is that of the network.
    """
    if task.projects is None:
        return
    task.eval()
    columns: dict[str, list] = {}
    left = POINTS
    for batch in data.part_loader("val"):
        batch = data.on_after_batch_transfer({key: value.to(task.device) for key, value in batch.items()}, 0)
        with trainer.precision_plugin.forward_context():
            points = task.features(batch)
        for name in ("id", "label", "image"):
            if name in batch and (name != "image" or batch[name].shape[1] in (1, 3)):
                columns.setdefault(name, []).append(batch[name][:left].cpu())
        columns.setdefault("points", []).append(points[:left].float().cpu())
        left -= len(points)
        if left <= 0:
            break
    table = {name: torch.cat(parts) for name, parts in columns.items()}
    texts = {"sample": data.names(data.pool_of("val"), table["id"].numpy())}
    if "label" in table:
        names = data.class_names or task.class_names  # a pretext has classes of its own
        texts["label"] = [names[i] if names else str(i) for i in table["label"].tolist()]
    write_projector(run.path, task.projects, table["points"], texts, table.get("image"))
