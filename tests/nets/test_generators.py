"""Networks of the generative assignments: shapes, sizes, and what their sheets ask."""

import pytest
import torch
from torch import nn

from lightning_tasks.nets.autoencoder import conv_autoencoder, dense_autoencoder
from lightning_tasks.nets.denoiser import ConvDenoiser, DenseDenoiser
from lightning_tasks.nets.gan import ConvCritic, ConvGenerator, DenseCritic, DenseGenerator, spectrally_normalised
from lightning_tasks.nets.vae import ConvVae, gaussian


def test_autoencoders_mirror_each_other_and_end_without_a_nonlinearity():
    encoder, decoder = dense_autoencoder(30, [300, 150], 1, 28, 0.1)
    widths = [(m.in_features, m.out_features) for net in (encoder, decoder) for m in net if isinstance(m, nn.Linear)]
    assert widths == [(784, 300), (300, 150), (150, 30), (30, 150), (150, 300), (300, 784)]
    assert isinstance(encoder[-1], nn.Linear), "ReLU would cut the code at 0"
    for build, hidden in ((dense_autoencoder, [20]), (conv_autoencoder, [8, 16])):
        encoder, decoder = build(5, hidden, 3, 12, 0.0)
        codes = encoder(torch.rand(4, 3, 12, 12))
        assert codes.shape == (4, 5) and decoder(codes).shape == (4, 3, 12, 12)
        assert float(decoder(codes).detach().min()) < 0, "logits"
    with pytest.raises(ValueError, match="halves pictures 3 times; 28 pixels"):
        conv_autoencoder(5, [8, 8, 8], 1, 28, 0.0)


def test_the_vae_of_the_sheet_reaches_one_pixel_and_comes_back():
    net = ConvVae(size=2)
    sides, x = [], torch.rand(1, 3, 64, 64)
    for layer in net.encoder:
        x = layer(x)
        if isinstance(layer, nn.Conv2d):
            sides.append((x.shape[1], x.shape[2]))
    assert sides == [(32, 32), (32, 16), (64, 8), (64, 4), (256, 1)] and x.shape == (1, 4)
    mean, variance = gaussian(x)
    assert mean.shape == variance.shape == (1, 2) and (variance > 0).all()
    assert (gaussian(torch.full((1, 2), -100.0))[1] > 0).all(), "softplus alone would give 0"
    picture = net.decoder(mean)
    assert picture.shape == (1, 3, 64, 64) and float(picture.detach().abs().max()) <= 1


def test_gan_networks_and_the_spectral_norm():
    assert ConvGenerator(8, 1, 28, 4)(torch.randn(3, 8)).shape == (3, 1, 28, 28)
    assert ConvCritic(1, 28, 4)(torch.rand(3, 1, 28, 28)).shape == (3,)
    assert DenseCritic(2, 8)(DenseGenerator(4, 2, 8)(torch.randn(3, 4))).shape == (3,)
    with pytest.raises(ValueError, match="side=30: need a multiple of 4"):
        ConvGenerator(8, 1, 30)
    critic = spectrally_normalised(DenseCritic(2, 16))
    for _ in range(30):  # power iteration, a step a call
        critic(torch.randn(4, 2))
    critic.eval()
    for layer in critic:
        if isinstance(layer, nn.Linear):
            assert float(torch.linalg.matrix_norm(layer.weight.detach(), 2)) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("timeless", [False, True])
def test_denoisers_see_step_and_class_unless_they_are_hidden(timeless):
    torch.manual_seed(0)
    nets = {
        (5, 2): DenseDenoiser(2, 16, classes=3, timeless=timeless),
        (5, 1, 8, 8): ConvDenoiser(1, 8, 8, classes=3, timeless=timeless),
    }
    for shape, net in nets.items():
        for block in net.modules():  # a block begins as its short cut: give it something to say
            if hasattr(block, "second"):
                nn.init.normal_(block.second[-1].weight, std=0.1)
        x, label = torch.randn(shape), torch.zeros(5, dtype=torch.int64)
        early, late = (net(x, torch.full((5,), t), label) for t in (0.1, 0.9))
        assert early.shape == x.shape
        assert torch.equal(early, late) == timeless
        assert not torch.equal(early, net(x, torch.full((5,), 0.1), label + 1))
