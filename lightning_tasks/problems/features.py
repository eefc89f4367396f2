"""Features of a trained network, read from inside of its forward pass."""

from typing import Any

from torch import Tensor, nn


def last_features(task: Any, batch: dict, classes: int | None) -> Tensor:
    """What the last linear layer sees, or the deepest feature map, averaged over its area: float32 (B, F).

    Networks that end in a linear layer to the classes are read at its input. Others (segmentation) are read at the
    map (B, F, h, w) with the smallest area above one: the deepest features, after the encoder.

    Args:
        task: Its ``predict_step`` makes the forward pass, normalisation included.
        batch: On the task's device.
        classes: Outputs of the last layer, which tells it from gates of attention; None where there are no classes.

    Raises:
        ValueError: The network has neither.
    """
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
    try:
        task.predict_step(batch, 0)
    finally:
        for hook in hooks:
            hook.remove()
    if not seen:
        raise ValueError(f"{type(task).__name__} has no layer whose features can be read.")
    return (seen["input"] if "input" in seen else seen["map"].mean((2, 3))).float()
