"""Coverage of a known mixture."""

import math

import torch
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal

from lightning_tasks.measures.modes import Mixture, components_of, coverage, log_density

MIXTURE = Mixture(
    torch.tensor([0.5, 0.3, 0.2]),
    torch.tensor([[0.0, 0.0], [8.0, 0.0], [0.0, 8.0]]),
    torch.stack([torch.eye(2), torch.tensor([[1.0, 0.6], [0.6, 2.0]]), 0.25 * torch.eye(2)]),
)


def true_samples(n: int) -> torch.Tensor:
    torch.manual_seed(0)
    family = MixtureSameFamily(Categorical(MIXTURE.weight), MultivariateNormal(MIXTURE.mean, MIXTURE.cov))
    return family.sample((n,))


def test_the_density_is_that_of_torch():
    x = true_samples(50)
    family = MixtureSameFamily(Categorical(MIXTURE.weight), MultivariateNormal(MIXTURE.mean, MIXTURE.cov))
    torch.testing.assert_close(log_density(x, MIXTURE).float(), family.log_prob(x))


def test_samples_of_the_mixture_capture_all_of_it():
    covered = coverage(true_samples(4000), MIXTURE)
    assert covered.captured.all()
    # a Gaussian of two dimensions has 1 - exp(-9/2) of its mass within three standard deviations
    assert abs(float(covered.inside) - (1 - math.exp(-4.5))) < 0.01
    torch.testing.assert_close(covered.share.float(), MIXTURE.weight * covered.inside.float(), atol=0.02, rtol=0)


def test_a_component_that_is_missed_shrunk_or_far_away_is_told():
    near = torch.zeros(100, 2)
    covered = coverage(torch.cat([near, torch.full((100, 2), 50.0)]), MIXTURE)
    assert covered.captured.tolist() == [True, False, False] and float(covered.inside) == 0.5
    points = torch.tensor([[8.0, 0.1], [0.0, 8.0], [4.0, 4.0]])
    assert components_of(points, MIXTURE).tolist() == [1, 2, -1]
