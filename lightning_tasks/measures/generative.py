"""Distances between two sets of samples, in float64. N and M samples of F numbers."""

import torch
from torch import Tensor

BLOCK = 2048  # rows of a distance matrix at a time: bounded memory


def frechet_distance(x: Tensor, y: Tensor) -> Tensor:
    """``|m_x - m_y|^2 + tr(C_x + C_y - 2 (C_x C_y)^(1/2))`` of Gaussians with the sets' means and covariances.

    Of features of an Inception network it is the FID (Heusel et al. 2017, equation 6); of others it must not be
    called so. Few samples bias it upwards, so compare sets of one size only.

    Args:
        x: float (N, F), N of 2 or more.
        y: float (M, F).
    """
    x, y = x.double(), y.double()
    cx, cy = torch.atleast_2d(x.T.cov()), torch.atleast_2d(y.T.cov())
    # tr (C_x C_y)^(1/2) by the symmetric form (C_x^(1/2) C_y C_x^(1/2))^(1/2): real whatever the rounding
    values, vectors = torch.linalg.eigh(cx)
    root = vectors * values.clamp_min(0).sqrt() @ vectors.T
    cross = torch.linalg.eigvalsh(root @ cy @ root).clamp_min(0).sqrt().sum()
    return (x.mean(0) - y.mean(0)).square().sum() + cx.trace() + cy.trace() - 2 * cross


def energy_distance(x: Tensor, y: Tensor) -> Tensor:
    """``2 E|X - Y| - E|X - X'| - E|Y - Y'| >= 0``, and 0 for equal distributions alone; the unbiased estimate.

    Source: Szekely & Rizzo 2013, "Energy statistics: a class of statistics based on distances", section 2.

    Args:
        x: float (N, F), N of 2 or more.
        y: float (M, F), M of 2 or more.
    """
    x, y = x.double(), y.double()
    n, m = len(x), len(y)
    return 2 * _total(x, y) / (n * m) - _total(x, x) / (n * (n - 1)) - _total(y, y) / (m * (m - 1))


def _total(x: Tensor, y: Tensor) -> Tensor:
    return sum(torch.cdist(block, y).sum() for block in x.split(BLOCK))


def kernel_distance(x: Tensor, y: Tensor) -> Tensor:
    """Squared maximum mean discrepancy under the kernel (a.b / F + 1)^3, the unbiased estimate: may be below 0.

    Of features of an Inception network it is the KID (Binkowski et al. 2018, "Demystifying MMD GANs", equation 4).

    Args:
        x: float (N, F), N of 2 or more.
        y: float (M, F), M of 2 or more.
    """
    x, y = x.double(), y.double()
    n, m = len(x), len(y)
    within = [
        (_kernel_sum(a, a) - _kernel(a.square().sum(1) / a.shape[1]).sum()) / (len(a) * (len(a) - 1)) for a in (x, y)
    ]
    return within[0] + within[1] - 2 * _kernel_sum(x, y) / (n * m)


def _kernel(product: Tensor) -> Tensor:
    return (product + 1) ** 3


def _kernel_sum(x: Tensor, y: Tensor) -> Tensor:
    return sum(_kernel(block @ y.T / x.shape[1]).sum() for block in x.split(BLOCK))


def precision_recall(real: Tensor, fake: Tensor, k: int = 3) -> tuple[Tensor, Tensor]:
    """Share of made samples inside the manifold of the real ones, and of real ones inside that of the made ones.

    A set's manifold is the union of balls around its samples that reach to the k-th nearest other sample
    (Kynkaanniemi et al. 2019, "Improved precision and recall metric for assessing generative models", section 2).

    Args:
        real: float (N, F), N above k.
        fake: float (M, F), M above k.
        k: Neighbours.

    Raises:
        ValueError: Too few samples.
    """
    if min(len(real), len(fake)) <= k:
        raise ValueError(f"{len(real)} real and {len(fake)} made samples: precision and recall need more than {k}.")
    real, fake = real.double(), fake.double()
    return _inside(fake, real, k), _inside(real, fake, k)


def _inside(points: Tensor, centres: Tensor, k: int) -> Tensor:
    """Share of points (M, F) in a ball around one of the centres (N, F)."""
    radius = torch.cat([torch.cdist(block, centres).topk(k + 1, largest=False).values[:, k]  # the first is itself
                        for block in centres.split(BLOCK)])  # fmt: skip
    return torch.cat([(torch.cdist(block, centres) <= radius).any(1) for block in points.split(BLOCK)]).double().mean()


def total_variation(x: Tensor, y: Tensor, classes: int) -> Tensor:
    """Half the sum of differences between the class shares of x int64 (N,) and y (M,): 0 for equal ones, at most 1."""
    shares = [torch.bincount(labels, minlength=classes).double() / len(labels) for labels in (x, y)]
    return (shares[0] - shares[1]).abs().sum() / 2
