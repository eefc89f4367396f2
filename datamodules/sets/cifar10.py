"""CIFAR-10 (assignments D7, D8, D9, D10): colour pictures 32x32 of ten classes, or a choice of them."""

import pickle
import shutil
import tarfile
import tempfile
from pathlib import Path

import numpy as np

from datamodules.core.source import Arrays
from datamodules.pictures.public import PublicImages, channels_first, checked_labels, simulated_pools
from datamodules.readers.download import download, verify
from datamodules.readers.npz import as_uint8, read_npz
from datamodules.simulate import make_objects

SIDE = 32
CLASS_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
FOLDER = "cifar-10-batches-py"
ARCHIVE = "cifar-10-python.tar.gz"
URL = f"https://www.cs.toronto.edu/~kriz/{ARCHIVE}"
ARCHIVE_SUM = "md5:c58f30108f718f92721af3b95e74349a"  # as in torchvision.datasets.CIFAR10, like those of the files
BATCHES = {
    "data_batch_1": "md5:c99cafc152244af753f735de768cd75f",
    "data_batch_2": "md5:d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "md5:54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "md5:634d18415352ddfa80567beed471001a",
    "data_batch_5": "md5:482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "md5:40351d587109b95175f43aff81a1287e",
}
NPZ = tuple(f"{part}_{kind}" for part in ("train", "test") for kind in ("images", "labels"))


