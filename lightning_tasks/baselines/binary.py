"""What a rare class scores without a network: prevalence, and linear models on the table and on few pixels."""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from lightning_tasks.measures.recalibration import prior_shift

from .images import SIDE, linear_prob

MAX_PIXELS = 3000  # a linear model gains little from more, and all that are positive fit in


def binary_baselines(task: Any, datamodule: Any) -> dict[str, dict[str, float]]:
    """Scores on the test part: name -> metrics.

    ``prevalence`` gives every sample the class shares of the train part; ``logistic on table`` is logistic regression
    on the scaled table; ``linear model on 16x16`` is the same on ``MAX_PIXELS`` pictures, of which up to half are
    positive, and its probabilities are put right for that.

    Args:
        task: Gives ``score`` and ``num_classes``.
        datamodule: Set up; serves ``label``, and what strata are made of.
    """
    pool, statistics = datamodule.pool_of("test"), datamodule.statistics()
    counts = statistics["class_counts"]
    train, test = datamodule.parts["train"], datamodule.parts["test"]
    train_arrays, test_arrays = datamodule.served("train"), datamodule.served(pool)
    y = train_arrays["label"][train].astype(int)
    probs = {"prevalence": (counts.double() / counts.sum()).expand(len(test), -1)}
    if "table" in train_arrays:
        x, new = (
            ((torch.from_numpy(table) - statistics["table_mean"]) * statistics["table_scale"]).nan_to_num(0).numpy()
            for table in (train_arrays["table"][train], test_arrays["table"][test])
        )
        probs["logistic on table"] = linear_prob(x, y, new, task.num_classes)
    if datamodule.has_images:
        some = few_of_each(y, MAX_PIXELS)
        x, new = small_pixels(datamodule, "train", train[some]), small_pixels(datamodule, pool, test)
        shift = prior_shift(counts, torch.from_numpy(np.bincount(y[some]) / len(some)))
        probs["linear model on 16x16"] = (linear_prob(x, y[some], new, task.num_classes).log() + shift).softmax(1)
    rows = {k: torch.from_numpy(np.array(test_arrays[k][test])) for k in ("label", "sex", "site", "age")}
    rows["label"] = rows["label"].long()
    return {n: {k: float(v) for k, v in task.score({**rows, "prob": p}).items()} for n, p in probs.items()}


def few_of_each(label: np.ndarray, limit: int) -> np.ndarray:
    """Rows, in order, of at most ``limit`` samples, up to half of them malignant."""
    rng = np.random.default_rng(0)
    benign, malignant = (rng.permutation(np.flatnonzero(label == k)) for k in (0, 1))
    malignant = malignant[: limit // 2]
    return np.sort(np.concatenate([malignant, benign[: limit - len(malignant)]]))


def small_pixels(datamodule: Any, pool: str, rows: np.ndarray) -> np.ndarray:
    """Pictures of some rows as (N, 3 * 16 * 16), not augmented; 512 at a time are decoded."""
    parts = [rows[start : start + 512] for start in range(0, len(rows), 512)]
    images = (torch.from_numpy(datamodule.images(pool, part)).float() / 255 for part in parts)
    return torch.cat([F.interpolate(image, (SIDE, SIDE), mode="area").flatten(1) for image in images]).numpy()
