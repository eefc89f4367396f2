"""Files that torch wrote, perhaps another person's: they run no code, and tensors in them are what they say."""

import pickle
import struct
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import torch
from torch import Tensor

# What reading a cut or foreign file ends with, by where it is cut.
UNREADABLE = (pickle.UnpicklingError, BadZipFile, EOFError, OSError, RuntimeError, KeyError, TypeError, ValueError,
              IndexError, AttributeError, MemoryError, struct.error)  # fmt: skip


def read_torch(path: Path, kind: str, map_location: Any = "cpu", mmap: bool = False) -> dict[Any, Any]:
    """The dict of a file of ``torch.save``, read with ``weights_only``.

    Args:
        path: A file that exists.
        kind: What messages call it: ``checkpoint``.
        map_location: As for ``torch.load``.
        mmap: Leave the tensors in the file until they are used.

    Raises:
        ValueError: Another file, a truncated one, or one of other objects than plain values and tensors.
    """
    try:
        content = torch.load(path, map_location=map_location, weights_only=True, mmap=mmap)
    except UNREADABLE as error:
        # torch's own words advise to load it unsafely
        why = "not made of plain values and tensors" if isinstance(error, pickle.UnpicklingError) else reason(error)
        raise unreadable(path, kind, why) from None
    if not isinstance(content, dict):
        raise unreadable(path, kind, f"it holds a {type(content).__name__}, and no names with values")
    return content


def named_tensors(state: Any, path: Path, kind: str) -> dict[str, Tensor]:
    """``state``, a state dict that ``read_torch`` found in ``path``.

    Raises:
        ValueError: It is none: other values, or a tensor that claims more elements than the file holds.
    """
    if not isinstance(state, dict):
        raise unreadable(path, kind, f"its state dict is a {type(state).__name__}")
    for name, value in state.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise unreadable(path, kind, f"{str(name)[:60]!r} is a {type(value).__name__}, and no tensor")
        is_plain = value.layout == torch.strided and value.device.type != "meta" and not value.is_quantized
        if not is_plain or value.numel() * value.element_size() > value.untyped_storage().nbytes():
            # a copy of it may take any amount of memory
            raise unreadable(path, kind, f"{name[:60]!r} claims {value.numel():,} elements and does not hold them")
    return state


def likely_name(name: str, state: dict[str, Tensor], expected: dict[str, Tensor]) -> str:
    """``, as NAME is there`` where ``state`` lacks a tensor and has one of its shape that nobody expects; or ""."""
    if name in state or name not in expected:
        return ""
    there = (n for n in state if n not in expected and state[n].shape == expected[name].shape)
    return f", as {found} is there" if (found := next(there, None)) else ""


def unreadable(path: Path, kind: str, why: str) -> ValueError:
    """The error of a file that is no ``kind``."""
    return ValueError(f"{path} is no readable {kind} ({why}). Is it truncated, or another file?")


def reason(error: BaseException) -> str:
    """What the system said: ``torch.save`` hides it behind an error of its own."""
    cause: BaseException | None = error
    while cause is not None and not (isinstance(cause, OSError) and cause.strerror):
        cause = cause.__context__
    message = cause.strerror if isinstance(cause, OSError) else None
    return message or next(iter(str(error).splitlines()), type(error).__name__)
