"""The Inception network: parameters, sizes, and its exercise."""

import pytest
import torch

from lightning_tasks.foundations.inception_sizes import InceptionSizes
from lightning_tasks.nets.classifier import build_classifier
from lightning_tasks.nets.inception import Inception


def test_the_module_joins_four_branches_of_the_sheets_parameters():
    module = Inception()
    counts = [sum(p.numel() for p in branch.parameters()) for branch in module.children()]
    assert counts == [4160, 20576, 53344, 4160] and sum(counts) == 82240
    x = torch.rand(2, 64, 9, 9)
    out = module(x)
    assert out.shape == (2, 256, 9, 9)
    assert torch.equal(out[:, 64:128], module.three(x)) and torch.equal(out[:, 192:], module.pool(x))


@pytest.mark.parametrize("args", [{}, {"early_pool": True}, {"stride": 3, "image_size": 33}, {"image_size": 7}])
def test_the_network_fits_every_size(args):
    size = args.get("image_size", 32)
    assert build_classifier("inception", 3, 5, **args)(torch.rand(2, 3, size, size)).shape == (2, 5)


@pytest.mark.parametrize("size", [32, 45])
def test_sizes_of_all_strides_follow_the_formula(size):
    answer = InceptionSizes(size=size).answer()
    assert [check.name for check in answer.checks if not check.holds] == []
    assert "Sizes of tensors must match" in answer.text
    assert [row[0] for row in answer.tables[1].rows] == [1, 2, 3, 4]
