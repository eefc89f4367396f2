"""VGG16 and ResNet-50 with an MLP: sizes, what is frozen, and that it stays so."""

import pytest
import torch

from lightning_tasks import WristTask
from lightning_tasks.nets.classifier import build_classifier
from lightning_tasks.nets.parameter_groups import set_trainable


def test_parameters_are_those_of_the_sheet():
    with torch.device("meta"):
        counts = {
            name: sum(p.numel() for p in build_classifier("transfer", 3, 2, backbone=name).parameters())
            for name in ("vgg16", "resnet50")
        }
    assert counts == {"vgg16": 17_926_338, "resnet50": 36_433_154 - 26_560 - 53_120}


@pytest.mark.parametrize(
    ("backbone", "blocks"), [("vgg16", {"block4", "block5", "head"}), ("resnet50", {"layer3", "layer4", "head"})]
)
def test_the_last_two_blocks_and_the_mlp_alone_train(backbone, blocks):
    task = WristTask(net_args={"backbone": backbone, "image_size": 32}, class_names=["none", "fracture"])
    assert {name.split(".")[0] for name in task.trained()} == blocks
    set_trainable(task.net, "last:2")
    assert sorted(n for n, p in task.net.named_parameters() if p.requires_grad) == sorted(task.trained())
    before = {name: value.clone() for name, value in task.net.state_dict().items()}
    optimizer = torch.optim.Adam(task.net.parameters(), lr=0.1)
    task.net(torch.rand(4, 3, 32, 32)).square().sum().backward()
    optimizer.step()
    moved = {n for n, value in task.net.state_dict().items() if not torch.equal(value, before[n])}
    assert moved and {name.split(".")[0] for name in moved} == blocks, "statistics of frozen norms stay, too"
    norms = [m for n, m in task.net.named_modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert any(m.training for m in norms) == (backbone == "resnet50")


def test_every_size_fits_and_other_backbones_are_refused():
    for backbone, size in (("vgg16", 63), ("resnet50", 33)):
        net = build_classifier("transfer", 1, 3, backbone=backbone, image_size=size, hidden=4).eval()
        assert net(torch.rand(1, 1, size, size)).shape == (1, 3)
    with pytest.raises(ValueError, match="choose vgg16 or resnet50"):
        build_classifier("transfer", 1, 3, backbone="vgg19")
