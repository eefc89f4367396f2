"""Distances between two sets of samples, in float64. N and M samples of F numbers."""

import torch
from torch import Tensor

BLOCK = 2048  # rows of a distance matrix at a time: bounded memory


def frechet_distance(x: Tensor, y: Tensor) -> Tensor:
    """|m_x - m_y|^2 + tr(C_x + C_y - 2 (C_x C_y)^(1/2)) of Gaussians with the sets' means and covariances.

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
    """2 E|X - Y| - E|X - X'| - E|Y - Y'| >= 0, and 0 for equal distributions alone; the unbiased estimate.

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
