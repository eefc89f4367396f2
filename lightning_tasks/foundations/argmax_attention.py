"""Attention with argmax in place of softmax (F4): its output, and what it does to training."""

import math

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from lightning_tasks.foundations.arrays import gap
from lightning_tasks.foundations.attention import attention, attention_gradients, attention_weights
from lightning_tasks.problems.exercise import Answer, Check, Exercise, Table

QUERY = [3.0, -1.0, -1.0]
KEYS = [[1.0, 2.0, 3.0], [2.0, 2.0, 1.0], [0.0, 1.0, -1.0], [0.0, -2.0, -4.0]]
VALUES = [[6.0, 1.0, -2.0], [6.0, -1.0, 2.0], [6.0, 1.0, 0.0], [6.0, 1.0, 2.0]]
CAUSAL = np.tri(4, dtype=bool)  # query i looks at keys 1 to i
COLD = 1 / 64  # a temperature at which softmax is argmax, to six places
SOFT = [6.0, 0.905402, 1.994015]  # the softmax output of the sheet, to six places


def soft_attention(q: Tensor, k: Tensor, v: Tensor, temperature: float = 1.0) -> Tensor:
    """Output (D,) of query (E,), keys (M, E) and values (M, D); scores are not scaled, as in the exercise."""
    return torch.softmax(k @ q / temperature, 0) @ v


def argmax_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """The value whose key fits best: argmax gives a one-hot row of weights."""
    weights = torch.nn.functional.one_hot((k @ q).argmax(), len(k)).to(v.dtype)
    return weights @ v


def gradients(attend, q: Tensor, k: Tensor, v: Tensor) -> dict[str, Tensor]:
    """Gradients of the sum of the output by q, K and V; zeros where the output does not depend on it at all."""
    leaves = [x.clone().requires_grad_() for x in (q, k, v)]
    gradients = torch.autograd.grad(attend(*leaves).sum(), leaves, allow_unused=True)
    return {
        name: torch.zeros_like(leaf) if gradient is None else gradient
        for name, leaf, gradient in zip("qKV", leaves, gradients, strict=True)
    }


