"""Which files are pictures of the user: by their names, without what systems leave beside them."""

from collections.abc import Iterable
from pathlib import Path

LEFT = ("__MACOSX", "@eaDir")  # folders that macOS and disk stations leave beside pictures
SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp")


def picture_files(paths: Iterable[Path]) -> list[Path]:
    """Those that are files of pictures, sorted; not what systems leave (``._a.png``), no folders."""
    return sorted(p for p in paths if is_picture(p))


def is_picture(path: Path) -> bool:
    """Whether a path is a file with the name of a picture; hidden ones are the system's."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()


def pictures_under(folder: Path) -> list[Path]:
    """Pictures at any depth below a folder, sorted; none in folders that programs keep beside the user's pictures."""
    return picture_files(path for path in folder.rglob("*") if not in_left_folder(path.relative_to(folder)))


def in_left_folder(path: Path) -> bool:
    """Whether a part of a path is a hidden folder, or one of ``LEFT``: copies and thumbnails lie there."""
    return any(part.startswith(".") or part in LEFT for part in path.parts[:-1])
