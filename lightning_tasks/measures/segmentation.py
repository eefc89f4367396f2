"""Metrics: functions on counts, and on the predictions they are counted from.

Segmentation metrics come from counts per image, so that one pass over the data serves the data set score, the
score of each image and a bootstrap over images (add up the counts of the drawn images, then score).

Shape letters: B batch, N images, C classes, H and W height and width; ``...`` any leading axes, also none.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

# --- Segmentation: confusion matrix ---------------------------------------------------------------


def confusion_per_image(pred: Tensor, target: Tensor, num_classes: int) -> Tensor:
    """Count pixels by true and predicted class, int64 (B, C, C): rows are the truth, columns the prediction.

    Pixels whose truth lies outside 0..C-1 ("void", e.g. 255) are not counted.

    Args:
        pred: int64 (B, H, W), predicted classes 0..C-1.
        target: int64 (B, H, W), true classes.
        num_classes: C.

    Raises:
        ValueError: for different shapes, or, where looking costs no wait for a GPU, a prediction outside 0..C-1.
    """
    if pred.shape != target.shape:
        raise ValueError(f"pred {tuple(pred.shape)} and target {tuple(target.shape)} must have the same shape.")
    if pred.device.type == "cpu" and pred.numel() and (pred.min() < 0 or pred.max() >= num_classes):
        raise ValueError(f"pred holds class {int(pred.min())}..{int(pred.max())}; {num_classes=}.")
    batch = len(pred)
    image = torch.arange(batch, device=pred.device).view(-1, *[1] * (pred.ndim - 1))  # (B, 1, 1)
    cell = (image * num_classes + target) * num_classes + pred
    cells = batch * num_classes**2
    cell = cell.where((target >= 0) & (target < num_classes), cells)  # one spare cell takes the void
    counts = torch.zeros(cells + 1, dtype=torch.int64, device=pred.device)  # bincount waits for a GPU
    counts.scatter_add_(0, cell.flatten(), torch.ones_like(cell).flatten())
    return counts[:cells].view(batch, num_classes, num_classes)


def iou(confusion: Tensor) -> Tensor:
    """Intersection over union by class: (..., C, C) -> float32 (..., C), NaN where the union is empty."""
    hit = confusion.diagonal(dim1=-2, dim2=-1)
    return hit / (confusion.sum(-1) + confusion.sum(-2) - hit)


def miou_course(confusion: Tensor) -> Tensor:
    """Mean IoU by the rule of the Mars course: (..., C, C) -> float32 (...).

    Pixels whose truth is class 0 are removed, then the mean is over *all* classes with a non-empty union
    (Keras ``MeanIoU``). Class 0 has no true pixel left, so one prediction of 0 on the foreground gives it a
    union and the IoU 0: with four foreground classes the mean drops to 4/5. NaN without foreground.
    """
    foreground = confusion.clone()
    foreground[..., 0, :] = 0
    return iou(foreground).nanmean(-1)


def miou(confusion: Tensor) -> Tensor:
    """Mean IoU of the classes 1..C-1, (..., C, C) -> float32 (...).

    A foreground class predicted on true background counts as a false positive. Classes with an empty union
    are left out of the mean; NaN without any.
    """
    return iou(confusion)[..., 1:].nanmean(-1)


def pixel_accuracy(confusion: Tensor) -> Tensor:
    """Share of all pixels with the right class: (..., C, C) -> float32 (...), NaN without pixels."""
    return confusion.diagonal(dim1=-2, dim2=-1).sum(-1) / confusion.sum((-2, -1))


def foreground_accuracy(confusion: Tensor) -> Tensor:
    """Share of the pixels of true class 1..C-1 that are right: (..., C, C) -> float32 (...), NaN without."""
    hits = confusion.diagonal(dim1=-2, dim2=-1)[..., 1:]
    return hits.sum(-1) / confusion[..., 1:, :].sum((-2, -1))


# --- Segmentation: boundaries ---------------------------------------------------------------------


def _boundary(labels: Tensor, counted: Tensor, num_classes: int) -> Tensor:
    """Boundary pixels by class, bool (B, C, H, W); see ``boundary_counts``."""
    edge = torch.zeros_like(counted)
    down = (labels[:, 1:] != labels[:, :-1]) & counted[:, 1:] & counted[:, :-1]  # (B, H-1, W)
    right = (labels[..., 1:] != labels[..., :-1]) & counted[..., 1:] & counted[..., :-1]  # (B, H, W-1)
    edge[:, 1:] |= down
    edge[:, :-1] |= down
    edge[..., 1:] |= right
    edge[..., :-1] |= right
    classes = torch.arange(num_classes, device=labels.device).view(-1, 1, 1)
    return (labels[:, None] == classes) & edge[:, None]


def _dilate(mask: Tensor, radius: int) -> Tensor:
    """Grow a bool mask (B, C, H, W) by ``radius`` pixels in the Chebyshev distance (a square)."""
    for axis in (2, 3):  # a square is a column of rows
        grown, size = mask.clone(), mask.shape[axis]
        # A shifted "or" is the max-pooling of a mask, and on a CPU 100 times faster.
        for shift in range(1, min(radius, size - 1) + 1):
            grown.narrow(axis, shift, size - shift).logical_or_(mask.narrow(axis, 0, size - shift))
            grown.narrow(axis, 0, size - shift).logical_or_(mask.narrow(axis, shift, size - shift))
        mask = grown
    return mask


def boundary_counts(
    pred: Tensor, target: Tensor, num_classes: int, tolerance: int = 2, ignore_index: int | None = 0
) -> Tensor:
    """Count boundary pixels of each image for ``boundary_f1``, int64 (B, 4).

    Columns: matched predicted, all predicted, matched true, all true boundary pixels.

    * A pixel is *counted* if its true class is not ``ignore_index``; all others are cut out of both maps.
    * A counted pixel of class c is a *boundary pixel of c* if one of its 4 neighbours is counted and has
      another class. The border of the image and the rim of the ignored area are no boundary, so nothing
      predicted inside the ignored area matters.
    * A predicted boundary pixel of c is *matched* if a true boundary pixel of the same c lies at most
      ``tolerance`` pixels away in both directions (Chebyshev distance), and the other way round. The four
      numbers are sums over the classes.

    Sources: Csurka et al. 2013, "What is a good evaluation measure for semantic segmentation?", section 3
    (per-class boundaries, tolerance); Perazzi et al. 2016 (DAVIS), section 5.1 (the F measure). There a disc,
    here a square.

    Args:
        pred: int64 (B, H, W), predicted classes.
        target: int64 (B, H, W), true classes.
        num_classes: C.
        tolerance: pixels, 0 or more.
        ignore_index: true class that is left out, None for none.

    Raises:
        ValueError: for different shapes or a negative tolerance.
    """
    if pred.shape != target.shape or tolerance < 0:
        raise ValueError(f"pred {tuple(pred.shape)} and target {tuple(target.shape)} must agree; {tolerance=} >= 0.")
    counted = torch.ones_like(target, dtype=torch.bool) if ignore_index is None else target != ignore_index
    predicted, true = (_boundary(labels, counted, num_classes) for labels in (pred, target))  # (B, C, H, W)
    columns = [predicted & _dilate(true, tolerance), predicted, true & _dilate(predicted, tolerance), true]
    return torch.stack([column.sum((1, 2, 3)) for column in columns], dim=1)


def boundary_f1(counts: Tensor) -> Tensor:
    """F1 of the boundary, 2 P R / (P + R): counts (..., 4) of ``boundary_counts`` -> float32 (...).

    Precision P is the matched share of the predicted, recall R that of the true boundary pixels. 0 if only
    one side has a boundary or nothing matches; NaN if neither side has one.
    """
    matched_pred, all_pred, matched_true, all_true = counts.unbind(-1)
    precision = matched_pred / all_pred.clamp_min(1)
    recall = matched_true / all_true.clamp_min(1)
    f1 = 2 * precision * recall / (precision + recall).clamp_min(1e-12)
    return f1.where(all_pred + all_true > 0, torch.nan)


# --- Segmentation: all scores of a data set -------------------------------------------------------


def segmentation_scores(confusion: Tensor, boundary: Tensor, class_names: Sequence[str]) -> dict[str, Tensor]:
    """Scores of a data set from the counts of its images, each a 0-dimensional float32 tensor.

    The counts are summed over the images first: a mean of per-image scores would weigh a class by the number
    of images it is in. ``iou_<class name>`` is over all pixels, background included, ``iou_course_<class name>``
    over pixels whose truth is not background; NaN for a class that is nowhere.

    Args:
        confusion: int64 (N, C, C) from ``confusion_per_image``.
        boundary: int64 (N, 4) from ``boundary_counts``.
        class_names: C names, class 0 first.

    Raises:
        ValueError: if the number of names is not C.
    """
    if len(class_names) != confusion.shape[-1]:
        raise ValueError(f"{len(class_names)} class names for {confusion.shape[-1]} classes: {list(class_names)}.")
    total = confusion.sum(0)
    scores = {
        "miou_course": miou_course(total),
        "miou": miou(total),
        "pixel_accuracy": pixel_accuracy(total),
        "foreground_accuracy": foreground_accuracy(total),
        "boundary_f1": boundary_f1(boundary.sum(0)),
    }
    course = total.clone()
    course[0] = 0  # pixels whose truth is background do not count
    for rule, matrix in (("iou", total), ("iou_course", course)):
        scores |= {f"{rule}_{name}": value for name, value in zip(class_names, iou(matrix).unbind(), strict=True)}
    return scores
