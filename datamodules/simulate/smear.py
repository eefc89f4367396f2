"""Simulated blood smear: one stained blood cell in the middle of each picture, eight types.

Colours are drawn as absorbance: what two stains take from white light adds up where cells lie over each
other, as it does under a microscope.
"""

import numpy as np
from numpy.random import Generator
from scipy import ndimage

from .noise import NoiseBank, blob, ellipse, pixel_grid, soft

PROPORTIONS = np.array([852, 2181, 1085, 2026, 849, 993, 2330, 1643])
MONOCYTE, PLATELET = 5, 7
# Absorbance of red, green and blue light.
NUCLEAR, BLUE, PINK, ORANGE, RED_CELL = np.array(
    [[1.15, 1.70, 0.55], [0.45, 0.42, 0.06], [0.14, 0.42, 0.28], [0.25, 0.72, 0.66], [0.20, 0.30, 0.24]],
    dtype=np.float32,
)
GRANULES = [NUCLEAR, ORANGE, BLUE, NUCLEAR, NUCLEAR, NUCLEAR, PINK + 0.25, NUCLEAR]

# Mean of each trait by type, and its spread from cell to cell. Spreads are wide because types turn into each
# other: immature granulocytes ripen into neutrophils, and share their kidney nuclei with monocytes.
TRAITS = {
    # basophil, eosinophil, erythroblast, immature, lymphocyte, monocyte, neutrophil, platelet; spread
    "radius": (0.26, 0.30, 0.21, 0.29, 0.22, 0.31, 0.28, 0.09, 0.025),  # share of the picture side
    "lobe": (0.55, 0.37, 0.60, 0.53, 0.80, 0.48, 0.32, 0.10, 0.07),  # in cell radii, as the next one
    "apart": (0.30, 0.46, 0.15, 0.26, 0.12, 0.32, 0.45, 0.10, 0.08),  # of the lobes from the middle
    "arc": (3.0, 3.0, 2.5, 2.0, 2.0, 2.4, 3.4, 1.0, 0.8),  # over which lobes lie, radians
    "dark": (0.75, 0.85, 1.10, 0.80, 0.95, 0.75, 0.88, 0.0, 0.10),  # nucleus
    "blue": (0.50, 0.25, 0.70, 0.55, 0.95, 0.85, 0.25, 0.60, 0.25),  # cytoplasm
    "pink": (0.70, 0.50, 0.50, 0.60, 0.30, 0.35, 0.55, 0.60, 0.20),
    "granules": (0.75, 0.60, 0.10, 0.28, 0.08, 0.16, 0.22, 0.60, 0.14),
    "coarse": (0.80, 0.80, 0.20, 0.40, 0.20, 0.20, 0.30, 0.60, 0.20),  # share of big granules
    "rough": (0.04, 0.02, 0.02, 0.04, 0.03, 0.08, 0.03, 0.09, 0.02),  # outline
    "vacuoles": (0.6, 0.4, 0.0, 0.4, 0.2, 2.0, 0.5, 0.0, 0.5),  # number of bubbles
}
# Chance of one, two, ... nucleus lobes by type; platelets have no nucleus.
LOBES = [(0.3, 0.4, 0.3), (0.05, 0.65, 0.3), (0.93, 0.07), (0.4, 0.25, 0.35)]
LOBES += [(0.9, 0.1), (0.2, 0.3, 0.5), (0.02, 0.18, 0.35, 0.3, 0.15), (1.0,)]


