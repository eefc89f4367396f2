"""What is fitted on training rows: by each fold for itself, kept in the checkpoint; and orders of samples."""

import numpy as np
import pytest
import torch

from datamodules import DataModule, ShakespeareDataModule, ToxicDataModule
from datamodules.core import source
from datamodules.core.samplers import EpochSampler, LengthBuckets, Streams
from datamodules.core.splits_in_order import chronological_indices, contiguous_indices


class Scaled(DataModule):
    """A number a sample, scaled by the mean of the train part; names of classes come with reading."""

    title, files = "scaled", ("scaled.npz",)

    def __init__(self, high: int = 2, **kwargs) -> None:
        super().__init__(**kwargs)
        self.save_hyperparameters(logger=False)
        self.made = 0

    def simulate(self):
        self.made += 1
        self.class_names = [f"class {k}" for k in range(self.hparams.high)]
        label = np.arange(60) % self.hparams.high
        return {"train": {"x": np.arange(60.0), "label": label}, "test": {"x": np.full(4, 30.0), "label": label[:4]}}

    def fit(self, train):
        return {"mean": float(train["x"].mean())}

    def encode(self, pool):
        return {**pool, "x": pool["x"] - self.fitted["mean"]}


def ready(**kwargs):
    data = Scaled(source="simulated", **kwargs)
    data.setup()
    return data


def test_each_fold_fits_its_own_rows_and_reads_the_same_data():
    source._LAST.clear()
    first, second = ready(fold=0), ready(fold=1)
    assert (first.made, second.made) == (1, 1), "the second is not read again, and knows all that reading set"
    assert second.class_names == first.class_names == ["class 0", "class 1"]
    for data in (first, second):
        assert data.fitted["mean"] == np.arange(60.0)[data.parts["train"]].mean()
        assert data.pools["test"]["x"][0] == 30 - data.fitted["mean"]
    assert first.fitted != second.fitted
    assert first.fingerprint(split=False) == second.fingerprint(split=False)  # what was read, not what was derived
    assert first.fingerprint() != second.fingerprint()
    assert not first.serves_as(second)
    other = ready(high=3)
    assert other.class_names[-1] == "class 2" and other.pools["train"]["label"].max() == 2  # an argument of its own


def test_what_was_fitted_travels_in_the_checkpoint_and_is_not_fitted_again():
    data = ready()
    state = data.state_dict()
    assert state == {"fitted": data.fitted}
    again = Scaled(source="simulated")
    again.take_fitted({"Scaled": {"fitted": {"mean": 7.0}}})
    again.setup()
    assert again.fitted == {"mean": 7.0} and again.pools["test"]["x"][0] == 23.0


def test_groups_are_coded_over_all_pools_and_never_straddle_train_and_test():
    class Grouped(DataModule):
        title, files = "grouped", ("grouped.npz",)
        shared = False

        def simulate(self):
            test = np.array(["p1" if self.shared else "q1", "q0"])
            train = np.array([f"p{i % 6}" for i in range(24)])
            return {"train": {"x": np.arange(24.0), "group": train}, "test": {"x": np.zeros(2), "group": test}}

    data = Grouped(source="simulated", folds=3)
    data.setup()
    batch = next(iter(data.test_dataloader()))
    assert batch["group"].dtype == torch.int64 and batch["group"].tolist() == [7, 6]
    Grouped.shared = True
    source._LAST.clear()
    with pytest.raises(ValueError, match=r"group p1 is in the train pool \(1\) and in the test pool \(0\)"):
        Grouped(source="simulated", folds=3).setup()
    alone = Grouped(source="simulated", folds=3, groups="none")
    alone.setup()
    assert "group" not in next(iter(alone.test_dataloader()))


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ([0.0, 0.5, 1.0], "label is 0.5 in row 1 .*belong under the name target"),
        ([0, -1, 1], "label is -1 in row 1"),
        (["a", "b", "c"], "expected whole numbers"),
        ([0.0, np.nan, 1.0], "label is nan in row 1"),
    ],
)
def test_labels_are_whole_numbers(label, message):
    class Labels(DataModule):
        title, files = "labels", ("labels.npz",)

        def simulate(self):
            return {"train": {"label": np.array(label)}}

    source._LAST.clear()
    with pytest.raises(ValueError, match=message):
        Labels(source="simulated").setup()


def test_whole_floats_are_classes():
    class Floats(DataModule):
        title, files = "floats", ("floats.npz",)

        def simulate(self):
            return {"train": {"label": np.arange(10.0) % 2}}

    data = Floats(source="simulated", folds=2)
    data.setup()
    assert data.pools["train"]["label"].dtype == np.int64


