"""What segmentation scores without a network: the majority class, and a linear model that sees one pixel."""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lightning_tasks.measures.segmentation import boundary_counts, confusion_per_image

MAX_PIXELS = 60_000  # a linear model with a dozen inputs gains nothing from more


def pixel_features(image: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, H, W, F): value, mean and standard deviation of 5x5 neighbours, row, column, row^2."""
    mean = F.avg_pool2d(image, 5, stride=1, padding=2, count_include_pad=False)
    square = F.avg_pool2d(image**2, 5, stride=1, padding=2, count_include_pad=False)
    std = (square - mean**2).clamp_min(0).sqrt()
    b, _, h, w = image.shape
    row = torch.linspace(-1, 1, h).view(1, 1, h, 1).expand(b, 1, h, w)
    column = torch.linspace(-1, 1, w).view(1, 1, 1, w).expand(b, 1, h, w)
    return torch.cat([image, mean, std, row, column, row**2], 1).permute(0, 2, 3, 1)


def pixel_baselines(task: Any, datamodule: Any) -> dict[str, dict[str, float]]:
    """Scores of both baselines on the test part; fitted on the train part alone, without the ignored class.

    Args:
        task: Gives ``score``, the class names and ``ignore_class``.
        datamodule: Set up; gives ``arrays(part, limit)``.
    """
    from sklearn.linear_model import LogisticRegression  # here: the import takes a second of every start

    ignore, classes = task.hparams.ignore_class, task.num_classes
    train = datamodule.arrays("train", limit=400)
    x = pixel_features(train["image"]).flatten(0, 2).numpy()
    y = train["mask"].flatten().numpy()
    chosen = np.flatnonzero(y != ignore) if ignore is not None else np.arange(len(y))
    if not task.hparams.predict_background:
        chosen = chosen[y[chosen] != 0]
    counts = np.bincount(y[chosen], minlength=classes)
    chosen = np.random.default_rng(0).choice(chosen, min(MAX_PIXELS, len(chosen)), replace=False)
    scale = x[chosen].std(0) + 1e-6
    linear = LogisticRegression(max_iter=200).fit(x[chosen] / scale, y[chosen])

    test = datamodule.arrays("test")
    scores: dict[str, dict[str, float]] = {}
    for name in ("majority class", "linear model on pixels"):
        confusion, boundary = [], []
        for image, mask in zip(test["image"].split(64), test["mask"].split(64), strict=True):
            if name == "majority class":
                pred = torch.full_like(mask, int(counts.argmax()))
            else:
                features = pixel_features(image).flatten(0, 2).numpy() / scale
                pred = torch.from_numpy(linear.predict(features)).long().view_as(mask)
            confusion.append(confusion_per_image(pred, mask, classes))
            boundary.append(boundary_counts(pred, mask, classes, ignore_index=ignore))
        rows = {"confusion": torch.cat(confusion), "boundary": torch.cat(boundary)}
        scores[name] = {k: float(v) for k, v in task.score(rows).items()}
    return scores
