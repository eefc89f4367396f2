"""Tables with one row a sample, as CSV or npz."""

import csv
from pathlib import Path
from typing import Any

import numpy as np

from lightning_tasks.common.atomic import write_atomic_with


def save_table(stem: Path, columns: dict[str, np.ndarray]) -> Path:
    """Write named columns with one row a sample: ``.csv`` if each is (N,) or (N, K), else ``.npz``."""
    if any(v.ndim > 2 for v in columns.values()):
        path = stem.with_suffix(".npz")
        write_atomic_with(path, lambda temporary: savez(temporary, columns))
        return path
    header, parts = [], []
    for name, values in columns.items():
        header += [name] if values.ndim == 1 else [f"{name}_{k}" for k in range(values.shape[1])]
        parts.append(values[:, None] if values.ndim == 1 else values)

    def write(temporary: Path) -> None:
        with temporary.open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(header)
            for i in range(len(parts[0])):
                writer.writerow([cell(v) for part in parts for v in part[i]])

    path = stem.with_suffix(".csv")
    write_atomic_with(path, write)
    return path


def savez(path: Path, columns: dict[str, np.ndarray]) -> None:
    """``np.savez_compressed`` under exactly this name."""
    with path.open("wb") as file:  # a file object: numpy would append .npz to the temporary name
        np.savez_compressed(file, **columns)


def cell(value: Any) -> Any:
    """Floats with seven digits; other values as they are."""
    return f"{value:.7g}" if isinstance(value, (float, np.floating)) else value
