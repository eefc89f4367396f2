"""Blood-cell data in the course's and in MedMNIST's format, its defects, and sampling."""

import numpy as np
import pytest
import torch

from datamodules import BloodCellsDataModule
from datamodules.sets.blood_cells import MEDMNIST
from datamodules.simulate import make_smear
from lightning_tasks import BloodCellsTask
from lightning_tasks.tasks.images.blood_cells import CLASSES


def cells(n=48, side=96, seed=0):
    rng = np.random.default_rng(seed)
    return {
        "images": rng.integers(0, 256, (n, side, side, 3), np.uint8),
        "labels": rng.permutation(np.arange(n) % 8).astype(np.uint8)[:, None],
    }


def write(folder, name="training_set.npz", **changes):
    """A small file in the course's format."""
    arrays = cells()
    for key, change in changes.items():
        arrays[key] = change(arrays[key])
    folder.mkdir(exist_ok=True)
    np.savez(folder / name, **{k: v for k, v in arrays.items() if v is not None})
    return arrays


def ready(root, **kwargs) -> BloodCellsDataModule:
    data = BloodCellsDataModule(root=str(root), **kwargs)
    data.setup()
    return data


@pytest.mark.parametrize("name", ["training_set.npz", "train_data.npz"])
@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.int64])
def test_reads_the_courses_file_in_every_form(tmp_path, name, flat, dtype):
    shape = (lambda a: a.astype(dtype).reshape(-1)) if flat else (lambda a: a.astype(dtype))
    arrays = write(tmp_path / "blood_cells", name, images=lambda a: a.astype(dtype), labels=shape)
    data = ready(tmp_path, source="real", batch_size=5)
    batches = [data.on_after_batch_transfer(b, 0) for b in data.val_dataloader()]
    ids = torch.cat([b["id"] for b in batches]).numpy()
    image, label = (torch.cat([b[k] for b in batches]) for k in ("image", "label"))
    assert image.dtype == torch.float32 and label.dtype == torch.int64 and label.ndim == 1
    np.testing.assert_allclose(image.permute(0, 2, 3, 1) * 255, arrays["images"][ids], atol=1e-4)
    np.testing.assert_array_equal(label, arrays["labels"].reshape(-1)[ids])
    assert data.sizes()["train"] + len(ids) == 48
    counts = np.bincount(arrays["labels"].reshape(-1).astype(int)[data.parts["val"]], minlength=8)
    assert counts.min() >= 1, "folds are stratified: labels of shape (N, 1) were read as classes"


@pytest.mark.parametrize("name", MEDMNIST)
def test_reads_medmnist_with_its_own_test_part(tmp_path, name):
    side = int(name.removeprefix("bloodmnist").removesuffix(".npz").lstrip("_") or 28)
    parts = {part: cells(n, side, seed) for seed, (part, n) in enumerate([("train", 24), ("val", 16), ("test", 8)])}
    np.savez(tmp_path / name, **{f"{p}_{k}": v for p, pool in parts.items() for k, v in pool.items()})
    data = ready(tmp_path, source="real")
    assert data.files == (name,) and data.part_kind["test"] == "test part"
    assert data.sizes()["train"] + data.sizes()["val"] == 40 and data.sizes()["test"] == 8
    np.testing.assert_array_equal(data.pools["train"]["image"][24:].transpose(0, 2, 3, 1), parts["val"]["images"])
    np.testing.assert_array_equal(data.pools["test"]["label"], parts["test"]["labels"][:, 0])


def test_pictures_that_the_test_part_has_train_nothing(tmp_path):
    parts = {part: cells(n, 28, seed) for seed, (part, n) in enumerate([("train", 24), ("val", 16), ("test", 8)])}
    for key in ("images", "labels"):
        parts["train"][key][:3] = parts["test"][key][:3]
    np.savez(tmp_path / "bloodmnist.npz", **{f"{p}_{k}": v for p, pool in parts.items() for k, v in pool.items()})
    data = ready(tmp_path, source="real")
    assert sorted(np.concatenate([data.parts["train"], data.parts["val"]])) == list(range(3, 40))
    assert any("3 stand in the test pool, too: left out" in note for note in data.notes)


def test_the_file_can_be_chosen_and_pictures_resized(tmp_path):
    write(tmp_path)
    parts = {f"{p}_{k}": v for p in ("train", "val", "test") for k, v in cells(16, 28).items()}
    np.savez(tmp_path / "bloodmnist.npz", **parts)
    first = ready(tmp_path)
    assert first.files == ("training_set.npz",) and first.pools["train"]["image"].shape == (48, 3, 96, 96)
    small = ready(tmp_path, resize=32)  # the same file and process: the arrays in memory must not be mixed up
    assert small.pools["train"]["image"].shape == (48, 3, 32, 32)
    means = [d.pools["train"]["image"].astype(float).mean((2, 3)) for d in (first, small)]
    np.testing.assert_allclose(*means, atol=0.5)
    other = ready(tmp_path, file="bloodmnist.npz", resize=64, clean=False)
    assert other.pools["test"]["image"].shape == (16, 3, 64, 64)
    with pytest.raises(FileNotFoundError, match="Looked for train_data.npz"):
        ready(tmp_path, file="train_data.npz", source="real")


