"""Picture files as people bring them: whatever a library raises becomes one error with the picture's name."""

import io
import struct
import zlib

import h5py
import numpy as np
import pytest
from PIL import Image

from datamodules.readers.pictures import BrokenFile, FolderSource, HDF5Source, Pictures, decode, open_source

PIXELS = np.random.default_rng(0).integers(0, 256, (12, 12, 3), dtype=np.uint8)


def encoded(image, kind="PNG", **options):
    file = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(file, kind, **options)
    return file.getvalue()


def hdf5(path, values, group=""):
    with h5py.File(path, "w") as file:
        place = file.create_group(group) if group else file
        for name, value in values.items():
            place[name] = value
    return HDF5Source(path)


PNG = encoded(PIXELS)
FORMS = {
    "opaque": np.void(PNG),
    "string": np.bytes_(PNG + b"end"),  # HDF5 cuts zeros at the end of a string
    "bytes": np.frombuffer(PNG, np.uint8),
    "array of one": np.array([np.void(PNG)]),
    "row": np.frombuffer(PNG, np.uint8)[None],
    "column": np.frombuffer(PNG, np.int8)[:, None],
    "table of one": np.array([[np.void(PNG)]]),
    "pixels": PIXELS,
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("group", ["", "images", "data/images"])
def test_values_of_every_form_and_in_one_group_are_read(tmp_path, form, group):
    source = hdf5(tmp_path / "p.hdf5", {"a": FORMS[form], "b": FORMS[form]}, group)
    assert source.names() == {"a", "b"}
    np.testing.assert_array_equal(decode(source.read("a"), 12), PIXELS)
    source.close()
    np.testing.assert_array_equal(Pictures(source, np.array(["b"]), 12)[0], PIXELS)


def test_the_group_of_pictures_is_found_beside_other_things(tmp_path):
    with h5py.File(tmp_path / "p.hdf5", "w") as file:
        file["images/a"] = np.void(PNG)
        file["meta/site"], file["labels"] = "arm", np.arange(3)
    source = HDF5Source(tmp_path / "p.hdf5")
    assert source.names() == {"a"}
    np.testing.assert_array_equal(decode(source.read("a"), 12), PIXELS)


def test_gray_pixels_become_three_channels(tmp_path):
    source = hdf5(tmp_path / "p.hdf5", {"a": PIXELS[..., 0], "b": np.void(PNG)})
    np.testing.assert_array_equal(decode(source.read("a"), 12), np.repeat(PIXELS[..., :1], 3, 2))


def test_a_reference_and_a_lack_of_memory_are_told_with_the_picture(tmp_path, monkeypatch):
    with h5py.File(tmp_path / "p.hdf5", "w") as file:
        file["b"] = np.void(PNG)
        file.create_dataset("a", data=file["b"].ref, dtype=h5py.ref_dtype)
    read = Pictures(HDF5Source(tmp_path / "p.hdf5"), np.array(["a", "b"]), 12)
    with pytest.raises(BrokenFile, match="p.hdf5: picture a cannot be decoded .the value holds references to others"):
        read[0]

    def full(name):
        raise MemoryError

    monkeypatch.setattr(read.source, "read", full)
    with pytest.raises(BrokenFile, match="p.hdf5: picture b cannot be decoded .MemoryError"):
        read[1]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (h5py.Empty("f4"), "the value is empty"),
        (np.zeros(0, np.uint8), "the value is empty"),
        ("a path.jpg", "no picture of a kind that is known"),
        (np.zeros((4, 4, 4, 4), np.uint8), "cannot be decoded"),
        (np.float32(3.5), "no picture of a kind that is known"),
        (h5py.SoftLink("/nowhere"), "picture a cannot be decoded"),
        (h5py.ExternalLink("none.hdf5", "/a"), "picture a cannot be decoded"),
    ],
)
def test_values_that_are_no_picture_are_named(tmp_path, value, words):
    source = hdf5(tmp_path / "p.hdf5", {"a": value, "b": np.void(PNG)})
    with pytest.raises(BrokenFile, match=words) as caught:
        Pictures(source, np.array(["a"]), 12)[0]
    assert "p.hdf5: picture a" in str(caught.value) and "object at 0x" not in str(caught.value)


def test_groups_in_place_of_pictures_links_in_a_loop_and_a_claim_of_terabytes(tmp_path):
    with h5py.File(tmp_path / "p.hdf5", "w") as file:
        file["a/x"] = np.void(PNG)
        file["b"] = np.void(PNG)
        file.create_dataset("c", (2**40,), np.uint8, chunks=(1024,))
    read = Pictures(HDF5Source(tmp_path / "p.hdf5"), np.array(["a", "c"]), 12)
    with pytest.raises(BrokenFile, match="picture a cannot be decoded .a group stands there"):
        read[0]
    with pytest.raises(BrokenFile, match="picture c cannot be decoded .the value claims 1024 GiB"):
        read[1]
    with h5py.File(tmp_path / "loop.hdf5", "w") as file:
        file["again"] = file["/"]
    with pytest.raises(BrokenFile, match="loop.hdf5: not a whole HDF5 file"):
        HDF5Source(tmp_path / "loop.hdf5").names()
    with h5py.File(tmp_path / "loop.hdf5", "w") as file:
        file.create_group("a/b")
        file["a/b/c"] = file["a"]
    with pytest.raises(BrokenFile, match="loop.hdf5: not a whole HDF5 file .groups that hold each other"):
        HDF5Source(tmp_path / "loop.hdf5").names()


def huge():
    """A PNG of a kilobyte whose header claims more pixels than Pillow decodes."""
    ends = b"\0\0\0\0IEND\xaeB`\x82"
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    chunk = b"IHDR" + head
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk)) + ends


BROKEN = {
    "huge": (huge(), "DecompressionBombError: Image size"),
    "cut": (PNG[: len(PNG) // 2], "cannot be decoded"),
    "empty": (b"", "no picture of a kind that is known"),
    "text": (b"hello", "no picture of a kind that is known"),
    "cut header": (PNG[:20], "cannot be decoded"),
    "cut jpeg": (encoded(PIXELS, "JPEG")[:200], "cannot be decoded"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_named(tmp_path, name):
    data, words = BROKEN[name]
    (tmp_path / f"{name}.png").write_bytes(data)
    read = Pictures(open_source(tmp_path), np.array([name]), 12)
    with pytest.raises(BrokenFile, match=words) as caught:
        read[0]
    assert f"picture {name} cannot be decoded" in str(caught.value) and "0x" not in str(caught.value)
    assert not read.decodes(0)


@pytest.mark.parametrize(
    "error", [struct.error("x"), zlib.error("x"), MemoryError(), KeyError("x"), EOFError(), TypeError()]
)
def test_whatever_a_reader_raises_is_named(error):
    def fails(image):
        raise error

    with pytest.raises(ValueError, match=type(error).__name__):
        decode(PNG, 12, seen=fails)


def test_files_of_the_system_and_folders_are_no_pictures(tmp_path):
    for name in ("a.png", "._a.png", ".DS_Store", "Thumbs.db", ".hidden.jpg"):
        (tmp_path / name).write_bytes(PNG)
    (tmp_path / "b.png").mkdir()
    assert FolderSource(tmp_path).names() == {"a"}
    (tmp_path / "a.jpg").write_bytes(PNG)
    with pytest.raises(ValueError, match=r"a\.jpg and a\.png are both called a"):
        FolderSource(tmp_path)
