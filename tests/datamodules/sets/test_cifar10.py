"""CIFAR-10 as the original batches and as npz: formats, defects, choice of classes."""

import hashlib
import pickle
import tarfile

import numpy as np
import pytest

from datamodules import CIFAR10DataModule
from datamodules.sets import cifar10
from datamodules.sets.cifar10 import BATCHES, FOLDER


def write_batches(folder, n=20):
    """Files as in the original archive, 20 pictures each; returns the whole arrays."""
    rng = np.random.default_rng(0)
    target = folder / FOLDER
    target.mkdir(parents=True)
    images, labels = rng.integers(0, 256, (6 * n, 3, 32, 32), np.uint8), np.arange(6 * n) % 10
    for k, name in enumerate(BATCHES):
        rows = slice(k * n, (k + 1) * n)
        found = {b"data": images[rows].reshape(n, -1), b"labels": labels[rows].tolist(), b"batch_label": name.encode()}
        (target / name).write_bytes(pickle.dumps(found, protocol=2))
    return images, labels


def write_npz(folder, n_train=100, **changes):
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (120, 32, 32, 3), np.uint8), (np.arange(120) % 10)[:, None]
    arrays = {
        "train_images": images[:n_train],
        "train_labels": labels[:n_train],
        "test_images": images[n_train:],
        "test_labels": labels[n_train:],
    }
    arrays |= {key: change(arrays[key]) for key, change in changes.items()}
    folder.mkdir(exist_ok=True)
    np.savez(folder / "cifar10.npz", **arrays)
    return images.transpose(0, 3, 1, 2), labels[:, 0]


@pytest.mark.parametrize("write", [write_batches, write_npz])
@pytest.mark.parametrize("inside", ["cifar10", "."])
def test_reads_both_forms(tmp_path, write, inside):
    images, labels = write(tmp_path / inside)
    data = CIFAR10DataModule(root=str(tmp_path), source="real", batch_size=7)
    data.setup()
    np.testing.assert_array_equal(data.pools["train"]["image"], images[:100])
    np.testing.assert_array_equal(data.pools["test"]["image"], images[100:])
    np.testing.assert_array_equal(data.pools["train"]["label"], labels[:100])
    assert data.sizes() == {"train": 80, "val": 20, "test": 20}


def test_chosen_classes_are_relabelled_in_their_order_and_keep_their_ids(tmp_path):
    images, labels = write_batches(tmp_path)
    data = CIFAR10DataModule(root=str(tmp_path), classes=[3, 2])
    data.setup()
    pool = data.pools["train"]
    assert set(pool["label"]) == {0, 1} and data.sizes() == {"train": 16, "val": 4, "test": 4}
    np.testing.assert_array_equal(labels[pool["id"]], np.where(pool["label"] == 0, 3, 2))
    np.testing.assert_array_equal(pool["image"], images[pool["id"]])
    again = CIFAR10DataModule(root=str(tmp_path))  # the shared arrays are untouched
    again.setup()
    assert len(again.pools["train"]["label"]) == 100
    for wrong in ([2], [2, 2], [2, 10]):
        with pytest.raises(ValueError, match="two or more different ones of 0..9"):
            CIFAR10DataModule(classes=wrong)


@pytest.mark.parametrize("module", ["multiarray", "mypackage.numpy", "evil._codecs"])
def test_a_batch_imports_no_module_of_the_user_whatever_its_last_name(tmp_path, monkeypatch, module):
    write_batches(tmp_path)
    name = {"multiarray": "_reconstruct", "numpy": "ndarray", "_codecs": "encode"}[module.rsplit(".", 1)[-1]]
    place = tmp_path.joinpath(*module.split(".")).with_suffix(".py")
    place.parent.mkdir(exist_ok=True)
    place.write_text(f"raise SystemExit('code of the user ran')\n{name} = None\n")
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / FOLDER / "data_batch_2").write_bytes(f"c{module}\n{name}\n(tR.".encode())
    with pytest.raises(ValueError, match=f"it asks for {module}.{name}"):
        CIFAR10DataModule(root=str(tmp_path)).setup()


