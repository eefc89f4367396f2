"""MNIST and Fashion-MNIST in torchvision's files and as npz, and their defects."""

import gzip
import resource
import zipfile

import numpy as np
import pytest

from datamodules import FashionMNISTDataModule, MNISTDataModule
from datamodules.sets.mnist import NPZ

SIZES = {"train": ("train", 60), "test": ("t10k", 20)}


def idx(array, magic=None):
    """Bytes of an idx file."""
    magic = magic or 0x800 + array.ndim
    return b"".join(n.to_bytes(4, "big") for n in (magic, *array.shape)) + array.astype(np.uint8).tobytes()


def write_idx(folder, packed=False):
    """The four files with 60 and 20 pictures; returns the arrays."""
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {}
    for part, (stem, n) in SIZES.items():
        arrays[part] = rng.integers(0, 256, (n, 28, 28)), np.arange(n) % 10
        for array, name in zip(arrays[part], ("images-idx3", "labels-idx1"), strict=True):
            path = folder / f"{stem}-{name}-ubyte{'.gz' if packed else ''}"
            path.write_bytes(gzip.compress(idx(array)) if packed else idx(array))
    return arrays


def check(data, arrays):
    data.setup()
    assert data.data_source == "real" and data.sizes() == {"train": 48, "val": 12, "test": 20}
    for part, (images, labels) in arrays.items():
        np.testing.assert_array_equal(data.pools[part]["image"][:, 0], images)
        np.testing.assert_array_equal(data.pools[part]["label"], labels)
        assert data.pools[part]["image"].dtype == np.uint8
    batch = data.on_after_batch_transfer(next(iter(data.test_dataloader())), 0)
    np.testing.assert_allclose(batch["image"][:, 0].numpy() * 255, arrays["test"][0][:32], atol=1e-4)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", [MNISTDataModule, FashionMNISTDataModule])
@pytest.mark.parametrize("inside", ["{0.title}/raw", "raw", ""])
def test_reads_the_files_of_torchvision_wherever_root_points(tmp_path, kind, packed, inside):
    check(kind(root=str(tmp_path)), write_idx(tmp_path / inside.format(kind), packed))


@pytest.mark.parametrize("dtype", [np.uint8, np.float64, np.int64])
def test_reads_an_npz(tmp_path, dtype):
    arrays = write_idx(tmp_path / "unused")
    flat = {f"{p}_{k}": a.astype(dtype if k == "images" else np.int32) for p, pair in arrays.items()
            for k, a in zip(("images", "labels"), pair, strict=True)}  # fmt: skip
    np.savez(tmp_path / "mnist.npz", **flat)
    check(MNISTDataModule(root=str(tmp_path)), arrays)
    flat["train_images"] = flat["train_images"].reshape(60, -1)
    np.savez(tmp_path / "mnist.npz", **flat)
    with pytest.raises(ValueError, match=r"train_images has shape \(60, 784\); expected \(N, 28, 28\)"):
        MNISTDataModule(root=str(tmp_path)).setup()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_labels_of_an_npz_may_be_whole_numbers_in_floating_point(tmp_path, dtype):
    arrays = write_idx(tmp_path / "unused")
    flat = {f"{p}_{k}": a.astype(dtype) for p, pair in arrays.items()
            for k, a in zip(("images", "labels"), pair, strict=True)}  # fmt: skip
    np.savez(tmp_path / "mnist.npz", **flat)
    check(MNISTDataModule(root=str(tmp_path)), arrays)
    for wrong, words in ((0.5, "expected whole numbers"), (10, "label 10 in 1 samples"), (np.nan, "expected whole")):
        flat["train_labels"][7] = wrong
        np.savez(tmp_path / "mnist.npz", **flat)
        with pytest.raises(ValueError, match=f"mnist.npz, train_labels: .*{words}"):
            MNISTDataModule(root=str(tmp_path)).setup()


def test_names_of_kaggle_and_keras_and_a_mixture_of_packed_and_plain(tmp_path):
    arrays = write_idx(tmp_path / "a" / "MNIST")
    for path in sorted((tmp_path / "a" / "MNIST").iterdir()):
        path.rename(path.with_name(path.name.replace("-idx", ".idx")))
    images = tmp_path / "a" / "MNIST" / "train-images.idx3-ubyte"
    (images.parent / f"{images.name}.gz").write_bytes(gzip.compress(images.read_bytes()))
    images.unlink()
    check(MNISTDataModule(root=str(tmp_path / "a")), arrays)
    keras = {f"{k}_{part}": a for part, pair in arrays.items() for k, a in zip("xy", pair, strict=True)}
    (tmp_path / "b").mkdir()
    np.savez(tmp_path / "b" / "mnist.npz", **keras)
    check(MNISTDataModule(root=str(tmp_path / "b")), arrays)


