"""Files of texts and tables: their encoding told, their separator told, columns read as text."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from .wording import short

csv.field_size_limit(2**27)  # a comment may be longer than the 131,072 characters that are the module's default
SEPARATORS = ",;\t"


def decoded(path: Path, fallback: str | None = None) -> tuple[str, str]:
    """Text of a file without its byte order mark, and its encoding: UTF-16 where the mark says so, UTF-8, ``fallback``.

    Bytes of a text with accents are UTF-8 by chance next to never, whereas ISO-8859-1 reads any bytes.

    Raises:
        FileNotFoundError: No such file.
        ValueError: None of them; names the byte and the line.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: {'a folder, where a file is read' if path.is_dir() else 'no such file'}.")
    raw = path.read_bytes()
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        try:
            return raw.decode("utf-16"), "utf-16"
        except UnicodeDecodeError as error:
            raise ValueError(f"{path} is cut or broken UTF-16 ({error}). Save it as UTF-8.") from None
    if (zero := raw.find(b"\0", 0, 1000)) >= 0:
        raise ValueError(f"{path} is no text: byte {zero} is 0 (it begins with {raw[:4]!r}). Save it as UTF-8.")
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


def column_name(cell: object) -> str:
    """A name of a column without what a file may have around it: blanks, quotation marks, the byte order mark."""
    return str(cell).lstrip("\ufeff").strip().strip('"').strip()


def separator_of(line: str, wanted: Sequence[str]) -> str:
    """Comma, semicolon or tab: the one that shows most of the ``wanted`` names in a file's first line; else comma."""

    def shown(mark: str) -> int:
        names = [column_name(cell).lower() for cell in line.split(mark)]
        return sum(name.lower() in names for name in wanted)

    return max(SEPARATORS, key=lambda mark: (shown(mark), mark == ","))


def check_once(path: Path, names: Sequence[str], read: Sequence[str] | None) -> None:
    """Raise a ValueError where a column that is read stands twice: which of them is meant?"""
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1 and name and (read is None or name in read)]
    if twice:
        raise ValueError(f"{path}: the column {short(twice[0], 40)!r} stands twice. Keep one, or rename the other.")


def check_even(path: Path, uneven: Sequence[tuple[int, int]], fields: int) -> None:
    """Raise a ValueError where there are rows, given as number and fields, that have other than so many ``fields``."""
    if uneven:
        raise ValueError(
            f"{path}, row {uneven[0][0]}: {uneven[0][1]} fields; the first row has {fields} ({len(uneven)} such rows). "
            "A text with commas needs quotes around it, and an empty cell its comma."
        )


def csv_rows(path: Path, text: str, mark: str = ",") -> list[list[str]]:
    """Rows of a CSV whose text was read from ``path``.

    Raises:
        ValueError: A quote that is not closed, or that stands in a quoted field; names the line.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True)
    rows, begin = [], 1
    try:
        for row in reader:
            rows.append(row)
            begin = reader.line_num + 1
    except csv.Error as error:  # without strict a quote that was lost would swallow rows up to the next one
        raise ValueError(
            f"{path}, line {reader.line_num}: no row of a CSV ({short(error)}); the row begins in line {begin}. "
            "Is a quote lost, or the file cut? A quote within quotes is written twice."
        ) from None
    return rows


def read_columns(
    path: Path,
    columns: Sequence[str],
    head: Sequence[str] | None = None,
    fallback: str | None = None,
    optional: Sequence[str] = (),
) -> dict[str, list[str]]:
    """Some columns of a CSV, as text: name -> a value a row. Rows without any value are left out.

    Args:
        path: Commas, semicolons or tabs, and quotes around fields that need them.
        columns: Names that are wanted; case and blanks around them do not count.
        head: Names of all columns of a file whose first line may be data. A first line that holds a name of
            ``columns`` is a head all the same.
        fallback: Encoding where it is neither UTF-8 nor UTF-16.
        optional: Names of columns that are read where they are.

    Raises:
        FileNotFoundError: No such file.
        ValueError: The encoding, a column that is not there or stands twice, a quote that is not closed, or a row of
            another length; names the row.
    """
    text = decoded(path, fallback)[0]
    mark = separator_of(text.split("\n", 1)[0], columns)
    rows = [(number, row) for number, row in enumerate(csv_rows(path, text, mark), 1) if any(map(str.strip, row))]
    if not rows:
        raise ValueError(f"{path} is empty. It needs the columns {', '.join(columns)}.")
    names = [column_name(name).lower() for name in rows[0][1]]
    if head is not None and not set(names) & set(columns):
        names = list(head)
    else:
        rows = rows[1:]
    check_once(path, names, (*columns, *optional))
    if missing := [name for name in columns if name not in names]:
        raise ValueError(f"{path}: missing column {missing[0]!r}. Found columns: {short(', '.join(names))}.")
    check_even(path, [(number, len(row)) for number, row in rows if len(row) != len(names)], len(names))
    places = {name: names.index(name) for name in (*columns, *optional) if name in names}
    return {name: [row[place] for _, row in rows] for name, place in places.items()}


def as_classes(path: Path, values: Sequence[str], known: dict[str, int], column: str) -> list[int]:
    """Numbers of classes from their names in a file.

    Raises:
        ValueError: A name that is not known; names the row of data.
    """
    if wrong := [(row, value) for row, value in enumerate(values, 1) if value.strip() not in known]:
        raise ValueError(
            f"{path}, data row {wrong[0][0]}: {column} is {short(wrong[0][1], 40)!r} ({len(wrong)} such rows); "
            f"known: {', '.join(known)}."
        )
    return [known[value.strip()] for value in values]
