"""CSV files of named columns, whole or not at all."""

from pathlib import Path
from typing import Any

import pandas as pd

from .atomic import write_atomic


def write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write rows of unequal columns; what a row lacks, or has as None, is empty, and NaN is ``nan``."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    cells = [["" if (value := row.get(name)) is None else value for name in columns] for row in rows]
    table = pd.DataFrame(cells, columns=columns, dtype=object)  # as object, whole numbers stay whole beside empty cells
    write_atomic(path, table.to_csv(index=False, na_rep="nan", lineterminator="\n"))


def read_metrics(path: Path) -> list[dict[str, float]]:
    """Rows of a run's ``metrics.csv``, one an epoch; empty cells are left out. Without a file there are none.

    Raises:
        ValueError: The file is no such table: cut, or of another hand.
    """
    if not path.is_file():
        return []
    whole = ("epoch", "step")
    try:
        texts = pd.read_csv(path, dtype=str, keep_default_na=False).to_dict("records")
        rows = [{k: int(v) if k in whole else float(v) for k, v in row.items() if v} for row in texts]
        if not all("epoch" in row for row in rows):
            raise ValueError("a row has no epoch")
    except (ValueError, TypeError) as error:  # pandas' own errors are of the first kind
        raise ValueError(f"{path} is no table of epochs ({' '.join(str(error).split())}).") from None
    return rows