def test_files_under_other_names_are_listed(tmp_path):
    write_idx(tmp_path)
    for path in sorted(tmp_path.iterdir()):
        path.rename(path.with_name(f"my-{path.name}"))
    with pytest.raises(FileNotFoundError, match="holds my-t10k-images-idx3-ubyte, my-t10k-labels"):
        MNISTDataModule(root=str(tmp_path)).setup()


def test_files_under_other_names_in_the_default_folders_are_listed(tmp_path):
    (tmp_path / "data/MNIST").mkdir(parents=True)
    (tmp_path / "data/MNIST/digits.zip").write_bytes(b"PK")
    data = MNISTDataModule(limit=200)
    data.setup()
    assert data.data_source == "simulated" and "not there (data/MNIST holds digits.zip)" in data.notes[0]
    for options in ({"source": "real"}, {"root": f"{tmp_path}/data"}):
        with pytest.raises(FileNotFoundError, match="MNIST holds digits.zip"):
            MNISTDataModule(**options).setup()


@pytest.mark.parametrize("shape", [(60, 28, 28), (2**20, 28, 280)])
def test_a_packed_file_that_unpacks_to_gigabytes_is_not_read(tmp_path, shape):
    """Headers tell how much is read; what claims more than any set has is refused before memory is asked for."""
    write_idx(tmp_path)
    header = b"".join(n.to_bytes(4, "big") for n in (0x803, *shape))
    with gzip.open(tmp_path / f"{IMAGES}.gz", "wb", compresslevel=1) as file:
        file.write(header)
        for _ in range(64):
            file.write(bytes(2**20))
    (tmp_path / IMAGES).unlink()
    begin = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError, match="more than 47056 bytes|its header claims 7.7 GiB"):
        MNISTDataModule(root=str(tmp_path)).setup()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - begin < 30_000  # KiB


def test_an_npz_that_claims_or_unpacks_to_more_than_it_can_mean_is_not_read(tmp_path):
    path = tmp_path / "mnist.npz"
    for shape, words in (((2**40,), "claims 1024.0 GiB"), ((2**29,), "claims 0.5 GiB, packed in 0.")):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            for name in NPZ:
                with file.open(f"{name}.npy", "w") as member:
                    np.lib.format.write_array_header_1_0(
                        member, {"descr": "|u1", "fortran_order": False, "shape": shape}
                    )
                    if shape == (2**29,):
                        for _ in range(512 if name == NPZ[0] else 1):
                            member.write(bytes(2**20))
        with pytest.raises(ValueError, match=f"mnist.npz: train_images {words}"):
            MNISTDataModule(root=str(tmp_path)).setup()
    with zipfile.ZipFile(path, "w") as file:
        for name in NPZ:
            file.writestr(f"{name}.npy", "no array")
    with pytest.raises(ValueError, match="mnist.npz: train_images is no array"):
        MNISTDataModule(root=str(tmp_path)).setup()


def test_what_begins_like_a_pickle_is_refused_without_advice_to_unpickle_it(tmp_path):
    path = tmp_path / "mnist.npz"
    np.savez(path, x=np.zeros(3))
    path.write_bytes(b"\x80\x02" + path.read_bytes())  # an archive at its end, and none for NumPy
    with pytest.raises(ValueError, match="mnist.npz: cannot be read .it is no npz file") as error:
        MNISTDataModule(root=str(tmp_path)).setup()
    assert "unsafely" not in str(error.value)


def rewrite(name, change):
    return lambda folder: (folder / name).write_bytes(change((folder / name).read_bytes()))


IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
BROKEN = {
    r"train-images-idx3-ubyte: 5000 bytes; expected 47056 for .* truncated": rewrite(IMAGES, lambda b: b[:5000]),
    r"train-labels-idx1-ubyte: 5 bytes; expected 8 or more": rewrite(LABELS, lambda b: b[:5]),
    r"more than 47056 bytes; expected 47056": rewrite(IMAGES, lambda b: b + b"more"),
    r"magic number 0x803; an idx file of labels begins with 0x801. Wrong file": lambda folder: (
        folder / LABELS
    ).write_bytes((folder / IMAGES).read_bytes()),
    r"label 17 in 1 samples, the first is number 59; expected 0..9": rewrite(LABELS, lambda b: b[:-1] + bytes([17])),
    r"60 images and labels of shape \(50,\)": rewrite(LABELS, lambda b: idx(np.zeros(50))),
    r"pictures are \(14, 56\); expected \(28, 28\)": rewrite(IMAGES, lambda b: idx(np.zeros((60, 14, 56)))),
    r"no images": lambda f: (
        (f / IMAGES).write_bytes(idx(np.zeros((0, 28, 28)))),
        (f / LABELS).write_bytes(idx(np.zeros(0))),
    ),
}


