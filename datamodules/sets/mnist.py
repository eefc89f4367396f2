"""MNIST and Fashion-MNIST (assignments D1, D2, D3, D9, D13, E1): gray pictures 28x28 of ten classes."""

import gzip
import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from datamodules.core.source import Arrays
from datamodules.pictures.public import PublicImages, checked_labels, simulated_pools
from datamodules.readers.download import download, verify
from datamodules.readers.npz import LARGEST, as_uint8, read_npz
from datamodules.simulate import make_digits, make_garments

SIDE, CLASSES = 28, 10
FASHION = ["t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle_boot"]
TITLES = ("MNIST", "FashionMNIST")  # their files have the same names
IDX = {
    part: (f"{stem}-images-idx3-ubyte", f"{stem}-labels-idx1-ubyte")
    for part, stem in (("train", "train"), ("test", "t10k"))
}
NAMES = tuple(name for pair in IDX.values() for name in pair)
NPZ = tuple(f"{part}_{kind}" for part in ("train", "test") for kind in ("images", "labels"))
KERAS = dict(zip(NPZ, ("x_train", "y_train", "x_test", "y_test"), strict=True))
MOST_PACKED = 1032  # bytes that deflate makes of one, at most
IMAGES, LABELS = 0x803, 0x801  # idx magic numbers: unsigned bytes in three dimensions, and in one


def names_of(name: str) -> tuple[str, ...]:
    """Names of an idx file: in torchvision's folder or not, with a dot as Kaggle writes it, packed or not."""
    spelled = (name, name.replace("-idx", ".idx"))
    return tuple(f"{folder}{n}{packed}" for folder in ("raw/", "") for n in spelled for packed in ("", ".gz"))


