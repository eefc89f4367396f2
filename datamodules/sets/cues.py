"""Shape against texture, and displaced parts (assignment D11): two probes built as data."""

import numpy as np

from datamodules.core.made import MadeDataModule
from datamodules.core.source import Arrays
from datamodules.simulate.cues import CLASSES, make_cues


class CuesDataModule(MadeDataModule):
    """Train pool: ``image`` (N, 3, 32, 32) of four things, each with an outline and a surface of its own, ``label``.

    The test pool holds four versions of ``n_test`` pictures, told apart by ``probe``: as in training (0), each outline
    with the surface of another class (1), and the pictures of 0 cut into 2x2 (2) and 4x4 tiles (3) that change places.
    ``label`` is the outline's class and ``texture`` the surface's.

    Args:
        n_train: Pictures to train and validate with.
        n_test: Pictures of each version.
        **kwargs: Arguments of ``DataModule``.

    Raises:
        ValueError: Fewer than 8 pictures.
    """

    title = "cues"
    class_names = list(CLASSES)

    def __init__(self, n_train: int = 1600, n_test: int = 400, **kwargs) -> None:
        super().__init__(**kwargs)
        self.save_hyperparameters(logger=False)
        if min(n_train, n_test) < 8:
            raise ValueError(f"n_train={n_train}, n_test={n_test}: need 8 or more.")

    def simulate(self) -> dict[str, Arrays]:
        """Drawn pictures."""
        h = self.hparams
        return make_cues(h.n_train, h.n_test, h.seed)

    def limited(self, pool: Arrays) -> np.ndarray:
        """The first ones, as many of each version."""
        versions = len(np.unique(pool["probe"]))
        return np.arange(min(-(-self.hparams.limit // versions) * versions, len(pool["id"])))
