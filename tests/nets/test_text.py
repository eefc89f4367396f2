"""Networks of texts: attention as its definition says, padding and other samples change nothing."""

import pytest
import torch
import yaml
from torch import nn

from lightning_tasks.nets.text import TEXT_NETS, AdditiveAttention, TextNet
from tests.conftest import ROOT

KINDS = [
    (net, layers, both and net != "transformer")
    for net in TEXT_NETS
    for layers, both in ((1, False), (2, True))
    if net != "mean" or not both
]


def made(net, layers=1, both=False, seed=0):
    torch.manual_seed(seed)
    return TextNet(net, 5, 4, layers, both).eval()


def texts(seed=1):
    return torch.randn(4, 7, 5, generator=torch.Generator().manual_seed(seed)), torch.tensor([7, 1, 4, 6])


def test_attention_is_a_perceptron_of_query_and_key_and_a_softmax_over_real_words():
    torch.manual_seed(0)
    attention = AdditiveAttention(3, 6)
    query, states, length = torch.randn(2, 3), torch.randn(2, 5, 3), torch.tensor([5, 3])
    alpha = attention(query, states, length)
    first = nn.Linear(6, 6)  # of [q; h_j], in one piece
    first.weight.data = torch.cat([attention.query.weight, attention.key.weight], 1)
    first.bias.data = attention.query.bias
    for b in range(2):
        scores = [attention.score(torch.tanh(first(torch.cat([query[b], states[b, j]])))) for j in range(length[b])]
        torch.testing.assert_close(alpha[b, : length[b]], torch.cat(scores).softmax(0))
        assert (alpha[b, length[b] :] == 0).all()
    torch.testing.assert_close(alpha.sum(1), torch.ones(2))


@pytest.mark.parametrize(("net", "layers", "both"), KINDS)
def test_padding_changes_nothing_and_weights_are_of_real_words(net, layers, both):
    model, (inputs, length) = made(net, layers, both), texts()
    vector, alpha = model(inputs, length)
    assert vector.shape == (4, model.width)
    longer = torch.cat([inputs, 50 * torch.randn(4, 9, 5)], 1)
    padded, padded_alpha = model(longer, length)
    torch.testing.assert_close(padded, vector)
    changed = inputs.clone()
    for i, n in enumerate(length):
        changed[i, n:] = 9.0
    torch.testing.assert_close(model(changed, length)[0], vector)
    assert (alpha is not None) == (net == "attention")
    if alpha is not None:
        torch.testing.assert_close(alpha.sum(1), torch.ones(4))
        torch.testing.assert_close(padded_alpha[:, :7], alpha)
        assert (padded_alpha[:, 7:] == 0).all() and (alpha[1, 1:] == 0).all() and float(alpha[1, 0].detach()) == 1
        query = model.recurrent(inputs, length)
        torch.testing.assert_close(vector, torch.einsum("bt,btf->bf", alpha, query[0]))
        torch.testing.assert_close(alpha, model.attention(query[1], query[0], length))


@pytest.mark.parametrize(("net", "layers", "both"), KINDS)
def test_a_text_depends_on_its_own_words_only(net, layers, both):
    model, (inputs, length) = made(net, layers, both), texts()
    inputs.requires_grad_()
    said = model(inputs, length)[0][2]
    uneven = torch.linspace(-1, 2, len(said)).square()  # the sum of what a layer has normalised is constant
    (gradient,) = torch.autograd.grad((said * uneven).sum(), inputs)
    assert (gradient[[0, 1, 3]] == 0).all() and (gradient[2, 4:] == 0).all() and (gradient[2, :4] != 0).any(1).all()


def test_the_mean_is_that_of_real_words():
    model, (inputs, length) = made("mean"), texts()
    means = torch.stack([inputs[i, :n].mean(0) for i, n in enumerate(length)])
    torch.testing.assert_close(model(inputs, length)[0], model.dense(means))
    with pytest.raises(ValueError, match="has no layers and no directions"):
        TextNet("mean", 5, 4, bidirectional=True)


def test_the_encoder_reads_the_order_of_words_and_refuses_what_it_has_not():
    model, (inputs, length) = made("transformer", 2), texts()
    turned = inputs.flip(1)
    whole = torch.full_like(length, 7)
    assert not torch.allclose(model(inputs, whole)[0], model(turned, whole)[0], atol=1e-4)
    with pytest.raises(ValueError, match="net='transformer' sees all words at once"):
        TextNet("transformer", 5, 8, bidirectional=True)
    with pytest.raises(ValueError, match="hidden=6: net='transformer' has 2 heads, so need a multiple of 4"):
        TextNet("transformer", 5, 6)


def test_networks_of_a_comparison_are_of_equal_size():
    """Those of the sweep, with word vectors of 50 numbers and a layer to two classes."""
    sweep = yaml.safe_load((ROOT / "configs/sweeps/phrasebank_networks.yaml").read_text())
    sizes = {}
    for name, settings in sweep["variants"].items():
        model = TextNet(settings["model.net"], 50, settings["model.hidden"])
        sizes[name] = sum(p.numel() for p in model.parameters()) + 2 * model.width + 2
    assert set(sizes) == {"attention", "lstm", "mean"} and max(sizes.values()) / min(sizes.values()) < 1.01, sizes
