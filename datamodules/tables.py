"""Small CSV tables with errors that name file, column and what was found."""

import csv
from pathlib import Path


def read_columns(path: Path, columns: tuple[str, ...]) -> dict[str, list[str]]:
    """Read named columns of a CSV as text.

    Raises:
        FileNotFoundError: No such file.
        ValueError: A column is missing; the message names file, column and what was found.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file. It needs the columns {', '.join(columns)}.")
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        found = reader.fieldnames or []
        missing = [c for c in columns if c not in found]
        if missing:
            raise ValueError(f"{path}: missing column {missing[0]!r}. Found columns: {', '.join(found)}.")
        rows = list(reader)
    return {c: [row[c] for row in rows] for c in columns}
