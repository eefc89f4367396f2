"""Simulated skin lesions: photographs, a patient table and the columns that give the answer away."""

import io
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
from numpy.random import Generator
from PIL import Image

from .noise import NoiseBank, blob, pixel_grid, rotate, soft

# Known only after the biopsy, so the test table lacks them.
LEAKING = ["lesion_id", "iddx_full", "mel_thick_mm", "tbp_lv_dnn_lesion_confidence"]
SITES = ["posterior torso", "lower extremity", "anterior torso", "upper extremity", "head/neck"]
FIELD_MM = 15.0  # side of the skin patch in a picture
# Absorbance of red, green and blue light.
MELANIN, BLOOD, BLUE_GREY = np.array([[0.45, 0.8, 1.05], [0.08, 0.55, 0.42], [0.95, 0.75, 0.5]], np.float32)


def make_lesions(
    root: Path,
    n: int = 1200,
    n_test: int = 100,
    patients: int = 300,
    positives: float = 0.05,
    size: int = 96,
    seed: int = 0,
) -> None:
    """Write a skin-lesion set into ``root`` in the files of the ISIC 2024 competition.

    ``new-train-metadata.csv`` and ``students-test-metadata.csv``: one row a picture, with isic_id,
    patient_id, age_approx, sex, anatom_site_general (the last three with gaps), clin_size_long_diam_mm,
    image_type and eight tbp_lv_* measurements. Train only: target (1 malignant) and the columns in LEAKING.
    ``train-image.hdf5`` and ``test-image.hdf5``: key isic_id, value np.void with the bytes of an RGB JPEG.
    Sides vary around ``size`` by up to a fifth, as those of the real crops do.

    Malignant lesions tend to be larger, more ragged, lopsided and of more colours, and their patients older;
    each sign overlaps. Patients have several pictures on the same skin, and test patients are new.

    Args:
        root: folder to write to; made if missing, files in it are replaced.
        n: training pictures.
        n_test: test pictures, half of them malignant.
        patients: training patients, at most ``n``.
        positives: malignant share of the training pictures; the real one is 0.00086. At least 2 pictures.
        size: mean side of a picture in pixels.
        seed: same seed, same files.

    Raises:
        ValueError: if there are more patients than pictures.
    """
    if patients > n:
        raise ValueError(f"patients={patients} for n={n} pictures: each patient has at least one.")
    rng = np.random.default_rng(seed)
    root = Path(root)
    root.mkdir(parents=True, exist_ok=True)
    bank = NoiseBank(rng, 2 * size, (0.8, 2.5, 6, 15))
    ids = [f"ISIC_{number:07d}" for number in rng.choice(9_999_999, n + n_test, replace=False)]
    names = [f"IP_{number:07d}" for number in rng.choice(9_999_999, patients + max(n_test // 2, 1), replace=False)]

    malignant = np.arange(n) < max(round(positives * n), 2)
    # Few patients with many pictures, many patients with few.
    crowd = rng.dirichlet(np.full(patients, 0.5))
    visits = np.concatenate([np.arange(patients), rng.choice(patients, n - patients, p=crowd)])
    table, images = draw_set(rng, ids[:n], names[:patients], rng.permutation(visits), malignant, bank, size)
    write_set(root / "new-train-metadata.csv", root / "train-image.hdf5", table, images)

    malignant = np.arange(n_test) < n_test // 2
    visits = rng.integers(len(names) - patients, size=n_test)
    table, images = draw_set(rng, ids[n:], names[patients:], visits, malignant, bank, size)
    shown = table.drop(columns=["target", *LEAKING])
    write_set(root / "students-test-metadata.csv", root / "test-image.hdf5", shown, images)


def write_set(csv: Path, hdf5: Path, table: pd.DataFrame, images: list[bytes]) -> None:
    """Write the table and the encoded pictures in the order of the table."""
    table.to_csv(csv, index=False)
    with h5py.File(hdf5, "w") as file:
        for name, image in zip(table["isic_id"], images, strict=True):
            file[name] = np.void(image)


def draw_set(rng: Generator, ids, names, visits, malignant, bank: NoiseBank, size: int):
    """Return the table with all columns, in random order, and the encoded pictures in the same order."""
    count, people = len(ids), len(names)
    # Signs of malignancy, standard normal for benign lesions: (n, 4), one column each as unpacked below.
    signs = rng.standard_normal((count, 4)) + malignant[:, None] * np.array([1.6, 1.6, 1.9, 0.6])
    border, lopsided, colours, large = signs.T
    diameter = np.clip(4.6 * np.exp(0.33 * large), 1.5, 13.0)

    age_of = np.clip(rng.normal(52, 14, people), 15, 85)
    np.maximum.at(age_of, visits[malignant], rng.normal(62, 11, malignant.sum()).clip(20, 85))
    age = 5 * np.round(age_of / 5)[visits]
    sex = rng.choice(["male", "female"], people, p=[0.6, 0.4])[visits].astype(object)
    body_site = np.where(
        malignant,
        rng.choice(SITES, count, p=[0.25, 0.2, 0.15, 0.2, 0.2]),
        rng.choice(SITES, count, p=[0.32, 0.26, 0.2, 0.17, 0.05]),
    ).astype(object)
    skin_of = rng.beta(1.5, 4, people)

    def measured(sign: np.ndarray, middle: float, step: float) -> np.ndarray:
        """A noisy reading of a sign; the picture shows more than the table tells."""
        return (middle + step * (0.2 * sign + rng.standard_normal(count))).round(4)

    melanoma = malignant & (rng.random(count) < 0.5)
    diagnosis = np.where(melanoma, "Malignant::Melanoma", np.where(malignant, "Malignant::Carcinoma", "Benign"))
    biopsied = malignant | (rng.random(count) < 0.06)
    table = pd.DataFrame(
        {
            "isic_id": ids,
            "target": malignant.astype(int),
            "patient_id": np.array(names, object)[visits],
            "age_approx": np.where(rng.random(people)[visits] < 0.02, np.nan, age),
            "sex": np.where(rng.random(people)[visits] < 0.03, None, sex),
            "anatom_site_general": np.where(rng.random(count) < 0.02, None, body_site),
            "clin_size_long_diam_mm": (diameter * rng.lognormal(0, 0.3, count)).round(2),
            "image_type": "TBP tile: close-up",
            "tbp_lv_H": measured(-colours, 54.0, 5.0),
            "tbp_lv_L": (75 - 35 * skin_of[visits] + rng.normal(0, 4, count)).round(4),
            "tbp_lv_areaMM2": (0.6 * diameter**2 * rng.lognormal(0, 0.6, count)).round(4),
            "tbp_lv_deltaLBnorm": measured(rng.standard_normal(count), 7.0, 1.6),
            "tbp_lv_norm_border": measured(border, 3.4, 1.0),
            "tbp_lv_norm_color": measured(colours, 3.1, 1.1),
            "tbp_lv_symm_2axis": measured(lopsided, 0.3, 0.1),
            "tbp_lv_x": rng.normal(0, 200, count).round(3),
            "lesion_id": np.where(biopsied, [f"IL_{number:07d}" for number in rng.permutation(count)], None),
            "iddx_full": diagnosis,
            "mel_thick_mm": np.where(melanoma, rng.lognormal(-0.7, 0.6, count).round(1), np.nan),
            "tbp_lv_dnn_lesion_confidence": (100 * rng.beta(np.where(malignant, 1.5, 9), 1.2)).round(3),
        }
    )
    images = [
        draw_lesion(rng, *row, tone, bank, size)
        for row, tone in zip(np.column_stack([border, lopsided, colours, diameter]), skin_of[visits], strict=True)
    ]
    order = rng.permutation(count)
    return table.iloc[order].reset_index(drop=True), [images[row] for row in order]


def draw_lesion(rng: Generator, border, lopsided, colours, diameter, tone, bank: NoiseBank, size: int) -> bytes:
    """Draw one lesion and return it as JPEG bytes; the signs are standard normal for a benign one."""
    side = int(size * rng.uniform(0.8, 1.2))

    def noise(sigma: float) -> np.ndarray:
        return bank.cut(rng, sigma, side)

    rows, columns = pixel_grid(side, side)
    wobble = 0.5 + 0.6 * np.clip(border + 0.7, 0, 4)
    y, x = rows + wobble * noise(2.5), columns + wobble * noise(6)
    centre = side / 2 + rng.normal(0, 0.05 * side, 2)
    radius = max(0.5 * diameter / FIELD_MM * side, 3.0)
    radii = radius * np.array([rng.uniform(0.65, 1.0), 1.0])
    angle = rng.uniform(0, 2 * np.pi)
    rough = 0.02 + 0.04 * np.clip(border + 0.7, 0, 4)
    distance = blob(rng, y, x, centre, radii, angle, rough)
    cover = soft(distance, rng.uniform(0.25, 0.7))

    # One side darker than the other, and a core that is not in the middle.
    lean = 0.25 * np.clip(lopsided + 0.7, 0, 4)
    core = centre + lean * radius * np.array([np.sin(angle), np.cos(angle)]) * 0.8
    off = np.hypot(rows - core[0], columns - core[1]).astype(np.float32) / np.float32(radius)
    depth = rng.uniform(0.4, 1.3) * (0.65 + 0.5 * np.exp(-2 * off**2) + 0.12 * noise(2.5) + 0.06 * noise(0.8))
    pigment = (cover * np.maximum(depth, 0))[..., None] * (MELANIN + rng.uniform(0, 0.5) * BLOOD)
    # Patches of further colours cover more of the lesion, the stronger the sign.
    patch = cover * soft(2.4 - 0.6 * colours - noise(6), 0.6)
    pigment += (0.8 * patch)[..., None] * (BLUE_GREY if rng.random() < 0.5 else BLOOD + 0.15)
    pale = cover * soft(2.8 - 0.6 * colours - noise(6), 0.6)
    pigment *= 1 - 0.75 * pale[..., None]

    base = 0.12 + 1.0 * tone + 0.04 * noise(6) + 0.025 * noise(0.8)
    flush = rng.uniform(0.1, 0.5) + 0.05 * noise(15)
    absorbed = base[..., None] * MELANIN + flush[..., None] * BLOOD + pigment
    hair = np.zeros((side, side), np.float32)
    for _ in range(rng.poisson(rng.gamma(0.4, 5))):
        across, along = rotate(rows, columns, rng.uniform(0, side, 2), rng.uniform(0, np.pi))
        bent = np.abs(across - rng.normal(0, 0.15) / side * along**2)
        hair = np.maximum(hair, soft(bent + 0.5, 1.2) * (np.abs(along) < rng.uniform(0.1, 0.5) * side))
    absorbed += hair[..., None] * np.float32(rng.uniform(0.3, 0.8))

    light = 1 - rng.uniform(0, 0.25) * ((rows / side - 0.5) ** 2 + (columns / side - 0.5) ** 2)
    lamp = [245, 228, 216] * rng.normal(1, 0.03, 3) * rng.normal(0.95, 0.06)
    image = np.float32(lamp) * light[..., None] * np.exp(-absorbed)
    image += rng.uniform(1, 4) * rng.standard_normal(image.shape, dtype=np.float32)
    buffer = io.BytesIO()
    Image.fromarray(np.clip(image, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()
