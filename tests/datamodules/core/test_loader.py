"""Orders, shards and batches."""

import torch

from datamodules.core.loader import TensorLoader
from datamodules.core.samplers import EpochSampler

ROWS = torch.arange(100, 123)


def test_the_order_depends_on_seed_and_epoch_alone():
    first, second = EpochSampler(ROWS, True, seed=1), EpochSampler(ROWS, True, seed=1)
    second.set_epoch(3)
    first.order()
    first.set_epoch(3)
    assert torch.equal(first.order(), second.order())
    assert sorted(first.order().tolist()) == ROWS.tolist()
    second.set_epoch(4)
    assert not torch.equal(first.order(), second.order())
    assert not torch.equal(first.order(), EpochSampler(ROWS, True, seed=2).order())


def test_evaluation_shards_count_each_row_once_and_training_shards_are_equal():
    for world in (1, 2, 3, 5):
        shards = [EpochSampler(ROWS, False, rank=r, world=world) for r in range(world)]
        assert sorted(torch.cat([s.order() for s in shards]).tolist()) == ROWS.tolist()
        assert [len(s) for s in shards] == [len(s.order()) for s in shards]
        shards = [EpochSampler(ROWS, True, rank=r, world=world) for r in range(world)]
        assert {len(s.order()) for s in shards} == {len(shards[0])}
        assert set(torch.cat([s.order() for s in shards]).tolist()) == set(ROWS.tolist())


def test_weights_change_how_often_a_row_is_drawn():
    weights = torch.ones(len(ROWS))
    weights[0] = 30
    order = EpochSampler(ROWS, True, weights=weights, samples=5000).order()
    share = (order == 100).float().mean().item()
    assert abs(share - 30 / 52) < 0.03 and len(order) == 5000


def test_batches_are_slices_in_order_and_the_short_last_one_is_dropped_only_in_training():
    tensors = {"id": torch.arange(200), "image": torch.arange(200).float()[:, None]}
    sampler = EpochSampler(ROWS, False)
    batches = list(TensorLoader(tensors, sampler, 10))
    assert [len(b["id"]) for b in batches] == [10, 10, 3]
    assert torch.equal(torch.cat([b["id"] for b in batches]), ROWS)
    assert torch.equal(torch.cat([b["image"] for b in batches])[:, 0], ROWS.float())
    assert [len(b["id"]) for b in TensorLoader(tensors, sampler, 10, drop_last=True)] == [10, 10]
    assert [len(b["id"]) for b in TensorLoader(tensors, sampler, 50, drop_last=True)] == [23]
    for size in (1, 7, 23, 50):
        for drop in (False, True):
            loader = TensorLoader(tensors, sampler, size, drop)
            assert len(loader) == len(list(loader))
