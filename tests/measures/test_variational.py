"""Terms of the evidence lower bound against torch.distributions."""

import torch
from torch.distributions import Independent, Normal, kl_divergence

from lightning_tasks.measures.variational import (
    active_units,
    diagonal_log_density,
    gaussian_kl,
    gaussian_log_likelihood,
    importance_bound,
    interpolated,
    standard_normal_log_density,
)


def test_terms_are_those_of_torch():
    torch.manual_seed(0)
    mean, variance, z = torch.randn(5, 4), torch.rand(5, 4) + 0.1, torch.randn(5, 4)
    posterior = Independent(Normal(mean, variance.sqrt()), 1)
    prior = Independent(Normal(torch.zeros(5, 4), torch.ones(5, 4)), 1)
    torch.testing.assert_close(gaussian_kl(mean, variance), kl_divergence(posterior, prior))
    torch.testing.assert_close(diagonal_log_density(z, mean, variance), posterior.log_prob(z))
    torch.testing.assert_close(standard_normal_log_density(z), prior.log_prob(z))
    x, rebuilt = torch.randn(5, 3, 2, 2), torch.randn(5, 3, 2, 2)
    for spread in (0.1, torch.tensor(0.1)):
        expected = Independent(Normal(rebuilt, 0.1**0.5), 3).log_prob(x)
        torch.testing.assert_close(gaussian_log_likelihood(x, rebuilt, spread), expected)


def test_the_importance_bound_lies_between_the_mean_and_the_truth():
    """p(x) of a Gaussian model is known: N(x; 0, 1 + s^2) for x = z + noise of variance s^2."""
    torch.manual_seed(0)
    x, spread = torch.randn(200, 1), 0.5
    truth = Normal(0, (1 + spread) ** 0.5).log_prob(x).sum(1)
    mean, variance = 0.5 * x, torch.full_like(x, 0.5)  # not the true posterior
    bounds = []
    for count in (1, 10, 500):
        z = mean + variance.sqrt() * torch.randn(count, *x.shape)
        likelihood = Normal(z, spread**0.5).log_prob(x).sum(2)
        weights = likelihood + standard_normal_log_density(z) - diagonal_log_density(z, mean, variance)
        bounds.append(importance_bound(weights).mean())
    assert bounds[0] < bounds[1] < bounds[2] < truth.mean() + 0.01
    assert abs(bounds[2] - truth.mean()) < 0.02


def test_active_units_and_the_way_between_two_codes():
    codes = torch.stack([torch.linspace(-1, 1, 50), torch.full((50,), 3.0)], 1)
    assert int(active_units(codes)) == 1
    way = interpolated(torch.tensor([0.0, 2.0]), torch.tensor([1.0, 0.0]), 3)
    assert way.tolist() == [[0, 2], [0.5, 1], [1, 0]]
