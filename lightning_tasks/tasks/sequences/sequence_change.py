"""Sequences that become others by a rule, such as their reversal, by a small transformer (assignment F8)."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from lightning_tasks.common.choices import checked_choice
from lightning_tasks.measures.classification import share_right
from lightning_tasks.nets.transformer import Transformer, causal
from lightning_tasks.plots.language import attention_figure
from lightning_tasks.plots.sequences import accuracy_by_length_figure
from lightning_tasks.problems import GradientTask
from lightning_tasks.problems.checks import check_reads
from lightning_tasks.problems.task import NO_CLASSES, NO_MEAN, NO_PICTURES

MASKS = ("prefix", "causal", "none")


class SequenceChangeTask(GradientTask):
    """Reads ``tokens`` (B, T), ``prompt`` and ``length`` (B,): what follows the prompt is to be written.

    One stack of blocks reads and writes: with the ``prefix`` mask the tokens of the prompt see each other, as in an
    encoder, and those of the answer see all before them, as in a decoder. The loss is that of the answer's tokens, each
    given the true ones before it. Evaluation lets the network write the answer alone, the most probable token at each
    step: ``exact`` is the share of answers that are right to the last token, ``token_acc`` that of their tokens.
    ``acc_teacher`` is the share of tokens that are right where the true ones before are given.

    Args:
        mask: ``prefix``; ``causal``: all tokens see those before them alone; ``none``: all see all, so that training
            reads the answer it is to write (a control).
        positions: ``learned``, ``sinusoidal``, ``rotary`` or ``none`` (a control: a prompt is then a bag of digits).
        symbols: Names of the tokens; None takes those of the data.
        context: Tokens of the longest sequence with its answer; None takes that of the data.
        width: Channels.
        layers: Blocks.
        heads: Of the attention.
        dropout: Share of units that are left out in training.
        **kwargs: Arguments of ``GradientTask``.

    Raises:
        ValueError: Another mask, or no symbols.
    """

    monitor, mode = "val/exact", "max"
    reads = ("tokens", "prompt", "length")
    scored_rows = written_rows = ("exact", "right", "teacher", "count")
    refuses = {
        "export": "it writes its answer in a loop, a token at a time",
        "ensemble": NO_MEAN,
        "calibrate": NO_CLASSES,
        "explain": NO_PICTURES,
        "tta": NO_PICTURES,
    }

    def __init__(
        self,
        mask: str = "prefix",
        positions: str = "learned",
        symbols: list[str] | None = None,
        context: int | None = None,
        width: int = 64,
        layers: int = 2,
        heads: int = 4,
        dropout: float = 0.0,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.save_hyperparameters(logger=False)
        checked_choice("mask", mask, MASKS)
        if not symbols or context is None:
            raise ValueError("symbols and context are not known: the data states them, or set --model.symbols.")
        self.symbols = list(symbols)
        self.net = Transformer(len(symbols), context, width, layers, heads, positions, dropout, tied=False)

    def visible(self, prompt: Tensor, steps: int) -> Tensor:
        """Which token may look at which: bool (B, 1, T, T)."""
        before = causal(steps, prompt.device).expand(len(prompt), 1, -1, -1)
        if self.hparams.mask == "causal":
            return before
        if self.hparams.mask == "none":
            return torch.ones_like(before)
        return before | (torch.arange(steps, device=prompt.device) < prompt[:, None, None, None])

    def setup(self, stage: str) -> None:
        """Also see that the data has what is read."""
        super().setup(stage)
        if stage == "fit" and self.trainer.datamodule is not None:
            check_reads(self, self.trainer.datamodule)

    def answers(self, batch: dict) -> tuple[Tensor, Tensor]:
        """Next tokens (B, T - 1), and which of them are the answer's."""
        place = torch.arange(1, batch["tokens"].shape[1], device=batch["tokens"].device)
        real = (place >= batch["prompt"][:, None]) & (place < batch["length"][:, None])
        return batch["tokens"][:, 1:], real

    def taught(self, batch: dict) -> Tensor:
        """Logits (B, T - 1, V) of the next token, where all true ones before it are given."""
        tokens = batch["tokens"][:, :-1]
        return self.net.logits(tokens, self.visible(batch["prompt"], tokens.shape[1]))

    def loss(self, logits: Tensor, batch: dict) -> Tensor:
        """Mean cross entropy of the answers' tokens."""
        targets, real = self.answers(batch)
        return F.cross_entropy(logits.float().flatten(0, 1), targets.masked_fill(~real, -100).flatten())

    def training_step(self, batch: dict, batch_idx: int) -> Tensor:
        """Loss of one batch."""
        loss = self.loss(self.taught(batch), batch)
        self.track("train/loss", loss, len(batch["id"]))
        return loss

    @torch.no_grad()
    def written(self, batch: dict) -> Tensor:
        """The answers that the network writes by itself: ``tokens`` (B, T) with them in place of the true ones."""
        tokens, prompt = batch["tokens"].clone(), batch["prompt"]
        steps = tokens.shape[1]
        place = torch.arange(steps, device=tokens.device)
        # what is not yet written is hidden also from a network that looks ahead
        tokens = torch.where(place < prompt[:, None], tokens, len(self.symbols) - 1)
        for step in range(int(prompt.min()), steps):
            logits = self.net.logits(tokens[:, :step], self.visible(prompt, step))[:, -1]
            tokens[:, step] = torch.where(step >= prompt, logits.argmax(-1), tokens[:, step])
        return tokens

    def evaluate(self, part: str, batch: dict) -> None:
        """Loss with the true tokens before, and what is written without them."""
        logits = self.taught(batch)
        targets, real = self.answers(batch)
        self.track(f"{part}/loss", self.loss(logits, batch), real.sum())
        right = (self.written(batch)[:, 1:] == targets) & real
        teacher = (logits.argmax(-1) == targets) & real
        count = real.sum(1)
        sums = {"right": right.sum(1), "teacher": teacher.sum(1), "count": count}
        exact = (right.sum(1) == count).long()
        broken = (logits.isnan().any(-1) & real).any(1)
        self.collect(part, batch, exact=exact.masked_fill(broken, -1), **sums)

    def predict_step(self, batch: dict, batch_idx: int = 0) -> dict[str, Any]:
        """``id``, ``written`` (B, T) symbols by their numbers, and whether they are ``exact``."""
        written, (targets, real) = self.written(batch), self.answers(batch)
        exact = ((written[:, 1:] == targets) | ~real).all(1).long()
        return {"id": batch["id"], "written": written, "exact": exact}

    def file_columns(self, out: dict) -> dict[str, Tensor]:
        """Whether each answer is right."""
        return {"exact": out["exact"]}

    def score(self, rows: dict[str, Tensor]) -> dict[str, Any]:
        """``exact``, ``token_acc``, ``acc_teacher``; NaN where a network said NaN."""
        count, exact = rows["count"].sum().double(), share_right(rows["exact"])
        return {
            "exact": exact,
            "token_acc": (rows["right"].sum() / count).where(~exact.isnan(), exact),
            "acc_teacher": (rows["teacher"].sum() / count).where(~exact.isnan(), exact),
        }

    def baselines(self, datamodule: Any) -> dict[str, dict[str, float]]:
        """The prompt itself as its answer: right where the rule changes nothing."""
        test = datamodule.arrays("test")
        targets, real = self.answers(test)
        place = torch.arange(targets.shape[1]) + 1 - test["prompt"][:, None]
        echo = test["tokens"].gather(1, place.clamp(0, targets.shape[1] - 1))
        last = (place == test["prompt"][:, None] - 1) & real  # the stop comes after as many digits
        right = ((echo == targets) | last) & real
        count = real.sum(1)
        return {"the prompt again": {"exact": float((right.sum(1) == count).double().mean()),
                                     "token_acc": float(right.sum() / count.sum())}}  # fmt: skip

    def figures(self, batch: dict, out: dict) -> dict[str, Any]:
        """What the heads look at while the first answer is read with its true tokens."""
        size = int(batch["length"][0])
        tokens = batch["tokens"][:1, :size]
        maps = self.net.maps(tokens, self.visible(batch["prompt"][:1], size))[:, 0].float().cpu()
        return {"attention": attention_figure(maps, [self.symbols[i] for i in tokens[0].tolist()])}

    def figures_of_rows(self, rows: dict[str, Tensor]) -> dict[str, Any]:
        """Exact answers over the number of digits."""
        return {"by_length": accuracy_by_length_figure(rows["exact"].cpu(), rows["count"].cpu() - 1)}

    def texts(self, batch: dict, out: dict) -> dict[str, str]:
        """Some answers."""
        lines = []
        for row, prompt, exact in zip(out["written"][:10].tolist(), batch["prompt"].tolist(), out["exact"].tolist(),
                                      strict=False):  # fmt: skip
            names = "".join(self.symbols[i] for i in row)
            answer = names[prompt:].split(".")[0]
            lines.append(f"    {names[:prompt]}{answer}.  {'right' if exact else 'wrong'}")
        return {"answers": "\n".join(lines) + "\n"}
