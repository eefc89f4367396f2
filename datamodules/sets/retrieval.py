"""A memory of keys and values, and a query that asks for one of them (assignment F4): made, never read."""

from typing import Any

import numpy as np

from datamodules.core.made import MadeDataModule
from datamodules.core.source import Arrays


class RetrievalDataModule(MadeDataModule):
    """``keys`` (N, M, D), ``query`` (N, D), ``values`` int64 (N, M), ``slot`` and ``label`` (N,).

    The query is the key of one slot, turned by a rotation that is the same for all samples and noisy: queries and keys
    do not fit each other before both have been learnt. ``label`` is the value of that slot. Values of the other slots
    are drawn independently, so the right answer needs the right slot.

    Args:
        slots: M.
        features: D.
        classes: Different values.
        noise: Standard deviation of the query's noise; keys have length 1.
        n_train: Samples to train and validate on.
        n_test: Samples to test on.
        **kwargs: Arguments of ``DataModule``.

    Raises:
        ValueError: Fewer than two slots, features or classes.
    """

    title = "retrieval"
    files = ("retrieval.npz",)

    def __init__(
        self,
        slots: int = 8,
        features: int = 8,
        classes: int = 4,
        noise: float = 0.05,
        n_train: int = 5_000,
        n_test: int = 1_000,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.save_hyperparameters(logger=False)
        if min(slots, features, classes) < 2:
            raise ValueError(f"slots={slots}, features={features}, classes={classes}: need two or more of each.")
        self.class_names = [f"value_{i}" for i in range(classes)]

    def facts(self) -> dict[str, Any]:
        """Names of the values, and D."""
        return {**super().facts(), "features": self.hparams.features}

    def simulate(self) -> dict[str, Arrays]:
        """Both pools from one stream."""
        h = self.hparams
        rng = np.random.default_rng(h.seed)
        turn = np.linalg.qr(rng.normal(size=(h.features, h.features)))[0]
        return {part: self.draw(rng, n, turn) for part, n in (("train", h.n_train), ("test", h.n_test))}

    def draw(self, rng: np.random.Generator, n: int, turn: np.ndarray) -> Arrays:
        """``n`` samples."""
        h = self.hparams
        keys = rng.normal(size=(n, h.slots, h.features))
        keys /= np.linalg.norm(keys, axis=-1, keepdims=True)
        slot, values = rng.integers(0, h.slots, n), rng.integers(0, h.classes, (n, h.slots))
        query = keys[np.arange(n), slot] @ turn + rng.normal(0, h.noise, (n, h.features))
        return {
            "keys": keys.astype(np.float32),
            "query": query.astype(np.float32),
            "values": values,
            "slot": slot,
            "label": values[np.arange(n), slot],
        }
