"""What vectors of words know: neighbours, classes, analogies, similarities.

Letters: V rows of a table, D numbers each.
"""

from typing import Any

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import Tensor

CHUNK = 512  # questions at a time: bounded memory


def unit(vectors: Tensor) -> Tensor:
    """Rows of length 1, float32; a row of zeros stays."""
    vectors = vectors.float()
    return vectors / vectors.norm(dim=-1, keepdim=True).clamp(min=1e-12)


def closest(
    vectors: Tensor, query: Tensor, n: int, without: list[int], euclid: bool = False
) -> list[tuple[int, float]]:
    """Rows nearest to a vector and their cosine, or with ``euclid`` their distance; the nearest first.

    Args:
        vectors: (V, D).
        query: (D,).
        n: How many.
        without: Rows that are no answer: the words of the question.
        euclid: By Euclidean distance, which also sees how long vectors are; frequent words lie near everything.
    """
    score = -(vectors.float() - query.float()).norm(dim=1) if euclid else unit(vectors) @ unit(query)
    score[without] = -torch.inf
    best = score.topk(min(n, len(vectors) - len(set(without))))
    values = best.values.neg() if euclid else best.values
    return list(zip(best.indices.tolist(), values.tolist(), strict=True))


def same_class(vectors: Tensor, classes: Tensor, neighbours: int = 10) -> float:
    """Mean share of a word's nearest rows (cosine) that are of its class, over the words that have one.

    Args:
        vectors: (V, D), of all words.
        classes: int64 (V,), -1 for a word without a class.
        neighbours: Nearest rows that are looked at.
    """
    table = unit(vectors)
    rows = (classes >= 0).nonzero().flatten()
    score = table[rows] @ table.T
    score[torch.arange(len(rows)), rows] = -torch.inf
    nearest = score.topk(min(neighbours, len(table) - 1)).indices
    return float((classes[nearest] == classes[rows, None]).double().mean())


def analogies(vectors: Tensor, questions: Tensor) -> float:
    """Share of questions a : b = c : d (Q, 4) whose d is nearest (cosine) to b - a + c, a, b and c left aside."""
    table, right = unit(vectors), 0
    for part in questions.split(CHUNK):
        a, b, c, d = part.T
        score = unit(table[b] - table[a] + table[c]) @ table.T
        score.scatter_(1, part[:, :3], -torch.inf)
        right += int((score.argmax(1) == d).sum())
    return right / len(questions)


def word_scores(vectors: Tensor, tests: dict[str, Any], first: int = 2) -> dict[str, float]:
    """``same_class``, ``analogies`` and ``similarity`` (Spearman), each with its coverage, as far as tests are there.

    Args:
        vectors: (V, D); rows before ``first`` are no words.
        tests: ``classes``, ``questions``, ``pairs`` and ``similarity`` as the data module's ``word_tests`` gives them.
        first: The first row that is a word.
    """
    words = vectors[first:]
    scores: dict[str, float] = {}
    if "classes" in tests:
        scores["same_class"] = same_class(words, torch.as_tensor(tests["classes"][first:]))
    if "questions" in tests:
        questions = torch.as_tensor(tests["questions"]) - first
        scores["analogies"] = analogies(words, questions) if len(questions) else float("nan")
        scores["analogies_coverage"] = tests["questions_coverage"]
    if "pairs" in tests:
        pairs = torch.as_tensor(tests["pairs"]) - first
        table = unit(words)
        cosine = (table[pairs[:, 0]] * table[pairs[:, 1]]).sum(1).numpy()
        enough = len(pairs) > 2 and np.ptp(cosine) > 0
        scores["similarity"] = float(spearmanr(cosine, tests["similarity"])[0]) if enough else float("nan")
        if "pairs_coverage" in tests:
            scores["similarity_coverage"] = tests["pairs_coverage"]
    return scores
