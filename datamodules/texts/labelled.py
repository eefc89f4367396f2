"""Texts with a class each: copies left out, a vocabulary of the train part, tokens of batches, word vectors."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from datamodules.core.base import DataModule
from datamodules.core.samplers import LengthBuckets
from datamodules.core.source import Arrays
from datamodules.readers.stop_words import STOP_WORDS
from datamodules.readers.text_files import decoded, read_columns
from datamodules.readers.wording import short
from datamodules.readers.words import FIRST, UNKNOWN, most_frequent, numbered, read_vectors, spelled, words_of

DIGIT = re.compile(r"\d")
SMALLEST = 2  # words of a vocabulary: with one, all texts read alike


class LabelledText(DataModule):
    """Serves ``tokens`` (B, T) int32, padded with 0, ``length`` (B,) and ``label`` (B,).

    ``read`` and ``simulate`` give ``pool_of_texts``. Of texts that are equal but for case and white space the first is
    kept, before any split, so that none stands on two sides; where such texts have different labels none is kept, for
    at most one is right. The vocabulary is that of the train part. A text without words reads as one unknown word.

    Args:
        words: Rows of a table of word vectors: the vocabulary and two more, for padding and for unknown words.
        min_count: How often a word must occur in the train part to be in the vocabulary.
        longest: Words of a text that are read, the first ones; None reads all.
        digits: Whether numbers are told apart; False reads each digit as 0, so that 13.1 and 24.9 are one word.
        marks: Whether punctuation marks are words.
        stop_words: Whether frequent words without meaning (the, of) are read; negations always are.
        ngrams: Also read pairs (2) or triples (3) of neighbours as words, for tasks that count words.
        vectors: File of word vectors in GloVe's text format; ``statistics`` has them as ``vectors``.
        deduplicate: Leave copies out; False shows what a leak is worth.
        **kwargs: Arguments of ``DataModule``; ``predict`` is a file of texts, one a line, named by the numbers of their
            lines; of a ``.csv`` its column ``text``, named by its column ``id``, or by the numbers of the texts.

    Raises:
        ValueError: A number out of its range, or (when set up) a vocabulary of fewer than two words.
    """

    title = "text"
    content = "text"
    reserved = ("text",)
    acts_later = ("words", "min_count", "longest", "digits", "marks", "stop_words", "ngrams", "vectors", "deduplicate")

    def __init__(
        self,
        words: int = 20_000,
        min_count: int = 1,
        longest: int | None = None,
        digits: bool = True,
        marks: bool = True,
        stop_words: bool = True,
        ngrams: int = 1,
        vectors: str | None = None,
        deduplicate: bool = True,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.save_hyperparameters(logger=False)
        least = {"words": FIRST + SMALLEST, "min_count": 1, "ngrams": 1, "longest": 1}
        for name, low in least.items():
            if (value := self.hparams[name]) is not None and value < low:
                raise ValueError(f"{name}={value}: need {low} or more.")
        self._vectors: Tensor | None = None

    def facts(self) -> dict[str, Any]:
        """Also ``words``, and with ``vectors`` their ``width``."""
        h = self.hparams
        known = {**super().facts(), "words": h.words}
        if h.vectors is not None and (path := Path(h.vectors)).is_file():  # a run that is loaded needs them no more
            with path.open(encoding="utf-8", errors="replace") as lines:
                first, second = (len(next(lines, "").split()) for _ in range(2))
            known["width"] = (second if first == 2 else first) - 1
        return known

    # ---- reading ----------------------------------------------------------------------------------------------

    def read_unlabelled(self, place: Path) -> Arrays:
        """``text`` and ``name`` of the texts of a file.

        Raises:
            FileNotFoundError: No such file.
            ValueError: No text, no column ``text``, or an ``id`` that stands twice.
        """
        if place.suffix.lower() == ".csv":
            table = read_columns(place, ("text",), optional=("id",))
            texts, names = table["text"], table.get("id")
        else:
            texts, names = decoded(place)[0].rstrip().split("\n"), None
        names = names or [str(number) for number in range(1, len(texts) + 1)]
        return self.pool_of_texts(texts, None, names, place)

    def pool_of_texts(
        self,
        texts: Sequence[str],
        labels: Iterable[int] | None,
        names: Sequence[str] | None = None,
        path: Path | None = None,
    ) -> Arrays:
        """``text``, ``name`` and, where known, ``label`` of all texts that are not empty; others are counted.

        ``path`` is the file for errors to name, where it is not the data's own.

        Raises:
            ValueError: A name stands twice, or no text is left.
        """
        names = [str(i) for i in range(len(texts))] if names is None else list(names)
        where = path or (self.title if self.folder is None else self.folder / self.files[0])
        if len(set(names)) < len(names):
            twice, count = Counter(names).most_common(1)[0]
            raise ValueError(f"{where}: the id {short(twice)!r} stands {count} times. Give each text an id of its own.")
        kept = np.array([bool(text.strip()) for text in texts], bool)
        if not kept.all():
            self.note(f"Empty texts are left out: {(~kept).sum()}, the first {names[int(kept.argmin())]}.")
        if not kept.any():
            raise ValueError(f"{where}: no text that is not empty.")
        return {
            "text": np.array([*texts, None], object)[:-1][kept],  # else texts of equal length would become a table
            "name": np.array(names, object)[kept],
        } | ({} if labels is None else {"label": np.array(list(labels), np.int64)[kept]})

    def outliers(self, pool: Arrays) -> np.ndarray:
        """Rows that repeat another text, also one of a test pool; all rows of a text whose labels differ."""
        if not self.hparams.deduplicate:
            return super().outliers(pool)
        copies, contrary = repeated_texts(pool["text"], pool["label"])
        if len(copies):
            self.note(f"{len(copies)} texts repeat an earlier one and are left out.")
        if len(contrary):
            self.note(f"{len(contrary)} texts have a copy with another label; all of these are left out.")
        tested = {normal(text) for text in self.pools["test"]["text"]} if "test" in self.pools else set()
        leaks = np.array([i for i, text in enumerate(pool["text"]) if normal(text) in tested], np.int64)
        if len(leaks):
            self.note(f"{len(leaks)} texts of the train pool stand in the test pool and are left out of training.")
        return np.unique(np.concatenate([copies, contrary, leaks]))

    def reading(self) -> dict[str, Any]:
        """The ``vocabulary`` of the train part, and how texts are split into words."""
        names = ("longest", "digits", "marks", "stop_words", "ngrams")
        return {"vocabulary": self.fitted["words"], **{name: self.hparams[name] for name in names}}

    # ---- words ------------------------------------------------------------------------------------------------

    def words_in(self, text: str) -> list[str]:
        """Words of a text as this data reads them, known or not: the first ``longest``, then their pairs and so on."""
        return self.with_runs(self.single_words(text))

    def with_runs(self, single: list[str]) -> list[str]:
        """The first ``longest`` of the words of a text, and the runs of up to ``ngrams`` of them."""
        single = single[: self.hparams.longest]
        runs = range(2, self.hparams.ngrams + 1)
        return single + [" ".join(single[i : i + n]) for n in runs for i in range(len(single) - n + 1)]

    def single_words(self, text: str) -> list[str]:
        """All words of a text, one by one."""
        h = self.hparams
        words = words_of(text if h.digits else DIGIT.sub("0", text), h.marks)
        return words if h.stop_words else [word for word in words if word not in STOP_WORDS]

    def fit(self, train: Arrays) -> dict[str, Any]:
        """``words``: the vocabulary of the train part."""
        h = self.hparams
        words = most_frequent((self.words_in(text) for text in train["text"]), h.words - FIRST, h.min_count)
        if len(words) < SMALLEST:
            raise ValueError(
                f"{self.title}: the vocabulary is the one word {words[0]!r}, so that all texts read alike. "
                "Check the texts, or lower --data.min_count."
            )
        return {"words": words}

    def encode(self, pool: Arrays) -> Arrays:
        """Also ``tokens`` and ``length``."""
        longest, cut, bare = self.hparams.longest, 0, 0

        def read() -> Iterable[list[str]]:
            nonlocal cut, bare
            for text in pool["text"]:
                single = self.single_words(text)
                cut += longest is not None and len(single) > longest
                bare += not single
                yield self.with_runs(single)

        tokens = numbered(read(), self.fitted["words"])
        if cut:
            self.note(f"{cut} of {len(pool['text'])} texts are longer than {longest} words and read up to there.")
        if bare:
            self.note(f"{bare} of {len(pool['text'])} texts have no words left and read as one unknown word.")
        return {**pool, **tokens}

    def spelled(self, tokens: Iterable[int]) -> list[str]:
        """Words of token numbers; one that is not in the vocabulary is ``[unknown]``."""
        return spelled(tokens, self.fitted["words"])

    def statistics(self) -> dict[str, Tensor]:
        """Also ``vectors`` float32 (words, D) where a file gives some; zeros for padding and words it does not have."""
        statistics = super().statistics()
        if self.hparams.vectors is not None:
            if self._vectors is None:
                self._vectors = self._read_vectors(Path(self.hparams.vectors))
            statistics["vectors"] = self._vectors
        return statistics

    def _read_vectors(self, path: Path) -> Tensor:
        words = self.fitted["words"]
        vectors, known = read_vectors(path, words)
        counts = np.bincount(self.pools["train"]["tokens"][self.parts["train"]].ravel(), minlength=FIRST + len(words))
        running = counts[FIRST:] @ known / max(1, counts[UNKNOWN:].sum())
        self.note(
            f"{path.name} has {known.sum():,} of {len(words):,} words of the vocabulary ({known.mean():.1%}), "
            f"and {running:.1%} of the running words of the train part. The others begin at zero."
        )
        table = torch.zeros(self.hparams.words, vectors.shape[1])
        table[FIRST : FIRST + len(words)] = torch.from_numpy(vectors)
        return table

    def sampler(self, part: str) -> LengthBuckets:
        """Batches of texts of like length."""
        rows, length = torch.from_numpy(self.parts[part]), self.pools[self.pool_of(part)]["length"]
        h, order = self.hparams, self.order_of(part)
        return LengthBuckets(rows, torch.from_numpy(length)[rows], h.batch_size, samples=h.samples_per_epoch, **order)


def normal(text: str) -> str:
    """A text by which copies are found: one blank between words, lower case."""
    return " ".join(text.lower().split())


def repeated_texts(texts: Iterable[str], label: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows of later copies, and all rows of texts whose copies have different labels; both sorted int64."""
    rows: dict[str, list[int]] = {}
    for i, text in enumerate(texts):
        rows.setdefault(normal(text), []).append(i)
    groups = [group for group in rows.values() if len(group) > 1]
    contrary = [group for group in groups if len(set(label[group].tolist())) > 1]
    agreed = [group for group in groups if len(set(label[group].tolist())) == 1]
    copies = [i for group in agreed for i in group[1:]]
    return np.array(sorted(copies), np.int64), np.array(sorted(i for g in contrary for i in g), np.int64)
