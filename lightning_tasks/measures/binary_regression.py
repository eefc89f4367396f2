"""Logistic and probit regression: the negative log-likelihood and its maximum (assignment G2).

With a = w . x + b the chance of class 1 is F(a): F = sigma (logit), or the normal distribution function Phi (probit).
Both are symmetric, 1 - F(a) = F(-a), so that log(1 - F) is never the logarithm of a difference that rounds to 0.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

LINKS = ("logit", "probit")
STEPS = 100
FLAT = 1e-9  # largest entry of a gradient, divided by n, that counts as 0
SURE = 1e-4  # mean NLL below which nothing holds the weights back


class Fit(NamedTuple):
    """A maximum of the likelihood.

    Args:
        weights: (D + 1,), the last for the intercept.
        errors: Standard errors (D + 1,): roots of the diagonal of the inverse observed information.
        nll: Sum over the samples, without the penalty.
    """

    weights: Tensor
    errors: Tensor
    nll: float


def log_chance(a: Tensor, link: str) -> Tensor:
    """Log F(a), also where F(a) itself is 0 in floating point."""
    return F.logsigmoid(a) if link == "logit" else torch.special.log_ndtr(a)


def chance(a: Tensor, link: str) -> Tensor:
    """F(a)."""
    if link == "logit":
        return torch.sigmoid(a)
    # Graphs that are exported have an error function of float32 alone.
    return torch.special.ndtr(a.float()).to(a) if torch.compiler.is_exporting() else torch.special.ndtr(a)


def nll(weights: Tensor, x: Tensor, y: Tensor, link: str) -> Tensor:
    """- sum of y log F(a) + (1 - y) log F(-a), with x (N, D + 1) whose last column is 1 and y (N,) of 0 and 1."""
    a = x @ weights
    return -torch.where(y > 0, log_chance(a, link), log_chance(-a, link)).sum()


def slopes(a: Tensor, y: Tensor, link: str) -> tuple[Tensor, Tensor]:
    """First and second derivative (N,) of each sample's negative log-likelihood by a."""
    sign = 2.0 * (y > 0) - 1
    z = sign * a
    log_density = log_chance(a, link) + log_chance(-a, link) if link == "logit" else -(a**2 + math.log(2 * math.pi)) / 2
    ratio = (log_density - log_chance(z, link)).exp()  # F'(z) / F(z)
    if link == "logit":
        return -sign * ratio, ratio * (1 - ratio)
    return -sign * ratio, ratio * (z + ratio)


def fit_binary(x: Tensor, y: Tensor, link: str, l2: float = 0.0) -> Fit:
    """Newton's method on the negative log-likelihood, halving a step that does not lower it; both links are convex.

    Args:
        x: (N, D), any scale.
        y: (N,) of 0 and 1.
        link: One of ``LINKS``.
        l2: Weight of half the sum of squared weights, the intercept left out.

    Raises:
        ValueError: Shapes that do not fit, one class only, features that say the same, or classes that a plane
            separates: the likelihood then has no maximum, since longer weights are always better.
    """
    if x.ndim != 2 or y.shape != x.shape[:1]:
        raise ValueError(f"x {tuple(x.shape)} and y {tuple(y.shape)}: need (N, D) and (N,).")
    if not (y > 0).any() or (y > 0).all():
        raise ValueError("all samples are of one class: nothing can be told apart. Give samples of both.")
    mean, scale = x.double().mean(0), x.double().std(0).clamp_min(1e-12)
    z = F.pad((x.double() - mean) / scale, (0, 1), value=1.0)  # features of one scale: a well-conditioned matrix
    if not l2 and torch.linalg.matrix_rank(z, rtol=1e-6) < z.shape[1]:  # float32 has seven digits
        raise ValueError("features say the same, or one is the same for all samples, so that many weights fit equally "
                         "well. Leave it out, or set l2 to more than 0.")  # fmt: skip
    price = torch.cat([l2 / scale**2, scale.new_zeros(1)])  # of the weights of x as it came
    weights = z.new_zeros(z.shape[1])

    def loss(w: Tensor) -> Tensor:
        return nll(w, z, y, link) + (price * w**2).sum() / 2

    for _ in range(STEPS):
        first, second = slopes(z @ weights, y, link)
        gradient = z.T @ first + price * weights
        information = (z * second[:, None]).T @ z + price.diag()
        if nll(weights, z, y, link) < SURE * len(y) and not l2:
            raise ValueError("a plane separates the classes, so that the likelihood has no maximum: longer weights are "
                             "always better. Set l2 to more than 0, or leave features out.")  # fmt: skip
        if gradient.abs().max() < FLAT * len(y):
            break
        move, size = torch.linalg.solve(information, gradient), 1.0
        while loss(weights - size * move) > loss(weights) and size > 1e-8:
            size /= 2
        weights = weights - size * move
    else:
        raise ValueError(f"no maximum in {STEPS} Newton steps: features may say the same. Leave some out, or set l2.")
    back = torch.eye(len(weights), dtype=torch.float64, device=x.device)  # from weights of z to weights of x
    back[:-1, :-1] = torch.diag(1 / scale)
    back[-1, :-1] = -mean / scale
    errors = (back @ torch.linalg.inv(information) @ back.T).diagonal().sqrt()
    return Fit(back @ weights, errors, float(nll(weights, z, y, link)))
