"""Losses against their formulas in NumPy, gradients against finite differences, and cases that give NaN."""

import pickle
from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from lightning_tasks.measures.class_weights import class_weights_from_counts
from lightning_tasks.measures.segmentation_losses import (
    LOSSES,
    combined_loss,
    cross_entropy,
    dice,
    focal,
    focal_tversky,
)

NAMES = ["cross_entropy", "focal", "dice", "focal_tversky"]
WEIGHTS = torch.tensor([0.5, 2.0, 1.0, 0.3], dtype=torch.float64)
# (weights, ignored class): each alone, both, and an ignored value that is no class
CASES = [(None, None), (WEIGHTS, None), (None, 0), (WEIGHTS, 2), (WEIGHTS, 255)]
SHAPES = [(6,), (2, 5, 3), (2, 2, 3, 2)]  # target: classification, images, volumes


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Tensors this small are not worth a second thread, which makes gradcheck 20 times slower."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def make(shape: tuple[int, ...], ignore: int | None, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits float64 (B, 4, *spatial), some of them confident, and a target without class 3."""
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(shape[0], 4, *shape[1:], generator=generator, dtype=torch.float64)
    target = torch.randint(0, 3, shape, generator=generator)
    if ignore == 255:
        target.view(-1)[::3] = 255
    return logits, target


def by_formula(name, logits, target, weights, ignore, *, gamma=None, alpha=0.7, beta=0.3, smoothing=0.0) -> float:
    """The formulas of the docstrings, written with loops over pixels and classes."""
    z = np.moveaxis(logits.detach().numpy(), 1, -1).reshape(-1, 4)
    y = target.numpy().reshape(-1)
    w = np.ones(4) if weights is None else weights.numpy()
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    if ignore is not None:
        p, y = p[y != ignore], y[y != ignore]
    if name in ("cross_entropy", "focal"):
        power = 0.0 if name == "cross_entropy" else 2.0 if gamma is None else gamma
        total = sum(
            (1 - smoothing) * w[c] * (1 - p[i, c]) ** power * -np.log(p[i, c])
            + smoothing / 4 * sum(w[k] * -np.log(p[i, k]) for k in range(4))
            for i, c in enumerate(y)
        )
        return total / sum(w[c] for c in y)
    value, used = 0.0, 0.0
    for c in range(4):
        g = (y == c).astype(float)
        if not g.any():
            continue
        q = p[:, c]
        if name == "dice":
            loss = 1 - 2 * (q * g).sum() / ((q**2).sum() + (g**2).sum())
        else:
            tp, fn, fp = (q * g).sum(), ((1 - q) * g).sum(), (q * (1 - g)).sum()
            loss = (1 - tp / (tp + alpha * fn + beta * fp)) ** (1 / (4 / 3 if gamma is None else gamma))
        value, used = value + w[c] * loss, used + w[c]
    return value / used


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("weights", "ignore"), CASES)
@pytest.mark.parametrize("shape", SHAPES)
def test_value_against_formula(name, weights, ignore, shape):
    logits, target = make(shape, ignore)
    found = LOSSES[name](logits, target, class_weights=weights, ignore_index=ignore)
    assert found.shape == () and found.dtype == torch.float64
    assert found.item() == pytest.approx(by_formula(name, logits, target, weights, ignore), rel=1e-9)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 3.0])
def test_focal_gamma(gamma):
    logits, target = make((2, 5, 3), None)
    expected = by_formula("focal", logits, target, WEIGHTS, 1, gamma=gamma)
    found = focal(logits, target, gamma=gamma, class_weights=WEIGHTS, ignore_index=1)
    assert found.item() == pytest.approx(expected, rel=1e-6)
    if gamma == 0:
        assert found.item() == pytest.approx(
            cross_entropy(logits, target, class_weights=WEIGHTS, ignore_index=1).item(), rel=1e-9
        )


def test_tversky_arguments():
    logits, target = make((2, 5, 3), None)
    found = focal_tversky(logits, target, alpha=0.2, beta=0.9, gamma=2.0)
    expected = by_formula("focal_tversky", logits, target, None, None, alpha=0.2, beta=0.9, gamma=2.0)
    assert found.item() == pytest.approx(expected, rel=1e-9)


