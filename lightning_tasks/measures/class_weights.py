"""Weights of classes in a loss, from how often each occurs in training."""

import torch
from torch import Tensor

CLASS_WEIGHTS = ("none", "inverse", "effective", "sqrt")


def given_class_weights(weights: list[float], classes: int) -> Tensor:
    """Class weights float32 (C,) that somebody chose.

    Raises:
        ValueError: Not one for each class, one below 0, or none above.
    """
    if len(weights) != classes:
        raise ValueError(f"class_weights has {len(weights)} numbers; there are {classes} classes.")
    if not (min(weights) >= 0 and max(weights) > 0):
        raise ValueError(f"class_weights={weights}: need 0 or more, and one above 0.")
    return torch.tensor(weights, dtype=torch.float32)


def class_weights_from_counts(
    counts: Tensor, mode: str = "inverse", beta: float | None = None, ignore_index: int | None = None
) -> Tensor:
    """Class weights float32 (C,) from the number of *training* pixels or samples per class, ``counts`` (C,).

    The mean over the used classes is 1; classes that are absent or ignored get 0.

    Args:
        counts: (C,), not negative.
        mode: "inverse" 1 / n, "sqrt" 1 / sqrt(n), or "effective" (1 - beta) / (1 - beta^n), Cui et al. 2019,
            "Class-balanced loss based on effective number of samples", equation 2.
        beta: for "effective", in [0, 1): 0 gives equal weights, towards 1 it becomes "inverse". Classes with
            many more than 1 / (1 - beta) samples are treated alike. None takes (N - 1) / N for N samples in
            all, the paper's reading of beta (section 3.2), which suits pixels as well as images.
        ignore_index: class that the loss leaves out.

    Raises:
        ValueError: for another mode, ``beta`` out of range, negative counts, or no class left.
    """
    n = torch.as_tensor(counts).double()
    used = n > 0
    if ignore_index is not None and 0 <= ignore_index < len(n):
        used[ignore_index] = False
    if n.ndim != 1 or (n < 0).any() or not used.any():
        raise ValueError(f"counts={n.tolist()}: need one count per class, none negative, and one class above 0.")
    n = n.clamp_min(1)  # any number: absent classes are set to 0 below
    if mode == "inverse":
        weights = 1 / n
    elif mode == "sqrt":
        weights = n.rsqrt()
    elif mode == "effective":
        beta = 1 - 1 / max(float(n.sum()), 2.0) if beta is None else beta
        if not 0 <= beta < 1:
            raise ValueError(f"beta={beta}: must be at least 0 and below 1.")
        # expm1 and log1p: exact for beta = 0.9999999, where 1 - beta**n loses all digits
        weights = (1 - beta) / -torch.expm1(n * torch.log1p(torch.tensor(-(1 - beta), dtype=torch.float64)))
    else:
        raise ValueError(f'mode={mode!r}: choose "inverse", "sqrt" or "effective".')
    weights = weights * used
    return (weights * used.sum() / weights.sum()).float()
