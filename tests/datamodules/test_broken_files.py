"""Damaged files of every kind: each is read, or refused in an error that names it. A thousand a reader with -m long."""

import gzip
import io
import pickle
import zipfile
from collections import Counter
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from openpyxl import Workbook
from PIL import Image

from datamodules import (
    HeadlinesDataModule,
    IsicDataModule,
    MarsDataModule,
    MNISTDataModule,
    PatternsDataModule,
    PhraseBankDataModule,
    TextStreamDataModule,
    ToxicDataModule,
    WristDataModule,
)
from datamodules.core import source
from datamodules.readers.hourly_tables import read_hourly
from datamodules.readers.pictures import FolderSource, Pictures
from datamodules.readers.side_tables import groups_named, rows_named
from datamodules.readers.word_tests import read_questions, read_similarities
from datamodules.readers.words import read_vectors
from datamodules.sets.cifar10 import read_batch
from tests.damage import files, inside, outcomes

RNG = np.random.default_rng(0)
GRAY = RNG.integers(0, 256, (12, 28, 28), np.uint8)
LABELS = np.arange(12) % 10


def loaded(kind, **kwargs):
    """Read anew, not shared with what was read before."""
    source._LAST.clear()
    return kind(root=".", source="real", **kwargs).load()


def stored(arrays: dict[str, np.ndarray]) -> list[bytes]:
    """The ``.npy`` members of an npz, to be damaged inside an archive whose checksums are right."""
    members = []
    for array in arrays.values():
        np.save(member := io.BytesIO(), array)
        members.append(member.getvalue())
    return members


def npz():
    arrays = {"train_images": GRAY, "train_labels": LABELS, "test_images": GRAY, "test_labels": LABELS}
    members = dict(zip((f"{key}.npy" for key in arrays), stored(arrays), strict=True))
    return *inside("mnist.npz", members, lambda: loaded(MNISTDataModule)), ("mnist.npz",)


def npz_of_mars():
    arrays = {"training_set": np.zeros((3, 2, 64, 128), np.float32), "test_set": np.zeros((2, 64, 128), np.float32)}
    members = dict(zip((f"{key}.npy" for key in arrays), stored(arrays), strict=True))
    return *inside("mars_for_students.npz", members, lambda: loaded(MarsDataModule)), ("mars_for_students.npz", "mars")


def idx(packed: bool = False):
    def header(array):
        return b"".join(n.to_bytes(4, "big") for n in (0x800 + array.ndim, *array.shape))

    contents = {}
    for stem in ("train", "t10k"):
        for name, array in (("images-idx3", GRAY), ("labels-idx1", LABELS.astype(np.uint8))):
            content = header(array) + array.tobytes()
            contents[f"{stem}-{name}-ubyte{'.gz' * packed}"] = content
    valid, read = files(contents, lambda: loaded(MNISTDataModule))
    if packed:  # the content is damaged, and every fifth time the packed file
        valid = [*valid, gzip.compress(valid[0])]
        for name, content in contents.items():
            contents[name] = gzip.compress(content)
        pack = read
        read = lambda place, content: pack(*((place, gzip.compress(content)) if place < 4 else (0, content)))  # noqa: E731
    return valid, read, ("-ubyte",)


def pickles():
    batch = {b"data": RNG.integers(0, 256, (4, 3072), np.uint8), b"labels": [1, 2, 3, 4], b"batch_label": b"one"}
    contents = {"data_batch_1": pickle.dumps(batch, protocol=2)}
    return *files(contents, lambda: read_batch(Path("data_batch_1"))), ("data_batch_1",)


def encoded(kind: str, mode: str = "RGB", dtype=np.uint8, **options) -> bytes:
    pixels = RNG.integers(0, 4000 if dtype == np.uint16 else 256, (24, 20, 3) if mode == "RGB" else (24, 20)).astype(
        dtype
    )
    Image.fromarray(pixels).save(file := io.BytesIO(), kind, **options)
    return file.getvalue()