class ArgmaxAttention(Exercise):
    """One query, four keys and values: argmax beside softmax, with gradients by autograd.

    Args:
        temperature: Highest temperature of the table in which softmax turns into argmax.

    Raises:
        ValueError: A temperature of 0 or less.
    """

    question = (
        "What is the output of attention for the sheet's query, keys and values when softmax is replaced by argmax, "
        "and what does that do to training?"
    )

    def __init__(self, temperature: float = 4.0) -> None:
        if temperature <= 0:
            raise ValueError(f"temperature={temperature}: need more than 0.")
        self.temperature = temperature
        self.q, self.k, self.v = (torch.tensor(x, dtype=torch.float64) for x in (QUERY, KEYS, VALUES))

    def answer(self) -> Answer:
        """Both outputs, both sets of gradients, and the way from softmax to argmax."""
        scores = self.k @ self.q
        weights = torch.softmax(scores, 0)
        hard, soft = argmax_attention(self.q, self.k, self.v), soft_attention(self.q, self.k, self.v)
        hard_by, soft_by = gradients(argmax_attention, *self.all), gradients(soft_attention, *self.all)
        temperatures = [self.temperature / 2**i for i in range(9)]
        distance = [float((soft_attention(*self.all, t) - hard).abs().max()) for t in temperatures]
        text = (
            f"The scores q.k are {row(scores)}; the last is largest, so argmax takes the last value: {row(hard)}. "
            f"Softmax mixes all four, {row(soft)}. A small change of q or K changes no argmax, so the gradient to "
            "both is zero wherever it is defined: queries and keys keep their first weights for ever. Only the chosen "
            "row of V has a gradient (a one-hot choice of rows). `configs/argmax_attention.yaml` trains it, and two "
            "remedies: straight-through and REINFORCE. Softmax attention backward: dV = A^T dO; dA = dO V^T; dS = A "
            "(dA - sum of A dA in its row); dQ = dS K / c; dK = dS^T Q / c, with c = sqrt(E) where scores are scaled, "
            "1 on the sheet. Below, the four keys are the queries too, scores are scaled, and each looks at itself and "
            "those before it: a hidden key has weight 0, and gets no gradient from that query."
        )
        tables = [
            Table("Scores and weights", ["key", "q.k", "softmax", "argmax"],
                  [[i + 1, float(s), float(w), int(i == int(scores.argmax()))]
                   for i, (s, w) in enumerate(zip(scores, weights, strict=True))]),
            Table("Size of the gradients of the summed output", ["attention", "q", "K", "V"],
                  [[name, *(float(by[x].norm()) for x in "qKV")]
                   for name, by in (("argmax", hard_by), ("softmax", soft_by))]),
            Table("Softmax over the temperature", ["temperature", "largest difference from argmax"],
                  [list(pair) for pair in zip(temperatures, distance, strict=True)]),
            *self.masked_tables(),
        ]  # fmt: skip
        checks = [
            *self.checks(scores, weights, hard, soft, hard_by, soft_by),
            *self.numpy_checks(soft_by),
        ]
        return Answer(text, tables, checks, {"temperature": self.figure(temperatures)})

    def masked_tables(self) -> list[Table]:
        """Self-attention of the four keys under a causal mask: weights, and gradients of the summed output."""
        k, v = self.k.numpy(), self.v.numpy()
        by_q, by_k, by_v = attention_gradients(k, k, v, np.ones_like(v), CAUSAL)
        return [
            Table("Weights of scaled attention under a causal mask", ["query", "key 1", "key 2", "key 3", "key 4"],
                  [[i + 1, *row] for i, row in enumerate(attention_weights(k, k, CAUSAL).tolist())]),
            Table("Its gradients of the summed output", ["row", "dQ 1", "2", "3", "dK 1", "2", "3", "dV 1", "2", "3"],
                  [[i + 1, *row] for i, row in enumerate(np.hstack([by_q, by_k, by_v]).tolist())]),
        ]  # fmt: skip

    def numpy_checks(self, soft_by: dict[str, Tensor]) -> list[Check]:
        """The sheet's attention in NumPy against autograd, and a masked one with four queries against torch."""
        q, k, v = (x.numpy() for x in self.all)
        ours = attention_gradients(q[None], k, v, np.ones((1, v.shape[1])), scaled=False)
        leaves = [x.clone().requires_grad_() for x in (self.k, self.k, self.v)]
        out = torch.nn.functional.scaled_dot_product_attention(*leaves, attn_mask=torch.tensor(CAUSAL))
        auto = torch.autograd.grad(out.sum(), leaves)
        masked = attention_gradients(k, k, v, np.ones_like(v), CAUSAL)
        weights = attention_weights(k, k, CAUSAL)
        return [
            *(Check(f"NumPy, gradient to {name}: largest difference from autograd",
                    gap(g, soft_by[name].numpy()), 0.0, 1e-12) for name, g in zip("qKV", ours, strict=True)),
            Check("NumPy, causal mask: output, largest difference from torch",
                  gap(attention(k, k, v, CAUSAL), out.detach().numpy()), 0.0, 1e-12),
            *(Check(f"NumPy, causal mask: d{name}, the same", gap(g, a.numpy()), 0.0, 1e-12)
              for name, g, a in zip("QKV", masked, auto, strict=True)),
            Check("weights of hidden keys", float(weights[~CAUSAL].sum()), 0.0, 0.0),
            Check("each row of weights sums to one", gap(weights.sum(1), np.ones(len(k))), 0.0, 1e-12),
        ]  # fmt: skip

    @property
    def all(self) -> tuple[Tensor, Tensor, Tensor]:
        """Query, keys, values."""
        return self.q, self.k, self.v

    def checks(
        self,
        scores: Tensor,
        weights: Tensor,
        hard: Tensor,
        soft: Tensor,
        hard_by: dict[str, Tensor],
        soft_by: dict[str, Tensor],
    ) -> list[Check]:
        """The sheet's numbers; gradients against rules derived by hand."""
        chosen = torch.zeros_like(self.v)
        chosen[3] = 1.0
        # by hand: d(sum of output) / d scores = w * (s - w.s) with s the sums of the rows of V
        sums = self.v.sum(1)
        slope = weights * (sums - weights @ sums)
        return [
            Check("scores", scores.tolist(), [-2.0, 3.0, 0.0, 6.0]),
            Check("argmax output", hard.tolist(), [6.0, 1.0, 2.0]),
            *(Check(f"softmax output {i + 1}", float(soft[i]), SOFT[i], 5e-7) for i in range(3)),
            Check("softmax weight 4", float(weights[3]), 0.950027, 5e-7),
            Check("argmax: largest gradient to q", float(hard_by["q"].abs().max()), 0.0, 0.0),
            Check("argmax: largest gradient to K", float(hard_by["K"].abs().max()), 0.0, 0.0),
            Check("argmax: gradient to V is one row", hard_by["V"].tolist(), chosen.tolist()),
            Check("softmax: gradient to q, by hand", math.dist(soft_by["q"], self.k.T @ slope), 0.0, 1e-12),
            Check("softmax: gradient to K, by hand",
                  float((soft_by["K"] - slope[:, None] * self.q).abs().max()), 0.0, 1e-12),
            Check("softmax: q has a gradient", float(soft_by["q"].norm()) > 0, True),
            Check(f"softmax at temperature {COLD:g} is argmax",
                  float((soft_attention(*self.all, COLD) - hard).abs().max()), 0.0, 1e-6),
        ]  # fmt: skip

    def figure(self, temperatures: list[float]) -> Figure:
        """Weights of the four keys over the temperature."""
        figure = Figure(figsize=(5.2, 3.2), layout="constrained")
        axis = figure.add_subplot()
        weights = torch.stack([torch.softmax(self.k @ self.q / t, 0) for t in temperatures])
        for i in range(len(self.k)):
            axis.semilogx(temperatures, weights[:, i].tolist(), ".-", label=f"key {i + 1}")
        axis.set(xlabel="temperature", ylabel="weight")
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8)
        return figure


def row(values: Tensor) -> str:
    """Numbers in brackets."""
    return "[" + ", ".join(f"{x:.6g}" for x in values.tolist()) + "]"
