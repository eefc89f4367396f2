"""Simulated radiographs of children's wrists in the files of GRAZPEDWRI-DX: a table and 16-bit PNGs."""

import csv
from pathlib import Path

import numpy as np
from numpy.random import Generator
from PIL import Image

from .noise import NoiseBank, box, pixel_grid, rotate, soft

HEIGHT, WIDTH = 112, 80


def make_wrists(root: Path, patients: int = 200, seed: int = 0) -> None:
    """Write ``root/dataset.csv`` and ``root/images_part1..2/<filestem>.png``, 2 to 4 pictures of each patient.

    Radius and ulna: bright cortex around a darker marrow, in a soft shadow of flesh, from the front (projection 1) and
    from the side (2). Half of the patients have a fracture of the radius: a thin dark line across it, and a step in the
    cortex, fainter from the side. Controls have the dark line of the growth plate near the joint, as all children do; a
    third, mostly fractures, wear a cast, a bright veil with a weave. 12-bit values with an offset and range of their
    own; some pictures carry a saturated marker. ``fracture_visible`` is 1 or empty, as in the real table.

    Args:
        root: Folder to write to.
        patients: Number of patients.
        seed: Same seed, same files.
    """
    rng = np.random.default_rng(seed)
    bank = NoiseBank(rng, HEIGHT, (0.7, 2, 8))
    rows = []
    for patient in range(1, patients + 1):
        fracture = bool(patient % 2)
        cast = rng.random() < (0.45 if fracture else 0.2)
        age, side = int(rng.integers(2, 18)), "LR"[rng.integers(2)]
        wrist_seed = rng.integers(2**32)
        for number in range(1, rng.integers(2, 5) + 1):
            stem = f"{patient:04d}_{rng.integers(10**9, 2 * 10**9)}_{number:02d}_WRI-{side}{2 - number % 2}_M{age:03d}"
            wrist = np.random.default_rng(wrist_seed)
            values = draw_wrist(wrist, rng, fracture, cast, number % 2 == 0, bank)
            folder = root / f"images_part{1 + patient % 2}"
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(values).save(folder / f"{stem}.png", compress_level=1)
            rows.append([stem, patient, age, side, 2 - number % 2, int(cast) or "", int(fracture) or ""])
    with (root / "dataset.csv").open("w", encoding="utf-8", newline="") as file:
        header = ("filestem", "patient_id", "age", "laterality", "projection", "cast", "fracture_visible")
        csv.writer(file).writerows([header, *rows])


def draw_wrist(wrist: Generator, rng: Generator, fracture: bool, cast: bool, lateral: bool, bank) -> np.ndarray:
    """One picture uint16 (112, 80): ``wrist`` gives what pictures of a patient share, ``rng`` what changes."""
    rows, columns = pixel_grid(HEIGHT, WIDTH)
    turn = wrist.normal(0, 0.08) + rng.normal(0, 0.05)
    across, along = rotate(rows, columns, (HEIGHT / 2, WIDTH / 2), turn)  # rows down the arm, columns beside
    across = across + HEIGHT / 2
    image = 0.25 * soft(np.abs(along) / (WIDTH * 0.4), 0.3)
    break_at = HEIGHT * wrist.uniform(0.42, 0.65)
    step = (1.0 if wrist.random() < 0.5 else -1.0) * wrist.uniform(0.8, 2.2) * (0.6 if lateral else 1.0)
    slant = wrist.normal(0, 0.25)
    line = np.abs(across - break_at - slant * along)
    for place, thick, broken in ((-0.13, 0.11, fracture), (0.14, 0.075, False)):
        centre = WIDTH * (place * (0.35 if lateral else 1.0))
        beside = along - centre
        if broken:
            beside = beside - step * soft(np.maximum((break_at - across) / 6 + 1, 0), 1.0)
        half = WIDTH * thick * (1 + 0.5 * np.exp(-((across - 0.3 * HEIGHT) ** 2) / 120))  # wider at the joint
        bone = soft(np.abs(beside) / half, 0.12) * soft((0.28 * HEIGHT - across) / 4 + 1, 0.5)
        marrow = soft(np.abs(beside) / (0.62 * half), 0.4)
        dark = 0.75 * np.exp(-((across - 0.36 * HEIGHT) ** 2) / 3.0)  # growth plate
        if broken:
            dark = dark + wrist.uniform(0.35, 0.8) * (0.7 if lateral else 1.0) * np.exp(-(line**2) / 1.6)
        image += bone * (0.5 - 0.2 * marrow) * (1 - dark.clip(0, 1)) * (1 + 0.1 * cut(bank, rng, 2))
    for _ in range(7):  # carpal bones
        spot = (HEIGHT * rng.uniform(0.06, 0.24), WIDTH * rng.uniform(0.3, 0.7))
        image += 0.22 * soft(box(rows, columns, spot, rng.uniform(4, 7, 2), rng.uniform(0, 3)), 0.5)
    if cast:
        weave = np.sin(rows / 1.7) * np.sin(columns / 1.7)
        image = image * 0.8 + 0.2 + 0.03 * weave + 0.05 * cut(bank, rng, 8)
    image += rng.uniform(0.005, 0.02) * rng.standard_normal(image.shape)
    values = rng.uniform(100, 900) + rng.uniform(1200, 2800) * image.clip(0, 1.2)
    if rng.random() < 0.3:
        values[4:10, 4:9] = 4095 * 12  # the marker of the side
    return values.clip(0, 65_535).astype(np.uint16)


def cut(bank: NoiseBank, rng: Generator, sigma: float) -> np.ndarray:
    """A piece of noise (112, 80)."""
    return bank.cut(rng, sigma, HEIGHT)[:, :WIDTH]
