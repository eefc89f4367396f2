"""Word vectors without a network: random ones, and the factors of a matrix of counts."""

from typing import Any

import numpy as np
import torch
from scipy.sparse import coo_matrix, csr_matrix
from sklearn.utils.extmath import randomized_svd

from lightning_tasks.measures.words import word_scores

FIRST = 2  # numbers below are padding and unknown words


def word_baselines(datamodule: Any, size: int, window: int, tests: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Scores of ``random vectors``, which is chance, and of ``SVD of PPMI``, by the same tests.

    Args:
        datamodule: Set up; serves ``tokens`` and ``length``.
        size: Numbers a word.
        window: Words on each side that count as neighbours.
        tests: As for ``word_scores``.
    """
    train = datamodule.arrays("train")
    rows = FIRST + len(datamodule.fitted["words"])
    drawn = torch.randn(rows, size, generator=torch.Generator().manual_seed(0))
    counts = cooccurrences(train["tokens"].numpy(), rows, window)
    vectors = {"random vectors": drawn, "SVD of PPMI": torch.from_numpy(factors(ppmi(counts), size)).float()}
    tests = {name: value[:rows] if name == "classes" else value for name, value in tests.items()}
    return {name: word_scores(table, tests) for name, table in vectors.items()}


def cooccurrences(tokens: np.ndarray, rows: int, window: int) -> csr_matrix:
    """How often two words stand within ``window`` words of each other, (V, V); rare words are left out first."""
    keep = tokens >= FIRST
    order = np.argsort(~keep, axis=1, kind="stable")
    words = np.where(np.take_along_axis(keep, order, 1), np.take_along_axis(tokens, order, 1), 0)
    counts = csr_matrix((rows, rows))
    for distance in range(1, window + 1):
        a, b = words[:, :-distance].reshape(-1), words[:, distance:].reshape(-1)
        both = (a > 0) & (b > 0)
        counts = counts + coo_matrix((np.ones(both.sum()), (a[both], b[both])), (rows, rows)).tocsr()
    return counts + counts.T


def ppmi(counts: csr_matrix) -> csr_matrix:
    """Positive pointwise mutual information: max(0, log p(a, b) / (p(a) p(b))).

    Source: Levy & Goldberg 2014, "Neural Word Embedding as Implicit Matrix Factorization".
    """
    table = counts.tocoo()
    total, of_word = counts.sum(), np.asarray(counts.sum(1)).ravel()
    information = np.log(table.data * total / (of_word[table.row] * of_word[table.col]))
    positive = information > 0
    return csr_matrix((information[positive], (table.row[positive], table.col[positive])), counts.shape)


def factors(matrix: csr_matrix, size: int) -> np.ndarray:
    """Left singular vectors times the roots of the singular values, (V, size)."""
    u, s, _ = randomized_svd(matrix, min(size, matrix.shape[0] - 1), random_state=0)
    return u * np.sqrt(s)
