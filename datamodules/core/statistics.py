"""Statistics fitted on training rows alone."""

import numpy as np
import torch
from torch import Tensor

CHUNK = 512  # rows converted to float at a time: bounded memory


def channel_statistics(images: np.ndarray, rows: np.ndarray) -> dict[str, Tensor]:
    """``mean`` and ``std`` (C,) of uint8 images (N, C, H, W) scaled to [0, 1], over the pixels of ``rows``."""
    total, squares, count = 0.0, 0.0, 0
    for start in range(0, len(rows), CHUNK):
        pixels = images[rows[start : start + CHUNK]].astype(np.float32) / 255
        total = total + pixels.sum((0, 2, 3), dtype=np.float64)
        squares = squares + (pixels**2).sum((0, 2, 3), dtype=np.float64)
        count += pixels[:, 0].size
    mean = total / count
    std = np.sqrt(np.maximum(squares / count - mean**2, 1e-8))
    return {"mean": torch.tensor(mean, dtype=torch.float32), "std": torch.tensor(std, dtype=torch.float32)}


def class_counts(labels: np.ndarray) -> Tensor:
    """How often each class occurs, int64 (K,)."""
    return torch.from_numpy(np.bincount(labels.reshape(-1).astype(np.int64)))


def target_statistics(target: np.ndarray) -> dict[str, Tensor]:
    """``target_mean`` and ``target_std`` float32 (D,) of targets (N,) or (N, D)."""
    columns = target.reshape(len(target), -1).astype(np.float64)
    moments = {"target_mean": columns.mean(0), "target_std": columns.std(0)}
    return {name: torch.tensor(value, dtype=torch.float32) for name, value in moments.items()}