def pictures():
    exif = Image.Exif()
    exif[274] = 6
    contents = {
        "0.jpg": encoded("JPEG"), "1.jpg": encoded("JPEG", progressive=True, exif=exif), "2.png": encoded("PNG"),
        "3.png": encoded("PNG", "L", np.uint16), "4.bmp": encoded("BMP"), "5.gif": encoded("GIF", "L"),
        "6.tif": encoded("TIFF"), "7.tif": encoded("TIFF", compression="tiff_lzw"), "8.webp": encoded("WEBP"),
    }  # fmt: skip

    def read(place: int, content: bytes):
        name = list(contents)[place]
        Path("folder").mkdir(exist_ok=True)
        Path("folder", name).write_bytes(content)
        return Pictures(FolderSource(Path("folder")), np.array([str(i) for i in range(9)]), 16)[place]

    return list(contents.values()), read, ("picture ",)


def radiographs():
    table = b"filestem,patient_id,fracture_visible\n" + b"".join(b"%d_a,%d,%d\n" % (i, i, i % 2) for i in range(8))
    contents = {"dataset.csv": table, "0_a.png": encoded("PNG", "L", np.uint16), "1_a.png": encoded("PNG", "L")}
    for i in range(2, 8):
        Path(f"{i}_a.png").write_bytes(encoded("PNG", "L", np.uint16))

    def read():
        data = WristDataModule(root=".", source="real", size=16, folds=2)
        source._LAST.clear()
        data.pools = data.load()
        pictures = Pictures(data.source_of("train"), data.pools["train"]["name"], 16, seen=data.seen)
        return [pictures[row] for row in range(len(data.pools["train"]["name"]))]

    return *files(contents, read), ("dataset.csv", "_a.png")


def patterns():
    pixels = np.full((16, 16, 3), 255, np.uint8)
    Image.fromarray(pixels).save(file := io.BytesIO(), "PNG")
    Path("patterns").mkdir()
    contents = {"patterns/a.png": file.getvalue(), "patterns/b.png": encoded("PNG")}
    return *files(contents, lambda: loaded(PatternsDataModule)), (".png", "patterns")


def hdf5():
    names = [f"ISIC_{i}" for i in range(8)]
    with h5py.File(file := io.BytesIO(), "w") as values:
        for name in names:
            values[name] = np.void(encoded("JPEG"))
    columns = {"isic_id": names, "target": [0, 1] * 4, "patient_id": list("aabbccdd"),
               "age_approx": [40.0, 50, None, 60] * 2, "sex": ["male", "female", "", "male"] * 2,
               "tbp_lv_area_perim_ratio": RNG.random(8)}  # fmt: skip
    frame = pd.DataFrame(columns)
    contents = {
        "train-metadata.csv": frame.to_csv(index=False).encode(),
        "test-metadata.csv": frame.drop(columns="target").to_csv(index=False).encode(),
        "train-image.hdf5": file.getvalue(),
        "test-image.hdf5": file.getvalue(),
    }

    def read():
        source._LAST.clear()
        data = IsicDataModule(root=".", source="real", size=16, folds=2)
        data.setup()
        return [data.images(pool, np.arange(len(data.pools[pool]["id"]))) for pool in ("train", "predict")]

    return *files(contents, read), (*contents, "isic", "groups")


HOURS = pd.DataFrame(
    {
        "date": np.repeat([20120101, 20120102, 20120103], 24),
        "hour": np.tile(np.arange(1, 25), 3),
        "gas_m3": RNG.random(72).round(3),
        "temperature_c": RNG.random(72).round(2),
    }
)


def hourly_csv():
    contents = {"gas.csv": HOURS.to_csv(index=False).encode()}
    return *files(contents, lambda: read_hourly(Path("gas.csv"), "date", "hour", ["gas_m3"], ("temperature_c",))), (
        "gas.csv",
    )