def make_smear(
    n: int = 1600, size: int = 96, planted: tuple[int, int] = (160, 20), duplicates: int = 6, seed: int = 0
) -> dict:
    """Draw a blood-cell set in the format of the course's training file.

    Classes: 0 basophil, 1 eosinophil, 2 erythroblast, 3 immature granulocytes, 4 lymphocyte, 5 monocyte,
    6 neutrophil, 7 platelet, in the proportions of the real set.

    Args:
        n: different cells.
        size: picture side in pixels.
        planted: copies of a cartoon spread over all labels, and of another one labelled monocyte; at the end.
        duplicates: exact copies of single cells, each with the label of its original, scattered.
        seed: same seed, same arrays.

    Returns:
        ``images`` uint8 (N, size, size, 3), values 0..255, and ``labels`` uint8 (N, 1), values 0..7,
        with N = n + sum(planted) + duplicates.

    Raises:
        ValueError: if more duplicates than cells are asked for.
    """
    if duplicates > n:
        raise ValueError(f"duplicates={duplicates} of n={n} cells: each cell is copied at most once.")
    rng = np.random.default_rng(seed)
    counts = (PROPORTIONS / PROPORTIONS.sum() * n).astype(int)
    counts[np.argsort(-PROPORTIONS)[: n - counts.sum()]] += 1  # what rounding down left over
    labels = rng.permutation(np.repeat(np.arange(8), counts))
    textures = NoiseBank(rng, size, (0.7, 1.3, 2.2, 7, 20))
    cells = np.stack([draw_cell(rng, label, textures, size) for label in labels])

    order = rng.permutation(np.concatenate([np.arange(n), rng.choice(n, duplicates, replace=False)]))
    cartoons = [draw_cartoon(size, face=(110, 190, 60))] * planted[0]
    cartoons += [draw_cartoon(size, face=(235, 185, 150))] * planted[1]
    on_cartoons = np.concatenate([np.arange(planted[0]) % 8, np.full(planted[1], MONOCYTE)])
    return {
        "images": np.concatenate([cells[order], np.array(cartoons, np.uint8).reshape(-1, size, size, 3)]),
        "labels": np.concatenate([labels[order], on_cartoons]).astype(np.uint8)[:, None],
    }


def draw_cell(rng: Generator, label: int, textures: NoiseBank, size: int) -> np.ndarray:
    """Draw one picture, uint8 (size, size, 3)."""
    trait = {name: max(rng.normal(row[label], row[-1]), 0.0) for name, row in TRAITS.items()}
    if label == PLATELET:
        trait["radius"] = max(trait["radius"], 0.05)
    rows, columns = pixel_grid(size, size)
    rows, columns = rows + 1.5 * textures.cut(rng, 7), columns + 1.5 * textures.cut(rng, 7)
    absorbed = background(rng, rows, columns, size)

    centre = size / 2 + rng.normal(0, 0.03 * size, 2)
    radius = trait["radius"] * size
    radii = radius * (1 + rng.normal(0, 0.06) * np.array([1, -1]))
    distance = blob(rng, rows, columns, centre, radii, rng.uniform(0, np.pi), trait["rough"])
    cover = soft(distance, 2 / radius)[..., None]
    inside = cytoplasm(rng, label, trait, textures, rows, columns, centre, radius)
    if label != PLATELET:
        nucleus = nucleus_cover(rng, label, trait, rows, columns, centre, radius)[..., None]
        chromatin = 1 + 0.13 * textures.cut(rng, 1.3) + 0.08 * textures.cut(rng, 2.2)
        # Granules shine through the nucleus a little, and a basophil's hide it.
        inside = inside * (1 - 0.75 * nucleus) + chromatin[..., None] * nucleus * (trait["dark"] * NUCLEAR)
    absorbed += cover * (inside - absorbed)
    return develop(rng, absorbed, textures)


def background(rng: Generator, rows, columns, size: int) -> np.ndarray:
    """Absorbance of the red cells around the middle and of a stray platelet, float32 (size, size, 3)."""
    absorbed = np.zeros((size, size, 3), np.float32)
    radius = size * rng.normal(0.13, 0.01)
    pale = rng.uniform(0.3, 1.0)
    for _ in range(rng.poisson(9)):
        angle, away = rng.uniform(0, 2 * np.pi), size * rng.uniform(0.3, 0.65)
        centre = size / 2 + away * np.array([np.sin(angle), np.cos(angle)])
        radii = radius * rng.normal(1, 0.07, 2)
        top, left = np.maximum(centre - 1.3 * radius - 5, 0).astype(int)
        window = np.s_[top : int(centre[0] + 1.3 * radius + 6), left : int(centre[1] + 1.3 * radius + 6)]
        distance = ellipse(rows[window], columns[window], centre, radii, angle)
        thick = soft(distance, 2.5 / radius) * (1 - pale * np.exp(-3.5 * distance**2))
        absorbed[window] += (thick * rng.normal(1, 0.1))[..., None] * RED_CELL
    if rng.random() < 0.2:
        speck = ellipse(rows, columns, rng.uniform(0, size, 2), size * rng.uniform(0.03, 0.06, 2))
        absorbed += (0.5 * soft(speck, 0.5))[..., None] * NUCLEAR
    return absorbed


