"""Which words decide: gradients of a logit by word vectors, and whether removing the words with most weight matters.

Letters: B batch, T words, K classes.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

Logits = Callable[[dict], Tensor]  # batch with tokens (B, T) and length (B,) -> logits (B, K)


def gradient_times_embedding(logits: Logits, embedding: nn.Embedding, batch: dict, target: Tensor) -> Tensor:
    """Share (B, T) of each word in the logit of class ``target`` (B,), to first order: gradient . word vector.

    Above 0 speaks for the class, below 0 against it; 0 behind a text's end. The network must be in evaluation mode.

    Source: Denil et al. 2014, "Extraction of salient sentences from labelled documents", section 3.
    """
    seen: list[Tensor] = []

    def keep(module: nn.Module, inputs: tuple, output: Tensor) -> Tensor:
        seen.append(output.detach().requires_grad_())
        return seen[-1]

    hook = embedding.register_forward_hook(keep)
    try:
        # cuDNN differentiates recurrent layers while training only
        with torch.inference_mode(False), torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
            batch = {k: v.clone() if isinstance(v, Tensor) else v for k, v in batch.items()}
            chosen = logits(batch).gather(1, target[:, None]).sum()
            (gradient,) = torch.autograd.grad(chosen, seen[0])
    finally:
        hook.remove()
    shares = (gradient * seen[0].detach()).sum(2).float()
    return shares * (torch.arange(shares.shape[1], device=shares.device) < batch["length"][:, None])


def without(batch: dict, removed: Tensor, unknown: int = 1) -> dict:
    """The batch without the words at ``removed`` bool (B, T); what is left moves together.

    A text of which nothing is left becomes one word ``unknown``.
    """
    tokens, length = batch["tokens"], batch["length"]
    real = torch.arange(tokens.shape[1], device=tokens.device) < length[:, None]
    kept = real & ~removed
    order = (~kept).to(torch.uint8).argsort(dim=1, stable=True)
    left = kept.sum(1)
    moved = tokens.gather(1, order).masked_fill(torch.arange(tokens.shape[1], device=tokens.device) >= left[:, None], 0)
    moved[:, 0] = torch.where(left == 0, unknown, moved[:, 0])
    return {**batch, "tokens": moved, "length": left.clamp_min(1)}


def highest(weights: Tensor, length: Tensor, count: int) -> Tensor:
    """Where the ``count`` largest weights of each text are, bool (B, T); all words of a shorter text."""
    real = torch.arange(weights.shape[1], device=weights.device) < length[:, None]
    ranked = weights.masked_fill(~real, -torch.inf).argsort(dim=1, descending=True, stable=True)
    place = torch.empty_like(ranked).scatter_(
        1, ranked, torch.arange(weights.shape[1], device=weights.device).expand_as(ranked)
    )
    return (place < count) & real


def deletion(
    prob: Callable[[dict], Tensor], batch: dict, weights: Tensor, count: int, stream: torch.Generator
) -> tuple[Tensor, Tensor]:
    """How much the probability of the predicted class falls (B,) without the ``count`` words of most weight.

    And, beside it, without as many random words: weights that mean something make the first the larger one.

    Args:
        prob: Batch -> probabilities (B, K).
        batch: ``tokens`` (B, T) and ``length`` (B,).
        weights: (B, T).
        count: Words to remove.
        stream: Random numbers on the CPU.

    Source: DeYoung et al. 2020, "ERASER", section 4 ("comprehensiveness").
    """
    before, predicted = prob(batch).max(1)
    by_chance = torch.rand(weights.shape, generator=stream).to(weights.device)

    def fall(order: Tensor) -> Tensor:
        after = prob(without(batch, highest(order, batch["length"], count)))
        return before - after.gather(1, predicted[:, None]).squeeze(1)

    return fall(weights), fall(by_chance)
