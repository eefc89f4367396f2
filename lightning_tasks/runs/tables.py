"""Tables with one row a sample, as CSV or npz."""

from pathlib import Path

import numpy as np
import pandas as pd

from lightning_tasks.common.atomic import write_atomic, write_atomic_with


def save_table(stem: Path, columns: dict[str, np.ndarray], class_names: list[str] | tuple[()] = ()) -> Path:
    """Write arrays with one row a sample: ``.csv`` if each is (N,) or (N, K), else ``.npz``.

    Args:
        stem: Path without suffix.
        columns: Name -> (N, ...), in the order of the file.
        class_names: K names. The CSV then has ``prob_<name>`` and names in ``pred`` and ``label``, where it otherwise
            has numbers; an npz holds numbers, and the names as ``class_names``.
    """
    if any(v.ndim > 2 for v in columns.values()):
        path = stem.with_suffix(".npz")
        names = {} if not class_names else {"class_names": np.array(class_names, dtype=str)}
        write_atomic_with(path, lambda temporary: savez(temporary, columns | names))
        return path
    path = stem.with_suffix(".csv")
    table = pd.DataFrame(flat(columns, class_names))
    write_atomic(path, table.to_csv(index=False, float_format="%.7g", na_rep="nan", lineterminator="\n"))
    return path


def flat(columns: dict[str, np.ndarray], class_names: list[str] | tuple[()] = ()) -> dict[str, np.ndarray]:
    """One (N,) a column: ``prob`` (N, K) as ``prob_<class>`` with ``pred`` and ``label`` after it, others ``name_k``.

    ``pred`` is the most probable class, where the arrays have no ``pred`` of their own.
    """
    columns = dict(columns)
    if "prob" in columns and columns["prob"].ndim == 2:
        columns.setdefault("pred", columns["prob"].argmax(1))
        order = list(columns)
        at = order.index("prob") + 1
        beside = [name for name in ("pred", "label") if name in order]
        order = [*order[:at], *beside, *(name for name in order[at:] if name not in beside)]
        columns = {name: columns[name] for name in order}
    named = {}
    for name, values in columns.items():
        if values.ndim == 2:
            heads = class_names if name == "prob" and class_names else range(values.shape[1])
            named |= {f"{name}_{head}": values[:, k] for k, head in zip(range(values.shape[1]), heads, strict=True)}
        elif name in ("pred", "label") and class_names and values.dtype.kind in "iu":
            named[name] = np.array(class_names, dtype=str)[values]
        else:
            named[name] = values
    return named


def savez(path: Path, columns: dict[str, np.ndarray]) -> None:
    """``np.savez_compressed`` under exactly this name."""
    with path.open("wb") as file:  # a file object: numpy would append .npz to the temporary name
        np.savez_compressed(file, **columns)