@pytest.mark.parametrize("message", BROKEN)
def test_broken_files_are_errors_and_never_a_fallback(tmp_path, message):
    folder = tmp_path / "MNIST" / "raw"
    write_idx(folder)
    BROKEN[message](folder)
    with pytest.raises(ValueError, match=message):
        MNISTDataModule(root=str(tmp_path)).setup()


def test_the_folder_of_the_other_set_is_not_taken_for_this_one(tmp_path):
    write_idx(tmp_path / "MNIST" / "raw")
    with pytest.raises(ValueError, match="MNIST holds MNIST. Set --data.root to the folder that holds FashionMNIST"):
        FashionMNISTDataModule(root=str(tmp_path / "MNIST")).setup()


def test_fractions_python_objects_and_other_files_are_no_pictures(tmp_path):
    path = tmp_path / "mnist.npz"
    arrays = {"train_images": np.full((20, 28, 28), 0.25), "train_labels": np.arange(20) % 10}
    arrays |= {"test_images": arrays["train_images"], "test_labels": arrays["train_labels"]}
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match=r"mnist.npz: train_images holds 0\..* whole numbers in 0..255. Multiply"):
        MNISTDataModule(root=tmp_path).setup()
    np.savez(path, **arrays | {"train_images": np.array([None] * 20)})
    with pytest.raises(ValueError, match="mnist.npz: train_images cannot be read: it holds Python objects. Save"):
        MNISTDataModule(root=tmp_path).setup()
    with path.open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(ValueError, match="mnist.npz: cannot be read .it is no npz file"):
        MNISTDataModule(root=tmp_path).setup()


def test_a_truncated_gzip_file_and_a_missing_file_are_errors(tmp_path):
    folder = tmp_path / "MNIST" / "raw"
    write_idx(folder, packed=True)
    path = folder / f"{IMAGES}.gz"
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(ValueError, match="cannot be read.*truncated"):
        MNISTDataModule(root=str(tmp_path)).setup()
    path.unlink()
    with pytest.raises(FileNotFoundError, match="holds raw/train-labels.* but not raw/train-images.*--data.download"):
        MNISTDataModule(root=str(tmp_path)).setup()


@pytest.mark.parametrize("kind", [MNISTDataModule, FashionMNISTDataModule])
def test_without_files_a_simulated_set_stands_in_and_says_so(tmp_path, kind):
    with pytest.raises(FileNotFoundError, match="train-images-idx3-ubyte.*not there.*--data.download true"):
        kind(root=str(tmp_path), source="real").setup()
    with pytest.raises(FileNotFoundError, match="add --data.source simulated"):  # a folder that was named
        kind(root=str(tmp_path)).setup()
    data = kind(limit=200)
    data.setup()
    assert data.data_source == "simulated" and "SIMULATED DATA" in data.notes[0]
    assert data.pools["train"]["image"].shape == (200, 1, 28, 28) and data.sizes()["test"] == 200
    assert set(data.pools["train"]["label"]) == set(range(10))


def test_train_size_keeps_few_labels_of_every_class_and_the_whole_validation_part(tmp_path):
    write_idx(tmp_path)
    whole, few = (MNISTDataModule(root=str(tmp_path), train_size=size) for size in (None, 20))
    for data in (whole, few):
        data.setup()
    rows = few.parts["train"]
    assert np.bincount(few.pools["train"]["label"][rows]).tolist() == [2] * 10
    assert set(rows) < set(whole.parts["train"]) and few.sizes()["val"] == 12
    assert "20 samples" in few.part_kind["train"]
    for size in (9, 49):
        data = MNISTDataModule(root=str(tmp_path), train_size=size)
        for _ in range(2):  # a set that failed is not ready the second time
            with pytest.raises(ValueError, match=f"train_size={size}: the train part has 48 samples of 10 classes"):
                data.setup()


@pytest.mark.realdata
@pytest.mark.parametrize("kind", [MNISTDataModule, FashionMNISTDataModule])
def test_the_real_sets_have_the_official_bytes(realdata, kind):
    data = kind(root=str(realdata), source="real", download=True)
    data.prepare_data()
    data.setup()
    assert data.sizes() == {"train": 48_000, "val": 12_000, "test": 10_000}
    mean = float(data.statistics()["mean"])
    assert mean == pytest.approx(0.1307 if kind is MNISTDataModule else 0.2860, abs=5e-4)
