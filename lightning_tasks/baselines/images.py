"""What classification of images scores without a network: the majority class, and a linear model on few pixels."""

import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .classes import class_shares

SIDE = 16  # pixels a side that the linear model sees
CHUNK = 1000  # training samples that are read at a time
MAX_SAMPLES = 3000  # it gains little from more, and is fitted within seconds


def image_baselines(task: Any, datamodule: Any) -> dict[str, dict[str, float]]:
    """Scores of both on the test part; fitted on samples of the train part, not augmented by anything.

    ``majority class`` gives every sample the class shares of the train part. ``linear model`` is multinomial logistic
    regression on standardised 16x16 copies of at most 3,000 samples.

    Args:
        task: Gives ``score`` and ``num_classes``.
        datamodule: Set up; gives ``statistics`` and loaders.
    """
    rows = datamodule.train_dataloader().sampler.order()[:MAX_SAMPLES]
    ids = torch.from_numpy(datamodule.pools["train"]["id"])[rows]
    x, y = small_images(datamodule.batch_of("train", some) for some in ids.split(CHUNK))
    test, label = small_images(datamodule.on_after_batch_transfer(b, 0) for b in datamodule.test_dataloader())
    prob = {"majority class": class_shares(datamodule, task.num_classes).expand(len(label), -1)}
    if len(np.unique(y)) > 1:
        prob["linear model on 16x16"] = linear_prob(x, y, test, task.num_classes)
    truth = torch.from_numpy(label)
    return {n: {k: float(v) for k, v in task.score({"prob": p, "label": truth}).items()} for n, p in prob.items()}


def small_images(batches: Iterable[dict]) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (N, C * 16 * 16) and labels (N,) of batches as the network gets them."""
    pixels: list[Tensor] = []
    labels: list[Tensor] = []
    for batch in batches:
        pixels.append(F.interpolate(batch["image"], (SIDE, SIDE), mode="area").flatten(1).cpu())
        labels.append(batch["label"].cpu())
    return torch.cat(pixels).numpy(), torch.cat(labels).numpy()


def linear_prob(x: np.ndarray, y: np.ndarray, test: np.ndarray, num_classes: int) -> Tensor:
    """Probabilities (N, K) of a linear model; classes it has not seen get 0."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression  # here: only a finished fit needs it

    mean, std = x.mean(0), x.std(0) + 1e-3
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the last digits of a baseline are not worth the minutes
        model = LogisticRegression(C=0.01, max_iter=100).fit((x - mean) / std, y)
    prob = np.zeros((len(test), num_classes))
    prob[:, model.classes_] = model.predict_proba((test - mean) / std)
    return torch.from_numpy(prob)
