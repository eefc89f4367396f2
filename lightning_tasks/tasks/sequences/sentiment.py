"""The class of a text by a recurrent network, attention over its states, an encoder, or the mean word (F1, F2, F8)."""

from typing import Any

import torch
from torch import Tensor, nn

from lightning_tasks.baselines.texts import text_baselines
from lightning_tasks.common.choices import checked_choice
from lightning_tasks.measures.binary import roc
from lightning_tasks.measures.word_weights import gradient_times_embedding
from lightning_tasks.nets.text import TEXT_NETS, TextNet
from lightning_tasks.plots.binary import precision_recall_figure, roc_figure
from lightning_tasks.plots.words import Line, words_as_markdown, words_figure
from lightning_tasks.problems import Classifier
from lightning_tasks.problems.task import NO_PICTURES

SHOWN = 6  # sentences of the heat map

SPREAD = 0.1  # of random word vectors: larger ones are noise where most words are rare (val/auroc .83 with 1)


class SentimentTask(Classifier):
    """Reads ``tokens`` (B, T) int32, 0 behind a text's end, ``length`` (B,) int64 and ``label`` (B,).

    Words, vectors of them, one vector of the text by ``net``, dropout, and a linear layer to the classes. Nothing
    depends on padding. ``net: attention`` also gives the weight of each word; its heat map is a text and a figure.

    Args:
        words: Rows of the table of word vectors; 0 pads and 1 is any unknown word.
        width: Numbers of a word vector.
        net: ``lstm``, ``gru``, ``rnn``, ``attention`` (an LSTM with attention over its states), ``transformer`` (an
            encoder) or ``mean``.
        hidden: Units of a recurrent layer and direction, of the encoder, or of the perceptron of ``mean``.
        layers: Recurrent layers, or blocks of the encoder.
        bidirectional: Also read from the end.
        dropout: Share of numbers of word vectors and of a text's vector that training leaves out.
        freeze_vectors: Do not train the word vectors; for vectors from a file.
        **kwargs: Arguments of ``Classifier``.

    Raises:
        ValueError: An unknown ``net``, word vectors of another width, or vectors to freeze that are random.
    """

    reads = ("tokens", "length", "label")
    refuses = {"tta": NO_PICTURES}
    explains = "text"

    def __init__(
        self,
        words: int | None = None,
        width: int | None = None,
        net: str = "attention",
        hidden: int = 32,
        layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.3,
        freeze_vectors: bool = False,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.save_hyperparameters(logger=False)
        checked_choice("net", net, TEXT_NETS)
        if words is None:
            raise ValueError("words is not set: give the rows of the table of word vectors, or data that states them.")
        if net == "rnn":
            self.refuses = self.refuses | {"export": "PyTorch exports an rnn for texts of one length only; use lstm"}
        self.embedding = nn.Embedding(words, width or 50, padding_idx=0)
        with torch.no_grad():
            self.embedding.weight.mul_(SPREAD)  # padding stays 0
        self.embedding.weight.requires_grad_(not freeze_vectors)
        self.net = TextNet(net, width or 50, hidden, layers, bidirectional, dropout)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(self.net.width, self.num_classes)

    def fit_statistics(self, statistics: dict[str, Tensor]) -> None:
        """Also begin at the word vectors of the data, where it has some."""
        super().fit_statistics(statistics)
        vectors = statistics.get("vectors")
        if vectors is None:
            if self.hparams.freeze_vectors:
                raise ValueError("freeze_vectors would keep random vectors: give a file of them as --data.vectors.")
            return
        if vectors.shape != self.embedding.weight.shape:
            raise ValueError(
                f"The data's word vectors are a table of {' x '.join(map(str, vectors.shape))}; the network's is of "
                f"{' x '.join(map(str, self.embedding.weight.shape))}. Leave --model.words and --model.width away."
            )
        self.weights_origin = "word vectors of the data"
        with torch.no_grad():
            self.embedding.weight.copy_(vectors)

    # ---- network ----------------------------------------------------------------------------------------------

    def read(self, batch: dict) -> tuple[Tensor, Tensor | None]:
        """Vectors (B, F) of texts, and the weights (B, T) of their words where the network attends."""
        return self.net(self.dropout(self.embedding(batch["tokens"])), batch["length"])

    def logits(self, batch: dict) -> Tensor:
        """(B, K)."""
        return self.head(self.dropout(self.read(batch)[0]))

    def word_weights(self, batch: dict, target: Tensor) -> dict[str, Tensor]:
        """What each word (B, T) has to do with class ``target`` (B,), by each way to tell; in evaluation mode."""
        weights = {"gradient x embedding": gradient_times_embedding(self.logits, self.embedding, batch, target)}
        if self.hparams.net == "attention":
            with torch.no_grad():
                weights["attention"] = self.read(batch)[1]
        return weights

    # ---- scores, texts and figures ----------------------------------------------------------------------------

    def baselines(self, datamodule: Any) -> dict[str, dict[str, float]]:
        """Class shares, and TF-IDF with logistic regression."""
        return text_baselines(self, datamodule)

    def lines(self, batch: dict, out: dict) -> list[Line]:
        """The first texts of a batch, those of rare classes first, with the attention of their words."""
        data = self.trainer.datamodule
        if self.hparams.net != "attention" or data.content != "text":
            return []
        frequency = torch.bincount(batch["label"], minlength=self.num_classes)[batch["label"]]
        rows = frequency.argsort(stable=True)[:SHOWN]
        alpha = self.read(batch)[1].float()
        shown = []
        for i in rows.tolist():
            n, k = int(batch["length"][i]), int(out["prob"][i].argmax())
            title = (
                f"{self.class_names[k]} {float(out['prob'][i, k]):.2f} (truth: {self.class_names[batch['label'][i]]})"
            )
            shown.append(Line(title, data.spelled(batch["tokens"][i, :n].tolist()), alpha[i, :n].tolist()))
        return shown

    def texts(self, batch: dict, out: dict) -> dict[str, str]:
        """Sentences with the attention of each word."""
        lines = self.lines(batch, out)
        return {"attention": words_as_markdown(lines)} if lines else {}

    def figures(self, batch: dict, out: dict) -> dict[str, Any]:
        """The same as a heat map."""
        lines = self.lines(batch, out)
        return {"attention": words_figure(lines)} if lines else {}

    def figures_of_rows(self, rows: dict[str, Tensor]) -> dict[str, Any]:
        """Confusion matrix; with two classes also ROC, and precision over recall."""
        drawn = super().figures_of_rows(rows)
        if self.num_classes == 2 and 0 < int(rows["label"].sum()) < len(rows["label"]):
            curve = roc(rows["prob"][:, 1], rows["label"])
            drawn |= {"roc": roc_figure(curve, partial=False), "precision_recall": precision_recall_figure(curve)}
        return drawn