def test_tversky_alpha_weighs_false_negatives():
    """Two pixels of class 1 among four; one is missed. A larger alpha must cost more."""
    target = torch.tensor([0, 0, 1, 1])
    logits = 20.0 * torch.tensor([[1, 0], [1, 0], [0, 1], [1, 0]])
    only_class_1 = torch.tensor([0.0, 1.0])
    missed = partial(focal_tversky, logits, target, gamma=1.0, class_weights=only_class_1)
    assert missed(alpha=0.7, beta=0.3).item() == pytest.approx(1 - 1 / 1.7, rel=1e-5)
    assert missed(alpha=0.3, beta=0.7).item() == pytest.approx(1 - 1 / 1.3, rel=1e-5)


@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize("smoothing", [0.1, 0.5])
def test_label_smoothing(weights, smoothing):
    logits, target = make((2, 5, 3), None)
    found = cross_entropy(logits, target, class_weights=weights, label_smoothing=smoothing)
    expected = by_formula("cross_entropy", logits, target, weights, None, smoothing=smoothing)
    assert found.item() == pytest.approx(expected, rel=1e-9)
    torch.testing.assert_close(found, F.cross_entropy(logits, target, weight=weights, label_smoothing=smoothing))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("weights", "ignore"), CASES)
def test_gradient_against_finite_differences(name, weights, ignore):
    logits, target = make((2, 3, 2), ignore)
    loss = partial(LOSSES[name], target=target, class_weights=weights, ignore_index=ignore)
    assert torch.autograd.gradcheck(lambda z: loss(z), logits.requires_grad_())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("ignore", [0, 255])
def test_ignored_pixels_have_no_influence(name, ignore):
    logits, target = make((2, 5, 3), None)
    target[:, :2] = ignore
    changed = logits.clone()
    changed[:, :, :2] = 100 * torch.randn(2, 4, 2, 3, dtype=torch.float64)
    changed.requires_grad_()
    loss = LOSSES[name](changed, target, ignore_index=ignore)
    torch.testing.assert_close(loss, LOSSES[name](logits, target, ignore_index=ignore))
    loss.backward()
    ignored = (target == ignore)[:, None].expand_as(changed)
    assert (changed.grad[ignored] == 0).all() and (changed.grad[~ignored] != 0).any()


@pytest.mark.parametrize(("name", "smoothing"), [*((name, 0.0) for name in NAMES), ("cross_entropy", 0.1)])
@pytest.mark.parametrize("weights", [None, WEIGHTS.float()])
def test_only_ignored_pixels(name, smoothing, weights):
    logits = torch.randn(2, 4, 3, 3, requires_grad=True)
    loss = combined_loss(
        name, {name: {"label_smoothing": smoothing} if smoothing else {}}, class_weights=weights, ignore_index=0
    )
    value = loss(logits, torch.zeros(2, 3, 3, dtype=torch.int64))
    value.backward()
    assert value.item() == 0.0
    assert (logits.grad == 0).all()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("sign", [1, -1])
def test_extreme_logits_stay_finite(name, sign):
    """A saturated softmax, all right or all wrong: powers and logarithms of 0 must not give NaN."""
    target = torch.tensor([[0, 1], [2, 3]])
    logits = (sign * 1e4 * F.one_hot(target, 4).movedim(-1, 1)).float().requires_grad_()
    own = {"gamma": 0.5} if name == "focal" else {}
    value = LOSSES[name](logits, target, **own)
    value.backward()
    assert value.isfinite() and logits.grad.isfinite().all()
    assert (value < 1e-4) == (sign == 1)


@pytest.mark.parametrize("name", NAMES)
def test_float32_under_autocast(name):
    logits, target = make((2, 5, 3), None)
    half = logits.bfloat16().requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = LOSSES[name](half, target, class_weights=WEIGHTS.float())
    assert value.dtype == torch.float32
    exact = by_formula(name, half.detach().double(), target, WEIGHTS, None)
    assert value.item() == pytest.approx(exact, rel=1e-5)  # bf16 arithmetic is off by 1e-2
    value.backward()
    assert half.grad.dtype == torch.bfloat16 and half.grad.isfinite().all()


@pytest.mark.parametrize("name", NAMES)
def test_wrong_target_shape(name):
    with pytest.raises(ValueError, match=r"need a target \(2, 3, 3\).*got \(2, 1, 3, 3\)"):
        LOSSES[name](torch.randn(2, 4, 3, 3), torch.zeros(2, 1, 3, 3, dtype=torch.int64))