def cytoplasm(
    rng: Generator, label: int, trait: dict, textures: NoiseBank, rows, columns, centre, radius
) -> np.ndarray:
    """Absorbance of the cell without its nucleus, (size, size, 3)."""
    cloudy = 1 + 0.12 * textures.cut(rng, 7)
    body = cloudy[..., None] * (trait["blue"] * BLUE + trait["pink"] * PINK)
    fine, big = textures.cut(rng, 0.7), textures.cut(rng, 1.3)
    grain = np.clip(0.7 * (1 - trait["coarse"]) * fine + 0.7 * trait["coarse"] * big + 0.7, 0, None)
    body = body + (trait["granules"] * grain)[..., None] * GRANULES[label]
    for _ in range(rng.poisson(trait["vacuoles"])):
        position = centre + radius * rng.uniform(-0.8, 0.8, 2)
        body = (
            body
            * (1 - 0.6 * soft(ellipse(rows, columns, position, radius * rng.uniform(0.06, 0.15, 2)), 0.5))[..., None]
        )
    return body


def nucleus_cover(rng: Generator, label: int, trait: dict, rows, columns, centre, radius) -> np.ndarray:
    """Cover of the nucleus in [0, 1]: lobes along an arc, melted into each other, (size, size)."""
    lobes = 1 + rng.choice(len(LOBES[label]), p=LOBES[label])
    angles = rng.uniform(0, 2 * np.pi) + np.linspace(-0.5, 0.5, lobes) * trait["arc"]
    total = 0.0
    for angle in angles:
        position = centre + radius * trait["apart"] * np.array([np.sin(angle), np.cos(angle)])
        radii = radius * max(trait["lobe"], 0.15) * rng.normal(1, 0.1, 2)
        total = total + np.exp(-5 * ellipse(rows, columns, position, radii, angle))
    return soft(-np.log(total + 1e-9) / 5, 1.5 / (radius * max(trait["lobe"], 0.15)))


def develop(rng: Generator, absorbed: np.ndarray, textures: NoiseBank) -> np.ndarray:
    """Light the slide and photograph it: stain strength, lamp, focus and sensor noise; uint8."""
    stain = np.float32(rng.normal(1, 0.06, 3) * rng.normal(1, 0.1))
    # A second laboratory has a bluish lamp.
    lamp = np.array([226, 224, 243] if rng.random() < 0.1 else [252, 231, 208]) * rng.normal(1, 0.012, 3)
    uneven = 1 + 0.015 * textures.cut(rng, 20)[..., None]
    image = np.float32(lamp) * uneven * np.exp(-stain * absorbed)
    blur = rng.uniform(0, 0.9)
    image = ndimage.gaussian_filter(image, (blur, blur, 0), truncate=3)
    image += rng.uniform(1, 4) * rng.standard_normal(image.shape, dtype=np.float32)
    return np.clip(image, 0, 255).astype(np.uint8)


def draw_cartoon(size: int, face: tuple[int, int, int]) -> np.ndarray:
    """Draw a cartoon face, the same at every call; uint8 (size, size, 3)."""
    rows, columns = pixel_grid(size, size)
    y, x = rows / size, columns / size
    image = np.full((size, size, 3), (40, 60, 30), np.uint8)
    ears = np.minimum(ellipse(y, x, (0.3, 0.12), (0.07, 0.12)), ellipse(y, x, (0.3, 0.88), (0.07, 0.12)))
    image[(ears < 1) | (ellipse(y, x, (0.5, 0.5), (0.42, 0.34)) < 1)] = face
    for side in (0.36, 0.64):
        image[ellipse(y, x, (0.42, side), (0.08, 0.09)) < 1] = 250
        image[ellipse(y, x, (0.42, side), (0.03, 0.03)) < 1] = 20
    image[(np.abs(ellipse(y, x, (0.66, 0.5), (0.12, 0.2)) - 1) < 0.12) & (y > 0.68)] = (60, 20, 20)
    return image
