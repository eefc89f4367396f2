"""Weights of words against closed forms and captum; texts without some of their words."""

import torch
from captum.attr import LayerGradientXActivation
from torch import nn

from lightning_tasks.measures.word_weights import deletion, gradient_times_embedding, highest, without
from lightning_tasks.nets.text import TextNet

BATCH = {"tokens": torch.tensor([[3, 4, 5, 6], [7, 3, 0, 0], [2, 0, 0, 0]]), "length": torch.tensor([4, 2, 1])}


class Net(nn.Module):
    def __init__(self, net):
        super().__init__()
        torch.manual_seed(0)
        self.embedding, self.net, self.head = nn.Embedding(8, 5, padding_idx=0), TextNet(net, 5, 4), nn.Linear(4, 3)

    def forward(self, tokens, length):
        return self.head(self.net(self.embedding(tokens), length)[0])

    def logits(self, batch):
        return self(batch["tokens"], batch["length"])


def test_gradient_times_embedding_is_captums_and_frozen_vectors_do():
    for name in ("lstm", "attention", "mean"):
        net, target = Net(name).eval(), torch.tensor([0, 2, 1])
        net.embedding.requires_grad_(False)
        with torch.inference_mode():
            ours = gradient_times_embedding(net.logits, net.embedding, BATCH, target)
        net.embedding.requires_grad_(True)
        theirs = LayerGradientXActivation(net, net.embedding).attribute(
            BATCH["tokens"], target=target, additional_forward_args=(BATCH["length"],)
        )
        torch.testing.assert_close(ours, theirs.sum(2).detach())
        assert (ours[1, 2:] == 0).all() and ours[0].any() and not net.embedding._forward_hooks


def test_words_are_taken_out_and_an_empty_text_is_one_unknown_word():
    removed = torch.tensor([[False, True, False, True], [True, False, True, True], [True, False, False, False]])
    left = without(BATCH, removed)
    assert left["tokens"].tolist() == [[3, 5, 0, 0], [3, 0, 0, 0], [1, 0, 0, 0]]
    assert left["length"].tolist() == [2, 1, 1] and BATCH["length"].tolist() == [4, 2, 1]


def test_the_highest_weights_are_those_of_real_words():
    weights = torch.tensor([[0.1, 3.0, -1.0, 2.0], [-5.0, -6.0, 9.0, 9.0], [0.0, 1.0, 1.0, 1.0]])
    assert highest(weights, BATCH["length"], 2).tolist() == [
        [False, True, False, True], [True, True, False, False], [True, False, False, False]
    ]  # fmt: skip


def test_without_the_word_that_decides_the_probability_falls_and_by_chance_less():
    tokens = torch.randint(3, 8, (400, 10), generator=torch.Generator().manual_seed(0))
    tokens[:, 4] = 2  # the cue
    batch = {"tokens": tokens, "length": torch.full((400,), 10)}

    def prob(batch):
        cue = (batch["tokens"] == 2).any(1).double()
        return torch.stack([0.9 * cue, 1 - 0.9 * cue], 1).clamp(0.1, 0.9)

    weights = (tokens == 2).float()
    top, chance = deletion(prob, batch, weights, 1, torch.Generator().manual_seed(0))
    torch.testing.assert_close(top, torch.full_like(top, 0.8))
    assert 0.02 < float(chance.mean()) < 0.15  # one word of ten
