"""What every data set shares: exclusion, groups, parts, statistics, augmentation of the train part alone."""

import csv
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from lightning import Trainer

from datamodules import DataModule, MarsDataModule
from datamodules.core.pools import first_rows
from datamodules.core.statistics import channel_statistics
from lightning_tasks.problems import GradientTask
from tests.toys import ToyDataModule, ToyTrainOnly


def table(path, header, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return str(path)


def test_excluded_samples_are_in_no_part(tmp_path):
    exclude = table(tmp_path / "exclude.csv", ("id", "reason"), [(3, "planted"), (50, "duplicate")])
    data = ToyDataModule(exclude=exclude)
    data.setup()
    used = np.concatenate([data.parts["train"], data.parts["val"]])
    assert len(used) == 98 and not {3, 50} & set(used.tolist()) and "2 samples left out" in " ".join(data.notes)
    with pytest.raises(ValueError, match="id '500' is not in the data"):
        ToyDataModule(exclude=table(tmp_path / "bad.csv", ("id", "reason"), [(500, "x")])).setup()
    with pytest.raises(ValueError, match="missing column 'id'. Found columns: name, why"):
        ToyDataModule(exclude=table(tmp_path / "bad2.csv", ("name", "why"), [(5, "x")])).setup()


def test_groups_of_a_file_never_straddle(tmp_path):
    groups = table(tmp_path / "groups.csv", ("id", "group"), [(i, f"p{i % 9}") for i in range(100)])
    data = ToyDataModule(groups=groups, folds=3)
    data.setup()
    sides = [set(data.parts[part] % 9) for part in ("train", "val")]
    assert not sides[0] & sides[1]
    assert torch.equal(next(iter(data.val_dataloader()))["group"] % 9, torch.from_numpy(data.parts["val"][:32] % 9))
    short = table(tmp_path / "short.csv", ("id", "group"), [(i, "p") for i in range(99)])
    with pytest.raises(ValueError, match="no group for 1 samples, the first is id 99"):
        ToyDataModule(groups=short).setup()


class Named(DataModule):
    """Sixteen samples to train on and eight of a test part, each with a name of its own."""

    title, files = "named", ("named.npz",)

    def simulate(self):
        names = np.array([f"{part}{i}" for part, n in (("a", 16), ("t", 8)) for i in range(n)])
        pool = {"x": np.arange(24.0), "label": np.arange(24) % 2, "name": names}
        return {"train": {k: v[:16] for k, v in pool.items()}, "test": {k: v[16:] for k, v in pool.items()}}


def test_groups_of_a_file_are_those_of_the_test_part_too(tmp_path):
    groups = {f"a{i}": f"p{i // 2}" for i in range(16)} | {"t0": "p3", "t1": "q", "t2": "q"}
    given = table(tmp_path / "groups.csv", ("id", "group"), groups.items())
    with pytest.raises(ValueError, match=r"group p3 is in the train pool \(a6\) and in the test pool \(t0\), 1 in all"):
        Named(groups=given).setup()
    exclude = table(tmp_path / "exclude.csv", ("id", "reason"), [("a6", "of p3"), ("a7", "of p3")])
    data = Named(groups=given, exclude=exclude)  # what is left out straddles nothing
    data.setup()
    assert [data.group_names[code] for code in data.pools["test"]["group"]] == ["p3", "q", "q"] + [
        f"(alone) t{i}" for i in range(3, 8)
    ]
    train = table(tmp_path / "train.csv", ("id", "group"), [item for item in groups.items() if item[0][0] == "a"])
    data = Named(groups=train)
    data.setup()
    assert "group" not in data.pools["test"] and "group" in data.pools["train"]


def test_bags_leave_the_held_out_test_part_alone():
    fold, bag = ToyTrainOnly(test_fraction=0.25), ToyTrainOnly(test_fraction=0.25, bag=1)
    fold.setup(), bag.setup()
    assert np.array_equal(fold.parts["test"], bag.parts["test"]) and not bag.scores_validation
    assert not set(bag.parts["test"]) & {*bag.parts["train"], *bag.parts["val"]}


def test_folds_cover_the_data_and_bags_leave_their_own_samples_out():
    seen = []
    for fold in range(5):
        data = ToyDataModule(fold=fold)
        data.setup()
        seen += data.parts["val"].tolist()
        assert not set(data.parts["val"]) & set(data.parts["train"])
    assert sorted(seen) == list(range(100))
    bag = ToyDataModule(bag=1)
    bag.setup()
    assert len(bag.parts["train"]) == 100 > len(set(bag.parts["train"]))
    assert not set(bag.parts["val"]) & set(bag.parts["train"])


def test_the_split_depends_on_the_seed_of_the_data_alone():
    torch.manual_seed(3)
    first, second, other = ToyDataModule(seed=1), ToyDataModule(seed=1), ToyDataModule(seed=2)
    for data in (first, second, other):
        data.setup()
        np.random.rand()
    assert (first.parts["val"] == second.parts["val"]).all() and first.fingerprint() == second.fingerprint()
    assert first.fingerprint() != other.fingerprint()


class SortedByClass(DataModule):
    title = "sorted"

    def simulate(self):
        return {"train": {"x": np.arange(100.0), "label": np.repeat([0, 2, 5], [50, 40, 10])}}


def test_a_limit_takes_the_first_samples_and_loses_no_class_of_a_sorted_file():
    data = SortedByClass(source="simulated", limit=20, folds=2)
    data.setup()
    rows = data.pools["train"]["id"]
    assert rows.tolist() == [*range(10), *range(50, 58), 90, 91] and "too few of a class" in " ".join(data.notes)
    rare = {"id": np.arange(6010), "label": np.repeat([0, 1], [6000, 10])}
    assert first_rows(rare, 100, print).tolist() == [*range(99), 6000], "one of the rare class, whatever its share"
    mixed = ToyDataModule(limit=40)
    mixed.setup()
    assert mixed.pools["train"]["id"].tolist() == list(range(40)) and len(mixed.notes) == 1
    assert len(ToyDataModule(limit=500).limited(mixed.pools["train"])) == 40


def test_outliers_are_found_before_a_limit_makes_them_few():
    whole, few = (MarsDataModule(source="simulated", limit=limit) for limit in (None, 100))
    planted = set(whole.outliers(whole.load()["train"]))
    few.setup()
    used = few.pools["train"]["id"][np.concatenate([few.parts["train"], few.parts["val"]])]
    assert len(planted) > 20 and not planted & set(used.tolist()) and len(used) == 100


def test_some_samples_of_a_part_are_spread_over_it():
    data = SortedByClass(source="simulated", folds=2)
    data.setup()
    assert len(data.parts["train"]) == 50
    chosen = data.arrays("train", limit=10)
    assert torch.bincount(chosen["label"]).tolist() == [5, 0, 4, 0, 0, 1]
    assert torch.equal(chosen["id"], data.arrays("train")["id"][::5])
    assert len(data.arrays("train", limit=51)["id"]) == 50 and len(data.arrays("train", limit=1)["id"]) == 1


def test_a_part_that_leaves_a_process_without_a_sample_is_refused():
    data = ToyDataModule()
    data.setup()
    strategy = SimpleNamespace(root_device=torch.device("cpu"))
    data.trainer = SimpleNamespace(world_size=20, global_rank=0, lightning_module=None, strategy=strategy)
    assert len(data.test_dataloader()) == len(data.val_dataloader()) == 1
    data.trainer.world_size = 21
    for loader in (data.test_dataloader, data.val_dataloader):
        with pytest.raises(ValueError, match="holds 20 samples, fewer than the 21 processes. Use fewer"):
            loader()


def test_statistics_see_training_rows_alone():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (1100, 3, 4, 5), dtype=np.uint8)
    rows = np.arange(0, 1100, 2)
    found = channel_statistics(images, rows)
    pixels = images[rows].astype(np.float64) / 255
    np.testing.assert_allclose(found["mean"], pixels.mean((0, 2, 3)), rtol=1e-5)
    np.testing.assert_allclose(found["std"], pixels.std((0, 2, 3)), rtol=1e-4)
    images[1::2] = 0
    assert torch.equal(channel_statistics(images, rows)["mean"], found["mean"])


