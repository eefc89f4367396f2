"""Segmentation metrics against loops over pixels, scikit-learn and maps small enough to count by hand."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import jaccard_score

from lightning_tasks.measures.segmentation import (
    boundary_counts,
    boundary_f1,
    confusion_per_image,
    foreground_accuracy,
    iou,
    miou,
    miou_course,
    pixel_accuracy,
    segmentation_scores,
)

CLASSES = 5


@pytest.fixture
def maps() -> tuple[torch.Tensor, torch.Tensor]:
    """Three images with agreement of about one half."""
    generator = torch.Generator().manual_seed(0)
    target = torch.randint(0, CLASSES, (3, 6, 9), generator=generator)
    noise = torch.randint(0, CLASSES, target.shape, generator=generator)
    return noise.where(torch.rand(target.shape, generator=generator) < 0.5, target), target


def test_confusion_against_loop(maps):
    pred, target = maps
    expected = np.zeros((3, CLASSES, CLASSES), dtype=np.int64)
    for b, y, x in np.ndindex(*target.shape):
        expected[b, target[b, y, x], pred[b, y, x]] += 1
    found = confusion_per_image(pred, target, CLASSES)
    assert found.dtype == torch.int64
    np.testing.assert_array_equal(found.numpy(), expected)


def test_confusion_leaves_void_out(maps):
    pred, target = maps
    void = target.clone()
    void[0, 0, :4] = torch.tensor([255, -1, -100, CLASSES])
    found = confusion_per_image(pred, void, CLASSES)
    assert found.sum((1, 2)).tolist() == [50, 54, 54]
    assert torch.equal(found[1:], confusion_per_image(pred, target, CLASSES)[1:])


def test_confusion_errors(maps):
    pred, target = maps
    with pytest.raises(ValueError, match=r"\(2, 6, 9\).*same shape"):
        confusion_per_image(pred[:2], target, CLASSES)
    with pytest.raises(ValueError, match=r"class 0\.\.4; num_classes=4"):
        confusion_per_image(pred, target, 4)


def test_iou_against_sklearn(maps):
    pred, target = maps
    total = confusion_per_image(pred, target, CLASSES).sum(0)
    expected = jaccard_score(target.flatten(), pred.flatten(), average=None, labels=range(CLASSES))
    np.testing.assert_allclose(iou(total).numpy(), expected, rtol=1e-6)
    assert miou(total).item() == pytest.approx(expected[1:].mean(), rel=1e-6)
    assert pixel_accuracy(total).item() == pytest.approx((pred == target).double().mean().item(), rel=1e-6)
    foreground = target > 0
    expected = (pred == target)[foreground].double().mean().item()
    assert foreground_accuracy(total).item() == pytest.approx(expected, rel=1e-6)


def keras_mean_iou(pred: np.ndarray, target: np.ndarray) -> float:
    """The course's code: drop true class 0, then Keras MeanIoU(num_classes=5), from its definition."""
    pred, target = pred[target != 0], target[target != 0]
    ious = []
    for c in range(CLASSES):
        union = ((pred == c) | (target == c)).sum()
        if union:
            ious.append(((pred == c) & (target == c)).sum() / union)
    return float(np.mean(ious))


def test_miou_course_against_keras_rule(maps):
    pred, target = maps
    for p in (pred, pred.clamp_min(1)):  # with and without predictions of class 0
        found = miou_course(confusion_per_image(p, target, CLASSES).sum(0))
        assert found.item() == pytest.approx(keras_mean_iou(p.numpy(), target.numpy()), rel=1e-6)


def test_one_background_prediction_costs_a_fifth():
    """The example of the assignment: .861 becomes .689 = .8 x .861 by one pixel."""
    confusion = torch.zeros(CLASSES, CLASSES, dtype=torch.int64)
    confusion[0, 0] = 50_000
    for c in range(1, CLASSES):  # IoU 861 / 1000 each, in units large enough to hide one pixel
        confusion[c, c] = 8_610_000
        confusion[c, c % 4 + 1] = 695_000
    assert miou_course(confusion).item() == pytest.approx(0.861, abs=5e-4)
    confusion[1, 0] += 1
    assert miou_course(confusion).item() == pytest.approx(0.689, abs=5e-4)
    assert miou(confusion).item() == pytest.approx(0.861, abs=5e-4)


