"""Weights of an ensemble's members, fitted to predictions of samples that no member has trained on."""

import numpy as np
import torch
from scipy.optimize import minimize
from torch import Tensor

PIXELS = 256  # of each picture, where every pixel has a class: a dozen weights need no more
TINY = 1e-12


def blend_weights(truth: np.ndarray) -> np.ndarray:
    """Weights on the simplex that minimise the NLL of the mixture, -mean(log(truth @ weights)).

    The problem is convex: a mixture of good and useless members gives the useless ones 0.

    Args:
        truth: (n, M), probability that each of M members gives to the true class of each sample.

    Returns:
        (M,) weights of 0 or more that sum to 1.
    """
    n, m = truth.shape

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        mixed = truth @ weights + TINY
        return -float(np.log(mixed).mean()), -(truth / mixed[:, None]).mean(0)

    sums_to_one = {"type": "eq", "fun": lambda w: w.sum() - 1, "jac": lambda w: np.ones(m)}
    solution = minimize(
        loss, np.full(m, 1 / m), jac=True, method="SLSQP", bounds=[(0, 1)] * m, constraints=[sums_to_one],
        options={"maxiter": 200, "ftol": 1e-10},
    )  # fmt: skip
    weights = np.clip(solution.x, 0, None)
    return weights / weights.sum()


def truth_probs(probs: list[Tensor], batch: dict, ignore: int | None = None) -> np.ndarray:
    """(n, M) probability of the true class in a batch; for masks, of evenly spaced pixels that are not ignored.

    Args:
        probs: Of each member: (B, K), (B,) for the positive class of two, or (B, K, H, W).
        batch: With ``label`` (B,) or ``mask`` (B, H, W).
        ignore: True class to leave out.

    Raises:
        ValueError: The batch holds no true class.
    """
    if probs[0].ndim == 4 and "mask" in batch:
        mask = batch["mask"]
        true_probs = torch.stack([p.gather(1, mask[:, None])[:, 0] for p in probs], -1)  # (B, H, W, M)
        true_probs = true_probs[mask != ignore] if ignore is not None else true_probs.flatten(0, 2)  # (n, M)
        step = max(1, len(true_probs) // (PIXELS * len(mask)))
        return true_probs[::step].double().cpu().numpy()
    if "label" not in batch:
        raise ValueError("--fit-weights needs samples with a label or a mask.")
    label = batch["label"]
    columns = [torch.stack([1 - p, p], 1) if p.ndim == 1 else p for p in probs]
    return torch.stack([p.gather(1, label[:, None])[:, 0] for p in columns], -1).double().cpu().numpy()
