"""What a classifier scores that looks at nothing: the class shares of the train part, for every sample."""

from typing import Any

import torch


def class_share_baseline(task: Any, datamodule: Any) -> dict[str, dict[str, float]]:
    """Scores of it on the test part: ``majority class`` -> metrics.

    Args:
        task: Gives ``score`` and ``num_classes``.
        datamodule: Set up; gives ``statistics`` and ``arrays``.
    """
    counts = torch.zeros(task.num_classes)
    train_counts = datamodule.statistics()["class_counts"].float()
    counts[: len(train_counts)] = train_counts
    rows = datamodule.arrays("test")
    prob = (counts / counts.sum()).expand(len(rows["label"]), -1)
    return {"majority class": {name: float(v) for name, v in task.score({**rows, "prob": prob}).items()}}
