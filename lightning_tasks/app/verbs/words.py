"""``words``: the vectors, nearest words and analogies of any run that has an embedding and a vocabulary."""

from argparse import Namespace

import torch
from torch import Tensor, nn

from lightning_tasks.app.console import print_notes
from lightning_tasks.app.members import load_run
from lightning_tasks.app.places import as_shown
from lightning_tasks.common.choices import nearest
from lightning_tasks.measures.words import closest

FIRST = 2  # numbers below are padding and unknown words


def run(options: Namespace, overrides: list[str]) -> None:
    """``words --run R [--closest W] [--analogy A B C] [--vector W] [-n N]`` and overrides of the configuration."""
    if not (options.closest or options.analogy or options.vector):
        raise ValueError("words: give --closest WORD, --analogy WORD WORD WORD or --vector WORD.")
    loaded = load_run(options.run, overrides)
    embedding, words = getattr(loaded.task, "embedding", None), loaded.data.fitted.get("words")
    if not isinstance(embedding, nn.Embedding) or not isinstance(words, list):
        lacks = "no table of word vectors" if words else "no vocabulary"
        raise ValueError(
            f"words has no meaning for {type(loaded.task).__name__} on {type(loaded.data).__name__}: {lacks}. "
            "It needs a run with an embedding of words, such as one of configs/word2vec.yaml."
        )
    lookup = Lookup(embedding.weight.detach().cpu(), words)
    if options.vector:
        print(" ".join(f"{value:.5g}" for value in lookup.get_vector(options.vector).tolist()))
    if options.closest:
        for name, euclid in (("cosine", False), ("Euclidean distance", True)):
            show(f"closest to {options.closest} by {name}", lookup.find_closest(options.closest, options.n, euclid))
    if options.analogy:
        first, second, third = options.analogy
        show(f"{second} - {first} + {third}, by cosine", lookup.find_analogy(first, second, third, options.n))
    if not (options.closest or options.analogy):  # a vector is for other programs
        return
    print_notes([], loaded.data.data_source == "simulated")
    if not options.analogy:
        print(f"Next: words --run {as_shown(loaded.dir.path)} --analogy A B C: what is to C as B is to A?")


class Lookup:
    """Vectors of words by their names.

    Args:
        table: (V, D), row i + 2 is word i; further rows are not used.
        words: The vocabulary.
    """

    def __init__(self, table: Tensor, words: list[str]) -> None:
        self.words, self.row = words, {word: i + FIRST for i, word in enumerate(words)}
        self.table = table[: FIRST + len(words)].float()

    def number(self, word: str) -> int:
        """Row of a word.

        Raises:
            ValueError: It is not in the vocabulary; names the nearest spelling.
        """
        if (row := self.row.get(word, self.row.get(word.lower()))) is None:
            raise ValueError(
                f"{word!r} is not among the {len(self.words)} words of this run.{nearest(word, self.words, most=3)}"
            )
        return row

    def get_vector(self, word: str) -> Tensor:
        """(D,)."""
        return self.table[self.number(word)]

    def find_closest(self, word: str, n: int, euclid: bool = False) -> list[tuple[str, float]]:
        """The n nearest words, without the word itself."""
        row = self.number(word)
        return self.named(closest(self.table, self.table[row], n, [0, 1, row], euclid))

    def find_analogy(self, first: str, second: str, third: str, n: int) -> list[tuple[str, float]]:
        """The n words that are to ``third`` as ``second`` is to ``first``: nearest to second - first + third."""
        rows = [self.number(word) for word in (first, second, third)]
        unit = torch.nn.functional.normalize(self.table[rows], dim=1)
        return self.named(closest(self.table, unit[1] - unit[0] + unit[2], n, [0, 1, *rows]))

    def named(self, rows: list[tuple[int, float]]) -> list[tuple[str, float]]:
        """Words instead of rows."""
        return [(self.words[row - FIRST], value) for row, value in rows]


def show(title: str, found: list[tuple[str, float]]) -> None:
    """A list on the terminal."""
    print(title)
    for word, value in found:
        print(f"  {word:20} {value:8.4f}")
