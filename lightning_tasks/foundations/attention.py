"""Scaled dot-product attention in NumPy, forward and backward.

Letters: Q queries and M keys of E numbers, values of D; axes in front are samples and heads.
"""

import math

import numpy as np

from lightning_tasks.foundations.activations import softmax


def attention_weights(q: np.ndarray, k: np.ndarray, mask: np.ndarray | None = None, scaled: bool = True) -> np.ndarray:
    """softmax(q k^T / sqrt(E)) over the keys, (..., Q, M) (Vaswani et al. 2017, equation 1).

    Args:
        q: Queries (..., Q, E).
        k: Keys (..., M, E).
        mask: Bool (..., Q, M), True where a query may look; none: everywhere.
        scaled: Divide scores by sqrt(E): with numbers of variance 1 their variance is then 1, not E, so that no softmax
            begins where its slope is 0.

    Raises:
        ValueError: Shapes that do not fit, or a query that may look nowhere, whose softmax is 0 / 0.
    """
    if q.ndim < 2 or k.ndim < 2 or q.shape[-1] != k.shape[-1] or q.shape[:-2] != k.shape[:-2] or not k.shape[-2]:
        raise ValueError(f"q {q.shape}, k {k.shape}: need (..., Q, E) and (..., M, E), with one key or more.")
    scores = q @ k.swapaxes(-1, -2) / (math.sqrt(q.shape[-1]) if scaled else 1.0)
    if mask is None:
        return softmax(scores)
    if mask.dtype != bool or mask.shape != scores.shape:
        raise ValueError(f"mask {mask.dtype} {mask.shape}: need bool {scores.shape}.")
    if not mask.any(-1).all():
        raise ValueError("mask: a query that may look at no key has no weights; let it look at one.")
    return softmax(np.where(mask, scores, -np.inf))


def attention(
    q: np.ndarray, k: np.ndarray, v: np.ndarray, mask: np.ndarray | None = None, scaled: bool = True
) -> np.ndarray:
    """Output (..., Q, D): for each query the mean of the values v (..., M, D) under ``attention_weights``.

    Raises:
        ValueError: As ``attention_weights``, or another number of values than of keys.
    """
    if v.shape[:-1] != k.shape[:-1]:
        raise ValueError(f"k {k.shape}, v {v.shape}: need (..., M, E) and (..., M, D), a value for each key.")
    return attention_weights(q, k, mask, scaled) @ v


def attention_gradients(
    q: np.ndarray,
    k: np.ndarray,
    v: np.ndarray,
    upstream: np.ndarray,
    mask: np.ndarray | None = None,
    scaled: bool = True,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gradients (dq, dk, dv) for dL/dO ``upstream`` (..., Q, D).

    With weights A = softmax(S), O = A v, S = q k^T / c: dv = A^T dO; dA = dO v^T; dS = A (dA - sum_M A dA), the
    Jacobian of the softmax applied row by row; dq = dS k / c; dk = dS^T q / c. What the mask hides has A = 0, so its
    dS is 0: the mask needs no rule of its own.

    Raises:
        ValueError: As ``attention``, or ``upstream`` of another shape than the output.
    """
    output = attention(q, k, v, mask, scaled)
    if upstream.shape != output.shape:
        raise ValueError(f"upstream {upstream.shape}: the output of the layer is {output.shape}.")
    weights = attention_weights(q, k, mask, scaled)
    by_weights = upstream @ v.swapaxes(-1, -2)  # (..., Q, M)
    by_scores = weights * (by_weights - (weights * by_weights).sum(-1, keepdims=True))
    by_scores = by_scores / (math.sqrt(q.shape[-1]) if scaled else 1.0)
    return by_scores @ k, by_scores.swapaxes(-1, -2) @ q, weights.swapaxes(-1, -2) @ upstream
