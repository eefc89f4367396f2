"""Measures and losses against scikit-learn, torchmetrics and SciPy on drawn input: ties, empty classes, few samples.

Values are drawn from few levels, so that ties, constant scores, single classes and single samples are frequent. All is
drawn in the same way in each run.
"""

import warnings

import numpy as np
import pytest
import sklearn.metrics as sk
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import linalg, stats
from scipy.spatial.distance import cdist
from torchmetrics.functional.classification import binary_auroc, multiclass_calibration_error, multiclass_jaccard_index
from torchmetrics.functional.image import peak_signal_noise_ratio
from torchmetrics.functional.segmentation import dice_score

from lightning_tasks.measures import segmentation_losses as losses
from lightning_tasks.measures.binary import binary_scores, pauc, roc, sensitivity_at
from lightning_tasks.measures.bootstrap import exact_share, members, rarer_units
from lightning_tasks.measures.calibration import brier_decomposition, ece, mce
from lightning_tasks.measures.classification import classification_scores
from lightning_tasks.measures.classification_losses import soft_cross_entropy, soft_focal
from lightning_tasks.measures.forecast import interval_scores, pinball
from lightning_tasks.measures.generative import energy_distance, frechet_distance, kernel_distance, precision_recall
from lightning_tasks.measures.reconstruction import psnr, squared_errors, ssim
from lightning_tasks.measures.regression import regression_scores
from lightning_tasks.measures.segmentation import boundary_counts, boundary_f1, confusion_per_image, iou, miou

drawn = settings(max_examples=25, derandomize=True, database=None, deadline=None)


@st.composite
def two_classes(draw, least=1):
    """Probabilities on a grid, and labels; often of one class, tied, in order or reversed."""
    n = draw(st.integers(least, 12))
    label = np.array(draw(st.lists(st.integers(0, 1), min_size=n, max_size=n)))
    steps = draw(st.lists(st.integers(0, 4), min_size=n, max_size=n))
    kind = draw(st.sampled_from(("any", "constant", "right", "wrong")))
    prob = {"any": np.array(steps) / 4, "constant": np.full(n, steps[0] / 4), "right": label, "wrong": 1 - label}[kind]
    return torch.from_numpy(prob.astype(float)), torch.from_numpy(label)


@st.composite
def classes(draw):
    """Rows of probabilities (N, K) that sum to 1, without ties within a row, and labels, of which classes may lack."""
    n, k = draw(st.integers(1, 12)), draw(st.integers(2, 4))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    label = rng.integers(0, draw(st.integers(1, k)), n)
    prob = rng.dirichlet(np.ones(k), n)
    if draw(st.booleans()):  # sure of itself
        prob = np.eye(k)[label if draw(st.booleans()) else rng.integers(0, k, n)]
    return torch.from_numpy(prob), torch.from_numpy(label), k


def arrays(draw, *shape, high=3, scale=2.0):
    """Numbers from few levels."""
    return torch.from_numpy(
        np.random.default_rng(draw(st.integers(0, 10**6))).integers(0, draw(st.integers(1, high)), shape) / scale
    )