class CIFAR10DataModule(PublicImages):
    """Train pool: ``image`` (50000, 3, 32, 32), ``label``; test pool: 10,000 labelled.

    Reads ``cifar10.npz`` with ``{train,test}_{images,labels}``, or the folder ``cifar-10-batches-py`` as the original
    archive and torchvision hold it; in ``<root>/cifar10`` or ``<root>``.

    Args:
        classes: Use these classes only, relabelled 0, 1, ... in this order: ``[2, 3]`` is birds against cats. None
            uses all ten.
        **kwargs: Arguments of ``PublicImages``.

    Raises:
        ValueError: ``classes`` names one twice, fewer than two, or one out of 0..9.
    """

    title = "cifar10"
    acts_later = ("download", "train_size", "classes")
    layouts = ((("cifar10.npz",),), tuple((f"{FOLDER}/{name}", name) for name in BATCHES))
    how_to_get = "Add --data.download true, or put torchvision's folder cifar-10-batches-py there."

    def __init__(self, classes: list[int] | None = None, **kwargs) -> None:
        super().__init__(**kwargs)
        self.save_hyperparameters(logger=False)
        if classes is not None and (len(set(classes)) < max(2, len(classes)) or not set(classes) <= set(range(10))):
            raise ValueError(f"classes={classes}: give two or more different ones of 0..9 ({', '.join(CLASS_NAMES)}).")

    @property
    def class_names(self) -> list[str]:
        """Names of the chosen classes, in the order of their labels."""
        return [CLASS_NAMES[c] for c in (range(10) if self.hparams.classes is None else self.hparams.classes)]

    def fetch(self, root: Path) -> None:
        """Download and unpack the original archive into ``<root>/cifar10``; verify batches that stand there."""
        place = root / self.title
        target = place / FOLDER
        if (place / "cifar10.npz").is_file():
            return  # made by the user: there is no official npz to compare with
        if all((target / name).is_file() for name in BATCHES):
            for name, checksum in BATCHES.items():
                verify(target / name, checksum)
            return
        archive = download((URL,), place / ARCHIVE, ARCHIVE_SUM)
        temporary = Path(tempfile.mkdtemp(dir=place, prefix=".unpack"))
        try:
            (unpacked := temporary / FOLDER).mkdir()  # which others may read, as they may not what mkdtemp makes
            with tarfile.open(archive) as tar:  # by hand: Python before 3.11.4 has no filters of what is unpacked
                for member in filter(tarfile.TarInfo.isfile, tar):
                    (unpacked / Path(member.name).name).write_bytes(tar.extractfile(member).read())
            shutil.rmtree(target, ignore_errors=True)
            unpacked.rename(target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def read(self, folder: Path) -> dict[str, Arrays]:
        """Read and check both parts."""
        return (
            self._read_npz(folder)
            if self.files[0].endswith(".npz")
            else self._read_batches((folder / self.files[0]).parent)
        )

    def _read_npz(self, folder: Path) -> dict[str, Arrays]:
        path = folder / self.files[0]
        arrays = read_npz(path, NPZ)
        pools = {}
        for part in ("train", "test"):
            images = arrays[f"{part}_images"]
            if images.ndim != 4 or images.shape[1:] != (SIDE, SIDE, 3):
                raise ValueError(f"{path}: {part}_images has shape {images.shape}; expected (N, {SIDE}, {SIDE}, 3).")
            labels = checked_labels(arrays[f"{part}_labels"], images, len(CLASS_NAMES), f"{path}, {part}_labels")
            pools[part] = {"image": channels_first(as_uint8(images, path, f"{part}_images")), "label": labels}
        return pools

    def _read_batches(self, folder: Path) -> dict[str, Arrays]:
        read = {name: read_batch(folder / name) for name in BATCHES}
        train = [read[name] for name in BATCHES if name != "test_batch"]
        return {
            "train": {key: np.concatenate([batch[key] for batch in train]) for key in ("image", "label")},
            "test": read["test_batch"],
        }

    def simulate(self) -> dict[str, Arrays]:
        """Objects of ``make_objects``."""
        return simulated_pools(make_objects(n_train=3000, n_test=600, seed=self.hparams.seed))

    def load(self) -> dict[str, Arrays]:
        """Read or simulate, then keep the chosen classes; ``id`` stays the row number in the whole set."""
        pools = super().load()
        if self.hparams.classes is None:
            return pools
        chosen = np.array(self.hparams.classes)
        new = np.full(len(CLASS_NAMES), -1)
        new[chosen] = np.arange(len(chosen))
        for pool in pools.values():
            rows = np.flatnonzero(new[pool["label"]] >= 0)
            pool.update(image=pool["image"][rows], label=new[pool["label"][rows]], id=rows)
        return pools


class ArraysOnly(pickle.Unpickler):
    """Reads what the original batches hold (dicts, lists, bytes, NumPy arrays) and runs no other code."""

    ALLOWED = {
        ("numpy.core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy", "ndarray"),
        ("numpy", "dtype"),
        ("_codecs", "encode"),
    }

    def find_class(self, module: str, name: str) -> object:
        """A class the file names, by its full name: a module of the user's folder may be called ``multiarray``."""
        if (module, name) not in self.ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        module = module.replace("numpy.core", "numpy._core")  # renamed in NumPy 2; the old name warns
        return super().find_class(module, name)


def read_batch(path: Path) -> dict[str, np.ndarray]:
    """``image`` uint8 (N, 3, 32, 32) and ``label`` (N,) of one original file: a pickled dict with rows of 3,072 bytes.

    Raises:
        ValueError: The file is truncated, is no such pickle, or its rows have another length.
    """
    try:
        with path.open("rb") as file:
            batch = ArraysOnly(file, encoding="bytes").load()
        images, labels = np.asarray(batch[b"data"]), np.asarray(batch[b"labels"])
    except (pickle.UnpicklingError, EOFError, LookupError, TypeError, ValueError, AttributeError, MemoryError) as error:
        raise ValueError(
            f"{path}: is no CIFAR-10 batch ({type(error).__name__}: {error}). "
            "Is it truncated? Unpack the archive again."
        ) from None
    if images.ndim != 2 or images.shape[1] != 3 * SIDE * SIDE or images.dtype != np.uint8:
        raise ValueError(f"{path}: data is {images.dtype} {images.shape}; expected uint8 (N, {3 * SIDE * SIDE}).")
    labels = checked_labels(labels, images, len(CLASS_NAMES), f"{path}, labels")
    return {"image": images.reshape(-1, 3, SIDE, SIDE), "label": labels}
