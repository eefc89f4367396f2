"""Classification and segmentation losses on logits, for imbalanced classes and an ignored class.

Shape letters: B batch, C classes, ``*spatial`` any number of axes: none for classification, (H, W) for
images.

Every loss takes ``logits`` float ``(B, C, *spatial)`` and ``target`` int64 ``(B, *spatial)`` and returns one number
of at least 0. Arguments that all of them know:

* ``class_weights``: float (C,), on the device of the logits, or None for equal weights;
* ``ignore_index``: pixels whose true class is this number do not count, whatever is predicted there, and the
  region losses leave the class out of their mean over classes. May lie outside 0..C-1 (255 for "void").

All are computed in float32 at least, also under autocast. Without any pixel to count, loss and gradient are
exactly 0.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from lightning_tasks.common.choices import nearest

SHARED = ("class_weights", "ignore_index")  # given to combined_loss, not in loss_args
TINY = 1e-7  # lower bound of denominators and bases of powers, so that nothing counted gives 0 and not NaN


def full_precision(loss: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Make ``loss`` run outside autocast, on logits of at least float32 (float64 stays float64)."""

    @functools.wraps(loss)
    def wrapped(logits: Tensor, target: Tensor, **kwargs: Any) -> Tensor:
        if logits.shape[:1] + logits.shape[2:] != target.shape:
            raise ValueError(
                f"logits {tuple(logits.shape)} need a target {tuple(logits.shape[:1] + logits.shape[2:])} "
                f"of class numbers, got {tuple(target.shape)}."
            )
        with torch.autocast(logits.device.type, enabled=False):
            return loss(logits.float() if logits.dtype.itemsize < 4 else logits, target, **kwargs)

    return wrapped


def _pixel_weights(target: Tensor, like: Tensor, class_weights: Tensor | None, ignore_index: int | None) -> Tensor:
    """Weight of each pixel, (B, *spatial): that of its true class, 0 where ignored."""
    keep = (
        torch.ones_like(target, dtype=like.dtype) if ignore_index is None else (target != ignore_index).to(like.dtype)
    )
    if class_weights is None:
        return keep
    # Masks instead of target[keep]: that has a data-dependent size, and a GPU would wait for it in each step.
    return class_weights.to(like.dtype)[target.where(keep > 0, 0)] * keep


