"""Attention that takes one value instead of a mixture (assignment F4), trained by three estimators, or not at all."""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lightning_tasks.common.choices import checked_choice
from lightning_tasks.measures.classification import chosen, judged, share_right
from lightning_tasks.problems import Classifier

ESTIMATORS = ("soft", "argmax", "straight_through", "reinforce")


class ArgmaxAttentionTask(Classifier):
    """Reads ``keys`` (B, M, D), ``query`` (B, D), ``values`` (B, M), ``slot`` and ``label`` (B,).

    Scores are W_q q . W_k k / sqrt(width); the attended value is embedded and read by a linear layer.

    * ``soft`` mixes all values by the softmax of the scores, also in evaluation.
    * ``argmax`` takes the value of the largest score: W_q and W_k get no gradient.
    * ``straight_through`` takes the same in the forward pass, and the gradient of the softmax in the backward pass
      (Bengio et al. 2013, "Estimating or propagating gradients through stochastic neurons", section 4).
    * ``reinforce`` draws a slot in training and rewards it by the log probability of the right class, less the mean
      of the batch (Williams 1992, equation 11).

    The last three take the largest score in evaluation. ``slot_acc`` is the share of samples whose largest score is at
    the right slot, whatever came out. ``score_gradient`` is the size of the gradient to W_q and W_k together, a mean
    over an epoch; ``moved`` is how far they are from their start, as a share of their size.

    Args:
        estimator: ``soft``, ``argmax``, ``straight_through`` or ``reinforce``.
        features: D; None takes that of the data.
        width: Of queries, keys and values.
        reward_weight: Of the loss of REINFORCE beside that of the class.
        weight_decay: As in ``GradientTask``; it would move weights that have no gradient.
        **kwargs: Arguments of ``Classifier``.

    Raises:
        ValueError: Another estimator.
    """

    reads = ("keys", "query", "values", "slot", "label")
    asks = ("keys", "query", "values")
    scored_rows = written_rows = ("prob", "label", "slot_acc", "moved")

    def __init__(
        self,
        estimator: str = "straight_through",
        features: int | None = None,
        width: int = 16,
        reward_weight: float = 1.0,
        weight_decay: float = 0.0,
        **kwargs,
    ) -> None:
        super().__init__(weight_decay=weight_decay, **kwargs)
        self.save_hyperparameters(logger=False)
        checked_choice("estimator", estimator, ESTIMATORS)
        features = features or 8
        self.to_query, self.to_key = nn.Linear(features, width, bias=False), nn.Linear(features, width, bias=False)
        self.to_value = nn.Embedding(self.num_classes, width)
        self.head = nn.Linear(width, self.num_classes)
        self.register_buffer("start", self.score_weights().detach().clone())

    def score_weights(self) -> Tensor:
        """All numbers of W_q and W_k, (2 * features * width,)."""
        return torch.cat([self.to_query.weight.flatten(), self.to_key.weight.flatten()])

    def moved(self) -> Tensor:
        """Distance of W_q and W_k from their start, as a share of their size there."""
        return (self.score_weights().detach() - self.start).norm() / self.start.norm()

    def scores(self, batch: dict) -> Tensor:
        """(B, M)."""
        q, k = self.to_query(batch["query"]), self.to_key(batch["keys"])
        return (k @ q[..., None]).squeeze(-1) / math.sqrt(q.shape[-1])

    def read(self, weights: Tensor, batch: dict) -> Tensor:
        """Logits (B, K) of values that are mixed by weights (B, M)."""
        return self.head((weights[..., None] * self.to_value(batch["values"])).sum(1))

    def weights(self, scores: Tensor) -> Tensor:
        """What values are mixed by (B, M): rows of one 1, or of a softmax."""
        soft = scores.softmax(1)
        if self.hparams.estimator == "soft":
            return soft
        hard = F.one_hot(scores.argmax(1), scores.shape[1]).to(soft.dtype)
        if self.hparams.estimator == "straight_through":
            return hard + soft - soft.detach()
        return hard

    def logits(self, batch: dict) -> Tensor:
        """(B, K)."""
        return self.read(self.weights(self.scores(batch)), batch)

    def training_step(self, batch: dict, batch_idx: int) -> Tensor:
        """Loss of one batch; REINFORCE adds its own."""
        if self.hparams.estimator != "reinforce":
            return super().training_step(batch, batch_idx)
        log_chance = self.scores(batch).log_softmax(1)
        slot = torch.multinomial(log_chance.exp(), 1)
        logits = self.read(F.one_hot(slot[:, 0], log_chance.shape[1]).to(log_chance.dtype), batch)
        loss = self.criterion(logits, batch)
        reward = -F.cross_entropy(logits, batch["label"], reduction="none").detach()
        policy = -((reward - reward.mean()) * log_chance.gather(1, slot)[:, 0]).mean()
        self.track("train/loss", loss, len(slot))
        return loss + self.hparams.reward_weight * policy

    def on_before_optimizer_step(self, optimizer: Any) -> None:
        """Keep the size of the gradient to W_q and W_k."""
        gradients = [p.grad for p in (self.to_query.weight, self.to_key.weight) if p.grad is not None]
        size = torch.stack([g.norm() for g in gradients]).norm() if gradients else torch.zeros((), device=self.device)
        self.track("train/score_gradient", size, 1)

    def own_rows(self, batch: dict) -> dict[str, Tensor]:
        """Whether the largest score is at the right slot, and how far the weights have moved."""
        right = judged(chosen(self.scores(batch)), batch["slot"])
        return {"slot_acc": right, "moved": self.moved().expand(len(right))}

    def score(self, rows: dict[str, Tensor]) -> dict[str, Any]:
        """Those of a classifier, and ``slot_acc`` and ``moved``."""
        scores = super().score(rows)
        if "slot_acc" in rows:  # a baseline that looks at nothing has none, nor has a mean of networks
            scores |= {"slot_acc": share_right(rows["slot_acc"]), "moved": rows["moved"].double().mean()}
        return scores

    def resampled(self, rows: dict[str, Tensor]) -> dict[str, Any]:
        """All but ``moved``, which is one number of the network and none of a sample."""
        return {name: value for name, value in self.score(rows).items() if name != "moved"}

    def metric_names(self) -> list[str]:
        """Names of the scores of validation, without its part."""
        return [*super().metric_names(), "slot_acc", "moved"]

    def baselines(self, datamodule: Any) -> dict[str, dict[str, float]]:
        """The class shares; the value of a slot taken at random; and of the right slot."""
        test = datamodule.arrays("test")
        share = (test["values"] == test["label"][:, None]).double().mean()
        return {
            **super().baselines(datamodule),
            "a random slot": {"acc": float(share), "slot_acc": 1 / test["values"].shape[1]},
            "the right slot": {"acc": 1.0, "slot_acc": 1.0},
        }
