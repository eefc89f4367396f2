"""What a classifier scores that looks at nothing: the class shares of the train part, for every sample."""

from typing import Any

import torch
from torch import Tensor


def class_share_baseline(task: Any, datamodule: Any) -> dict[str, dict[str, float]]:
    """Scores of it on the test part: ``majority class`` -> metrics.

    Args:
        task: Gives ``score`` and ``num_classes``.
        datamodule: Set up; gives ``statistics`` and ``arrays``.
    """
    rows = datamodule.arrays("test")
    prob = class_shares(datamodule, task.num_classes).expand(len(rows["label"]), -1)
    return {"majority class": {name: float(v) for name, v in task.score({**rows, "prob": prob}).items()}}


def class_shares(datamodule: Any, num_classes: int) -> Tensor:
    """Share (K,) of each class in the train part."""
    counts = torch.zeros(num_classes)
    train_counts = datamodule.statistics()["class_counts"].float()
    counts[: len(train_counts)] = train_counts
    return counts / counts.sum()
