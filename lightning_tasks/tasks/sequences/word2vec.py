"""Word vectors from running text: skip-gram and CBOW (assignment F5)."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lightning_tasks.baselines.words import FIRST, word_baselines
from lightning_tasks.common.choices import checked_choice
from lightning_tasks.measures.words import closest, word_scores
from lightning_tasks.nets.word2vec import huffman, kept, negative_loss, neighbours, path_loss, windows
from lightning_tasks.plots.word_map import map_figure
from lightning_tasks.plots.words import escaped
from lightning_tasks.problems import GradientTask
from lightning_tasks.problems.checks import check_reads

METHODS, OUTPUTS = ("skipgram", "cbow"), ("negative", "hierarchical")
LISTED, MAPPED = 12, 200  # words of the list of neighbours, and of the map


class Word2VecTask(GradientTask):
    """Reads ``tokens`` (B, T) of running text, and ``length``; the labels are the neighbouring words themselves.

    ``skipgram`` predicts each neighbour from a word, ``cbow`` a word from the mean of its neighbours. Words have two
    tables: ``embedding``, which is what is learnt for, and ``output``. Frequent words are left out by chance, words
    that are unknown always, before windows are drawn.

    A row of the scores is a piece of text: ``nll`` is the mean loss of a pair. Beside it stand, as far as the data has
    tests, ``same_class``, ``analogies`` and ``similarity`` (see ``measures.words``), which have no interval.

    Args:
        method: ``skipgram`` or ``cbow``.
        output: ``negative`` sampling or the ``hierarchical`` softmax over Huffman's tree.
        size: Numbers a word.
        window: Words on each side, of which each word draws how many it uses.
        negatives: Negatives a pair.
        shared: Negatives that are drawn for a batch, from counts to the power of 0.75, and shared by its pairs.
        subsample: t: a word of frequency f is kept with probability sqrt(t / f) + t / f (the program of Mikolov et
            al.); 0 keeps all.
        words: Size of the vocabulary; None takes what the data states.
        **kwargs: Arguments of ``GradientTask`` without ``optimizer`` and ``weight_decay``.

    Raises:
        ValueError: An unknown choice, or a number out of range.
    """

    reads = ("tokens", "length")
    monitor, mode = "val/nll", "min"
    scored_rows = written_rows = ("loss", "pairs")
    refuses = GradientTask.refuses | {"export": "it is a table of vectors, which words --vector reads"}

    def __init__(
        self,
        method: str = "skipgram",
        output: str = "negative",
        size: int = 100,
        window: int = 5,
        negatives: int = 5,
        shared: int = 64,
        subsample: float = 1e-3,
        words: int | None = None,
        **kwargs,
    ) -> None:
        super().__init__(optimizer="sparse_adam", weight_decay=0.0, **kwargs)
        self.save_hyperparameters(logger=False)
        checked_choice("method", method, METHODS)
        checked_choice("output", output, OUTPUTS)
        if min(size, window, negatives, shared) < 1 or subsample < 0:
            raise ValueError(f"size={size}, window={window}, negatives={negatives}, shared={shared}, "
                             f"subsample={subsample}: need 1 or more, subsample 0 or more.")  # fmt: skip
        self.embedding = nn.Embedding(words, size, padding_idx=0, sparse=True)
        nn.init.uniform_(self.embedding.weight[FIRST:], -0.5 / size, 0.5 / size)
        nn.init.zeros_(self.embedding.weight[:FIRST])  # padding counts nothing in a mean
        self.output = nn.Embedding(words, size, sparse=True)
        nn.init.zeros_(self.output.weight)
        self.register_buffer("word_counts", torch.zeros(words, dtype=torch.int64))
        if output == "hierarchical":
            self.register_buffer("paths", torch.zeros(words, 40, dtype=torch.int64))
            self.register_buffer("codes", torch.full((words, 40), -1, dtype=torch.int8))

    def configure_optimizers(self) -> Any:
        """Adam on the rows of a batch's words alone: a step on all rows would take most of the time."""
        return self.scheduled(torch.optim.SparseAdam(list(self.parameters()), lr=self.hparams.lr))

    def setup(self, stage: str) -> None:
        """Also see that the data has what is read, and that sparse gradients are clipped by their norm, if at all."""
        super().setup(stage)
        if self.trainer.gradient_clip_algorithm == "value":
            raise ValueError(
                "--trainer.gradient_clip_algorithm value: PyTorch clips sparse gradients by their norm alone."
            )
        if stage == "fit" and self.trainer.datamodule is not None:
            check_reads(self, self.trainer.datamodule)

    def fit_statistics(self, statistics: dict[str, Tensor]) -> None:
        """Take the counts of words, and what follows from them.

        Raises:
            ValueError: The data counts another number of words, or fewer than two.
        """
        counts = statistics["word_counts"].clone()
        counts[:FIRST] = 0
        if counts.shape != self.word_counts.shape or (counts > 0).sum() < 2:
            raise ValueError(
                f"{int((counts > 0).sum())} known words stand in the train part, in a table of {len(counts)}; the task "
                f"has {len(self.word_counts)}. Need 2 or more; lower --data.min_count, or leave --model.words away."
            )
        self.word_counts.copy_(counts)
        if self.hparams.output == "hierarchical":
            paths, codes = huffman(counts)
            self.paths.copy_(paths)
            self.codes.copy_(codes)

    # ---- pairs and their loss ---------------------------------------------------------------------------------

    def keep_probability(self) -> Tensor:
        """Chance of each word to stay, (V,); 0 for padding and unknown words."""
        known = self.word_counts > 0
        if not self.hparams.subsample:
            return known.float()
        ratio = self.hparams.subsample * self.word_counts.sum() / self.word_counts.clamp(min=1)
        return (ratio.sqrt() + ratio).clamp(max=1) * known

    def losses(self, batch: dict, generator: torch.Generator | None) -> tuple[Tensor, Tensor, Tensor]:
        """Of each position (P,): the loss of its pairs, how many pairs, and the piece of text it is in."""
        h, tokens = self.hparams, batch["tokens"].long()
        chance = torch.rand(tokens.shape, generator=generator, device=tokens.device)
        words, length = kept(tokens, chance < self.keep_probability()[tokens])
        inside = windows(length, words.shape[1], h.window, generator)  # (B, T, 2 W)
        piece, place = inside.any(2).nonzero(as_tuple=True)
        some, around = inside[piece, place], neighbours(words, h.window)[piece, place]  # (P, 2 W)
        centre = words[piece, place]
        if h.method == "skipgram":
            hidden, true, real = self.embedding(centre), around, some
        else:
            vectors = self.embedding(around * some)  # the vector of padding is zero
            hidden, true, real = vectors.sum(1) / some.sum(1, keepdim=True), centre[:, None], some.any(1, keepdim=True)
        if h.output == "hierarchical":
            return path_loss(hidden, true, real, self.output, self.paths, self.codes), real.sum(1), piece
        share = self.word_counts.double().pow(0.75)
        negatives = torch.multinomial(share, h.shared, replacement=True, generator=generator)
        return negative_loss(hidden, true, real, self.output, negatives, h.negatives), real.sum(1), piece

    def training_step(self, batch: dict, batch_idx: int) -> Tensor:
        """Mean loss of the pairs of one batch."""
        loss, pairs, _ = self.losses(batch, None)
        mean = loss.sum() / pairs.sum().clamp(min=1)
        self.track("train/nll", mean, len(batch["id"]))
        return mean

    def evaluate(self, part: str, batch: dict) -> None:
        """Sum of the losses and number of pairs of each piece."""
        self.collect(part, batch, **self.rows_of(batch, self.piece_losses(batch, part)))

    def piece_losses(self, batch: dict, part: str) -> dict[str, Tensor]:
        """``loss`` and ``pairs`` (B,) of each piece of text."""
        loss, pairs, piece = self.losses(batch, self.stream(part))
        empty = torch.zeros(len(batch["id"]), device=loss.device)
        return {"loss": empty.index_add(0, piece, loss.float()), "pairs": empty.index_add(0, piece, pairs.float())}

    def rows_of(self, batch: dict, out: dict) -> dict[str, Tensor]:
        """Losses and numbers of pairs."""
        return {"loss": out["loss"], "pairs": out["pairs"]}

    def predict_step(self, batch: dict, batch_idx: int = 0) -> dict[str, Any]:
        """``id`` and ``vector`` (B, size), the mean vector of the known words of each piece."""
        tokens = batch["tokens"].long()
        known = (self.word_counts[tokens] > 0)[..., None]
        total = (self.embedding(tokens) * known).sum(1)
        return {"id": batch["id"], "vector": total / known.sum(1).clamp(min=1)}

    def score(self, rows: dict[str, Tensor]) -> dict[str, Any]:
        """Mean loss of a pair."""
        return {"nll": rows["loss"].double().sum() / rows["pairs"].sum()}

    # ---- what the vectors know --------------------------------------------------------------------------------

    def vectors(self) -> Tensor:
        """The table (n + 2, size) without rows that stand for no word, on the CPU."""
        return self.embedding.weight.detach()[: FIRST + len(self.vocabulary)].float().cpu()

    @property
    def vocabulary(self) -> list[str]:
        """The data module's words; word i is row i + 2."""
        return self.trainer.datamodule.fitted["words"]

    def tests(self) -> dict[str, Any]:
        """What the data module tests vectors by."""
        tests = self.trainer.datamodule.word_tests()
        rows = FIRST + len(self.vocabulary)
        return {name: value[:rows] if name == "classes" else value for name, value in tests.items()}

    def _log_scores(self, part: str) -> None:
        tests = self.tests()
        held = {"same_class": np.flatnonzero(np.asarray(tests.get("classes", [])) >= 0),
                "analogies": tests.get("questions", []), "similarity": tests.get("pairs", [])}  # fmt: skip
        self.number_of = {name: len(of) for name, of in held.items()}
        for name, value in word_scores(self.vectors(), tests).items():
            self.track(f"{part}/{name}", torch.tensor(value, device=self.device), 1)
        super()._log_scores(part)

    def baselines(self, datamodule: Any) -> dict[str, dict[str, float]]:
        """Random vectors and the SVD of PPMI, where the data tests vectors."""
        tests = datamodule.word_tests()
        return word_baselines(datamodule, self.hparams.size, self.hparams.window, tests) if tests else {}

    def figures(self, batch: dict, out: dict) -> dict[str, Any]:
        """A map of frequent words."""
        classes = self.tests().get("classes")
        return {"map": map_figure(self.vectors()[FIRST:], self.vocabulary, classes, MAPPED)}

    def texts(self, batch: dict, out: dict) -> dict[str, str]:
        """The nearest words of frequent words that are not the very most frequent, which stand near everything."""
        vectors, words = self.vectors(), self.vocabulary
        lines = ["| word | nearest by cosine |", "|---|---|"]
        start = min(50, len(words) // 4)
        for place in torch.linspace(start, min(len(words) - 1, 20 * start), LISTED).long().unique().tolist():
            row = place + FIRST
            near = closest(vectors, vectors[row], 5, [0, 1, row])
            beside = ", ".join(f"{escaped(words[i - FIRST])} {value:.2f}" for i, value in near)
            lines.append(f"| {escaped(words[place])} | {beside} |")
        return {"nearest_words": "\n".join(lines)}
