"""Simulated slices of brain scans in the folders of the four-class set: several of one head, which nearly repeat."""

from pathlib import Path

import numpy as np
from numpy.random import Generator
from PIL import Image

from .noise import NoiseBank, blob, ellipse, pixel_grid, soft

CLASSES = ("glioma_tumor", "meningioma_tumor", "no_tumor", "pituitary_tumor")
SIDE = 112


def make_brain_scans(root: Path, scans: int = 160, seed: int = 0) -> None:
    """Write ``root/Training/CLASS/*.jpg``: gray slices, one to six of each head.

    A glioma is a ragged, uneven patch in the white matter with a dark middle; a meningioma a round bright one at the
    skull; a pituitary tumour a small bright one low in the middle. Heads without a tumour have bright patches too, of
    the sizes of tumours, fainter and blurred. Slices of a head differ by a small shift of plane, light and noise. The
    real set's defects: sides of 108 to 144 pixels, black margins, a few exact copies, one of them under another class.

    Args:
        root: Folder to write to.
        scans: Heads, equally many of each class.
        seed: Same seed, same files.
    """
    rng = np.random.default_rng(seed)
    bank = NoiseBank(rng, SIDE, (0.8, 2, 5, 12))
    for name in CLASSES:
        (root / "Training" / name).mkdir(parents=True, exist_ok=True)
    written: list[tuple[Path, bytes]] = []
    for scan in range(scans):
        name = CLASSES[scan % len(CLASSES)]
        head_seed = rng.integers(2**32)
        for step in range(rng.integers(1, 7)):
            head = np.random.default_rng(head_seed)  # the same head, tumour and tissue in each slice
            image = draw_slice(head, rng, name, bank, 0.04 * step)
            path = root / "Training" / name / f"{name[0]}{scan:03d}_{step}.jpg"
            Image.fromarray(image).resize(sides(rng), Image.Resampling.BICUBIC).save(path, quality=85)
            written.append((path, path.read_bytes()))
    for number, row in enumerate(rng.choice(len(written), 8, replace=False)):
        path, data = written[row]
        other = root / "Training" / CLASSES[0] if number == 0 else path.parent
        (other / f"copy_{number}.jpg").write_bytes(data)


def sides(rng: Generator) -> tuple[int, int]:
    """Width and height of a file, the longer one 144."""
    short = int(rng.integers(108, 145))
    return (short, 144) if rng.random() < 0.6 else (144, short)


def draw_slice(head: Generator, rng: Generator, name: str, bank: NoiseBank, height: float) -> np.ndarray:
    """One slice uint8 (112, 112): ``head`` gives what all slices of a head share, ``rng`` what changes."""
    rows, columns = pixel_grid(SIDE, SIDE)
    centre = SIDE / 2 + head.normal(0, 1.5, 2) + rng.normal(0, 0.5, 2)
    shrink = 1 - height  # higher planes are smaller
    radii = SIDE * shrink * np.array([head.uniform(0.4, 0.46), head.uniform(0.33, 0.39)])
    turn = head.normal(0, 0.06)
    skull = blob(head, rows, columns, centre, radii, turn, rough=0.015)
    brain = soft(skull / 0.88, 0.06)
    matter = bank.cut(head, 5) + 0.5 * bank.cut(head, 2)
    image = 0.35 * soft(skull, 0.04) * (1 - brain) + brain * (0.3 + 0.06 * matter)
    image += 0.12 * brain * soft(skull / 0.6, 0.15)  # white matter
    for side in (-1, 1):  # ventricles
        place = centre + radii * np.array([-0.05, side * 0.16])
        image -= 0.25 * brain * soft(ellipse(rows, columns, place, radii * [0.26, 0.08], side * 0.25), 0.5)
    image += tumor(head, rows, columns, centre, radii, name, bank) * brain
    light = head.uniform(0.8, 1.3) * rng.uniform(0.9, 1.1)
    image = light * image + rng.uniform(0.01, 0.03) * rng.standard_normal(image.shape)
    return (255 * np.clip(image, 0, 1)).astype(np.uint8)


def tumor(head: Generator, rows, columns, centre, radii, name: str, bank: NoiseBank) -> np.ndarray:
    """What a tumour, or a harmless patch, adds to the brightness, (112, 112)."""
    angle, faint = head.uniform(0, 2 * np.pi), head.uniform(0.12, 0.32)
    way = np.array([np.sin(angle), np.cos(angle)])
    if name == "pituitary_tumor":
        place = centre + radii * [head.uniform(0.4, 0.55), head.normal(0, 0.06)]
        return faint * soft(blob(head, rows, columns, place, SIDE * head.uniform(0.035, 0.07, 2)), 0.3)
    size = SIDE * head.uniform(0.06, 0.13)
    if name == "meningioma_tumor":
        place = centre + radii * way * head.uniform(0.68, 0.8)
        return faint * soft(blob(head, rows, columns, place, (size, size), rough=0.06), 0.15)
    place = centre + radii * way * head.uniform(0.2, 0.5)
    if name == "glioma_tumor":
        ragged = blob(head, rows, columns, place, size * head.uniform(0.8, 1.5, 2), angle, rough=0.3, harmonics=8)
        ring = soft(ragged, 0.3) - 1.3 * soft(ragged / 0.5, 0.4)
        return faint * ring * (1 + 0.4 * bank.cut(head, 2))
    return 0.6 * faint * soft(ellipse(rows, columns, place, (size, size)), 1.5)