# --- combined loss --------------------------------------------------------------------------------


def test_combined_is_the_weighted_sum():
    logits, target = make((2, 5, 3), None)
    shared = {"class_weights": WEIGHTS, "ignore_index": 1}
    loss = combined_loss({"ce": 1.0, "focal": 0.5, "dice": 2.0}, {"focal": {"gamma": 3.0}}, **shared)
    expected = (
        cross_entropy(logits, target, **shared)
        + 0.5 * focal(logits, target, gamma=3.0, **shared)
        + 2 * dice(logits, target, **shared)
    )
    torch.testing.assert_close(loss(logits, target), expected)
    torch.testing.assert_close(pickle.loads(pickle.dumps(loss))(logits, target), expected)


def test_combined_takes_shared_arguments_in_the_call():
    logits, target = make((2, 5, 3), None)
    found = combined_loss("ce", {"ce": {"label_smoothing": 0.1}})(logits, target, class_weights=WEIGHTS, ignore_index=0)
    expected = cross_entropy(logits, target, class_weights=WEIGHTS, ignore_index=0, label_smoothing=0.1)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(
    ("spec", "loss_args", "message"),
    [
        ("focl", None, "Unknown loss 'focl'. Did you mean 'focal'.*Valid losses: cross_entropy"),
        ({"dice": 1.0, "crossentropy": 1.0}, None, "Did you mean 'cross_entropy'"),
        ("focal", {"focal": {"gama": 2}}, "'focal' has no argument gama; valid: gamma"),
        ("dice", {"dice": {"ignore_index": 2}}, "no argument ignore_index; valid: none"),
        ("dice", {"focal": {"gamma": 2}}, "loss_args names 'focal', but the loss is dice"),
        ("focal", {"focal": {"label_smoothing": 0.1}}, "'focal' has no argument label_smoothing; valid: gamma"),
        ({}, None, "loss is empty"),
    ],
)
def test_combined_errors(spec, loss_args, message):
    with pytest.raises(ValueError, match=message):
        combined_loss(spec, loss_args)


# --- class weights --------------------------------------------------------------------------------

COUNTS = torch.tensor([4_988_826, 6_957_538, 4_776_810, 3_770_823, 26_963])  # the Mars pixels


@pytest.mark.parametrize("ignore", [None, 0])
@pytest.mark.parametrize(
    ("mode", "beta", "formula"),
    [
        ("inverse", 0.0, lambda n: 1 / n),
        ("sqrt", 0.0, lambda n: n**-0.5),
        ("effective", 0.99, lambda n: 0.01 / (1 - 0.99**n)),
        ("effective", 0.9999999, lambda n: 1e-7 / (1 - 0.9999999**n)),
        ("effective", 0.0, np.ones_like),
    ],
)
def test_class_weights_against_formula(mode, beta, formula, ignore):
    n = COUNTS.double().numpy()
    if ignore is not None:
        n = n[1:]
    expected = formula(n) / formula(n).mean()
    found = class_weights_from_counts(COUNTS, mode, beta, ignore)
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found.numpy()[-len(n) :], expected, rtol=1e-5)
    assert ignore is None or found[0] == 0


@pytest.mark.parametrize("mode", ["inverse", "sqrt", "effective"])
def test_absent_classes_get_zero(mode):
    found = class_weights_from_counts(torch.tensor([0, 10, 0, 1000]), mode)
    assert found[[0, 2]].tolist() == [0.0, 0.0]
    assert found[[1, 3]].mean().item() == pytest.approx(1.0)
    assert found[1] > found[3]


@pytest.mark.parametrize(
    ("counts", "args", "message"),
    [
        ([1, 2], {"mode": "log"}, "mode='log': choose \"inverse\""),
        ([1, 2], {"mode": "effective", "beta": 1.0}, "beta=1.0: must be"),
        ([1, -2], {}, "none negative"),
        ([0, 0], {}, "one class above 0"),
        ([5, 0], {"ignore_index": 0}, "one class above 0"),
    ],
)
def test_class_weight_errors(counts, args, message):
    with pytest.raises(ValueError, match=message):
        class_weights_from_counts(torch.tensor(counts), **args)
