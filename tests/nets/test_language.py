"""Attention, transformer and recurrent language models against definitions."""

import math

import pytest
import torch
import torch.nn.functional as F

from lightning_tasks.nets.language import NETS, choose, language_net
from lightning_tasks.nets.transformer import (
    POSITIONS,
    MultiHeadAttention,
    Transformer,
    attention,
    causal,
    rotated,
    turns,
)

V, T = 11, 12
KINDS = [(net, "learned", False) for net in NETS] + [("transformer", p, True) for p in POSITIONS] + [("gru", "-", True)]


def made(net="lstm", positions="learned", tied=False, layers=2, context=T, vocabulary=V):
    torch.manual_seed(0)
    return language_net(net, vocabulary, context, 16, layers, 2, positions, 0.0, tied).eval()


def test_attention_is_that_of_torch():
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 2, 4, 7, 5)
    for visible in (None, causal(7), torch.rand(2, 1, 7, 7) > 0.4):
        visible = visible if visible is None else visible | torch.eye(7, dtype=torch.bool)
        mixed, weights = attention(q, k, v, visible)
        expected = F.scaled_dot_product_attention(q, k, v, attn_mask=visible)
        torch.testing.assert_close(mixed, expected)
        torch.testing.assert_close(weights.sum(-1), torch.ones(2, 4, 7))
        assert visible is None or (weights.masked_select(~visible.expand_as(weights)) == 0).all()


@pytest.mark.parametrize("rotary", [False, True])
def test_multi_head_attention_mixes_by_the_weights_it_shows(rotary):
    torch.manual_seed(0)
    layer, x = MultiHeadAttention(8, 2, rotary), torch.randn(3, 5, 8)
    mixed = layer.weights(x, causal(5)) @ layer.parts(x)[2]
    torch.testing.assert_close(layer(x, causal(5)), layer.project(mixed.transpose(1, 2).flatten(2)))


def test_rotary_scores_depend_on_the_distance_alone():
    q, k = torch.randn(2, 1, 1, 1, 8)
    angles = turns(10, 8)
    scores = rotated(q.expand(1, 1, 10, 8), angles) @ rotated(k.expand(1, 1, 10, 8), angles).transpose(-1, -2)
    for offset in range(-9, 10):
        diagonal = scores[0, 0].diagonal(offset)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("positions", POSITIONS)
def test_only_without_positions_a_text_is_a_bag_of_tokens(positions):
    net, everything = made("transformer", positions), torch.ones(T, T, dtype=torch.bool)
    with torch.no_grad():
        for weights in net.parameters():  # away from the start, where attention hardly looks at anything
            weights.mul_(8)
        tokens, order = torch.randint(0, V, (2, T)), torch.randperm(T)
        same = torch.allclose(
            net.logits(tokens, everything)[:, order], net.logits(tokens[:, order], everything), atol=1e-5
        )
    assert same == (positions == "none")


@pytest.mark.parametrize(("net", "positions", "tied"), KINDS)
def test_the_next_token_changes_nothing_before_it(net, positions, tied):
    model, tokens = made(net, positions, tied), torch.randint(0, V, (3, T))
    memory = model(tokens)[1]
    for at in range(1, T):
        changed = tokens.clone()
        changed[:, at:] = (changed[:, at:] + 1 + torch.randint(0, V - 1, (3, T - at))) % V
        for kept in (None, memory):
            before, after = model(tokens, kept)[0], model(changed, kept)[0]
            torch.testing.assert_close(before[:, :at], after[:, :at])
            assert not torch.allclose(before[:, at], after[:, at])


@pytest.mark.parametrize(("net", "positions", "tied"), KINDS)
def test_the_first_loss_is_that_of_a_uniform_guess(net, positions, tied):
    model, tokens = made(net, positions, tied, vocabulary=60), torch.randint(0, 60, (16, T + 1))
    loss = F.cross_entropy(model(tokens[:, :-1])[0].flatten(0, 1), tokens[:, 1:].flatten())
    assert loss.item() == pytest.approx(math.log(60), abs=0.1)


@pytest.mark.parametrize("net", ["rnn", "gru", "lstm"])
def test_a_carried_state_is_one_long_pass_and_has_no_history(net):
    model, tokens = made(net), torch.randint(0, V, (3, 3 * T))
    whole, memory, parts = model(tokens)[0], None, []
    for window in tokens.split(T, 1):
        logits, memory = model(window, memory, torch.ones(3, dtype=torch.bool))
        parts.append(logits)
    torch.testing.assert_close(torch.cat(parts, 1), whole)
    assert not any(state.requires_grad for state in memory)
    # a window that does not go on begins with zeros, and a stream that has ended is left out
    mixed = model(tokens[:2, :T], memory, torch.tensor([False, True]))[0]
    torch.testing.assert_close(mixed[0], model(tokens[:1, :T])[0][0])
    assert not torch.allclose(mixed[1], model(tokens[1:2, :T])[0][0])


def test_a_transformer_reads_half_of_the_window_before_in_evaluation():
    model, tokens = made("transformer"), torch.randint(0, V, (2, 2 * T))
    first, second = tokens.split(T, 1)
    found = model(second, (first,), torch.tensor([True, False]))[0]
    shifted = model.logits(tokens[:, T // 2 : T // 2 + T])[:, T // 2 :]
    torch.testing.assert_close(found[0, : T // 2], shifted[0])
    torch.testing.assert_close(found[1], model.logits(second)[1])
    torch.testing.assert_close(found[0, T // 2 :], model.logits(second)[0, T // 2 :])
    model.train()
    torch.testing.assert_close(model(second, (first,))[0], model.logits(second))


@pytest.mark.parametrize("net", NETS)
def test_what_follows_is_what_the_last_place_says(net):
    model, tokens = made(net), torch.randint(0, V, (2, T))
    logits, memory = model.following(tokens[:, :-1])
    torch.testing.assert_close(logits, model(tokens[:, :-1])[0][:, -1])
    torch.testing.assert_close(model.following(tokens, memory)[0], model(tokens)[0][:, -1])


def test_chances_temperature_and_top_p():
    logits = torch.tensor([0.5, 0.25, 0.15, 0.1]).log().expand(1000, 4)
    uniform = (torch.arange(1000) + 0.5) / 1000
    share = lambda *args: choose(logits, uniform, *args).bincount(minlength=4).tolist()  # noqa: E731
    assert share(1.0, 1.0) == [500, 250, 150, 100]
    assert share(1.0, 0.7) == [667, 333, 0, 0] and share(1.0, 0.5) == [1000, 0, 0, 0] and share(0, 1.0)[0] == 1000
    assert share(0.5, 1.0)[0] == pytest.approx(1000 * 0.25 / (0.25 + 0.0625 + 0.0225 + 0.01), abs=1)


def test_wrong_arguments_are_errors():
    for change, message in (
        ({"net": "mlp"}, "choose rnn, gru, lstm, transformer"),
        ({"net": "transformer", "positions": "absolute"}, "choose learned, sinusoidal, rotary, none"),
    ):
        with pytest.raises(ValueError, match=message):
            made(**change)
    with pytest.raises(ValueError, match="a width that is a multiple of twice them"):
        Transformer(5, 5, width=10, heads=4)
    with pytest.raises(ValueError, match="13 tokens; this transformer reads 12"):
        made("transformer").logits(torch.zeros(1, 13, dtype=torch.long))
