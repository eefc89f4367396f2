"""Pictures of the user's own, without labels: brought to what a data set's pictures are."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from datamodules.readers.class_folders import scan_unlabelled
from datamodules.readers.pictures import Pictures, TreeSource

from .source import Arrays


def found_pictures(place: Path, note: Callable[[str], None]) -> tuple[TreeSource, np.ndarray]:
    """Where the pictures of a folder, at any depth, or one picture are; their names (n,) str, paths from the folder.

    Raises:
        ValueError: No picture is there.
    """
    tree = scan_unlabelled(place)
    for text in tree.notes():
        note(text)
    return TreeSource(place if place.is_dir() else place.parent), np.array(tree.parts["predict"][""], str)


def no_pictures(title: str) -> ValueError:
    """What is said where a data set takes no samples of the user's own."""
    return ValueError(
        f"--data.predict: {title} takes no samples of your own; sets of pictures and of labelled texts do."
    )


def pictures_like(title: str, known: Arrays, place: Path, note: Callable[[str], None]) -> Arrays:
    """``name`` and ``image`` (n, C, H, W) of pictures, squeezed into the shape of those that a pool holds.

    Args:
        title: Of the data set, for errors.
        known: The pool: ``image`` uint8 (N, C, H, W), of one channel or three.
        place: Folder of pictures, or one.
        note: Is told of files that are no pictures.

    Raises:
        ValueError: The pool holds no such pictures, or none is at ``place``.
        BrokenFile: A picture that cannot be decoded.
    """
    image = known.get("image")
    if image is None or image.dtype != np.uint8 or image.ndim != 4 or image.shape[1] not in (1, 3):
        raise no_pictures(title)
    source, names = found_pictures(place, note)
    channels, *shape = image.shape[1:]
    pictures = Pictures(source, names, tuple(shape), channels=channels)
    return {"name": names, "image": pictures.batch(range(len(names)))}
