"""Reading ``.npz`` files with errors that name file, found, expected and remedy."""

import math
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any

import numpy as np

from .wording import short

LARGEST = 2**32  # bytes of one array: the sets that are read have a tenth of it
ZIP = (b"PK\x03\x04", b"PK\x05\x06")  # NumPy goes by these, and takes what begins otherwise for a pickle
GROWS, SMALL = 200, 2**28  # an array of more than SMALL bytes that was packed to less than 1 / GROWS is no data


def read_npz(
    path: Path, required: tuple[str, ...], optional: tuple[str, ...] = (), other_names: Mapping[str, str] | None = None
) -> dict[str, np.ndarray]:
    """Read named arrays.

    Args:
        path: The file.
        required: Keys that must be there.
        optional: Keys that are read where they are.
        other_names: What a key may be called instead, where the file has all of these names.

    Raises:
        ValueError: The file is truncated or no npz, holds Python objects, a required key is missing, or an array would
            not fit into memory.
    """
    try:
        with path.open("rb") as begin:
            magic = begin.read(4)
        if magic not in ZIP or not zipfile.is_zipfile(path):
            raise zipfile.BadZipFile("it is no npz file, which is a zip archive of arrays")
        with np.load(path, allow_pickle=False) as file:
            names = other_names if other_names and set(other_names.values()) <= set(file) else {}
            missing = [key for key in required if names.get(key, key) not in file]
            if missing:
                raise ValueError(f"{path}: no key {missing[0]!r}. Found keys: {short(', '.join(file)) or 'none'}.")
            keys = [key for key in (*required, *optional) if names.get(key, key) in file]
            return {key: numbers(file, names.get(key, key), path) for key in keys}
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, zlib.error, KeyError) as error:
        raise ValueError(
            f"{path}: cannot be read ({short(error)}). Is it truncated? Copy or download it again."
        ) from None


def numbers(file: Any, key: str, path: Path) -> np.ndarray:
    """One array of an open npz file.

    Raises:
        ValueError: It is no array, holds Python objects, which are read by running code of the file, or claims to be
            larger than the file can mean.
    """
    member = key if key in file.zip.namelist() else f"{key}.npy"
    info = file.zip.getinfo(member)
    with file.zip.open(member) as begin:
        size = claimed_bytes(begin, path, key)
    grown = max(size, info.file_size)
    if grown > LARGEST or (grown > SMALL and grown > GROWS * max(info.compress_size, 1)):
        raise ValueError(
            f"{path}: {key} claims {grown / 2**30:.1f} GiB, packed in {info.compress_size / 2**20:.1f} MiB. "
            "Wrong or broken file?"
        )
    try:
        return file[key]
    except (ValueError, MemoryError) as error:
        raise ValueError(f"{path}: {key} cannot be read ({short(error)}). Save plain numbers with np.savez.") from None


def claimed_bytes(file: IO[bytes], path: Path, key: str) -> int:
    """Size of the array whose ``.npy`` header a file begins with.

    Raises:
        ValueError: It begins otherwise, or with Python objects.
    """
    try:
        version = np.lib.format.read_magic(file)
        header = {(1, 0): np.lib.format.read_array_header_1_0}.get(version, np.lib.format.read_array_header_2_0)
        shape, _, dtype = header(file)
    except (ValueError, EOFError, SyntaxError, TypeError, TokenError) as error:
        raise ValueError(f"{path}: {key} is no array ({short(error)}).") from None
    if dtype.hasobject:
        raise ValueError(f"{path}: {key} cannot be read: it holds Python objects. Save plain numbers with np.savez.")
    return math.prod(shape) * dtype.itemsize


def as_uint8(array: np.ndarray, path: Path, key: str, high: int = 255) -> np.ndarray:
    """Cast whole numbers in 0..high of any dtype to uint8.

    Raises:
        ValueError: NaN, fractions, or a value out of range.
    """
    if array.dtype == np.uint8 and high == 255:
        return array
    if array.dtype.kind not in "uifb":
        raise ValueError(f"{path}: {key} has dtype {array.dtype}; expected numbers in 0..{high}.")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(
            f"{path}: {key} holds NaN or infinity in {bad_rows(~np.isfinite(array))}. Remove or repair them."
        )
    if array.size and (array.min() < 0 or array.max() > high):
        bad = (array < 0) | (array > high)
        value = array[bad].flat[0]
        raise ValueError(f"{path}: {key} holds {value:g} in {bad_rows(bad)}; expected 0..{high}.")
    rounded = np.rint(array).astype(np.uint8)
    if array.dtype.kind == "f" and (bad := np.abs(rounded - array) > 1e-3).any():  # less is noise of a conversion
        value = array[bad].flat[0]
        raise ValueError(
            f"{path}: {key} holds {value:g} in {bad_rows(bad)}; expected whole numbers in 0..{high}. "
            "Multiply values of 0..1 by 255, and round."
        )
    return rounded


def bad_rows(bad: np.ndarray) -> str:
    """Which rows of the first axis hold a bad value, for a message."""
    rows = np.flatnonzero(bad.reshape(len(bad), -1).any(1))
    return f"{len(rows)} samples, the first is number {rows[0]}"
