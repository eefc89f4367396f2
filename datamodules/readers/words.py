"""Text as words, words as numbers, and word vectors from a file in GloVe's format.

A vocabulary is a list of words, the most frequent first. Number 0 pads, 1 is any word that is not in it, and word i of
the list has number i + 2.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import repeat
from pathlib import Path

import numpy as np

from .wording import short

PAD, UNKNOWN, FIRST = 0, 1, 2
# A number with its decimals, a word with inner apostrophes or hyphens, or one mark
TOKEN = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:['’-][^\W\d_]+)*|[^\w\s]|\w+")


def words_of(text: str, marks: bool = True) -> list[str]:
    """Words of a text in lower case; numbers whole, and with ``marks`` punctuation as words of its own."""
    words = TOKEN.findall(text.lower())
    return words if marks else [word for word in words if word[0].isalnum()]


def most_frequent(texts: Iterable[Sequence[str]], size: int | None = None, min_count: int = 1) -> list[str]:
    """The vocabulary of texts given as words: at most ``size`` of them, those that occur ``min_count`` times or more.

    Equally frequent words stand in alphabetical order, so that the same texts give the same list.

    Raises:
        ValueError: No word is left.
    """
    counts: Counter[str] = Counter()
    for words in texts:
        counts.update(words)
    ranked = sorted((word for word, n in counts.items() if n >= min_count), key=lambda word: (-counts[word], word))
    if not ranked:
        raise ValueError(
            f"The vocabulary is empty: no word occurs {min_count} times or more in the train part "
            f"({len(counts)} different words). Check the texts, or lower min_count."
        )
    return ranked[:size]


def numbered(texts: Iterable[Sequence[str]], vocabulary: Sequence[str]) -> dict:
    """``tokens`` int32 (N, T), padded with 0, and ``length`` int64 (N,) of texts given as words.

    Args:
        texts: N texts; one without words becomes a single unknown word.
        vocabulary: As of ``most_frequent``.
    """
    number = {word: i for i, word in enumerate(vocabulary, FIRST)}
    other = repeat(UNKNOWN)  # `map` numbers the words of 160,000 comments in half the time of a comprehension
    rows = [np.array(list(map(number.get, words, other)) or [UNKNOWN], np.int32) for words in texts]
    length = np.array([len(row) for row in rows], dtype=np.int64)
    tokens = np.zeros((len(rows), int(length.max(initial=1))), dtype=np.int32)
    for i, row in enumerate(rows):
        tokens[i, : len(row)] = row
    return {"tokens": tokens, "length": length}


def spelled(tokens: Iterable[int], vocabulary: Sequence[str]) -> list[str]:
    """Words of token numbers; one that is not in the vocabulary is ``[unknown]``."""
    return ["[unknown]" if token <= UNKNOWN else vocabulary[token - FIRST] for token in tokens]


def read_vectors(path: Path, vocabulary: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Vectors of the words of a vocabulary from a file in GloVe's text format: a word and D numbers a line.

    A first line of two whole numbers (word2vec's format: count and D) is passed over. A word with blanks keeps them:
    the last D fields are the numbers.

    Returns:
        float32 (V, D), zeros for words that the file does not have; and bool (V,), whether it has them.

    Raises:
        FileNotFoundError: No such file.
        ValueError: A line of another length, or a number that is none, NaN or infinite; names file and line. Or no
            word of the vocabulary is in the file.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: no file of word vectors. Give a text file with a word and its numbers a line."
        )
    place = {word: i for i, word in enumerate(vocabulary)}
    with path.open("rb") as file:
        if file.read(2) in (b"\xff\xfe", b"\xfe\xff"):
            raise ValueError(f"{path} is UTF-16. Save it as UTF-8.")
    vectors, known, size = None, np.zeros(len(vocabulary), bool), 0
    with path.open(encoding="utf-8-sig", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            fields = line.rstrip("\n").rstrip().split(" ")
            if number == 1 and len(fields) == 2 and all(field.isdigit() for field in fields):
                continue
            if vectors is None:
                size = len(fields) - 1
                if size < 1:
                    raise ValueError(f"{path}, line {number}: no numbers after the word {short(fields[0], 40)!r}.")
                vectors = np.zeros((len(vocabulary), size), np.float32)
            word = " ".join(fields[: len(fields) - size])
            if len(fields) < size + 1 or (len(fields) > size + 1 and _is_number(fields[-size - 1])):
                raise ValueError(
                    f"{path}, line {number} ({short(fields[0], 40)!r}): {len(fields) - 1} numbers; the first "
                    f"line has {size}. Is the file cut or mixed from two?"
                )
            row = place.get(word)
            if row is None:
                continue
            try:
                vectors[row] = np.array(fields[len(fields) - size :], dtype=np.float32)
            except ValueError:
                raise ValueError(
                    f"{path}, line {number} ({short(word, 40)!r}): what follows is not {size} numbers."
                ) from None
            if not np.isfinite(vectors[row]).all():
                raise ValueError(f"{path}, line {number} ({short(word, 40)!r}): holds NaN or infinity.")
            known[row] = True
    if vectors is None or not known.any():
        raise ValueError(f"{path} has no word of the vocabulary of {len(vocabulary)} words. Is it of this language?")
    return vectors, known


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True
