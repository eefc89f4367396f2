"""Language models over a stream of text (assignments F3 and F8): which token comes next?"""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from lightning_tasks.baselines.ngrams import ngram_baselines, source_baseline
from lightning_tasks.common.choices import checked_choice
from lightning_tasks.nets.language import NETS, choose, language_net
from lightning_tasks.plots.language import attention_figure, surprise_figure
from lightning_tasks.problems import GradientTask
from lightning_tasks.problems.checks import check_reads
from lightning_tasks.problems.task import NO_CLASSES, NO_PICTURES

TEMPERATURES = (0.5, 0.8, 1.0)  # of the samples that the report shows


class LanguageModelTask(GradientTask):
    """Reads ``tokens`` (B, T + 1) and ``length`` (B,) of ``TextStreamDataModule``; predicts each token but the first.

    A recurrent network is trained by truncated backpropagation: its state goes on from window to window of a stream,
    without its history. Where a window's ``id`` is not one more than that of the window before at its place in the
    batch, the state begins with zeros, as it does at the start of each epoch and of each evaluation. What a transformer
    carries in evaluation stands in ``nets.transformer``.

    ``bits_per_token`` is the mean over all tokens of a part (bits per character where tokens are characters), and
    ``perplexity`` 2 to its power; both come from sums over windows, never from means of batches. ``acc`` is the share
    of tokens that were the most probable one.

    Clip gradients with ``trainer.gradient_clip_val``.

    Args:
        net: ``rnn``, ``lstm``, ``gru`` or ``transformer``.
        vocabulary: Size of the vocabulary; None takes that of the data.
        context: Tokens that a transformer reads at once; None takes the data's windows.
        width: Units of the embedding and of each layer.
        layers: Layers, one on the other.
        heads: Of a transformer's attention.
        positions: Of a transformer: ``learned``, ``sinusoidal``, ``rotary`` or ``none``.
        dropout: Share of units that are left out in training.
        tied: The output layer has the embedding's weights.
        carry: Carry the state from window to window; without it each begins with zeros.
        ngram_order: Of the Kneser-Ney baseline.
        sample_length: Tokens of the samples that are shown.
        **kwargs: Arguments of ``GradientTask``.

    Raises:
        ValueError: An unknown network, or no size of a vocabulary.
    """

    monitor, mode = "val/bits_per_token", "min"
    reads = ("tokens", "length")
    scored_rows = written_rows = ("nll", "count", "right")
    generates = "text"
    panels = {"bits per token": ("bits_per_token",)}
    refuses = {
        "export": "it carries a state from window to window, which a graph would lose; sample writes text",
        "ensemble": "members would have to carry a state each, and the next-token probabilities are not kept",
        "calibrate": NO_CLASSES,
        "explain": NO_PICTURES,
        "tta": NO_PICTURES,
    }

    def __init__(
        self,
        net: str = "lstm",
        vocabulary: int | None = None,
        context: int | None = None,
        width: int = 256,
        layers: int = 1,
        heads: int = 4,
        positions: str = "learned",
        dropout: float = 0.0,
        tied: bool = False,
        carry: bool = True,
        ngram_order: int = 6,
        sample_length: int = 200,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.save_hyperparameters(logger=False)
        checked_choice("net", net, NETS)
        if vocabulary is None or context is None:
            raise ValueError("vocabulary and context are not known: the data states them, or set --model.vocabulary.")
        self.net = language_net(net, vocabulary, context, width, layers, heads, positions, dropout, tied)
        self._memories: dict[str, tuple[Tensor, tuple]] = {}  # part -> ids of the windows before, what they left

    # ---- memory -----------------------------------------------------------------------------------------------

    def restart_streams(self) -> None:
        """Let random numbers begin anew, and every memory but that of training."""
        super().restart_streams()
        self._memories = {part: kept for part, kept in self._memories.items() if part == "train"}

    def on_train_epoch_start(self) -> None:
        """Begin each epoch without a memory: a resumed run repeats it."""
        super().on_train_epoch_start()
        self._memories.clear()

    def logits(self, part: str, batch: dict) -> Tensor:
        """Logits (B, T, V) of a batch's windows, with what the batch before of this part left."""
        ids, tokens = batch["id"], batch["tokens"][:, :-1]
        before, memory = self._memories.get(part, (None, None))
        goes_on = None
        if memory is not None and len(before) >= len(ids):
            goes_on = ids == before[: len(ids)] + 1
        else:
            memory = None
        logits, memory = self.net(tokens, memory, goes_on)
        if self.hparams.carry:
            self._memories[part] = ids, memory
        return logits

    # ---- steps ------------------------------------------------------------------------------------------------

    def setup(self, stage: str) -> None:
        """Also see that the data has what is read, and a vocabulary of this size."""
        super().setup(stage)
        data = self.trainer.datamodule
        if stage == "fit" and data is not None:
            check_reads(self, data)

    def training_step(self, batch: dict, batch_idx: int) -> Tensor:
        """Mean negative log likelihood (nats) of the batch's tokens."""
        targets, real = targets_of(batch)
        logits = self.logits("train", batch)
        loss = F.cross_entropy(logits.flatten(0, 1), targets.masked_fill(~real, -100).flatten())
        self.track("train/loss", loss, len(targets))
        self.track("train/bits_per_token", loss / math.log(2), len(targets))
        return loss

    def evaluate(self, part: str, batch: dict) -> None:
        """Sums over the tokens of each window."""
        self.collect(part, batch, **self.sums_of(part, batch))

    def sums_of(self, part: str, batch: dict) -> dict[str, Tensor]:
        """``nll`` (B,) in nats, ``count`` and ``right`` (B,) of tokens, and ``surprise`` (B, T) in bits."""
        targets, real = targets_of(batch)
        logits = self.logits(part, batch).float()
        nll = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none").view_as(targets) * real
        right = (logits.argmax(-1) == targets) & real
        return {
            "nll": nll.double().sum(1).float(),
            "count": real.sum(1),
            "right": right.sum(1),
            "surprise": nll / math.log(2),
        }

    def predict_step(self, batch: dict, batch_idx: int = 0) -> dict[str, Any]:
        """``id`` and what ``sums_of`` gives."""
        return {"id": batch["id"], **self.sums_of("predict", batch)}

    def file_columns(self, out: dict) -> dict[str, Tensor]:
        """Sums of each window."""
        return {name: out[name] for name in self.written_rows}

    def score(self, rows: dict[str, Tensor]) -> dict[str, Any]:
        """``bits_per_token``, ``perplexity``, ``acc``: from sums over all tokens."""
        count = rows["count"].sum().double()
        nats = rows["nll"].double().sum() / count
        return {
            "bits_per_token": nats / math.log(2),
            "perplexity": nats.exp(),
            "acc": (rows["right"].sum() / count).where(~nats.isnan(), nats),
        }

    def baselines(self, datamodule: Any) -> dict[str, dict[str, float]]:
        """Models that count, and for simulated text its source, which nothing can beat."""
        h, train, test = self.hparams, datamodule.arrays("train"), datamodule.arrays("test")
        return ngram_baselines(train, test, h.vocabulary, h.ngram_order) | source_baseline(test)

    # ---- what it writes ---------------------------------------------------------------------------------------

    @torch.inference_mode()
    def generate(
        self, prompt: Tensor, n: int, length: int, stream: torch.Generator, temperature: float = 1.0, top_p: float = 1.0
    ) -> Tensor:
        """``n`` texts that go on from a prompt: int64 (n, P + length).

        Args:
            prompt: Numbers of tokens (P,), one or more.
            n: Texts.
            length: Tokens after the prompt.
            stream: Where all random numbers come from; on the task's device.
            temperature: Logits are divided by it; 0 takes the most probable token.
            top_p: Choose among as few tokens as have this probability together.

        Raises:
            ValueError: A number that is out of range.
        """
        if not 0 <= temperature < math.inf or not 0 < top_p <= 1:
            raise ValueError(f"temperature={temperature}, top_p={top_p}: need 0 or more, and above 0 up to 1.")
        tokens, memory = prompt.to(self.device)[None].expand(n, -1), None
        for _ in range(length):
            logits, memory = self.net.following(tokens, memory)
            logits = logits.float()
            logits[:, 0] = -math.inf  # the unknown token has no text
            uniform = torch.rand(n, generator=stream, device=self.device)
            tokens = torch.cat([tokens, choose(logits, uniform, temperature, top_p)[:, None]], 1)
        return tokens

    def texts(self, batch: dict, out: dict) -> dict[str, str]:
        """A sample at each of three temperatures."""
        data = self.trainer.datamodule
        prompt = torch.from_numpy(data.prompt())
        parts = []
        for temperature in TEMPERATURES:
            stream = torch.Generator(self.device).manual_seed(0)
            (tokens,) = self.generate(prompt, 1, self.hparams.sample_length, stream, temperature).tolist()
            text = data.text_of(tokens).strip("\n")
            parts.append(f"### Temperature {temperature}\n\n" + "\n".join(f"    {x}" for x in text.split("\n")))
        return {"samples": "\n\n".join(parts) + "\n"}

    def figures(self, batch: dict, out: dict) -> dict[str, Any]:
        """How surprising each token of some windows was; what a transformer's heads look at."""
        data = self.trainer.datamodule
        names = [[data.text_of([i]) for i in row] for row in batch["tokens"][:6, 1:].tolist()]
        counts = out["count"].tolist()
        names = [row[:n] for row, n in zip(names, counts, strict=False)]
        figures = {"surprise": surprise_figure(names, out["surprise"][:6].tolist())}
        if self.hparams.net == "transformer":
            tokens = batch["tokens"][:1, :32]
            maps = self.net.maps(tokens)[:, 0].float().cpu()
            figures["attention"] = attention_figure(maps, [data.text_of([i]) for i in tokens[0].tolist()])
        return figures


def targets_of(batch: dict) -> tuple[Tensor, Tensor]:
    """What windows predict, int64 (B, T), and which of it are real tokens, bool (B, T)."""
    targets = batch["tokens"][:, 1:].long()
    return targets, torch.arange(1, targets.shape[1] + 1, device=targets.device) < batch["length"][:, None]