# ---- orders ------------------------------------------------------------------------------------------------------


def test_samples_per_epoch_holds_without_weights():
    rows = torch.arange(10)
    few = EpochSampler(rows, shuffle=True, samples=4)
    assert len(few) == 4 and len(set(few)) == 4
    many = EpochSampler(rows, shuffle=True, samples=25)
    counts = torch.bincount(torch.tensor(list(many)), minlength=10)
    assert len(many) == 25 and counts.min() == 2 and counts.max() == 3
    assert len(EpochSampler(rows, shuffle=False, samples=4)) == 10  # evaluation sees each sample
    texts = ToxicDataModule(source="simulated", samples_per_epoch=64)
    texts.setup()
    assert sum(len(batch["id"]) for batch in texts.train_dataloader()) == 64
    stream = ShakespeareDataModule(source="simulated", samples_per_epoch=64)
    stream.setup()
    with pytest.raises(ValueError, match="samples_per_epoch=64: windows follow each other"):
        stream.train_dataloader()
    data = ready(samples_per_epoch=8, batch_size=4)
    assert sum(len(batch["id"]) for batch in data.train_dataloader()) == 8


def test_length_buckets_hold_each_sample_once_and_like_lengths_together():
    lengths = torch.randint(1, 100, (503,), generator=torch.Generator().manual_seed(0))
    rows = torch.arange(503)
    sampler = LengthBuckets(rows, lengths, 16, shuffle=True, seed=3)
    first = sampler.order()
    assert sorted(first.tolist()) == list(range(503)) and torch.equal(first, sampler.order())
    spread = [float(lengths[b].float().std()) for b in first.split(16)[:-1]]
    assert np.mean(spread) < 3 < lengths.float().std()
    assert len(first.split(16)[-1]) == 503 % 16
    sampler.set_epoch(1)
    assert not torch.equal(first, sampler.order())
    shards = [LengthBuckets(rows, lengths, 8, shuffle=True, rank=r, world=2).order() for r in (0, 1)]
    assert set(shards[0].tolist()) | set(shards[1].tolist()) == set(range(503))
    assert np.mean([float(lengths[b].float().std()) for b in shards[0].split(8)[:-1]]) < 3
    dropped = [set(), set()]
    for epoch in range(60):  # the short batch is dropped in training: each sample has its turn
        for case, size in enumerate((16, 500)):
            sampler = LengthBuckets(rows, lengths, size, shuffle=True)
            sampler.set_epoch(epoch)
            dropped[case] |= set(sampler.order()[-(503 % size) :].tolist())
    assert len(dropped[0]) > 200 and len(dropped[1]) > 100
    assert len(LengthBuckets(rows, lengths, 16, shuffle=True, samples=64).order()) == 64
    still = LengthBuckets(rows, lengths, 16, shuffle=False).order()
    assert (lengths[still].diff() >= 0).all()


@pytest.mark.parametrize(("count", "size", "world"), [(20, 4, 1), (23, 4, 1), (3, 8, 1), (25, 3, 2)])
def test_streams_go_on_from_batch_to_batch(count, size, world):
    seen = []
    for rank in range(world):
        batches = Streams(torch.arange(count), size, rank=rank, world=world).order().split(size)
        for before, after in zip(batches, batches[1:], strict=False):
            assert torch.equal(after, before[: len(after)] + 1)
        seen += torch.cat(batches).tolist()
    assert sorted(seen) == list(range(count))


# ---- splits in order ---------------------------------------------------------------------------------------------


def test_the_future_is_predicted_from_the_past():
    before = -1
    for fold in range(4):
        parts = chronological_indices(1000, fold, 4, gap=7, test_fraction=0.2)
        assert parts["train"][0] == 0 and parts["train"][-1] == parts["val"][0] - 8
        assert parts["val"][0] > before and parts["test"].tolist() == list(range(800, 1000))
        before = parts["val"][-1]
    assert before == 792  # the test part has a gap, too
    with pytest.raises(ValueError, match="The train part of 10 rows .* is empty"):
        chronological_indices(10, 0, 4, gap=3)
    with pytest.raises(ValueError, match="fold=4, folds=4"):
        chronological_indices(100, 4, 4)


def test_blocks_cover_the_rows_with_a_gap_on_both_sides():
    seen = []
    for fold in range(5):
        parts = contiguous_indices(100, fold, 5, gap=2, test_fraction=0.1)
        seen += parts["val"].tolist()
        distance = np.abs(parts["train"][:, None] - np.concatenate([parts["val"], parts["test"]])).min()
        assert distance == 3 and len(parts["test"]) == 10
    assert sorted(seen) == list(range(90))
