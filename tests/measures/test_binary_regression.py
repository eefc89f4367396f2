"""Likelihoods of logit and probit: definition, gradients, tails, and the maximum beside three other programs."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.stats import norm
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression

from lightning_tasks.measures.binary_regression import LINKS, fit_binary, nll, slopes


def tumours(columns=4):
    table = load_breast_cancer()
    return torch.tensor(table.data[:, :columns]), torch.tensor(1 - table.target)


def with_one(x):
    return torch.cat([x, torch.ones(len(x), 1, dtype=x.dtype)], 1)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 999), st.sampled_from(LINKS))
def test_value_and_derivatives_are_the_definitions(seed, link):
    rng = np.random.default_rng(seed)
    x, y = torch.tensor(rng.normal(size=(12, 3))), torch.tensor(rng.integers(2, size=12))
    w = torch.tensor(rng.normal(size=3), requires_grad=True)
    f = norm.cdf if link == "probit" else lambda a: 1 / (1 + np.exp(-a))
    a, t = (x @ w).detach().numpy(), y.numpy()
    value = float(nll(w.detach(), x, y, link))
    assert value == pytest.approx(-np.log(np.where(t == 1, f(a), f(-a))).sum())
    first, second = slopes(torch.tensor(a), y, link)
    (gradient,) = torch.autograd.grad(nll(w, x, y, link), w)
    np.testing.assert_allclose(x.T @ first, gradient, atol=1e-10)
    hessian = torch.autograd.functional.hessian(lambda v: nll(v, x, y, link), w.detach())
    np.testing.assert_allclose((x * second[:, None]).T @ x, hessian, atol=1e-8)


def test_at_zero_weights_it_is_n_log_two_and_tails_are_finite():
    x, y = with_one(tumours()[0]), tumours()[1]
    for link in LINKS:
        assert float(nll(torch.zeros(5, dtype=torch.float64), x, y, link)) == pytest.approx(569 * math.log(2))
        a = torch.tensor([[-40.0], [40.0]], dtype=torch.float64)
        value = float(nll(torch.ones(1, dtype=torch.float64), a, torch.tensor([1, 0]), link))
        assert value == pytest.approx(2 * (804.608 if link == "probit" else 40), rel=1e-5)
        assert all(torch.isfinite(part).all() for part in slopes(a[:, 0], torch.tensor([1, 0]), link))


def test_the_logit_is_scikit_learns_and_the_probit_scipys_maximum_on_real_data():
    x, y = tumours()
    reference = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000).fit(x, y)
    fit = fit_binary(x, y, "logit")
    np.testing.assert_allclose(fit.weights, [*reference.coef_[0], reference.intercept_[0]], rtol=2e-3, atol=1e-3)
    z = with_one((x - x.mean(0)) / x.std(0)).numpy()
    sign = 2 * y.numpy() - 1
    best = minimize(lambda w: -norm.logcdf(sign * (z @ w)).sum(), np.zeros(5), method="BFGS")
    fit = fit_binary(x, y, "probit")
    assert fit.nll == pytest.approx(best.fun, abs=1e-4)
    np.testing.assert_allclose(fit.weights[:4] * x.std(0), best.x[:4], atol=1e-2)


@pytest.mark.parametrize("link", LINKS)
def test_weights_errors_and_likelihood_are_those_of_statsmodels(link):
    models = pytest.importorskip("statsmodels.api")
    x, y = tumours()
    reference = (models.Logit if link == "logit" else models.Probit)(y.numpy(), with_one(x).numpy()).fit(
        disp=0, tol=1e-12, maxiter=200
    )
    fit = fit_binary(x, y, link)
    np.testing.assert_allclose(fit.weights, reference.params, rtol=1e-5)
    np.testing.assert_allclose(fit.errors, reference.bse, rtol=1e-4)
    assert -fit.nll == pytest.approx(reference.llf, rel=1e-9)


def test_a_penalty_is_scikit_learns_and_shortens():
    x, y = tumours()
    scaled = (x - x.mean(0)) / x.std(0)
    reference = LogisticRegression(C=1 / 3, tol=1e-12, max_iter=10_000).fit(scaled, y)
    fit = fit_binary(scaled, y, "logit", l2=3.0)
    np.testing.assert_allclose(fit.weights, [*reference.coef_[0], reference.intercept_[0]], atol=1e-4)
    assert fit.weights[:4].norm() < fit_binary(scaled, y, "logit").weights[:4].norm()


def test_data_without_a_maximum_are_errors_with_the_remedy():
    x, y = torch.tensor([[0.0], [1.0], [2.0], [3.0]]), torch.tensor([0, 0, 1, 1])
    for link in LINKS:
        with pytest.raises(ValueError, match="a plane separates the classes.*Set l2"):
            fit_binary(x, y, link)
        assert torch.isfinite(fit_binary(x, y, link, l2=0.1).weights).all()
    generator = torch.Generator().manual_seed(0)
    x2, y2 = torch.randn(60, 2, generator=generator), torch.rand(60, generator=generator).round()
    for same in (x2[:, :1], torch.ones(60, 1), 3 * x2[:, 1:] + 1):
        with pytest.raises(ValueError, match="features say the same.*set l2"):
            fit_binary(torch.cat([x2, same], 1), y2, "logit")
        assert torch.isfinite(fit_binary(torch.cat([x2, same], 1), y2, "logit", l2=0.1).weights).all()
    with pytest.raises(ValueError, match="all samples are of one class"):
        fit_binary(x, torch.ones(4), "logit")
    with pytest.raises(ValueError, match=r"need \(N, D\) and \(N,\)"):
        fit_binary(x[:, 0], y, "logit")