def test_false_positives_on_background_count_only_in_miou():
    confusion = torch.tensor([[0, 10], [0, 10]])
    assert miou_course(confusion).item() == 1.0
    assert miou(confusion).item() == 0.5


def test_empty_classes_are_skipped_not_zero():
    confusion = torch.zeros(4, 4, dtype=torch.int64)
    confusion[1, 1], confusion[2, 2], confusion[2, 1] = 6, 2, 2
    np.testing.assert_allclose(iou(confusion).numpy(), [np.nan, 6 / 8, 2 / 4, np.nan])
    assert miou(confusion).item() == miou_course(confusion).item() == pytest.approx((6 / 8 + 2 / 4) / 2)
    nothing = torch.zeros(4, 4, dtype=torch.int64)
    for metric in (miou, miou_course, pixel_accuracy, foreground_accuracy):
        assert math.isnan(metric(nothing).item())


def test_leading_axes_are_a_batch(maps):
    each = confusion_per_image(*maps, CLASSES)
    for metric in (iou, miou, miou_course, pixel_accuracy, foreground_accuracy):
        torch.testing.assert_close(metric(each), torch.stack([metric(one) for one in each]), equal_nan=True)
    assert each[:, 0].sum() > 0, "miou_course must not change its input"


# --- boundaries --------------------------------------------------------------------------------


def columns(*values: int) -> torch.Tensor:
    """One image (1, 3, W) whose columns hold these classes."""
    return torch.tensor([values] * 3)[None]


def test_boundary_by_hand():
    """The boundary of two halves is the last column of the left and the first of the right class."""
    true = columns(1, 1, 1, 1, 2, 2, 2, 2)  # boundary columns 3 (class 1) and 4 (class 2), 3 pixels each
    moved = columns(1, 1, 2, 2, 2, 2, 2, 2)  # columns 1 and 2: two pixels to the left
    assert boundary_counts(true, true, 3, tolerance=0).tolist() == [[6, 6, 6, 6]]
    assert boundary_counts(moved, true, 3, tolerance=2).tolist() == [[6, 6, 6, 6]]
    assert boundary_counts(moved, true, 3, tolerance=1).tolist() == [[0, 6, 0, 6]]
    flat = columns(*[1] * 8)
    assert boundary_counts(flat, true, 3).tolist() == [[0, 0, 0, 6]]
    assert boundary_counts(flat, flat, 3).tolist() == [[0, 0, 0, 0]]


def test_boundary_needs_the_right_class():
    """A right outline around wrong classes matches nothing; around one wrong class, only the other."""
    true, swapped, half = columns(1, 1, 2, 2), columns(2, 2, 1, 1), columns(1, 1, 3, 3)
    assert boundary_counts(swapped, true, 4, tolerance=0).tolist() == [[0, 6, 0, 6]]
    assert boundary_counts(half, true, 4, tolerance=0).tolist() == [[3, 6, 3, 6]]


def test_boundary_ignores_what_is_predicted_on_background():
    true = columns(0, 0, 0, 1, 1, 2, 2)
    right = columns(1, 1, 1, 1, 1, 2, 2)
    wild = columns(2, 1, 2, 1, 1, 2, 2)
    assert boundary_counts(right, true, 3, tolerance=0).tolist() == [[6, 6, 6, 6]]
    assert torch.equal(boundary_counts(wild, true, 3), boundary_counts(right, true, 3))
    # Counted as any other class, the rim of the background is a boundary: columns 2|3 and 4|5.
    assert boundary_counts(true, true, 3, 0, ignore_index=None).tolist() == [[12, 12, 12, 12]]


def loop_boundary_counts(pred: np.ndarray, target: np.ndarray, tolerance: int, ignore: int | None) -> list[int]:
    """The definition in the docstring, pixel by pixel."""
    counted = np.ones_like(target, dtype=bool) if ignore is None else target != ignore
    height, width = target.shape

    def pixels(labels: np.ndarray) -> list[tuple[int, int, int]]:
        found = []
        for y, x in np.argwhere(counted):
            for ny, nx in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
                inside = 0 <= ny < height and 0 <= nx < width
                if inside and counted[ny, nx] and labels[ny, nx] != labels[y, x]:
                    found.append((y, x, labels[y, x]))
                    break
        return found

    def matched(some: list, others: list) -> int:
        return sum(any(c == d and max(abs(y - v), abs(x - u)) <= tolerance for v, u, d in others) for y, x, c in some)

    p, t = pixels(pred), pixels(target)
    return [matched(p, t), len(p), matched(t, p), len(t)]