BROKEN = {
    "no key 'images'. Found keys: labels": {"images": lambda a: None},
    r"images has shape \(48, 3, 96, 96\); expected \(N, H, W, 3\), colours last": {
        "images": lambda a: a.transpose(0, 3, 1, 2)
    },
    r"labels has shape \(47, 1\); expected \(48,\) or \(48, 1\)": {"labels": lambda a: a[:-1]},
    r"labels has shape \(48, 8\)": {"labels": lambda a: np.eye(8)[a[:, 0]]},
    "labels holds 8 in 6 samples, the first is number .*; expected 0..7": {"labels": lambda a: a + 1},
    "images holds 0..1; expected 0..255. Multiply by 255": {"images": lambda a: a / 255},
    "images holds NaN or infinity": {"images": lambda a: np.where(a == 7, np.nan, a)},
    "images is empty": {"images": lambda a: a[:0], "labels": lambda a: a[:0]},
    "labels has dtype <U1": {"labels": lambda a: a.astype("<U1")},
}


@pytest.mark.parametrize("message", BROKEN)
def test_broken_files_are_errors_and_never_a_fallback(tmp_path, message):
    write(tmp_path, **BROKEN[message])
    with pytest.raises(ValueError, match=message):
        ready(tmp_path, source="auto")


def test_a_truncated_file_is_an_error_and_a_missing_one_a_notice(tmp_path):
    write(tmp_path)
    path = tmp_path / "training_set.npz"
    path.write_bytes(path.read_bytes()[:50_000])
    with pytest.raises(ValueError, match="truncated"):
        ready(tmp_path)
    path.unlink()
    with pytest.raises(FileNotFoundError, match="training_set.npz.*not there.*--data.root"):
        ready(tmp_path, source="real")
    for wrong in ({"oversample": "all"}, {"resize": 4}, {"file": "x.npz"}):
        with pytest.raises(ValueError, match=f"{next(iter(wrong))}="):
            BloodCellsDataModule(**wrong)


@pytest.fixture(scope="module")
def smear():
    return make_smear(n=160, size=24, planted=(40, 24), duplicates=5, seed=3)


def test_planted_pictures_and_duplicates_are_left_out_and_counted(tmp_path, smear):
    np.savez(tmp_path / "training_set.npz", **smear)
    data = ready(tmp_path)
    used = np.concatenate([data.parts["train"], data.parts["val"]])
    assert len(used) == 160 and used.max() < 165, "every different cell once, no planted picture"
    pictures = data.pools["train"]["image"][used].reshape(160, -1)
    assert len(np.unique(pictures, axis=0)) == 160
    assert data.notes == [
        "64 of 229 pictures are exact copies of 2 planted ones, and 5 are duplicates (0 sets with conflicting labels): "
        "left out."
    ]
    kept = ready(tmp_path, clean=False)
    assert kept.sizes()["train"] + kept.sizes()["val"] == 229 and "kept, because clean is false" in kept.notes[0]


def test_the_simulated_set_has_the_courses_format_and_defects(monkeypatch, smear):
    monkeypatch.setattr("datamodules.sets.blood_cells.make_smear", lambda seed: smear)
    data = ready("data", seed=98765)  # a seed of its own: the arrays of a process are shared by seed
    assert data.data_source == "simulated" and "SIMULATED DATA" in data.notes[0] and "64 of 229" in data.notes[1]
    assert set(np.unique(data.pools["train"]["label"])) == set(range(len(CLASSES)))


def test_balanced_sampling_draws_training_rows_alone_and_each_class_equally(tmp_path):
    rare = lambda a: np.where(np.arange(48) < 40, 0, a[:, 0]).astype(np.uint8)  # noqa: E731
    arrays = write(tmp_path, labels=rare)
    data = ready(tmp_path, oversample="balanced", samples_per_epoch=4000, batch_size=100, folds=4)
    ids = torch.cat([b["id"] for b in data.train_dataloader()]).numpy()
    assert len(ids) == 4000 and set(ids) <= set(data.parts["train"].tolist())
    share = np.bincount(arrays["labels"][ids], minlength=8) / 4000
    present = np.bincount(arrays["labels"][data.parts["train"]], minlength=8) > 0
    np.testing.assert_allclose(share[present], 1 / present.sum(), atol=0.03)
    torch.testing.assert_close(data.statistics()["class_counts"].sum(), torch.tensor(len(data.parts["train"])))


def test_the_task_selects_by_the_corrupted_score():
    task = BloodCellsTask(net_args={"width": 4})
    assert task.monitor == "val/acc_corrupted" and task.class_names == CLASSES and len(CLASSES) == 8
    assert BloodCellsTask(net_args={"width": 4}, corrupted="none").monitor == "val/acc"


@pytest.mark.realdata
def test_the_real_pack_holds_621_planted_copies_and_8_duplicates(realdata):
    data = ready(realdata, source="real")
    assert data.notes[0].startswith(
        "621 of 4737 pictures are exact copies of 2 planted ones, and 8 are duplicates (0 sets"
    )
    assert data.sizes()["train"] + data.sizes()["val"] == 4108
