"""Sequences of digits to be copied, reversed or sorted (assignment F8): made, never read."""

from typing import Any

import numpy as np

from datamodules.core.made import MadeDataModule
from datamodules.core.source import Arrays

CHANGES = {"copy": lambda digits: digits, "reverse": lambda digits: digits[::-1], "sort": np.sort}
DIGITS = 10
SYMBOLS = [*"0123456789", "=", ".", " "]  # the last one pads
EQUALS, STOP, PAD = 10, 11, 12


class DigitSequencesDataModule(MadeDataModule):
    """``tokens`` int64 (B, T) such as ``3 1 4 = 4 1 3 .``, with ``prompt`` and ``length`` (B,).

    ``prompt`` counts the tokens up to the sign =, which are given; ``length`` counts those up to the stop. All
    sequences are different, so that none of the test is in the train part.

    Args:
        change: ``copy``, ``reverse`` or ``sort``.
        shortest: Digits of the shortest sequence.
        longest: Digits of the longest sequence.
        n_train: Sequences to train and validate on.
        n_test: Sequences to test on.
        **kwargs: Arguments of ``DataModule``.

    Raises:
        ValueError: Another change, or numbers that do not fit.
    """

    title = "digit_sequences"
    files = ("digit_sequences.npz",)

    def __init__(
        self,
        change: str = "reverse",
        shortest: int = 4,
        longest: int = 8,
        n_train: int = 8_000,
        n_test: int = 1_000,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.save_hyperparameters(logger=False)
        if change not in CHANGES:
            raise ValueError(f"change={change!r}: choose {', '.join(CHANGES)}.")
        if not 1 <= shortest <= longest or n_train < 2 or n_test < 1:
            raise ValueError(f"shortest={shortest}, longest={longest}, n_train={n_train}, n_test={n_test}: "
                             "need 1 or more digits, and sequences for each part.")  # fmt: skip
        if 2 * (n_train + n_test) > sum(DIGITS**n for n in range(shortest, longest + 1)):
            raise ValueError("There are too few different sequences of so few digits. Set --data.longest higher.")

    def facts(self) -> dict[str, Any]:
        """Symbols, and tokens of the longest sequence with its answer."""
        return {**super().facts(), "symbols": list(SYMBOLS), "context": 2 * self.hparams.longest + 2}

    def simulate(self) -> dict[str, Arrays]:
        """Both pools from one stream, no sequence twice."""
        h = self.hparams
        rng, seen = np.random.default_rng(h.seed), set()
        while len(seen) < h.n_train + h.n_test:  # a drawn length first: else nearly all would be long
            digits = rng.integers(0, DIGITS, rng.integers(h.shortest, h.longest + 1))
            seen.add(tuple(digits.tolist()))
        order = rng.permutation(np.array([*map(np.array, sorted(seen))], object))
        return {"train": self.sequences(order[: h.n_train]), "test": self.sequences(order[h.n_train :])}

    def sequences(self, inputs: np.ndarray) -> Arrays:
        """Arrays of some sequences of digits."""
        prompt = np.array([len(digits) + 1 for digits in inputs])
        tokens = np.full((len(inputs), 2 * self.hparams.longest + 2), PAD, np.int64)
        for row, digits in zip(tokens, inputs, strict=True):
            n = len(digits)
            row[:n], row[n], row[n + 1 : 2 * n + 1], row[2 * n + 1] = (
                digits, EQUALS, CHANGES[self.hparams.change](digits), STOP
            )  # fmt: skip
        return {"tokens": tokens, "prompt": prompt, "length": 2 * prompt}
