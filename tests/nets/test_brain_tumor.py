"""The CNN of D4 in both styles."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from lightning_tasks.nets.brain_tumor import BrainTumorForward, BrainTumorSequential
from lightning_tasks.nets.classifier import build_classifier


def pair(**kwargs):
    nets = []
    for cls in (BrainTumorSequential, BrainTumorForward):
        torch.manual_seed(3)
        nets.append(cls(**kwargs))
    return nets


def test_both_styles_have_the_sheets_parameters_and_equal_outputs_from_the_same_seed():
    sequence, written = pair()
    assert sum(p.numel() for p in sequence.parameters()) == 3_709_825
    for a, b in zip(sequence.parameters(), written.parameters(), strict=True):
        assert torch.equal(a, b)
    image = torch.rand(2, 1, 256, 256, generator=torch.Generator().manual_seed(0))
    assert torch.equal(sequence(image), written(image))


def test_both_styles_stay_equal_while_they_train():
    image, label = torch.rand(8, 1, 30, 30, generator=torch.Generator().manual_seed(0)), torch.arange(8) % 2
    nets = pair(image_size=30)
    for net in nets:
        optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
        for _ in range(3):
            optimizer.zero_grad()
            F.cross_entropy(net(image), label).backward()
            optimizer.step()
    assert torch.equal(nets[0](image), nets[1](image))


def test_one_output_is_trained_by_binary_cross_entropy_on_its_sigmoid():
    net = BrainTumorSequential(image_size=30)
    image, label = torch.rand(6, 1, 30, 30), torch.tensor([0, 1, 1, 0, 1, 0])
    z = nn.Sequential(*list(net)[:13])(image)
    assert z.shape == (6, 1)
    torch.testing.assert_close(net(image).softmax(1)[:, 1:], z.sigmoid())
    expected = F.binary_cross_entropy_with_logits(z[:, 0], label.float())
    torch.testing.assert_close(F.cross_entropy(net(image), label), expected)


def test_other_sizes_and_classes_are_built_and_too_small_pictures_refused():
    assert build_classifier("brain_tumor", 3, 4, image_size=22)(torch.rand(1, 3, 22, 22)).shape == (1, 4)
    with pytest.raises(ValueError, match="image_size=21.* need 22"):
        build_classifier("brain_tumor_forward", 1, 2, image_size=21)
