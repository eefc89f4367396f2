"""Our own JSON files, which may come from another person's run."""

import json
from pathlib import Path
from typing import Any


class MissingKey(KeyError):
    """A file does not hold what it should; the message names it."""

    def __str__(self) -> str:
        return str(self.args[0])


class _Content(dict):
    """Of a file, which is named where a key is missing."""

    def __init__(self, path: Path, content: dict[str, Any]) -> None:
        super().__init__(content)
        self._path = path

    def __missing__(self, key: str) -> Any:
        raise MissingKey(
            f"{self._path} has no key {key!r}: it is damaged, or another version wrote it. Make it again, or use that "
            "version."
        )


def read_json(path: Path) -> dict[str, Any]:
    """Content of a JSON file; to ask it for a key that it does not hold is a ``MissingKey``.

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
    return _Content(path, content)
