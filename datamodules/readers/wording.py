"""Numbers and names in sentences for people."""

import re
from collections.abc import Iterable


def counted(names: list[str], thing: str) -> str:
    """``3 files``."""
    return f"{len(names)} {thing}{'s' if len(names) > 1 else ''}"


def listed(names: Iterable[str], most: int = 5, between: str = ", ") -> str:
    """The first few, and how many more there are."""
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return between.join(names[:most]) + more


def short(text: object, most: int = 200) -> str:
    """What a file or a library says, in one line, without addresses in memory, cut where it is long."""
    line = " ".join(re.sub(r" at 0x\w+", "", str(text)).split())
    return line if len(line) <= most else f"{line[: most - 3]}..."
