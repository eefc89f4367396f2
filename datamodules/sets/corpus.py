"""Running text for word vectors (assignment F5): pieces of documents as numbers of words."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from datamodules.core.base import DataModule
from datamodules.core.source import Arrays
from datamodules.readers.text_files import csv_rows, decoded, read_columns
from datamodules.readers.word_tests import numbers_of, read_questions, read_similarities, similarities_of_vectors
from datamodules.readers.words import FIRST, most_frequent, numbered, spelled, words_of
from datamodules.simulate import make_word_classes

COLUMNS = {"ag_news.csv": ["2", "3"], "imdb_train.csv": ["text"]}  # of the files that are known
MARKUP = re.compile(r"<[^>]*>|&?(?:#\d+|quot|amp|lt|gt|nbsp);")
DOCUMENTS = 1500  # simulated


class CorpusDataModule(DataModule):
    """``tokens`` (B, T) and ``length`` (B,): a piece of a document, its words in lower case, without punctuation.

    Number 0 pads, 1 is a word that is too rare, the others are ``fitted["words"]``, the most frequent of the train
    part. Pieces of one document are one ``group``: none is split between parts, and no window reaches over its end.

    Args:
        file: A text file, whose documents are paragraphs, or a CSV.
        columns: Columns of a CSV that are read as one text: names, or numbers from 1 where it has no header. None
            knows those of ``ag_news.csv`` and ``imdb_train.csv``.
        encoding: Of a file that is not UTF-8, such as latin-1.
        words: Size of the vocabulary, padding and unknown among it.
        min_count: Words that occur less often in the train part are unknown.
        longest: Words of a piece.
        shuffle_words: Put the words of the whole corpus into random order: a control, in which no word has neighbours.
        questions: File of analogies, four words a line (``athens greece paris france``).
        similarities: File of pairs of words with a similarity (``word word number``).
        vectors: File of GloVe's format: similarities are the cosines of its vectors on 20,000 pairs of frequent words.
        **kwargs: Arguments of ``DataModule``.

    Raises:
        ValueError: Both ``similarities`` and ``vectors``; fewer than 3 words.
    """

    title = "text"
    content = "text"
    reserved = ("text",)
    how_to_get = "Put a text file or a CSV there and name it by --data.file (docs/data.md)."
    acts_later = ("words", "min_count", "questions", "similarities", "vectors")

    def __init__(
        self,
        file: str = "ag_news.csv",
        columns: list[str | int] | None = None,
        encoding: str | None = None,
        words: int = 10_000,
        min_count: int = 5,
        longest: int = 64,
        shuffle_words: bool = False,
        questions: str | None = None,
        similarities: str | None = None,
        vectors: str | None = None,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.save_hyperparameters(logger=False)
        self.files = (file,)
        if words < FIRST + 1 or longest < 2:
            raise ValueError(f"words={words}, longest={longest}: need {FIRST + 1} words or more, and pieces of 2.")
        if similarities and vectors:
            raise ValueError("--data.similarities and --data.vectors both tell what is similar: give one of them.")
        self.word_classes: dict[str, int] = {}
        self.made_questions: list[list[str]] = []

    def facts(self) -> dict[str, Any]:
        """Size of the vocabulary."""
        return {"words": self.hparams.words}

    def read(self, folder: Path) -> dict[str, Arrays]:
        """Documents of the file, cut into pieces."""
        h = self.hparams
        path = folder / h.file
        texts = self.csv_texts(path) if path.suffix.lower() == ".csv" else paragraphs(decoded(path, h.encoding)[0])
        return self.pools_of([words_of(MARKUP.sub(" ", text), marks=False) for text in texts])

    def csv_texts(self, path: Path) -> list[str]:
        """The texts of a CSV's columns, joined a row.

        Raises:
            ValueError: No columns, one that is not there, or no CSV.
        """
        columns = [str(column) for column in self.hparams.columns or COLUMNS.get(path.name, [])]
        if not columns:
            raise ValueError(f"{path}: name the columns of the text by --data.columns, such as [text], or [2] where "
                             "there is no header.")  # fmt: skip
        if not all(column.isdecimal() for column in columns):
            table = read_columns(path, [column.lower() for column in columns], fallback=self.hparams.encoding)
            return [" ".join(row) for row in zip(*table.values(), strict=True)]
        places = [int(column) - 1 for column in columns]
        if min(places) < 0:
            raise ValueError(f"{path}: --data.columns [{', '.join(columns)}]: columns are numbered from 1.")
        rows = csv_rows(path, decoded(path, self.hparams.encoding)[0])
        if not rows:
            raise ValueError(f"{path} is empty.")
        short = next((i for i, row in enumerate(rows) if row and len(row) <= max(places)), None)
        if short is not None:
            raise ValueError(f"{path}: record {short + 1} has {len(rows[short])} columns; {max(places) + 1} are read.")
        return [" ".join(row[place] for place in places) for row in rows if row]

    def simulate(self) -> dict[str, Arrays]:
        """Sentences whose words have classes."""
        corpus, self.word_classes, self.made_questions = make_word_classes(DOCUMENTS, self.hparams.seed)
        return self.pools_of(corpus)

    def pools_of(self, documents: list[list[str]]) -> dict[str, Arrays]:
        """Pieces of at most ``longest`` words, ``text`` (N,) with blanks between words, and the document as ``group``.

        Raises:
            ValueError: No document has two words.
        """
        h = self.hparams
        full = [words for words in documents if len(words) > 1]
        if not full:
            raise ValueError(f"{self.title}: none of {len(documents)} documents has two words. Check --data.file.")
        if len(full) < len(documents):
            self.note(f"{len(documents) - len(full)} of {len(documents)} documents have fewer than 2 words: left out.")
        if h.shuffle_words:
            words = np.array([word for document in full for word in document], object)
            words = np.random.default_rng([h.seed, 5]).permutation(words)
            ends = np.cumsum([len(document) for document in full])[:-1]
            full = [part.tolist() for part in np.split(words, ends)]
        pieces, group = [], []
        for number, words in enumerate(full):
            parts = [words[start : start + h.longest] for start in range(0, len(words), h.longest)]
            pieces += [" ".join(part) for part in parts]
            group += [number] * len(parts)
        return {"train": {"text": np.array(pieces, object), "group": np.array(group, np.int64)}}

    def fit(self, train: Arrays) -> dict[str, Any]:
        """The vocabulary."""
        h = self.hparams
        return {"words": most_frequent((text.split() for text in train["text"]), h.words - FIRST, h.min_count)}

    def encode(self, pool: Arrays) -> Arrays:
        """Numbers of words."""
        return {**pool, **numbered([text.split() for text in pool["text"]], self.fitted["words"])}

    def statistics(self) -> dict[str, Tensor]:
        """``word_counts`` int64 (words,): how often each number stands in the train part."""
        tokens = self.pools["train"]["tokens"][self.parts["train"]]
        counts = np.bincount(tokens.reshape(-1), minlength=self.hparams.words)
        counts[0] = 0
        return {"word_counts": torch.from_numpy(counts)}

    def spelled(self, tokens: Iterable[int]) -> list[str]:
        """Words of token numbers; one that is not in the vocabulary is ``[unknown]``."""
        return spelled(tokens, self.fitted["words"])

    def word_tests(self) -> dict[str, Any]:
        """What vectors are tested by, in numbers of words; what is not there is left out.

        ``classes`` int64 (words,), -1 without a class; ``questions`` int64 (Q, 4) with ``questions_coverage``, the
        share whose words are all known; ``pairs`` int64 (P, 2) and ``similarity`` (P,) with ``pairs_coverage``.
        """
        h, vocabulary = self.hparams, self.fitted["words"]
        tests: dict[str, Any] = {}
        if self.word_classes:
            classes = np.full(h.words, -1)
            for number, word in enumerate(vocabulary, FIRST):
                classes[number] = self.word_classes.get(word, -1)
            tests["classes"] = classes
        questions = read_questions(Path(h.questions)) if h.questions else self.made_questions
        if questions:
            tests["questions"], known = numbers_of(questions, vocabulary)
            tests["questions_coverage"] = float(known.mean())
        if h.similarities:
            pairs, scores = read_similarities(Path(h.similarities))
            tests["pairs"], known = numbers_of(pairs, vocabulary)
            tests["similarity"], tests["pairs_coverage"] = scores[known], float(known.mean())
        elif h.vectors:
            tests["pairs"], tests["similarity"] = similarities_of_vectors(Path(h.vectors), vocabulary)
        return tests


def paragraphs(text: str) -> list[str]:
    """Texts between empty lines."""
    return re.split(r"\n\s*\n", text.replace("\r\n", "\n"))
