"""Reading ``.npz`` files with errors that name file, found, expected and remedy."""

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np


def read_npz(path: Path, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> dict[str, np.ndarray]:
    """Read named arrays.

    Raises:
        ValueError: The file is truncated or no npz, holds Python objects, or a required key is missing.
    """
    try:
        if not zipfile.is_zipfile(path):
            raise zipfile.BadZipFile("it is no npz file, which is a zip archive of arrays")
        with np.load(path, allow_pickle=False) as file:
            missing = [key for key in required if key not in file]
            if missing:
                raise ValueError(f"{path}: no key {missing[0]!r}. Found keys: {', '.join(file) or 'none'}.")
            return {key: numbers(file, key, path) for key in (*required, *optional) if key in file}
    except (zipfile.BadZipFile, EOFError, OSError, zlib.error) as error:
        raise ValueError(f"{path}: cannot be read ({error}). Is it truncated? Copy or download it again.") from None


def numbers(file: Mapping[str, np.ndarray], key: str, path: Path) -> np.ndarray:
    """One array of an npz file.

    Raises:
        ValueError: It holds Python objects, which are read by running code of the file.
    """
    try:
        return file[key]
    except ValueError as error:
        raise ValueError(f"{path}: {key} cannot be read ({error}). Save plain numbers with np.savez.") from None


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