@full_precision
def cross_entropy(
    logits: Tensor,
    target: Tensor,
    *,
    class_weights: Tensor | None = None,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Cross-entropy: sum_i w[y_i] * -log p_i[y_i] / sum_i w[y_i] over the pixels i that count.

    With ``label_smoothing`` s, as in PyTorch, -log p_i[y_i] gets the share 1 - s and the sum over all classes
    of w[c] * -log p_i[c] / C the share s (Szegedy et al. 2016, section 7).
    """
    total = F.cross_entropy(
        logits,
        target,
        weight=None if class_weights is None else class_weights.to(logits.dtype),
        ignore_index=-100 if ignore_index is None else ignore_index,
        label_smoothing=label_smoothing,
        reduction="sum",
    )
    # The built-in mean divides by 0 where all pixels are ignored.
    return total / _pixel_weights(target, logits, class_weights, ignore_index).sum().clamp_min(TINY)


@full_precision
def focal(
    logits: Tensor,
    target: Tensor,
    *,
    gamma: float = 2.0,
    class_weights: Tensor | None = None,
    ignore_index: int | None = None,
) -> Tensor:
    """Focal loss: sum_i w[y_i] * (1 - p_i)^gamma * -log p_i / sum_i w[y_i], p_i being the probability of y_i.

    ``gamma=0`` is the cross-entropy; larger values leave the easy pixels out.

    Source: Lin et al. 2017, "Focal loss for dense object detection", equation 5, w being their alpha. They
    divide by the number of boxes; here the divisor is that of the cross-entropy.
    """
    weights = _pixel_weights(target, logits, class_weights, ignore_index)
    index = target if ignore_index is None else target.where(target != ignore_index, 0)
    log_p = logits.log_softmax(1).gather(1, index.unsqueeze(1)).squeeze(1)  # (B, *spatial)
    # expm1: 1 - p without cancellation; the bound keeps the slope of (1 - p)^gamma finite for gamma below 1.
    missing = (-torch.expm1(log_p)).clamp_min(TINY)
    return -(weights * missing**gamma * log_p).sum() / weights.sum().clamp_min(TINY)


def _region_sums(logits: Tensor, target: Tensor, ignore_index: int | None) -> tuple[Tensor, Tensor, Tensor]:
    """Probabilities and one-hot truth (B, C, *spatial), 0 where ignored, and true pixels per class (C,)."""
    num_classes = logits.shape[1]
    classes = torch.arange(num_classes, device=target.device).view(-1, *[1] * (target.ndim - 1))
    truth = target.unsqueeze(1) == classes  # (B, C, *spatial)
    prob = logits.softmax(1)
    if ignore_index is not None:
        keep = (target != ignore_index).unsqueeze(1)
        truth, prob = truth & keep, prob * keep
    axes = [0, *range(2, logits.ndim)]
    return prob, truth.to(prob.dtype), truth.sum(axes)


def _mean_over_present(per_class: Tensor, count: Tensor, class_weights: Tensor | None) -> Tensor:
    """Weighted mean of (C,) over the classes with at least one true pixel (count > 0); 0 without any."""
    weights = (count > 0).to(per_class.dtype)
    if class_weights is not None:
        weights = weights * class_weights.to(per_class.dtype)
    return (weights * per_class).sum() / weights.sum().clamp_min(TINY)


@full_precision
def dice(
    logits: Tensor, target: Tensor, *, class_weights: Tensor | None = None, ignore_index: int | None = None
) -> Tensor:
    """Soft Dice loss: the mean over classes c of 1 - 2 sum_i p_ic g_ic / (sum_i p_ic^2 + sum_i g_ic^2).

    p are the softmax probabilities, g the one-hot truth, and i runs over all counted pixels of the *batch*,
    not of each image: a rare class is then present in most batches. The mean is over the classes present in
    the truth of the batch. An absent class has the constant value 1 and no gradient, so leaving it out only
    keeps the scale steady.

    Source: Milletari et al. 2016, "V-Net", section 3 (two classes there, the squares are theirs).
    """
    prob, truth, count = _region_sums(logits, target, ignore_index)
    axes = [0, *range(2, logits.ndim)]
    overlap = (prob * truth).sum(axes)  # (C,)
    total = prob.square().sum(axes) + count
    return _mean_over_present(1 - 2 * overlap / total.clamp_min(TINY), count, class_weights)


@full_precision
def focal_tversky(
    logits: Tensor,
    target: Tensor,
    *,
    alpha: float = 0.7,
    beta: float = 0.3,
    gamma: float = 4 / 3,
    class_weights: Tensor | None = None,
    ignore_index: int | None = None,
) -> Tensor:
    """Focal Tversky loss: mean over classes of (1 - TI)^(1 / gamma), TI = TP / (TP + alpha FN + beta FP).

    ``alpha`` weighs the false negatives (sum of 1 - p where the class is true), ``beta`` the false positives
    (sum of p where it is not). alpha = beta = 0.5, gamma = 1 is a Dice loss without squares. Sums run over
    the batch and the mean over the classes present in its truth, as in ``dice``.

    Source: Abraham & Khan 2019, "A novel focal Tversky loss function with improved attention U-Net",
    equations 3 and 4, with their alpha 0.7, beta 0.3, gamma 4/3. They add the classes up; the mean keeps the
    size of the other losses.
    """
    prob, truth, count = _region_sums(logits, target, ignore_index)
    axes = [0, *range(2, logits.ndim)]
    true_positive = (prob * truth).sum(axes)  # (C,)
    false_negative = count - true_positive
    false_positive = prob.sum(axes) - true_positive
    denominator = true_positive + alpha * false_negative + beta * false_positive
    missing = (1 - true_positive / denominator.clamp_min(TINY)).clamp_min(TINY)  # the slope of x^(3/4) at 0 is infinite
    return _mean_over_present(missing ** (1 / gamma), count, class_weights)


LOSSES: dict[str, Callable[..., Tensor]] = {
    "cross_entropy": cross_entropy,
    "ce": cross_entropy,  # the short form that configurations use
    "focal": focal,
    "dice": dice,
    "focal_tversky": focal_tversky,
}


def combined_loss(
    spec: str | dict[str, float],
    loss_args: dict[str, dict[str, Any]] | None = None,
    *,
    class_weights: Tensor | None = None,
    ignore_index: int | None = None,
) -> Callable[..., Tensor]:
    """Build ``loss(logits, target)`` from a name or weights by name, e.g. ``{"focal": 1.0, "dice": 0.5}``.

    The two keyword arguments may also be given, and replaced, in each call of the result:
    ``loss(logits, target, class_weights=self.class_weights)``.

    Args:
        spec: ``cross_entropy`` (or ``ce``), ``focal``, ``dice``, ``focal_tversky``, or several with weights.
        loss_args: further arguments of single losses, e.g. ``{"focal": {"gamma": 2.0}}``.
        class_weights: float (C,) on the device of the logits, for every part.
        ignore_index: true class that does not count, for every part.

    Raises:
        ValueError: for an unknown loss (with the nearest name) or argument.
    """
    parts = {spec: 1.0} if isinstance(spec, str) else dict(spec)
    args: dict[str, dict[str, Any]] = {name: dict(arguments or {}) for name, arguments in (loss_args or {}).items()}
    if not parts:
        raise ValueError(f"The loss is empty. Valid losses: {', '.join(LOSSES)}.")
    for name in [*parts, *args]:
        if name not in LOSSES:
            raise ValueError(f"Unknown loss {name!r}.{nearest(name, LOSSES)} Valid losses: {', '.join(LOSSES)}.")
        if not parts.get(name, 1) > 0:
            raise ValueError(f"loss: the weight of {name} is {parts[name]}; need more than 0.")
    for name, arguments in args.items():
        if name not in parts:
            raise ValueError(f"loss_args names {name!r}, but the loss is {', '.join(parts)}.")
        valid = set(inspect.signature(LOSSES[name]).parameters) - {"logits", "target", *SHARED}
        if unknown := sorted(set(arguments) - valid):
            names = ", ".join(sorted(valid)) or "none"
            raise ValueError(f"Loss {name!r} has no argument {', '.join(unknown)}; valid: {names}.")
    shared = dict(zip(SHARED, (class_weights, ignore_index), strict=True))
    return functools.partial(_weighted_sum, parts, args, **shared)  # not a closure: a partial can be pickled


def _weighted_sum(
    parts: dict[str, float],
    args: dict[str, dict[str, Any]],
    logits: Tensor,
    target: Tensor,
    **shared: Any,
) -> Tensor:
    """Return the sum over ``parts`` {name: weight}; ``combined_loss`` fixes the first two arguments."""
    total = logits.new_zeros((), dtype=torch.float32)
    for name, weight in parts.items():
        total = total + weight * LOSSES[name](logits, target, **shared, **args.get(name, {}))
    return total
