"""From an accelerator to the computer's own memory, in one go."""

from typing import Any

import torch
from lightning_utilities import apply_to_collection
from torch import Tensor


def on_host(collection: Any) -> Any:
    """A collection (dicts and lists of anything) with all its tensors on the CPU, waiting once for each accelerator.

    Fetched one by one, each tensor waits for the device; where other processes use the GPU too, every wait is a whole
    round of its time slices, which makes seconds of some hundred tensors.
    """
    devices = set()

    def fetch(value: Tensor) -> Tensor:
        devices.add(value.device)
        return value.to("cpu", non_blocking=True)

    fetched = apply_to_collection(collection, Tensor, fetch)
    for device in devices - {torch.device("cpu")}:
        torch.accelerator.synchronize(device)
    return fetched
