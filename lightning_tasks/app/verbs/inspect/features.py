"""Features of a trained network for samples of a data set."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lightning_tasks.app.predict import batches_of


@torch.inference_mode()
def network_features(task: Any, data: Any, rows: np.ndarray) -> np.ndarray:
    """(N, F) float32 for rows of the train pool: what the last linear layer sees, or the pooled deepest map.

    Networks that end in a linear layer to the classes are read at its input. Others (segmentation) are read at the
    map (B, F, h, w) with the smallest area above one, averaged over it: the deepest features, after the encoder.

    Args:
        task: With its weights; its ``predict_step`` makes the forward pass, normalisation included.
        data: Set up; its train pool is read.
        rows: Rows of the train pool.

    Raises:
        ValueError: The network has neither.
    """
    data.parts["inspected"] = rows
    # By its size: gates of attention end in linear layers too.
    classes = getattr(task, "num_classes", None)
    linear = [m for m in task.modules() if isinstance(m, nn.Linear) and m.out_features == classes]
    seen: dict[str, Tensor] = {}

    def keep_input(module: nn.Module, inputs: tuple) -> None:
        if inputs[0].ndim == 2:
            seen["input"] = inputs[0]

    def keep_map(module: nn.Module, inputs: tuple, output: Any) -> None:
        if isinstance(output, Tensor) and output.ndim == 4 and output.shape[2] * output.shape[3] > 1:
            area = output.shape[2] * output.shape[3]
            if "map" not in seen or area <= seen["map"].shape[2] * seen["map"].shape[3]:
                seen["map"] = output

    hooks = [linear[-1].register_forward_pre_hook(keep_input)] if linear else []
    hooks += [m.register_forward_hook(keep_map) for m in task.modules() if not list(m.children())]
    found = []
    try:
        for batch in batches_of([task], data, "inspected"):
            seen.clear()
            task.predict_step(batch, 0)
            if not seen:
                raise ValueError(
                    f"{type(task).__name__} has no layer whose features can be read: use --features pixels."
                )
            kept = seen["input"] if "input" in seen else seen["map"].mean((2, 3))
            found.append(kept.float().cpu())
    finally:
        for hook in hooks:
            hook.remove()
    return torch.cat(found).numpy()
