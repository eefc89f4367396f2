"""Simulated folders of pictures, a folder for each class, with what stands in such folders besides."""

from pathlib import Path

import numpy as np
from PIL import Image

from .noise import NoiseBank
from .objects import SIDE, draw_object

# Kinds of ``objects``, named with a space and in another alphabet as users do.
CLASSES = {"airplane": 0, "fire truck": 9, "кот": 3, "frog": 6}


def make_picture_folder(root: Path, n: int = 600, seed: int = 0) -> None:
    """Write ``root/CLASS/*`` with objects of ``make_objects``, 32x32 to 64x64, in several formats and modes.

    Of twenty pictures one is gray and one has a palette, both PNG; the others are JPEGs. Beside them stand files that
    systems leave in folders, one picture of no bytes, and one folder without a picture.

    Args:
        root: Folder to write to.
        n: Pictures, equally many of each class.
        seed: Same seed, same files.
    """
    rng = np.random.default_rng(seed)
    bank = NoiseBank(rng, 8 * SIDE, (0.6, 1.0, 1.8, 4, 9))
    for name in CLASSES:
        (root / name).mkdir(parents=True, exist_ok=True)
    for number in range(n):
        name = list(CLASSES)[number % len(CLASSES)]
        image = Image.fromarray(draw_object(rng, CLASSES[name], bank))
        image = image.resize((int(rng.integers(32, 65)), int(rng.integers(32, 65))), Image.Resampling.BICUBIC)
        kind = rng.integers(20)
        if kind < 2:
            image = image.convert("L") if kind == 0 else image.convert("P", palette=Image.Palette.ADAPTIVE)
            image.save(root / name / f"{number:04d}.png")
        else:
            image.save(root / name / f"photo {number:04d}.JPG", format="JPEG", quality=90)
    (root / "airplane" / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    (root / "frog" / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0")
    (root / "frog" / "empty.jpg").touch()
    (root / "unsorted").mkdir()
