"""Files that test word vectors: analogy questions, and pairs of words with a similarity."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .text_files import decoded
from .wording import short
from .words import FIRST, read_vectors

FREQUENT, PAIRS = 2000, 20_000


def lines_of(path: Path) -> list[str]:
    """Lines of a text file.

    Raises:
        FileNotFoundError: No such file.
        ValueError: It is neither UTF-8 nor UTF-16.
    """
    return decoded(path)[0].splitlines()


def numbers_of(rows: Sequence[Sequence[str]], vocabulary: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Numbers int64 (n, k) of the rows whose words are all in the vocabulary, and which of all rows these are, bool."""
    number = {word: i for i, word in enumerate(vocabulary, FIRST)}
    known = np.array([all(word in number for word in row) for row in rows], bool)
    chosen = [[number[word] for word in row] for row, ok in zip(rows, known, strict=True) if ok]
    return np.array(chosen, np.int64).reshape(len(chosen), len(rows[0]) if rows else 0), known


def read_questions(path: Path) -> list[list[str]]:
    """Analogies in word2vec's format: four words a line, sections begin with a colon.

    Raises:
        ValueError: A line of another number of words; names it. Or no question at all.
    """
    questions = []
    for number, line in enumerate(lines_of(path), 1):
        words = line.lower().split()
        if not words or words[0].startswith(":"):
            continue
        if len(words) != 4:
            raise ValueError(f"{path}, line {number}: {len(words)} words; a question has four, such as "
                             "`athens greece paris france`.")  # fmt: skip
        questions.append(words)
    if not questions:
        raise ValueError(f"{path} holds no question: four words a line.")
    return questions


def read_similarities(path: Path) -> tuple[list[list[str]], np.ndarray]:
    """Pairs of words and their similarity: ``word word number`` a line, between tabs, commas or blanks.

    A first line without a number is a header.

    Raises:
        ValueError: A line that is not so; names it. Or no pair at all.
    """
    pairs, scores = [], []
    for number, line in enumerate(lines_of(path), 1):
        fields = line.lower().replace(",", " ").split()
        if not fields:
            continue
        try:
            first, second, score = fields
            if not math.isfinite(float(score)):
                raise ValueError
            scores.append(float(score))
        except ValueError:
            if number == 1:
                continue
            raise ValueError(
                f"{path}, line {number}: expected two words and a number, found {short(line, 60)!r}."
            ) from None
        pairs.append([first, second])
    if not pairs:
        raise ValueError(f"{path} holds no pair: two words and a number a line.")
    return pairs, np.array(scores)


def similarities_of_vectors(path: Path, vocabulary: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Random pairs int64 (n, 2) of frequent words, and the cosine of their vectors in a file of GloVe's format."""
    vectors, known = read_vectors(path, vocabulary[:FREQUENT])
    rows = np.flatnonzero(known)
    pairs = np.random.default_rng(0).choice(rows, (PAIRS, 2))
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return pairs + FIRST, (unit[pairs[:, 0]] * unit[pairs[:, 1]]).sum(1)
