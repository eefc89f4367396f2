"""Losses of a critic and a generator, from the critic's numbers (B,): what it says of real and of made samples.

At a critic that knows nothing (0 for all) ``ns`` is 2 ln 2 for the critic and ln 2 for the generator.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor


class Losses(NamedTuple):
    """Losses of both players.

    Args:
        critic: Of what the critic says of real and of made samples.
        generator: Of what it says of made samples.
    """

    critic: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor], Tensor]


LOSSES = {
    # Goodfellow et al. 2014, section 3: cross entropy; the generator's in its non-saturating form
    "ns": Losses(lambda real, fake: F.softplus(-real).mean() + F.softplus(fake).mean(),
                 lambda fake: F.softplus(-fake).mean()),
    # Lim & Ye 2017; Miyato et al. 2018, equations 16 and 17
    "hinge": Losses(lambda real, fake: F.relu(1 - real).mean() + F.relu(1 + fake).mean(), lambda fake: -fake.mean()),
    # Mao et al. 2017, equation 9, with 1 for real and 0 for made samples
    "lsgan": Losses(lambda real, fake: 0.5 * ((real - 1).square().mean() + fake.square().mean()),
                    lambda fake: 0.5 * (fake - 1).square().mean()),
}  # fmt: skip