def xlsx():
    book = Workbook()
    for row in [tuple(HOURS.columns), *HOURS.itertuples(index=False)]:
        book.active.append([value.item() if hasattr(value, "item") else value for value in row])
    book.save("gas.xlsx")
    with zipfile.ZipFile("gas.xlsx") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    return *inside("gas.xlsx", members, lambda: read_hourly(Path("gas.xlsx"), "date", "hour", ["gas_m3"])), (
        "gas.xlsx",
    )


def text():
    contents = {"text.txt": ("the cat sat on the mat.\n" * 20 + "zebra é!").encode()}
    return *files(contents, lambda: loaded(TextStreamDataModule, steps=8)), ("text.txt",)


def labelled_text():
    sentences = "\n".join(f"Profit number {i} rose by {i} %.@{('negative', 'positive')[i % 2]}" for i in range(20))
    comments = "id,comment_text,toxic\n" + "".join(f'c{i},"you, ""friend"" {i}\nhello",{i % 2}\n' for i in range(12))
    news = "class,title,description\n" + "".join(f"{i % 4 + 1},title {i},text {i}\n" for i in range(12))
    kinds = (PhraseBankDataModule, ToxicDataModule, HeadlinesDataModule)
    names = ("Sentences.txt", "data.csv", "ag_news.csv")
    contents = dict(zip(names, (t.encode() for t in (sentences, comments, news)), strict=True))

    def read(place: int, content: bytes):
        Path(names[place]).write_bytes(content)
        return loaded(kinds[place])

    return list(contents.values()), read, names


def vectors():
    words = [f"word{i}" for i in range(12)]
    contents = {"glove.txt": "".join(f"{w} {' '.join(f'{x:.3f}' for x in RNG.random(6))}\n" for w in words).encode()}
    return *files(contents, lambda: read_vectors(Path("glove.txt"), words)), ("glove.txt",)


def word_tests():
    contents = {
        "questions.txt": b": capitals\n" + b"athens greece paris france\n" * 6,
        "pairs.txt": b"word1 word2 score\n" + b"cat\tdog\t7.35\nlove,sex,6.77\n" * 5,
    }
    readers = (read_questions, read_similarities)

    def read(place: int, content: bytes):
        Path(list(contents)[place]).write_bytes(content)
        return readers[place](Path(list(contents)[place]))

    return list(contents.values()), read, tuple(contents)


def side_tables():
    names = [str(i) for i in range(10)]
    groups = ("id,group\n" + "".join(f"{i},{i // 2}\n" for i in range(10))).encode()
    contents = {"groups.csv": groups, "exclude.csv": b"id,reason\n0,blurred\n7,copy of 3\n"}

    def read(place: int, content: bytes):
        Path(list(contents)[place]).write_bytes(content)
        if place:
            return rows_named(Path("exclude.csv"), names, names)
        return groups_named(Path("groups.csv"), names)

    return list(contents.values()), read, tuple(contents)


READERS = {
    "npz": npz,
    "npz of Mars": npz_of_mars,
    "idx": idx,
    "packed idx": lambda: idx(packed=True),
    "CIFAR-10's pickles": pickles,
    "pictures": pictures,
    "radiographs": radiographs,
    "patterns": patterns,
    "HDF5 and CSV": hdf5,
    "hourly CSV": hourly_csv,
    "XLSX": xlsx,
    "running text": text,
    "labelled text": labelled_text,
    "word vectors": vectors,
    "tests of vectors": word_tests,
    "side tables": side_tables,
}


@pytest.mark.parametrize("examples", [20, pytest.param(1000, marks=pytest.mark.long)])
@pytest.mark.parametrize("reader", READERS)
def test_a_damaged_file_is_read_or_refused_by_name(reader, examples):
    valid, read, names = READERS[reader]()
    found = outcomes(valid, read, names, examples)
    print(f"{reader}: {dict(found)}")
    assert set(found) <= {"read", "refused"} and sum(found.values()) >= examples, Counter(found).most_common(8)
