"""Terms of the evidence lower bound, in nats for each sample. B samples, Z numbers of the code."""

import math

import torch
from torch import Tensor

ACTIVE = 0.01  # variance of a unit's mean over the data above which it is used (Burda et al. 2016, section 5.2)


def gaussian_kl(mean: Tensor, variance: Tensor) -> Tensor:
    """KL(N(mean, variance) || N(0, I)), summed over the code: (B,).

    Source: Kingma & Welling 2014, "Auto-encoding variational Bayes", appendix B.
    """
    return 0.5 * (variance + mean.square() - 1 - variance.log()).sum(1)


def gaussian_log_likelihood(x: Tensor, mean: Tensor, variance: Tensor | float) -> Tensor:
    """Log N(x; mean, variance I), summed over all but the first axis: (B,).

    Args:
        x: (B, ...).
        mean: As ``x``.
        variance: One number for all.
    """
    log_variance = variance.log() if isinstance(variance, Tensor) else math.log(variance)
    squared = (x - mean).square().flatten(1)
    return -0.5 * (squared.sum(1) / variance + squared.shape[1] * (math.log(2 * math.pi) + log_variance))


def importance_bound(log_weights: Tensor) -> Tensor:
    """Log 1/K sum_k w_k of log weights (K, B): (B,), a bound that is tighter the larger K.

    Source: Burda, Grosse & Salakhutdinov 2016, "Importance weighted autoencoders", equation 8.
    """
    return log_weights.logsumexp(0) - math.log(len(log_weights))


def active_units(means: Tensor) -> Tensor:
    """How many numbers of the code change with the input: variance over the means (N, Z) above ``ACTIVE``."""
    return (means.double().var(0) > ACTIVE).sum()


def standard_normal_log_density(z: Tensor) -> Tensor:
    """Log N(z; 0, I), summed over the last axis."""
    return -0.5 * (z.square() + math.log(2 * math.pi)).sum(-1)


def diagonal_log_density(z: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
    """Log N(z; mean, diag(variance)), summed over the last axis."""
    return -0.5 * ((z - mean).square() / variance + variance.log() + math.log(2 * math.pi)).sum(-1)


def interpolated(first: Tensor, last: Tensor, steps: int) -> Tensor:
    """Codes (steps, Z) on the straight line from one (Z,) to another."""
    share = torch.linspace(0, 1, steps, device=first.device)[:, None]
    return torch.lerp(first[None], last[None], share)
