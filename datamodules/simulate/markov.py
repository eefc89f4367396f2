"""Text from a Markov source whose entropy rate is known: no model can need fewer bits a symbol."""

from bisect import bisect
from collections.abc import Sequence

import numpy as np


class MarkovSource:
    """Symbols, each drawn by the two before it.

    Args:
        symbols: K different symbols.
        seed: Of the transition probabilities.
        concentration: Of the Dirichlet distribution that each pair's probabilities are drawn from; small ones make
            text that is easy to tell.

    Attributes:
        table: float64 (K, K, K), the probability of the third symbol after the first and the second.
    """

    def __init__(self, symbols: Sequence[str], seed: int, concentration: float = 0.15) -> None:
        self.symbols = list(symbols)
        k = len(self.symbols)
        rng = np.random.default_rng([seed, 1])
        # a little of everything after everything: all pairs are met, and the chain has one stationary distribution
        self.table = 0.97 * rng.dirichlet(np.full(k, concentration), (k, k)) + 0.03 / k

    def draw(self, size: int, seed: int) -> np.ndarray:
        """``size`` symbols in a row by their numbers, int64."""
        rng = np.random.default_rng([seed, 2])
        rows = [[row.tolist() for row in block] for block in self.table.cumsum(-1)]
        uniform, k = rng.random(size).tolist(), len(self.symbols)
        first, second, numbers = int(uniform[0] * k), int(uniform[1] * k), []
        for u in uniform:
            first, second = second, min(bisect(rows[first][second], u), k - 1)
            numbers.append(second)
        return np.array(numbers)

    def nll(self, numbers: np.ndarray) -> np.ndarray:
        """Minus the log probability (nats) of each symbol (N,) given the two before it; 0 for the first two."""
        found = np.zeros(len(numbers))
        found[2:] = -np.log(self.table[numbers[:-2], numbers[1:-1], numbers[2:]])
        return found

    def entropy_rate(self) -> float:
        """Bits a symbol: the mean entropy of the next symbol over the stationary distribution of pairs.

        Source: Cover & Thomas, Elements of Information Theory (2006), theorem 4.2.4.
        """
        k = len(self.symbols)
        pairs = np.full((k, k), 1 / k**2)
        for _ in range(500):
            pairs = np.einsum("ab,abc->bc", pairs, self.table)
        return float(-(pairs[..., None] * self.table * np.log2(self.table)).sum())