@pytest.mark.parametrize("tolerance", [0, 1, 2, 9])
@pytest.mark.parametrize("ignore", [0, None])
def test_boundary_against_loop(tolerance, ignore):
    generator = torch.Generator().manual_seed(1)
    # blocks of 3x3 pixels, so that there are insides, and a tolerance above the image height is tried as well
    pred, target = (
        torch.randint(0, 3, (2, 3, 4), generator=generator).repeat_interleave(3, 1).repeat_interleave(3, 2)
        for _ in range(2)
    )
    pred = pred.roll(1, dims=2)
    found = boundary_counts(pred[:, :8], target[:, :8], 3, tolerance, ignore)
    for b in range(2):
        expected = loop_boundary_counts(pred[b, :8].numpy(), target[b, :8].numpy(), tolerance, ignore)
        assert found[b].tolist() == expected


def test_boundary_f1_values():
    counts = torch.tensor([[3, 4, 2, 8], [0, 5, 0, 5], [0, 0, 0, 6], [0, 6, 0, 0], [6, 6, 6, 6]])
    expected = [2 * 0.75 * 0.25 / (0.75 + 0.25), 0.0, 0.0, 0.0, 1.0]
    np.testing.assert_allclose(boundary_f1(counts).numpy(), expected, rtol=1e-6)
    assert math.isnan(boundary_f1(torch.zeros(4, dtype=torch.int64)).item())


def test_boundary_errors():
    with pytest.raises(ValueError, match="tolerance=-1"):
        boundary_counts(columns(1, 2), columns(1, 2), 3, tolerance=-1)
    with pytest.raises(ValueError, match="must agree"):
        boundary_counts(columns(1, 2), columns(1, 2, 2), 3)


# --- all scores --------------------------------------------------------------------------------


def test_segmentation_scores(maps):
    pred, target = maps
    names = ["background", "soil", "bedrock", "sand", "big_rock"]
    confusion, boundary = confusion_per_image(pred, target, CLASSES), boundary_counts(pred, target, CLASSES)
    scores = segmentation_scores(confusion, boundary, names)
    assert list(scores) == [
        *("miou_course", "miou", "pixel_accuracy", "foreground_accuracy", "boundary_f1"),
        *(f"iou_{name}" for name in names),
        *(f"iou_course_{name}" for name in names),
    ]
    assert all(value.shape == () and value.dtype == torch.float32 for value in scores.values())
    assert scores["miou_course"].item() == pytest.approx(keras_mean_iou(pred.numpy(), target.numpy()))
    expected = jaccard_score(target.flatten(), pred.flatten(), average=None, labels=range(CLASSES))
    np.testing.assert_allclose([scores[f"iou_{name}"].item() for name in names], expected, rtol=1e-6)
    real = target > 0  # the course rule: pixels of true background are removed
    expected = jaccard_score(target[real], pred[real], average=None, labels=range(CLASSES))
    np.testing.assert_allclose([scores[f"iou_course_{name}"].item() for name in names], expected, rtol=1e-6)
    torch.testing.assert_close(scores["boundary_f1"], boundary_f1(boundary.sum(0)))
    with pytest.raises(ValueError, match="4 class names for 5 classes"):
        segmentation_scores(confusion, boundary, names[:4])


def test_scores_are_of_the_data_set_not_means_of_images():
    """One image with one right rare pixel does not outweigh one with many wrong ones."""
    confusion = torch.zeros(2, 2, 2, dtype=torch.int64)
    confusion[0, 1, 1] = 1
    confusion[1, 1] = torch.tensor([99, 0])
    scores = segmentation_scores(confusion, torch.zeros(2, 4, dtype=torch.int64), ["a", "b"])
    assert scores["miou"].item() == pytest.approx(0.01)