class LeftRight(DataModule):
    """Pictures that are white on the left."""

    title, files = "left", ("left.npz",)

    def simulate(self):
        image = np.zeros((40, 1, 4, 4), np.uint8)
        image[..., :2] = 255
        return {"train": {"image": image, "label": np.arange(40) % 2}}


class Probe(GradientTask):
    """Keeps the pictures it is shown."""

    def __init__(self):
        super().__init__(schedule="none")
        self.weight, self.seen = torch.nn.Parameter(torch.ones(())), {"train": [], "val": [], "test": []}

    def training_step(self, batch, batch_idx):
        self.seen["train"].append(batch["image"])
        return self.weight * batch["image"].mean()

    def evaluate(self, part, batch):
        self.seen[part].append(batch["image"])


def test_only_the_train_part_is_augmented():
    data, task = LeftRight(augment=[{"hflip": {"p": 1.0}}], batch_size=8), Probe()
    trainer = Trainer(max_epochs=2, logger=False, enable_checkpointing=False, enable_progress_bar=False,
                      enable_model_summary=False, accelerator="cpu", num_sanity_val_steps=0)  # fmt: skip
    trainer.fit(task, datamodule=data)
    trainer.test(task, datamodule=data)
    white = {part: torch.cat(images)[..., :2].mean().item() for part, images in task.seen.items()}
    assert white == {"train": 0.0, "val": 1.0, "test": 1.0}


def test_augmentation_of_data_without_pictures_names_the_key_to_clear():
    data = ToyDataModule(augment=["hflip"])
    data.setup()
    del data.pools["train"]["image"]
    with pytest.raises(ValueError, match="these batches hold none. Set --data.augment null"):
        data.train_dataloader()
