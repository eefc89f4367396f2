"""Our own JSON files, which may come from another person's run."""

import json
from pathlib import Path
from typing import Any


def read_json(path: Path) -> dict[str, Any]:
    """Content of a JSON file.

    Raises:
        FileNotFoundError: No such file.
        ValueError: It is no JSON, or holds something else than keys.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist.")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} cannot be read ({error}). Is it truncated?") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected keys and values; it holds {str(content)[:60]!r}.")
    return content