def quiet(function, *args, **kwargs) -> float:
    """NaN where a class is missing: scikit-learn warns, or raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return float(function(*args, **kwargs))
        except ValueError:
            return np.nan


def same(found, expected, tolerance=1e-9):
    assert float(found) == pytest.approx(float(expected), abs=tolerance, rel=tolerance, nan_ok=True)


# ---- two classes ----------------------------------------------------------------------------------------------


@drawn
@given(two_classes())
def test_ranking_scores(sample):
    prob, label = sample
    p, y, found = prob.numpy(), label.numpy(), binary_scores(prob, label)
    both = 0 < y.sum() < len(y)
    same(found["auroc"], quiet(sk.roc_auc_score, y, p))
    if both:
        same(found["auroc"], stats.mannwhitneyu(p[y == 1], p[y == 0]).statistic / (y.sum() * (1 - y).sum()))
        same(found["auroc"], binary_auroc(prob, label), 1e-6)
    same(found["ap"], quiet(sk.average_precision_score, y, p) if y.sum() else np.nan)
    same(found["brier"], np.mean((p - y) ** 2))
    fpr, tpr, _ = sk.roc_curve(y, p, drop_intermediate=False) if both else (np.full(2, np.nan),) * 2 + (None,)
    same(sensitivity_at(roc(prob, label), 0.75), tpr[fpr <= 0.25 + 1e-12].max() if both else np.nan)


@drawn
@given(two_classes(2), st.sampled_from((0.0, 0.25, 0.8, 0.95)))
def test_a_partial_area_is_that_of_scikit_learn_and_both_directions_make_a_whole(sample, least):
    prob, label = sample
    if 0 < int(label.sum()) < len(label):
        room = 1 - least
        scaled = sk.roc_auc_score(1 - label.numpy(), -prob.numpy(), max_fpr=room)  # McClish's standardised area
        expected = scaled if least == 0 else 0.5 * room**2 + (room - 0.5 * room**2) * (2 * scaled - 1)
        same(pauc(roc(prob, label), least), expected)
        same(binary_scores(prob, label)["auroc"] + binary_scores(-prob, label)["auroc"], 1)
    else:
        assert pauc(roc(prob, label), least).isnan()


@drawn
@given(two_classes(), st.integers(0, 11))
def test_one_nan_makes_every_score_nan(sample, place):
    prob, label = sample
    prob = prob.clone()
    prob[place % len(prob)] = torch.nan
    assert all(value.isnan() for value in binary_scores(prob, label).values())
    columns = torch.stack([1 - prob, prob], 1)
    assert all(value.isnan() for value in classification_scores(columns, label, ["a", "b"]).values())


# ---- several classes, calibration -----------------------------------------------------------------------------


@drawn
@given(classes())
def test_scores_of_classes_and_calibration(sample):
    prob, label, k = sample
    names = [str(i) for i in range(k)]
    found, y, pred = classification_scores(prob, label, names), label.numpy(), prob.argmax(1).numpy()
    same(found["acc"], sk.accuracy_score(y, pred))
    same(found["balanced_acc"], quiet(sk.balanced_accuracy_score, y, pred))
    same(found["f1_macro"], sk.f1_score(y, pred, average="macro", zero_division=0))
    for name, value in zip(
        names, sk.recall_score(y, pred, labels=range(k), average=None, zero_division=np.nan), strict=True
    ):
        same(found[f"recall_{name}"], value)
    same(found["nll"], sk.log_loss(y, prob.numpy().clip(1e-12), labels=range(k)), 1e-6)
    same(found["brier"], np.mean(((prob.numpy() - np.eye(k)[y]) ** 2).sum(1)) / (1 + (k == 2)))
    # torchmetrics leaves a confidence of exactly 1 out of its last bin
    inside = (prob.float() * (1 - 1e-6), label, k, 15)
    same(ece(prob, label), multiclass_calibration_error(*inside), 2e-5)
    same(mce(prob, label), multiclass_calibration_error(*inside, norm="max"), 2e-5)
    parts = brier_decomposition(prob, label)
    total = parts["brier_reliability"] - parts["brier_resolution"] + parts["brier_uncertainty"] + parts["brier_within"]
    same(total, found["brier"])


# ---- masks ----------------------------------------------------------------------------------------------------


@drawn
@given(st.data())
def test_scores_of_masks(data):
    k = data.draw(st.integers(2, 4))
    pred, truth = (arrays(data.draw, 2, 4, 5, high=k, scale=1).long() for _ in range(2))
    confusion = confusion_per_image(pred, truth, k).sum(0)
    same(
        (confusion - torch.from_numpy(sk.confusion_matrix(truth.ravel(), pred.ravel(), labels=range(k)))).abs().sum(), 0
    )
    expected = sk.jaccard_score(truth.ravel(), pred.ravel(), labels=range(k), average=None, zero_division=0)
    expected[[c not in pred and c not in truth for c in range(k)]] = np.nan
    np.testing.assert_allclose(iou(confusion), expected, atol=1e-6)
    torch.testing.assert_close(  # torchmetrics has 0 for a class that is nowhere
        iou(confusion).nan_to_num(0), multiclass_jaccard_index(pred, truth, k, average="none").nan_to_num(0)
    )
    same(miou(confusion), np.nanmean(expected[1:]) if np.isfinite(expected[1:]).any() else np.nan, 1e-6)
    counts = boundary_counts(pred, truth, k, tolerance=data.draw(st.integers(0, 2)), ignore_index=None)
    score, itself = boundary_f1(counts.sum(0)), boundary_f1(boundary_counts(truth, truth, k, 0, None).sum(0))
    assert score.isnan() or 0 <= score <= 1
    assert itself.isnan() == (torch.stack([t.unique().numel() == torch.tensor(1) for t in truth]).all()) or itself == 1


@drawn
@given(st.data())
def test_losses_of_masks(data):
    k = data.draw(st.integers(2, 4))
    truth = arrays(data.draw, 2, 3, 3, high=k, scale=1).long()
    logits = arrays(data.draw, 2, k, 3, 3, high=9) * data.draw(
        st.sampled_from((0.0, 1.0, 20.0))
    )  # none, some, all sure
    weights = arrays(data.draw, k) + 0.5
    ignored = data.draw(st.sampled_from((None, 0)))
    options = {"weight": weights, "ignore_index": -100 if ignored is None else ignored}
    counted = truth if ignored is None else truth[truth != ignored]
    found = losses.cross_entropy(logits, truth, class_weights=weights, ignore_index=ignored)
    same(found, F.cross_entropy(logits, truth, **options) if len(counted) else 0, 1e-5)
    same(losses.focal(logits, truth, gamma=0.0, class_weights=weights, ignore_index=ignored), found, 1e-5)
    sure = 200 * F.one_hot(truth, k).movedim(-1, 1).double()
    same(losses.dice(sure, truth), 0, 1e-6)
    same(losses.focal_tversky(sure, truth, gamma=1.0), 0, 1e-5)
    same(losses.focal_tversky(-sure, truth, gamma=1.0), 1, 1e-5) if k == 2 else None
    # of masks without doubt squares change nothing: one minus the mean of the F1 of classes that occur
    hard = arrays(data.draw, 2, 3, 3, high=k, scale=1).long()
    per_class = dice_score(
        hard.view(1, -1), truth.view(1, -1), k, average="none", input_format="index", aggregation_level="global"
    )
    present = truth.unique()
    found = losses.dice(200 * F.one_hot(hard, k).movedim(-1, 1).double(), truth)
    same(found, 1 - per_class.view(-1)[present].mean(), 1e-5)


@drawn
@given(st.data())
def test_losses_of_classes(data):
    n, k = data.draw(st.integers(1, 6)), data.draw(st.integers(2, 4))
    logits = arrays(data.draw, n, k, high=9) * data.draw(st.sampled_from((0.0, 1.0, 40.0)))
    label, smoothing = arrays(data.draw, n, high=k, scale=1).long(), data.draw(st.sampled_from((0.0, 0.3)))
    target = F.one_hot(label, k).double()
    weights = arrays(data.draw, k) + 0.5
    same(soft_cross_entropy(logits, target, weights, smoothing),
         F.cross_entropy(logits, label, weights, label_smoothing=smoothing), 1e-6)  # fmt: skip
    same(soft_focal(logits, target, gamma=0.0), F.cross_entropy(logits, label), 1e-6)
    mixed = torch.softmax(arrays(data.draw, n, k), 1)
    same(soft_cross_entropy(logits, mixed), F.cross_entropy(logits, mixed), 1e-6)


# ---- numbers, pictures, sets of samples, intervals ------------------------------------------------------------


@drawn
@given(st.data())
def test_scores_of_numbers(data):
    shape = (data.draw(st.integers(1, 8)), data.draw(st.integers(1, 3)))
    pred, target = arrays(data.draw, *shape), arrays(data.draw, *shape)
    found, varies = regression_scores(pred, target), (target.std(0, correction=0) > 0).all()
    same(found["r2"], sk.r2_score(target, pred) if varies else np.nan)
    same(found["mae"], sk.mean_absolute_error(target, pred))
    same(found["rmse"], sk.root_mean_squared_error(target, pred))
    levels = (0.1, 0.5, 0.9)
    quantiles = arrays(data.draw, *shape, 3).sort(-1).values
    missing = target.masked_fill(arrays(data.draw, *shape, scale=1) > 0, torch.nan)
    known = ~missing.isnan()
    expected = [sk.mean_pinball_loss(missing[known], quantiles[known][:, i], alpha=q) for i, q in enumerate(levels)
                ] if known.any() else [0]  # fmt: skip
    same(pinball(quantiles, missing, levels), np.mean(expected))
    inside = (quantiles[..., 0] <= missing) & (missing <= quantiles[..., 2])
    same(
        interval_scores(quantiles, missing, levels)["coverage_80"], inside[known].double().mean() if known.any() else 0
    )


@drawn
@given(st.data())
def test_likeness_of_pictures(data):
    image, other = (arrays(data.draw, 2, 1, 11, 12).clamp(0, 1) for _ in range(2))
    mse = squared_errors(other, image)
    same(mse.mean(), sk.mean_squared_error(image.flatten(1), other.flatten(1)))
    if (mse > 0).all():
        expected = peak_signal_noise_ratio(other, image, data_range=1.0, reduction="none", dim=(1, 2, 3))
        torch.testing.assert_close(psnr(mse).float(), expected.float(), atol=1e-3, rtol=1e-4)
    assert psnr(torch.zeros(1)) == torch.inf
    torch.testing.assert_close(ssim(image, image), torch.ones(2))
    torch.testing.assert_close(ssim(image, other), ssim(other, image))
    assert (ssim(image, other) <= 1 + 1e-6).all() and ssim(image[..., :5], other[..., :5]).isnan().all()


@drawn
@given(st.data())
def test_distances_of_sets(data):
    n, m, f = data.draw(st.integers(4, 8)), data.draw(st.integers(4, 8)), data.draw(st.integers(1, 3))
    x, y = arrays(data.draw, n, f, high=4), arrays(data.draw, m, f, high=4)
    a, b = x.numpy(), y.numpy()
    cx, cy = (np.atleast_2d(np.cov(s.T)) for s in (a, b))
    ridge = 1e-12 * np.eye(f)  # SciPy's root of a singular matrix is rough
    root = linalg.sqrtm((cx + ridge) @ (cy + ridge)).real
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(cx + cy - 2 * root)
    same(frechet_distance(x, y), expected, 1e-4)
    same(frechet_distance(x, x), 0, 1e-6)
    within = [cdist(s, s).sum() / (len(s) * (len(s) - 1)) for s in (a, b)]
    same(energy_distance(x, y), 2 * cdist(a, b).mean() - sum(within), 1e-6)
    if f == 1:  # SciPy's is the root of the biased one
        squared = stats.energy_distance(a[:, 0], b[:, 0]) ** 2
        same(2 * cdist(a, b).mean() - cdist(a, a).mean() - cdist(b, b).mean(), squared, 1e-6)
    kernels = [[sk.pairwise.polynomial_kernel(s, t, degree=3, gamma=1 / f, coef0=1) for t in (a, b)] for s in (a, b)]
    off = [(g.sum() - np.trace(g)) / (len(g) * (len(g) - 1)) for g in (kernels[0][0], kernels[1][1])]
    same(kernel_distance(x, y), sum(off) - 2 * kernels[0][1].mean(), 1e-6)
    assert all(value == 1 for value in precision_recall(x, x)) and all(0 <= v <= 1 for v in precision_recall(x, y))


@drawn
@given(st.integers(1, 40), st.integers(0, 40), st.data())
def test_exact_intervals_and_units(n, hit, data):
    hit = min(hit, n)
    found = exact_share(hit / n, n, n)
    if found:
        expected = stats.binomtest(hit, n).proportion_ci(0.95, "exact")
        assert found == pytest.approx((expected.low, expected.high), abs=1e-9)
    else:
        assert min(hit, n - hit) >= 10
    label, group = (arrays(data.draw, n, high=high, scale=1).long() for high in (2, 6))
    rows = {"label": label, "group": group}
    units = members(rows)
    assert sorted(np.concatenate(units).tolist()) == list(range(n))
    assert rarer_units(rows) == min(sum((label[u] == k).any().item() for u in units) for k in (0, 1))
