"""How a search by reinforcement moves its probabilities from choice to choice."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from .style import PALETTE


def draw_policy(panel: Axes, shares: np.ndarray, choices: Sequence[str], best: int | None = None) -> None:
    """Areas of the probabilities over the trials.

    Args:
        panel: Is drawn into.
        shares: (trials + 1, K), before the first trial and after each.
        choices: K labels.
        best: Number of the choice that is hatched.
    """
    areas = panel.stackplot(np.arange(len(shares)), shares.T, labels=choices, colors=PALETTE, alpha=0.8)
    if best is not None:
        areas[best].set_hatch("//")
    panel.set(xlabel="trials", xlim=(0, max(1, len(shares) - 1)), ylim=(0, 1))
    panel.legend(fontsize=7, loc="upper left")
