"""One-hot vectors: what they say about words, and what they cannot (F5)."""

import itertools
import math

import numpy as np

from lightning_tasks.plots.matrices import matrices_figure
from lightning_tasks.problems.exercise import Answer, Check, Exercise, Table


class OneHot(Exercise):
    """Words as one-hot vectors: every pair is equally far.

    Args:
        words: At least three different words.

    Raises:
        ValueError: Fewer than three words, or one that stands twice.
    """

    question = (
        "What are one-hot vectors of words and what is their problem? Why does word2vec count as self-supervised?"
    )

    def __init__(self, words: tuple[str, ...] = ("king", "queen", "man", "woman", "apple")) -> None:
        if len(words) < 3 or len(set(words)) < len(words):
            raise ValueError(f"words={list(words)}: need three or more, each once.")
        self.words = list(words)

    def answer(self) -> Answer:
        """Distances and cosines of all pairs, and the pairs that a sentence gives as its own labels."""
        size = len(self.words)
        vectors = np.eye(size)
        pairs = list(itertools.combinations(range(size), 2))
        distances = [float(np.linalg.norm(vectors[a] - vectors[b])) for a, b in pairs]
        cosines = [float(vectors[a] @ vectors[b]) for a, b in pairs]
        rows = [[self.words[a], self.words[b], d, c] for (a, b), d, c in zip(pairs, distances, cosines, strict=True)]
        labels = [
            [word, self.words[j]]
            for i, word in enumerate(self.words)
            for j in range(max(0, i - 1), min(size, i + 2))
            if j != i
        ]
        apart = np.linalg.norm(vectors[:, None] - vectors, axis=-1)
        drawn = {"vectors": vectors, "distances": apart, "cosines": vectors @ vectors.T}
        return Answer(
            text=(
                "A one-hot vector has a place for each word of the vocabulary: 1 at the word's own, 0 elsewhere. It is "
                f"as long as the vocabulary ({size} here, tens of thousands in a real text), all but empty, and all "
                "words are equally far from each other: nothing of their meaning is in it. A dense vector that is "
                "learnt has a few hundred numbers, and words that stand in like places lie near each other. Word2vec "
                "learns it by predicting neighbouring words: the labels are words of the text itself, which nobody has "
                "to write down. That is what self-supervised means."
            ),
            tables=[
                Table("one-hot vectors", ["word", *map(str, range(size))],
                      [[w, *v] for w, v in zip(self.words, vectors.astype(int).tolist(), strict=True)]),
                Table("all pairs", ["word", "word", "distance", "cosine"], rows),
                Table("labels a text gives itself, window 1", ["input", "label"], labels),
            ],
            checks=[
                Check("smallest distance", min(distances), math.sqrt(2)),
                Check("largest distance", max(distances), math.sqrt(2)),
                Check("largest cosine", max(cosines), 0.0),
                Check("share of zeros", float((vectors == 0).mean()), 1 - 1 / size),
            ],
            figures={"matrices": matrices_figure(drawn)} if size <= 12 else {},
        )  # fmt: skip
