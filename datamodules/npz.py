"""Reading ``.npz`` files with errors that name file, found, expected and remedy."""

import zipfile
import zlib
from pathlib import Path

import numpy as np


def read_npz(path: Path, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> dict[str, np.ndarray]:
    """Read named arrays.

    Raises:
        ValueError: The file is truncated or no npz, or a required key is missing.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            missing = [key for key in required if key not in file]
            if missing:
                raise ValueError(f"{path}: no key {missing[0]!r}. Found keys: {', '.join(file) or 'none'}.")
            return {key: file[key] for key in (*required, *optional) if key in file}
    except (zipfile.BadZipFile, EOFError, OSError, zlib.error) as error:
        raise ValueError(f"{path}: cannot be read ({error}). Is it truncated? Copy or download it again.") from None


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
    return np.rint(array).astype(np.uint8)


def bad_rows(bad: np.ndarray) -> str:
    """Which rows of the first axis hold a bad value, for a message."""
    rows = np.flatnonzero(bad.reshape(len(bad), -1).any(1))
    return f"{len(rows)} samples, the first is number {rows[0]}"
