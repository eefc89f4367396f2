"""Files of texts: their encoding told or checked, tables read with all columns as text."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

csv.field_size_limit(2**27)  # a comment may be longer than the 131,072 characters that are the module's default


def decoded(path: Path, fallback: str | None = None) -> tuple[str, str]:
    """Text of a file, and its encoding: UTF-8 where the bytes are that, else ``fallback``.

    Bytes of a text with accents are UTF-8 by chance next to never, whereas ISO-8859-1 reads any bytes.

    Raises:
        ValueError: Neither; names the byte and the line.
    """
    raw = path.read_bytes()
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in raw[:1000]:
        raise ValueError(f"{path} is UTF-16 or no text at all (it begins with {raw[:4]!r}). Save it as UTF-8.")
    try:
        return raw.decode("utf-8-sig"), "utf-8"
    except UnicodeDecodeError as error:
        if fallback is None:
            line = raw.count(b"\n", 0, error.start) + 1
            raise ValueError(
                f"{path} is not UTF-8: byte 0x{raw[error.start]:02x} in line {line}. Save it as UTF-8 "
                "(iconv -f latin1 -t utf-8 OLD > NEW)."
            ) from None
    return raw.decode(fallback), fallback


def read_columns(path: Path, columns: Sequence[str], head: Sequence[str] | None = None) -> dict[str, list[str]]:
    """Some columns of a CSV, as text: name -> a value a row.

    Args:
        path: UTF-8, with commas, and quotes around fields that need them.
        columns: Names that are wanted.
        head: Names of all columns of a file whose first line may be data. A first line that holds a name of
            ``columns`` is a head all the same.

    Raises:
        ValueError: The encoding, a column that is not there, or a row of another length; names the row.
    """
    rows = list(csv.reader(io.StringIO(decoded(path)[0], newline="")))
    rows = [(number, row) for number, row in enumerate(rows, 1) if row]
    if not rows:
        raise ValueError(f"{path} is empty.")
    names = [name.strip().lower() for name in rows[0][1]]
    if head is not None and not set(names) & set(columns):
        names = list(head)
    else:
        rows = rows[1:]
    if missing := [name for name in columns if name not in names]:
        raise ValueError(f"{path} has no column {missing[0]!r}. Its columns: {', '.join(names)[:200]}.")
    if uneven := [(number, len(row)) for number, row in rows if len(row) != len(names)]:
        raise ValueError(
            f"{path}, row {uneven[0][0]}: {uneven[0][1]} fields; the first row has {len(names)} "
            f"({len(uneven)} such rows). A text with commas needs quotes around it."
        )
    places = {name: names.index(name) for name in columns}
    return {name: [row[place] for _, row in rows] for name, place in places.items()}


def as_classes(path: Path, values: Sequence[str], known: dict[str, int], column: str) -> list[int]:
    """Numbers of classes from their names in a file.

    Raises:
        ValueError: A name that is not known; names the row of data.
    """
    if wrong := [(row, value) for row, value in enumerate(values, 1) if value.strip() not in known]:
        raise ValueError(
            f"{path}, data row {wrong[0][0]}: {column} is {wrong[0][1][:40]!r} ({len(wrong)} such rows); "
            f"known: {', '.join(known)}."
        )
    return [known[value.strip()] for value in values]
