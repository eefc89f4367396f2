"""Noise schedules of diffusion models and the steps they give. B samples; T steps, numbered 1 to T.

x_t = sqrt(a_t) x_0 + sqrt(1 - a_t) e with the *cumulative* product a_t, a_0 = 1, and e from N(0, I). Sources: Ho, Jain
& Abbeel 2020, "Denoising diffusion probabilistic models" (DDPM); Nichol & Dhariwal 2021, "Improved denoising
diffusion probabilistic models"; Song, Meng & Ermon 2021, "Denoising diffusion implicit models" (DDIM).
"""

import math

import torch
from torch import Tensor

SCHEDULES = ("linear", "cosine")
MOST_BETA = 0.999


def cumulative_signal(schedule: str, steps: int) -> Tensor:
    """a_0..a_T, float64 (T + 1,): the share of the data's variance that is left.

    ``linear``: beta from 1e-4 to 0.02 for T = 1000, and in proportion for fewer (Ho et al., section 4). ``cosine``:
    equation 17 of Nichol & Dhariwal with s = 0.008, and beta at most 0.999.

    Raises:
        ValueError: Another schedule, or fewer than 2 steps.
    """
    if schedule not in SCHEDULES:
        raise ValueError(f"schedule={schedule!r}: choose {' or '.join(SCHEDULES)}.")
    if steps < 2:
        raise ValueError(f"steps={steps}: need 2 or more.")
    if schedule == "linear":
        scale = 1000 / steps
        beta = torch.linspace(scale * 1e-4, scale * 0.02, steps, dtype=torch.float64)
    else:
        at = torch.arange(steps + 1, dtype=torch.float64) / steps
        left = torch.cos((at + 0.008) / 1.008 * math.pi / 2) ** 2
        beta = 1 - left[1:] / left[:-1]
    return torch.cat([torch.ones(1, dtype=torch.float64), (1 - beta.clamp(max=MOST_BETA)).cumprod(0)])


def noised(x: Tensor, noise: Tensor, signal: Tensor) -> Tensor:
    """x_t of x_0 (B, ...) and noise (B, ...) at the signal a_t (B,)."""
    signal = _beside(signal, x)
    return signal.sqrt() * x + (1 - signal).sqrt() * noise


def denoised(x: Tensor, noise: Tensor, signal: Tensor) -> Tensor:
    """The x_0 that x_t (B, ...) came from, if ``noise`` was its noise: ``noised`` solved for x_0."""
    signal = _beside(signal, x)
    return (x - (1 - signal).sqrt() * noise) / signal.sqrt()


def velocity(x: Tensor, noise: Tensor, signal: Tensor) -> Tensor:
    """The velocity sqrt(a_t) noise - sqrt(1 - a_t) x_0 of x_0 (B, ...) at the signal (B,).

    Source: Salimans & Ho 2022, "Progressive distillation for fast sampling of diffusion models", appendix D.

    A network that estimates it is asked for the picture where there is noise alone, and for the noise where there is
    the picture alone; an estimate of noise says nothing about the picture in the first steps of a sample.
    """
    signal = _beside(signal, x)
    return signal.sqrt() * noise - (1 - signal).sqrt() * x


def noise_of_velocity(x: Tensor, speed: Tensor, signal: Tensor) -> Tensor:
    """The noise in x_t (B, ...), if ``speed`` was its velocity."""
    signal = _beside(signal, x)
    return signal.sqrt() * speed + (1 - signal).sqrt() * x


def step_back(x: Tensor, start: Tensor, now: Tensor, before: Tensor, eta: float, fresh: Tensor) -> Tensor:
    """The state at an earlier step, from x_t and the estimate of x_0, both (B, ...).

    Equation 12 of Song et al.: ``eta`` 0 is DDIM, which draws nothing; 1 between neighbouring steps is DDPM. Where
    ``before`` is 1 (no noise left) the result is ``start``, and nothing is drawn.

    Args:
        x: x_t.
        start: Estimate of x_0.
        now: a_t, 0-dim.
        before: Signal of the earlier step, 0-dim.
        eta: In [0, 1].
        fresh: Noise from N(0, I), as ``x``.
    """
    noise = (x - now.sqrt() * start) / (1 - now).sqrt()
    spread = eta * ((1 - before) / (1 - now)).sqrt() * (1 - now / before).sqrt()
    rest = (1 - before - spread.square()).clamp_min(0).sqrt()
    return before.sqrt() * start + rest * noise + spread * fresh


def step_numbers(steps: int, count: int) -> Tensor:
    """``count`` of the steps T..1, evenly spaced, from T on, and 0 at the end: int64 (count + 1,).

    Raises:
        ValueError: More than T, or none.
    """
    if not 1 <= count <= steps:
        raise ValueError(f"sampling_steps={count}: need 1 to {steps}, the steps of the training.")
    return torch.cat([torch.linspace(steps, steps / count, count).round().long(), torch.zeros(1, dtype=torch.int64)])


def _beside(values: Tensor, like: Tensor) -> Tensor:
    """(B,) as (B, 1, ..., 1), of the type of ``like``."""
    return values.to(like.dtype).view(-1, *[1] * (like.ndim - 1))
