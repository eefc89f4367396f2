"""Per-sample results: ``rows.npz`` of the validation part, from which folds are pooled; ``test_rows.npz``."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lightning_tasks.common.atomic import write_atomic_with

from .tables import savez


def save_rows(path: Path, data: Any, rows: dict[str, Tensor], part: str = "val") -> None:
    """Write ``rows`` of a part in the order of their ``id``, with ``name``, the id as files write it."""
    columns = {key: value.cpu().numpy() for key, value in rows.items()}
    order = np.argsort(columns["id"], kind="stable")
    columns = {key: value[order] for key, value in columns.items()}
    columns["name"] = np.array(data.names(data.pool_of(part), columns["id"]), dtype=str)
    write_atomic_with(path, lambda temporary: savez(temporary, columns))


def load_rows(path: Path) -> tuple[dict[str, Tensor], np.ndarray]:
    """Rows as tensors, and the names.

    Raises:
        ValueError: The file is truncated, or no such file.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            columns = {key: file[key] for key in file}
        names = columns.pop("name")
    except (zipfile.BadZipFile, EOFError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path} is no whole file of rows ({type(error).__name__}). Make that run again with --overwrite."
        ) from None
    return {key: torch.from_numpy(value) for key, value in columns.items()}, names


def concatenated(parts: list[dict[str, Tensor]]) -> tuple[dict[str, Tensor], Tensor]:
    """Rows of several parts as one, in the order of ``id``, and the order itself (positions before sorting)."""
    rows = {key: torch.cat([part[key] for part in parts]) for key in parts[0]}
    order = torch.argsort(rows["id"], stable=True)
    return {key: value[order] for key, value in rows.items()}, order
