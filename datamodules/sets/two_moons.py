"""Two interleaved half circles in the plane (assignment D13): made, never read."""

import numpy as np

from datamodules.core.made import MadeDataModule
from datamodules.core.source import Arrays


class TwoMoonsDataModule(MadeDataModule):
    """Train and test pools of ``point`` float32 (N, 2) and ``label`` 0 or 1, as many of each.

    Args:
        n_train: Training points.
        n_test: Test points.
        noise: Standard deviation of the points around the half circles, whose radius is 1.
        flip: Share of training and test labels that are wrong, so that one neighbour is too few.
        stretch: Factor of the second axis; far from 1, distances see one axis only unless features are scaled.
        **kwargs: Arguments of ``DataModule``.
    """

    title = "two_moons"
    files = ("two_moons.npz",)

    def __init__(
        self,
        n_train: int = 400,
        n_test: int = 1000,
        noise: float = 0.25,
        flip: float = 0.05,
        stretch: float = 20.0,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.save_hyperparameters(logger=False)

    def simulate(self) -> dict[str, Arrays]:
        """Both pools from one stream."""
        h = self.hparams
        rng = np.random.default_rng(h.seed)
        return {
            part: moons(rng, n, h.noise, h.flip, h.stretch) for part, n in (("train", h.n_train), ("test", h.n_test))
        }


def moons(rng: np.random.Generator, n: int, noise: float, flip: float, stretch: float) -> Arrays:
    """``point`` float32 (n, 2) and ``label`` int64 (n,)."""
    label = rng.permutation(np.arange(n) % 2)
    angle = rng.uniform(0, np.pi, n)
    sign = 1 - 2 * label
    point = np.stack([np.cos(angle) * sign + label, np.sin(angle) * sign + 0.5 * label], 1)
    point += rng.normal(0, noise, (n, 2))
    wrong = rng.random(n) < flip
    return {
        "point": (point * (1, stretch)).astype(np.float32),
        "label": np.where(wrong, 1 - label, label).astype(np.int64),
    }