class MNISTDataModule(PublicImages):
    """Train pool: ``image`` (60000, 1, 28, 28), ``label`` in 0..9; test pool: 10,000 labelled.

    Reads the four idx files, each plain or ``.gz``, as torchvision leaves them in ``<root>/MNIST/raw`` or as Kaggle
    names them, or ``mnist.npz`` with ``{train,test}_{images,labels}`` or with Keras's ``{x,y}_{train,test}``.
    """

    title = "MNIST"
    class_names = [str(digit) for digit in range(CLASSES)]
    layouts = (tuple(map(names_of, NAMES)), (("mnist.npz",),))
    how_to_get = "Add --data.download true, or put torchvision's files there."
    mirrors = ("https://ossci-datasets.s3.amazonaws.com/mnist/", "http://yann.lecun.com/exdb/mnist/")
    checksums = {  # of the packed files as in torchvision.datasets.MNIST; of the plain ones, from those
        "train-images-idx3-ubyte.gz": "md5:f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "train-labels-idx1-ubyte.gz": "md5:d53e105ee54ea40749a09fcbcd1e9432",
        "t10k-images-idx3-ubyte.gz": "md5:9fb629c4189551a2d022fa330f9573f3",
        "t10k-labels-idx1-ubyte.gz": "md5:ec29112dd5afa0611ce80d1b7f02629c",
        "train-images-idx3-ubyte": "sha256:ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte": "sha256:65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte": "sha256:0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte": "sha256:ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    }

    def facts(self) -> dict[str, Any]:
        """Gray pictures of ten classes."""
        return {**super().facts(), "in_channels": 1}

    def fetch(self, root: Path) -> None:
        """Download the packed files into ``<root>/<title>/raw``; verify any idx files that stand there."""
        if any((place / self.layouts[-1][0][0]).is_file() for place in (root / self.title, root)):
            return  # an npz made by the user: there is no official one to compare with
        folder = root / self.title / "raw"
        plain = [folder / name for name in NAMES]
        if all(path.is_file() for path in plain):
            for path in plain:
                verify(path, self.checksums[path.name])
            return
        for name in (f"{name}.gz" for name in NAMES):
            download(tuple(mirror + name for mirror in self.mirrors), folder / name, self.checksums[name])

    def read(self, folder: Path) -> dict[str, Arrays]:
        """Read and check both parts."""
        named = folder.resolve().parent if folder.resolve().name == "raw" else folder.resolve()
        if named.name in TITLES and named.name != self.title:
            raise ValueError(
                f"{folder} holds {named.name}. Set --data.root to the folder that holds {self.title}. "
                "For the simulated set add --data.source simulated."
            )
        if self.files[0].endswith(".npz"):
            return self._read_npz(folder / self.files[0])
        pools = {}
        for number, part in enumerate(("train", "test")):
            paths = [folder / name for name in self.files[2 * number : 2 * number + 2]]
            images, labels = read_idx(paths[0], IMAGES), read_idx(paths[1], LABELS)
            if images.shape[1:] != (SIDE, SIDE):
                raise ValueError(f"{paths[0]}: pictures are {images.shape[1:]}; expected ({SIDE}, {SIDE}).")
            pools[part] = {"image": images[:, None], "label": checked_labels(labels, images, CLASSES, str(paths[1]))}
        return pools

    def _read_npz(self, path: Path) -> dict[str, Arrays]:
        arrays = read_npz(path, NPZ, other_names=KERAS)
        pools = {}
        for part in ("train", "test"):
            images = arrays[f"{part}_images"]
            if images.ndim != 3 or images.shape[1:] != (SIDE, SIDE):
                raise ValueError(
                    f"{path}: {part}_images has shape {images.shape}; expected (N, {SIDE}, {SIDE}), "
                    "pixels 0..255 in any numeric dtype."
                )
            labels = checked_labels(arrays[f"{part}_labels"], images, CLASSES, f"{path}, {part}_labels")
            pools[part] = {"image": as_uint8(images, path, f"{part}_images")[:, None], "label": labels}
        return pools

    def simulate(self) -> dict[str, Arrays]:
        """Digits of ``make_digits``: few, so that the default run takes a minute."""
        return simulated_pools(make_digits(n_train=3000, n_test=600, seed=self.hparams.seed))


class FashionMNISTDataModule(MNISTDataModule):
    """Fashion-MNIST in the same files and arrays, in ``<root>/FashionMNIST/raw`` or ``fashion_mnist.npz``.

    Classes: t-shirt, trouser, pullover, dress, coat, sandal, shirt, sneaker, bag, ankle boot.
    """

    title = "FashionMNIST"
    class_names = FASHION
    layouts = (tuple(map(names_of, NAMES)), (("fashion_mnist.npz",),))
    mirrors = ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",)
    checksums = {
        "train-images-idx3-ubyte.gz": "md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "train-labels-idx1-ubyte.gz": "md5:25c81989df183df01b3e8a0aad5dffbe",
        "t10k-images-idx3-ubyte.gz": "md5:bef4ecab320f06d8554ea6380940ec79",
        "t10k-labels-idx1-ubyte.gz": "md5:bb300cfdad3c16e7a12a480ee83cd310",
        "train-images-idx3-ubyte": "sha256:c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "train-labels-idx1-ubyte": "sha256:bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "t10k-images-idx3-ubyte": "sha256:5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "t10k-labels-idx1-ubyte": "sha256:0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    }

    def simulate(self) -> dict[str, Arrays]:
        """Garments of ``make_garments``."""
        return simulated_pools(make_garments(n_train=3000, n_test=600, seed=self.hparams.seed))


def read_idx(path: Path, magic: int) -> np.ndarray:
    """An idx file of unsigned bytes, plain or ``.gz``: uint8, its shape as the header says.

    Source: the format's description by LeCun, Cortes & Burges: a big-endian magic number whose last byte is the
    number of dimensions, their sizes, then the data.

    Raises:
        ValueError: The file is truncated, too long, no gzip file, or holds another kind of data.
    """
    dims = magic & 0xFF
    header = 4 + 4 * dims
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            content = file.read(header)
            shape = tuple(int.from_bytes(content[4 + 4 * i : 8 + 4 * i], "big") for i in range(dims))
            size = math.prod(shape)
            check_kind(path, content, magic)
            if size > LARGEST:
                raise ValueError(f"{path}: its header claims {size / 2**30:.1f} GiB. Wrong or broken file?")
            most = path.stat().st_size * (MOST_PACKED if path.suffix == ".gz" else 1)
            content += file.read(min(size + 1, most))  # no more than was announced, or than the file can hold
    except (EOFError, OSError, zlib.error) as error:
        raise ValueError(f"{path}: cannot be read ({error}). Is it truncated? Copy or download it again.") from None
    if len(content) != header + size:
        there = f"more than {header + size}" if len(content) > header + size else len(content)
        expected = f"{header + size} for the shape {shape} of its header"
        raise ValueError(
            f"{path}: {there} bytes; expected {expected if len(content) >= header else f'{header} or more'}. "
            "Is it truncated, or another file? Copy or download it again."
        )
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape).copy()  # writable, as torch wants it


def check_kind(path: Path, content: bytes, magic: int) -> None:
    """Raise a ValueError where a file begins with another magic number than one of this kind."""
    begins = int.from_bytes(content[:4], "big")
    if len(content) >= 4 and begins != magic:
        kind = "pictures" if magic == IMAGES else "labels"
        raise ValueError(f"{path}: magic number {begins:#x}; an idx file of {kind} begins with {magic:#x}. Wrong file?")
