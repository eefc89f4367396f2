"""Batch normalisation against torch."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lightning_tasks.foundations.batch_normalisation import (
    BatchNormalisation,
    batch_norm,
    batch_norm_gradients,
    fresh_cache,
)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 9), st.integers(1, 5), st.floats(0, 1), st.integers(0, 99))
def test_training_and_testing_are_those_of_torch(rows, size, beta_avg, seed):
    rng = np.random.default_rng(seed)
    layer = torch.nn.BatchNorm1d(size, 1e-3, momentum=1 - beta_avg, dtype=torch.float64)
    gamma, beta, cache = np.ones(size), np.zeros(size), fresh_cache(size)
    for _ in range(3):
        z = rng.normal(5, 2, size=(rows, size))
        ours = batch_norm(z, gamma, beta, 1e-3, cache, beta_avg, "train", unbiased=True)
        np.testing.assert_allclose(ours, layer(torch.tensor(z)).detach(), atol=1e-9)
    np.testing.assert_allclose(cache["mean"], layer.running_mean, atol=1e-9)
    np.testing.assert_allclose(cache["var"], layer.running_var, atol=1e-9)
    before = {name: value.copy() for name, value in cache.items()}
    ours = batch_norm(z, gamma, beta, 1e-3, cache, beta_avg, "test")
    np.testing.assert_allclose(ours, layer.eval()(torch.tensor(z)).detach(), atol=1e-9)
    assert all((cache[name] == before[name]).all() for name in cache)


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 9), st.integers(1, 5), st.floats(1e-5, 1), st.integers(0, 99))
def test_gradients_are_those_of_autograd(rows, size, eps, seed):
    rng = np.random.default_rng(seed)
    z, upstream = rng.normal(5, 2, size=(rows, size)), rng.normal(size=(rows, size))
    gamma, beta = rng.normal(size=size), rng.normal(size=size)
    leaves = [torch.tensor(a, requires_grad=True) for a in (z, gamma, beta)]
    out = torch.nn.functional.batch_norm(leaves[0], None, None, *leaves[1:], training=True, eps=eps)
    expected = torch.autograd.grad(out, leaves, torch.tensor(upstream))
    ours = batch_norm_gradients(z, gamma, eps, upstream)
    scale = 1 + np.abs(gamma).max() / np.sqrt(z.var(0).min() + eps)  # rows that lie close have steep gradients
    for found, reference in zip(ours, expected, strict=True):
        np.testing.assert_allclose(found, reference, atol=1e-9 * scale)
    np.testing.assert_allclose(ours[0].sum(0), 0, atol=1e-9 * scale)


def test_one_row_gives_beta_and_has_no_unbiased_variance():
    z, beta = np.array([[3.0, -4.0]]), np.array([0.5, 1.0])
    options = (np.ones(2), beta, 1e-5, fresh_cache(2), 0.9, "train")
    assert batch_norm(z, *options).tolist() == [[0.5, 1.0]]
    with pytest.raises(ValueError, match="take a batch of two rows or more"):
        batch_norm(z, *options, unbiased=True)


def test_other_options_keep_the_checks():
    for options in ({"rows": 2}, {"features": 1, "beta_avg": 0.0}, {"beta_avg": 1.0, "steps": 1}, {"eps": 1.0}):
        checks = BatchNormalisation(**options).answer().checks
        assert all(check.holds for check in checks), [c for c in checks if not c.holds]


def test_wrong_input_is_an_error():
    z, one, cache = np.ones((4, 2)), np.ones(2), fresh_cache(2)
    for args, message in (
        ((z, one, one, 1e-5, cache, 0.9, "eval"), "need 'train' or 'test'"),
        ((z, one, one, 0, cache, 0.9, "train"), "need eps above 0"),
        ((z, one, one, 1e-5, cache, 1.1, "train"), r"beta_avg in \[0, 1\]"),
        ((z, np.ones(3), one, 1e-5, cache, 0.9, "train"), r"need \(N, D\), not empty"),
        ((z[:0], one, one, 1e-5, cache, 0.9, "train"), r"need \(N, D\), not empty"),
    ):
        with pytest.raises(ValueError, match=message):
            batch_norm(*args)
    for args, message in (
        ((z, one, 0.0, z), "need more than 0"),
        ((z, one, 1e-5, z[:2]), r"need \(N, D\), not empty, \(D,\) and \(N, D\)"),
        ((z[:0], one, 1e-5, z[:0]), "not empty"),
    ):
        with pytest.raises(ValueError, match=message):
            batch_norm_gradients(*args)
    with pytest.raises(ValueError, match="need 2 rows"):
        BatchNormalisation(rows=1)
