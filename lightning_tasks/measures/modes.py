"""Which components of a known Gaussian mixture a set of samples covers. N samples, K components, D dimensions."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

SIGMAS = 3.0  # samples farther than that from every component, in its own standard deviations, belong to none
CAPTURED = 0.5  # share of its weight that the samples of a component must reach


class Mixture(NamedTuple):
    """Components of the distribution that samples should come from.

    Args:
        weight: (K,), sums to 1.
        mean: (K, D).
        cov: (K, D, D).
    """

    weight: Tensor
    mean: Tensor
    cov: Tensor


class Coverage(NamedTuple):
    """What ``coverage`` counts.

    Args:
        share: (K,), share of all samples that belong to each component.
        captured: bool (K,).
        inside: 0-dim, share of samples that belong to any.
    """

    share: Tensor
    captured: Tensor
    inside: Tensor


def _log_joint(samples: Tensor, mixture: Mixture) -> tuple[Tensor, Tensor]:
    """Log of weight times density (K, N), float64, and the squared Mahalanobis distance (K, N) of each component."""
    weight, mean, cov = (part.double() for part in mixture)
    factor = torch.linalg.cholesky(cov)  # (K, D, D)
    difference = samples.double()[None] - mean[:, None]  # (K, N, D)
    scaled = torch.linalg.solve_triangular(factor, difference.mT, upper=False)  # (K, D, N)
    squared = scaled.square().sum(1)
    log_scale = factor.diagonal(dim1=1, dim2=2).log().sum(1) + mean.shape[1] / 2 * math.log(2 * math.pi)
    return (weight.log() - log_scale)[:, None] - squared / 2, squared


def log_density(samples: Tensor, mixture: Mixture) -> Tensor:
    """Log density of the mixture at samples (N, D), float64 (N,): no model can have more on average."""
    return _log_joint(samples, mixture)[0].logsumexp(0)


def components_of(samples: Tensor, mixture: Mixture) -> Tensor:
    """The component with the largest posterior, int64 (N,), or -1 beyond ``SIGMAS`` of it (Mahalanobis distance)."""
    log_joint, squared = _log_joint(samples, mixture)
    best = log_joint.argmax(0)
    near = squared.gather(0, best[None])[0] <= SIGMAS**2
    return torch.where(near, best, -1)


def coverage(samples: Tensor, mixture: Mixture) -> Coverage:
    """Assign samples (N, D) to the true components; one is captured at half of its true weight.

    A mixture that is refitted to the samples, with as many components as please a criterion, may count more than there
    are: the true ones are asked instead.
    """
    component = components_of(samples, mixture)
    held = component[component >= 0]
    share = torch.bincount(held, minlength=len(mixture.weight)).double() / len(samples)
    return Coverage(share, share >= CAPTURED * mixture.weight, (component >= 0).double().mean())
