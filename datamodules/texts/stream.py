"""One long text as windows that follow each other: what a language model reads."""

from collections.abc import Sequence
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
import torch

from datamodules.core.base import DataModule
from datamodules.core.loader import TensorLoader
from datamodules.core.samplers import EpochSampler, Streams
from datamodules.core.source import Arrays
from datamodules.core.splits_in_order import contiguous_indices
from datamodules.readers.text_files import decoded
from datamodules.readers.wording import listed
from datamodules.readers.words import most_frequent, words_of
from datamodules.simulate.markov import MarkovSource

LEVELS = ("char", "word")
UNKNOWN = "\N{REPLACEMENT CHARACTER}"  # how text shows a token that the vocabulary lacks
ALPHABET = "abcdefghijkl"  # of the simulated text


class TextStreamDataModule(DataModule):
    """A text file, cut into windows; batches hold ``tokens`` int32 (B, T + 1) and ``length`` int64 (B,).

    A window holds T tokens to be predicted and the one before them: what it reads is ``tokens[:, :-1]``, what it
    predicts ``tokens[:, 1:]``. So each token of the text but the first is predicted once, and by one part alone.
    The last window may be shorter; ``length`` counts its real tokens, the first one too. Windows of a batch go on where
    those of the batch before ended (``Streams``), so that a state can be carried: a window goes on with the one before
    where its ``id`` is one more.

    Number 0 is any token that is not in the vocabulary, and stands behind the end of a short window.

    Parts are blocks of the text: the test part is its end, fold 0 validates on the block before it, fold 1 on the one
    before that. The vocabulary is that of the train part.

    Simulated text comes from a ``MarkovSource``; batches then also hold ``source_nll`` float32 (B,), which the source
    itself gives to a window's targets in nats: the floor of any model.

    Args:
        file: Name of the text file, UTF-8.
        level: ``char``, or ``word``: lower case, punctuation as words of its own.
        steps: T.
        min_count: Tokens that the train part has less often are unknown; None for 1 of characters, 3 of words.
        shuffle: Training windows in random order: for networks that carry no state.
        scramble: Put the tokens of the whole text in random order, by ``seed``: a control, in which nothing can be told
            but how frequent each token is.
        simulated: Tokens of the simulated text.
        folds: Blocks that the text before the test part is cut into.
        test_fraction: Share of the text that is the test part.
        **kwargs: Arguments of ``DataModule``.

    Raises:
        ValueError: An unknown level, or a number that is out of range.
    """

    title = "text"
    how_to_get = "Any text in UTF-8 will do; --data.file names it (docs/data.md)."
    learns_facts = True
    acts_later = ("min_count", "shuffle")

    def __init__(
        self,
        file: str = "text.txt",
        level: str = "char",
        steps: int = 64,
        min_count: int | None = None,
        shuffle: bool = False,
        scramble: bool = False,
        simulated: int = 100_000,
        folds: int = 19,
        test_fraction: float = 0.05,
        **kwargs,
    ) -> None:
        super().__init__(folds=folds, test_fraction=test_fraction, **kwargs)
        self.save_hyperparameters(logger=False)
        if level not in LEVELS:
            raise ValueError(f"level={level!r}: choose {' or '.join(LEVELS)}.")
        if steps < 2 or simulated < 4 * steps:
            raise ValueError(f"steps={steps}, simulated={simulated}: need 2 or more steps, and four windows of them.")
        if self.hparams.bag is not None:
            raise ValueError("bag: windows of one text are no independent samples to draw from. Use folds.")
        self.files = (file,)
        self.symbols: list[str] = []  # all different tokens of the text: what the raw windows number

    def facts(self) -> dict[str, Any]:
        """Size of the vocabulary, the unknown token included, for which the text is read; and T."""
        twin = copy(self)
        twin.note = lambda *args, **kwargs: None  # the run itself tells it
        twin.setup()
        return {**super().facts(), "vocabulary": len(twin.fitted["vocabulary"]) + 1, "context": self.hparams.steps}

    # ---- where the text comes from ----------------------------------------------------------------------------

    def read(self, folder: Path) -> dict[str, Arrays]:
        """Windows of the file.

        Raises:
            ValueError: The file is no UTF-8, or holds too few tokens.
        """
        path = folder / self.hparams.file
        text = decoded(path)[0].replace("\r\n", "\n").replace("\r", "\n")
        return {"train": self.windows(tokens_of(text, self.hparams.level), str(path))}

    def simulate(self) -> dict[str, Arrays]:
        """Windows of text from a source of 12 characters, or of 40 words."""
        source = self.source_of_text()
        numbers = source.draw(self.hparams.simulated, self.hparams.seed)
        pool = self.windows([source.symbols[i] for i in numbers], "the simulated text")
        if self.hparams.scramble:
            return {"train": pool}  # the source has nothing to say of it
        nll, cut = source.nll(numbers), range(1, len(numbers), self.hparams.steps)
        pool["source_nll"] = np.add.reduceat(nll[1:], np.array(cut) - 1).astype(np.float32)
        return {"train": pool}

    def source_of_text(self) -> MarkovSource:
        """The source that simulated text is drawn from."""
        words = [first + second for first in "bdfgklmn" for second in "aeiou"]
        symbols = ALPHABET if self.hparams.level == "char" else words
        return MarkovSource(symbols, self.hparams.seed)

    def windows(self, tokens: Sequence[str], where: str) -> Arrays:
        """``tokens`` int32 (N, T + 1), numbers of ``symbols``, and ``length`` int64 (N,)."""
        steps = self.hparams.steps
        if len(tokens) < 4 * steps + 1:
            raise ValueError(
                f"{where}: {len(tokens):,} tokens; need {4 * steps + 1} or more, four windows of {steps} and one. "
                "Give a longer text, or set a smaller --data.steps."
            )
        names = sorted(set(tokens))  # an array of words would take the longest one's place for each of them
        number = {name: i for i, name in enumerate(names)}
        numbers = np.fromiter(map(number.__getitem__, tokens), np.int64, len(tokens))
        if self.hparams.scramble:
            numbers = np.random.default_rng([self.hparams.seed, 3]).permutation(numbers)
        self.symbols = names
        count = -(-(len(tokens) - 1) // steps)
        padded = np.zeros(count * steps + 1, np.int32)
        padded[: len(tokens)] = numbers
        windows = np.lib.stride_tricks.sliding_window_view(padded, steps + 1)[::steps].copy()
        length = np.full(count, steps + 1, np.int64)
        length[-1] = len(tokens) - (count - 1) * steps
        return {"tokens": windows, "length": length}

    # ---- parts and vocabulary ---------------------------------------------------------------------------------

    def split(self, pool: Arrays, rows: np.ndarray, groups: np.ndarray | None) -> dict[str, np.ndarray]:
        """Blocks of the text, counted from its end."""
        h = self.hparams
        if not 0 <= h.fold < h.folds:
            raise ValueError(f"fold={h.fold}, folds={h.folds}: folds are numbered from 0.")
        parts = contiguous_indices(len(rows), h.folds - 1 - h.fold, h.folds, test_fraction=h.test_fraction)
        return {part: rows[chosen] for part, chosen in parts.items()}

    def fit(self, train: Arrays) -> dict[str, Any]:
        """The vocabulary: the tokens of the train part, the most frequent first.

        Raises:
            ValueError: Fewer than two are left.
        """
        h = self.hparams
        least = h.min_count or (1 if h.level == "char" else 3)
        counts = np.bincount(targets_of(train), minlength=len(self.symbols))
        tokens = ([self.symbols[i]] * int(n) for i, n in enumerate(counts) if n)
        vocabulary = most_frequent(tokens, min_count=least)
        if len(vocabulary) < 2:
            raise ValueError(f"The vocabulary is {vocabulary[0]!r} alone: there is nothing to predict. Check the text.")
        return {"vocabulary": vocabulary}

    def encode(self, pool: Arrays) -> Arrays:
        """Numbers of the vocabulary in place of those of the text's own symbols."""
        number = {token: i for i, token in enumerate(self.fitted["vocabulary"], 1)}
        table = np.array([number.get(symbol, 0) for symbol in self.symbols], np.int32)
        tokens = table[pool["tokens"]]
        tokens[np.arange(tokens.shape[1]) >= pool["length"][:, None]] = 0
        return {**pool, "tokens": tokens}

    def setup(self, stage: str | None = None) -> None:
        """Also count what is predicted, and what the vocabulary lacks."""
        if self.parts:
            return
        super().setup(stage)
        if self.hparams.scramble:
            self.note("The tokens of the text were put in random order (scramble).")
        elif self.data_source == "simulated":
            rate = self.source_of_text().entropy_rate()
            self.note(f"The source of the simulated text has {rate:.4f} bits a token: no model needs fewer.")
        raw, encoded = self._raw["train"], self.pools["train"]
        name = "characters" if self.hparams.level == "char" else "words"
        sizes = {part: int((encoded["length"][rows] - 1).sum()) for part, rows in self.parts.items()}
        by_part = ", ".join(f"{part} {n:,}" for part, n in sizes.items())
        vocabulary = f"a vocabulary of {len(self.fitted['vocabulary'])} and the unknown one"
        self.note(
            f"Predicted {name}: {by_part}; {vocabulary}. The n of a score counts windows of {self.hparams.steps}."
        )
        for part in ("val", "test"):
            rows = {key: raw[key][self.parts[part]] for key in ("tokens", "length")}
            codes = targets_of({**rows, "tokens": encoded["tokens"][self.parts[part]]})
            if unknown := int((codes == 0).sum()):
                kinds = sorted({self.symbols[i] for i in targets_of(rows)[codes == 0]})
                shown = listed(map(repr, kinds))
                count = f"{unknown:,} of {len(codes):,} {name}"
                self.note(f"{count} of the {part} part are not in the vocabulary: {shown}.")

    # ---- text and numbers -------------------------------------------------------------------------------------

    def numbers_of(self, text: str) -> np.ndarray:
        """A text by the vocabulary, int64 (T,).

        Raises:
            ValueError: It is empty, or holds a token that the vocabulary lacks.
        """
        number = {token: i for i, token in enumerate(self.fitted["vocabulary"], 1)}
        tokens = tokens_of(text, self.hparams.level)
        if not tokens:
            raise ValueError("the prompt is empty: give one token at least.")
        if lacking := sorted({token for token in tokens if token not in number}):
            shown = f": {''.join(sorted(number))!r}" if self.hparams.level == "char" else ""
            raise ValueError(
                f"the prompt holds {', '.join(map(repr, lacking[:5]))}, which the vocabulary of this run lacks. "
                f"Use what it has, {len(number):,} tokens{shown}."
            )
        return np.array([number[token] for token in tokens])

    def text_of(self, numbers: Sequence[int]) -> str:
        """The text of numbers; ``UNKNOWN`` stands for those that are none of the vocabulary."""
        names = [UNKNOWN, *self.fitted["vocabulary"]]
        return ("" if self.hparams.level == "char" else " ").join(names[i] for i in numbers)

    def prompt(self, text: str | None = None) -> np.ndarray:
        """What a sample begins with by its numbers, int64 (T,): by default a new line, else the most frequent token."""
        if text is not None:
            return self.numbers_of(text)
        vocabulary = self.fitted["vocabulary"]
        return np.array([vocabulary.index("\n") + 1 if "\n" in vocabulary else 1])

    # ---- order ------------------------------------------------------------------------------------------------

    def sampler(self, part: str) -> EpochSampler:
        """Streams; their number in evaluation does not depend on the number of processes, nor do scores."""
        h, order = self.hparams, self.order_of(part)
        rows, world = torch.from_numpy(self.parts[part]), order["world"]
        if part != "train":
            return Streams(rows, max(1, h.batch_size // world), **order)
        if h.shuffle:
            return self.plain_sampler(part)
        if h.samples_per_epoch is not None:
            raise ValueError(
                f"samples_per_epoch={h.samples_per_epoch}: windows follow each other through the whole text. Set "
                "--data.shuffle true, or --trainer.limit_train_batches."
            )
        whole = len(rows) - len(rows) % (h.batch_size * world)  # as many windows a stream, in every process
        return Streams(rows[: whole or len(rows)], h.batch_size, **order)

    def loader(self, pool: str, sampler: EpochSampler, batch_size: int, drop_last: bool) -> TensorLoader:
        """A batch holds a window of each stream."""
        return super().loader(pool, sampler, getattr(sampler, "batch_size", batch_size), drop_last)


def targets_of(pool: Arrays) -> np.ndarray:
    """What windows predict, one after another: (sum of ``length`` - 1,)."""
    real = np.arange(1, pool["tokens"].shape[1]) < pool["length"][:, None]
    return pool["tokens"][:, 1:][real]


def tokens_of(text: str, level: str) -> list[str]:
    """Characters or words of a text."""
    return list(text) if level == "char" else words_of(text)
