"""Classification losses against a distribution over classes: mixed labels, smoothed labels, a teacher.

B samples, K classes. Computed in float32 at least, also under autocast. For one-hot targets they equal the losses
of the same name in ``segmentation_losses.py``.
"""

import math
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from .segmentation_losses import TINY


def soft_labels(batch: dict, num_classes: int) -> Tensor:
    """Target (B, K) of a batch: ``label``, or where CutMix or MixUp mixed samples lam x label + (1 - lam) x label2."""
    target = F.one_hot(batch["label"], num_classes).float()
    if "lam" not in batch:
        return target
    return torch.lerp(F.one_hot(batch["label2"], num_classes).float(), target, batch["lam"][:, None])


def soft_cross_entropy(
    logits: Tensor, target: Tensor, class_weights: Tensor | None = None, label_smoothing: float = 0.0
) -> Tensor:
    """sum_i sum_k w_k q_ik (-log p_ik) / sum_i sum_k w_k t_ik, with q = (1 - s) t + s / K (Szegedy et al. 2016).

    Args:
        logits: float (B, K).
        target: float (B, K) t, rows sum to 1.
        class_weights: float (K,) w, or None for ones.
        label_smoothing: s in [0, 1).
    """
    return _mean(logits, target, class_weights, lambda log_p: log_p, label_smoothing)


def soft_focal(logits: Tensor, target: Tensor, class_weights: Tensor | None = None, gamma: float = 2.0) -> Tensor:
    """sum_i sum_k w_k t_ik (1 - p_ik)^gamma (-log p_ik) / sum_i sum_k w_k t_ik (Lin et al. 2017, equation 5).

    Arguments as in ``soft_cross_entropy``.
    """
    return _mean(logits, target, class_weights, lambda log_p: (-torch.expm1(log_p)).clamp_min(TINY) ** gamma * log_p)


def soft_loss(name: str, **args: float) -> Callable[..., Tensor]:
    """``ce`` or ``focal`` with their own arguments (``label_smoothing`` or ``gamma``).

    Raises:
        ValueError: for another name or argument, or one out of its range.
    """
    known = {"ce": (soft_cross_entropy, "label_smoothing"), "focal": (soft_focal, "gamma")}
    if name not in known:
        raise ValueError(f"loss={name!r}: choose ce or focal.")
    function, argument = known[name]
    if unknown := sorted(set(args) - {argument}):
        raise ValueError(f"loss={name!r} has no argument {unknown[0]!r}. It has: {argument}.")
    value, most = args.get(argument, 0), 1 if name == "ce" else math.inf
    if not 0 <= value < most:
        raise ValueError(f"loss_args: {argument}={value}: need 0 or more, below {most:g}.")
    return partial(function, **args)


def _mean(
    logits: Tensor,
    target: Tensor,
    class_weights: Tensor | None,
    per_class: Callable[[Tensor], Tensor],
    label_smoothing: float = 0.0,
) -> Tensor:
    with torch.autocast(logits.device.type, enabled=False):
        full = logits.float() if logits.dtype.itemsize < 4 else logits
        values = -per_class(full.log_softmax(1))  # (B, K)
        weights = torch.ones_like(values[0]) if class_weights is None else class_weights
        smooth = torch.lerp(target, torch.full_like(target, 1 / target.shape[1]), label_smoothing)
        return (weights * smooth * values).sum() / (weights * target).sum().clamp_min(TINY)
