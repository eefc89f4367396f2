"""Naive Bayes (assignment F6): the class of a text from word frequencies; fitting is counting, in one pass."""

from typing import Any

import torch
from torch import Tensor

from lightning_tasks.baselines.texts import text_baselines
from lightning_tasks.common.choices import checked_choice
from lightning_tasks.nets.recurrent import real_steps
from lightning_tasks.plots.words import escaped
from lightning_tasks.problems import ClassScores, ClosedForm
from lightning_tasks.problems.checks import check_classes, check_reads
from lightning_tasks.problems.task import NO_PICTURES

MODELS = ("multinomial", "bernoulli")
UNSEEN = ("skip", "outside", "inside")
UNKNOWN, FIRST = 1, 2  # numbers of any word that is not in the vocabulary, and of the first that is; 0 pads
TOP = 12  # words of a class in the table


class NaiveBayesTask(ClassScores, ClosedForm):
    """Reads ``tokens`` (B, T), 0 behind a text's end, ``length`` and ``label`` (B,) int64.

    * ``multinomial``: log P(k) + sum over the words of a text of log P(w | k), a repeated word as often as it stands,
      with P(w | k) = (n_wk + alpha) / (n_k + alpha V);
    * ``bernoulli``: each word of the vocabulary is there or not, log P(k) + sum over all V words of log p_wk or
      log(1 - p_wk), with p_wk = (texts of k with w + alpha) / (texts of k + 2 alpha): absent words speak too.

    Everything is added up as logarithms in float64, so that long texts do not underflow. V is the number of words that
    training has. With ``alpha: 0`` a word that a class has never had makes the class impossible; a text that is
    impossible in all classes gets the prior.

    Args:
        words: Largest number of a word, and one more; 0 pads and 1 is any word that is not in the vocabulary.
        alpha: Added to each count (Laplace: 1).
        model: ``multinomial`` or ``bernoulli``.
        unseen: What a word outside of the vocabulary does: ``skip`` passes it over; ``outside`` gives it the chance
            alpha / (n_k + alpha V) of a word that was never counted, with V as it is; ``inside`` counts it as one more
            word of the vocabulary, so that chances still add up to 1.
        uniform_prior: Take all classes for equally frequent, instead of as in the train part.
        class_names: Names of the K classes, in the order of the labels.

    Raises:
        ValueError: An unknown model, or alpha below 0.

    Source: McCallum & Nigam 1998, "A comparison of event models for naive Bayes text classification".
    """

    reads = ("tokens", "length", "label")
    monitor, mode = "val/acc", "max"
    refuses = {"tta": NO_PICTURES}
    explains = "text"
    fitted = ("log_prior", "log_word", "log_absent")

    def __init__(
        self,
        words: int | None = None,
        alpha: float = 1.0,
        model: str = "multinomial",
        unseen: str = "skip",
        uniform_prior: bool = False,
        class_names: list[str] | None = None,
    ) -> None:
        super().__init__()
        self.save_hyperparameters(logger=False)
        checked_choice("model", model, MODELS)
        checked_choice("unseen", unseen, UNSEEN)
        if model == "bernoulli" and unseen != "skip":
            raise ValueError(f"unseen={unseen!r}: the Bernoulli model asks its vocabulary alone. Set unseen to skip.")
        if alpha < 0 or words is None or words <= FIRST:
            raise ValueError(f"alpha={alpha}, words={words}: need 0 or more, and a number above {FIRST}.")
        self.class_names = list(class_names or ["negative", "positive"])
        shape = (self.num_classes, words - UNKNOWN)
        self.register_buffer("log_prior", torch.zeros(self.num_classes, dtype=torch.float64))
        self.register_buffer("log_word", torch.zeros(shape, dtype=torch.float64))
        self.register_buffer("log_absent", torch.zeros(shape, dtype=torch.float64))

    def setup(self, stage: str) -> None:
        """When a fit begins, see that class names and batches fit.

        Raises:
            ValueError: They do not, or several processes would count apart.
        """
        if self.trainer.world_size > 1 and stage == "fit":
            raise ValueError("NaiveBayesTask counts in one process: set --trainer.devices 1.")
        if stage == "fit" and self.trainer.datamodule is not None:
            check_classes(self.class_names, self.trainer.datamodule)
            check_reads(self, self.trainer.datamodule)
        super().setup(stage)

    # ---- fit: counting ----------------------------------------------------------------------------------------

    def training_step(self, batch: dict, batch_idx: int) -> None:
        """Count the batch; texts of batches have different lengths, so that counts are kept instead of texts."""
        counts = self.counts(batch)
        onehot = torch.nn.functional.one_hot(batch["label"], self.num_classes).double()  # (B, K)
        texts = onehot.sum(0)
        super().training_step({"texts": texts[None], "words": (onehot.T @ counts)[None]}, batch_idx)

    def counts(self, batch: dict) -> Tensor:
        """How often each word stands in a text, unknown ones first, or whether it does: float64 (B, words - 1)."""
        tokens = batch["tokens"].long()
        real = real_steps(batch["length"], tokens.shape[1])
        counts = torch.zeros(tokens.shape[0], self.hparams.words, dtype=torch.float64, device=tokens.device)
        counts.scatter_add_(1, tokens, real.double())
        counts = counts[:, UNKNOWN:]
        if self.hparams.unseen == "skip":
            counts[:, 0] = 0
        return counts.clamp_max(1) if self.hparams.model == "bernoulli" else counts

    def fit_rows(self, rows: dict[str, Tensor]) -> None:
        """Logarithms of smoothed shares, from counts of N batches: ``texts`` (N, K), ``words`` (N, K, words - 1)."""
        texts, words, h = rows["texts"].sum(0), rows["words"].sum(0), self.hparams
        if h.unseen == "outside":
            words[:, 0] = 0
        seen = words.sum(0) > 0  # others are rows of the table without a word
        seen[0] = h.unseen == "inside"
        shares = torch.full_like(texts, 1 / len(texts)) if h.uniform_prior else texts / texts.sum()
        total = texts + 2 * h.alpha if h.model == "bernoulli" else words.sum(1) + h.alpha * seen.sum()
        share = (words + h.alpha) / total.clamp_min(torch.finfo(total.dtype).tiny)[:, None]  # without words: 0
        seen[0] = h.unseen != "skip"
        self.log_prior = shares.log()
        self.log_word = share.log().masked_fill(~seen, 0)
        self.log_absent = torch.log1p(-share).masked_fill(~seen, 0) if h.model == "bernoulli" else 0 * share

    # ---- predict ----------------------------------------------------------------------------------------------

    def joint(self, batch: dict) -> Tensor:
        """Log P(text, k) up to what is the same in all classes, float64 (B, K)."""
        counts = self.counts(batch)
        joint = weighted(counts, self.log_word) + self.log_prior
        if self.hparams.model == "bernoulli":
            joint = joint + weighted(1 - counts, self.log_absent)
        return joint

    def predict_step(self, batch: dict, batch_idx: int = 0) -> dict[str, Any]:
        """``id`` and ``prob`` float64 (B, K)."""
        joint = self.joint(batch)
        impossible = joint.isneginf().all(1, keepdim=True)
        return {"id": batch["id"], "prob": torch.where(impossible, self.log_prior, joint).softmax(1)}

    def word_weights(self, batch: dict, target: Tensor) -> dict[str, Tensor]:
        """Log P(w | k) of class ``target`` (B,) less the mean over all classes, (B, T)."""
        contrast = self.log_word.clamp_min(-50) - self.log_word.clamp_min(-50).mean(0)
        table = torch.nn.functional.pad(contrast, (UNKNOWN, 0))  # (K, words)
        real = real_steps(batch["length"], batch["tokens"].shape[1])
        return {"log odds": (table[target[:, None], batch["tokens"].long()] * real).float()}

    # ---- baselines and texts ----------------------------------------------------------------------------------

    def baselines(self, datamodule: Any) -> dict[str, dict[str, float]]:
        """Class shares; TF-IDF with logistic regression and with a linear support vector machine."""
        return text_baselines(self, datamodule, svm=True)

    def texts(self, batch: dict, out: dict) -> dict[str, str]:
        """The words that speak most for each class, with P(w | k) and the odds against the mean of the classes."""
        data = self.trainer.datamodule
        if data.content != "text":
            return {}
        log_word = self.log_word[:, FIRST - UNKNOWN :].clamp_min(-50)
        odds = (log_word - log_word.mean(0))[:, : len(data.fitted["words"])]
        lines = ["| class | word | P(word given class) | odds |", "|---|---|---|---|"]
        for k, name in enumerate(self.class_names):
            for i in odds[k].topk(min(TOP, odds.shape[1])).indices.tolist():
                chance, factor = float(log_word[k, i].exp()), float(odds[k, i].exp())
                word = escaped(data.spelled([i + FIRST])[0])
                lines.append(f"| {escaped(name)} | {word} | {chance:.5f} | {factor:.1f} |")
        return {"words": "\n".join(lines) + "\n"}


def weighted(counts: Tensor, logs: Tensor) -> Tensor:
    """Sum over words of counts (B, V) times logarithms (K, V): (B, K); 0 times minus infinity is 0."""
    finite = counts @ logs.masked_fill(logs.isneginf(), 0).T
    return finite.masked_fill(counts @ logs.isneginf().double().T > 0, -torch.inf)