class Harmful:
    def __reduce__(self):
        return (print, ("this must not run",))


def test_broken_batches_are_errors_and_run_no_code(tmp_path, capsys):
    write_batches(tmp_path)
    path = tmp_path / FOLDER / "data_batch_3"
    whole = path.read_bytes()
    for content, message in (
        (whole[: len(whole) // 2], "no CIFAR-10 batch"),
        (pickle.dumps(Harmful()), "it asks for builtins.print"),
        (pickle.dumps({b"labels": [1]}, protocol=2), "KeyError"),
        (pickle.dumps({b"data": np.zeros((2, 5), np.uint8), b"labels": [1, 2]}, protocol=2), r"uint8 \(2, 5\)"),
        (pickle.dumps({b"data": np.zeros((2, 3072), np.uint8), b"labels": [1]}, protocol=2), r"labels of shape \(1,\)"),
        (
            pickle.dumps({b"data": np.zeros((2, 3072), np.uint8), b"labels": [1, 11]}, protocol=2),
            "label 11 in 1 samples",
        ),
    ):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=message):
            CIFAR10DataModule(root=str(tmp_path)).setup()
    assert "must not run" not in capsys.readouterr().out
    path.unlink()
    with pytest.raises(FileNotFoundError, match="but not .*data_batch_3"):
        CIFAR10DataModule(root=str(tmp_path)).setup()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"test_images": lambda a: a.transpose(0, 3, 1, 2)}, r"test_images has shape .*expected \(N, 32, 32, 3\)"),
        ({"train_labels": lambda a: a - 1}, "label -1 in 10 samples"),
        ({"train_labels": lambda a: a / 2}, "dtype float64; expected whole numbers"),
        ({"train_labels": lambda a: a[:90]}, "100 images and labels"),
    ],
)
def test_a_broken_npz_is_an_error(tmp_path, changes, message):
    write_npz(tmp_path, **changes)
    with pytest.raises(ValueError, match=message):
        CIFAR10DataModule(root=str(tmp_path)).setup()


def test_the_archive_is_unpacked_and_verified(tmp_path, monkeypatch):
    images, _ = write_batches(tmp_path / "made")
    place = tmp_path / "data" / "cifar10"
    place.mkdir(parents=True)
    with tarfile.open(place / cifar10.ARCHIVE, "w:gz") as tar:
        tar.add(tmp_path / "made" / FOLDER, FOLDER)
    with pytest.raises(ValueError, match="another file"):
        CIFAR10DataModule(root=str(tmp_path / "data"), download=True).prepare_data()
    monkeypatch.setattr(
        cifar10, "ARCHIVE_SUM", f"md5:{hashlib.md5((place / cifar10.ARCHIVE).read_bytes()).hexdigest()}"
    )
    data = CIFAR10DataModule(root=str(tmp_path / "data"), download=True)
    data.prepare_data()
    data.setup()
    np.testing.assert_array_equal(data.pools["train"]["image"], images[:100])
    with pytest.raises(ValueError, match="data_batch_1.*another file"):
        CIFAR10DataModule(
            root=str(tmp_path / "data"), download=True
        ).prepare_data()  # unpacked before: each batch is compared with the official one


def test_without_files_a_simulated_set_stands_in():
    data = CIFAR10DataModule(classes=[2, 3])
    data.setup()
    assert data.data_source == "simulated" and data.sizes() == {"train": 480, "val": 120, "test": 120}


@pytest.mark.realdata
def test_birds_against_cats_of_the_real_set(realdata):
    data = CIFAR10DataModule(root=str(realdata), source="real", classes=[2, 3])
    data.setup()
    assert data.sizes() == {"train": 8_000, "val": 2_000, "test": 2_000}
