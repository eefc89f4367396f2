"""Simulated small colour pictures of ten kinds of objects, in the format of CIFAR-10.

Kinds come in five pairs of one outline each; within a pair the surface tells the kinds apart. A network needs
both, and colour, place, size and pose say little.
"""

import numpy as np
from numpy.random import Generator

from .noise import NoiseBank, box, ellipse, pixel_grid, soft
from .parts import in_parts

SIDE = 32
# Outline and surface of airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck.
OUTLINES = ["wings", "vehicle", "wings", "head", "legs", "head", "wide", "legs", "wide", "vehicle"]
SURFACES = [
    "smooth",
    "smooth",
    "fine",
    "stripes",
    "spots",
    "blotches",
    "spots",
    "fine",
    "stripes",
    "blotches",
]
# Usual surroundings, red, green and blue: sky, street, sky, room, wood, room, wood, field, sea, street.
SKY, STREET, ROOM, WOOD = (0.62, 0.72, 0.85), (0.55, 0.53, 0.52), (0.58, 0.5, 0.44), (0.42, 0.5, 0.32)
SURROUNDINGS = np.array([SKY, STREET, SKY, ROOM, WOOD, ROOM, WOOD, WOOD, SKY, STREET])


def make_objects(n_train: int = 5000, n_test: int = 1000, seed: int = 0) -> dict:
    """Draw textured objects on textured grounds in the format of CIFAR-10.

    Classes: 0 airplane, 1 automobile, 2 bird, 3 cat, 4 deer, 5 dog, 6 frog, 7 horse, 8 ship, 9 truck,
    equally often. The surroundings are the usual ones of the class in half of the pictures.

    Args:
        n_train: training pictures.
        n_test: test pictures, drawn in the same way.
        seed: same seed, same arrays.

    Returns:
        ``train_images`` uint8 (n_train, 32, 32, 3), values 0..255, ``train_labels`` uint8 (n_train,), 0..9;
        ``test_images`` and ``test_labels`` likewise.
    """
    rng = np.random.default_rng(seed)
    bank = NoiseBank(rng, 8 * SIDE, (0.6, 1.0, 1.8, 4, 9))
    labels = np.concatenate([rng.permutation(np.arange(count) % 10) for count in (n_train, n_test)])
    images = np.stack([draw_object(rng, label, bank) for label in labels])
    return in_parts(images, labels, n_train)


def draw_object(rng: Generator, label: int, bank: NoiseBank) -> np.ndarray:
    """Draw one picture of a class, uint8 (32, 32, 3)."""
    return draw(rng, OUTLINES[label], SURFACES[label], label, bank)


def draw(rng: Generator, outline_name: str, surface_name: str, place: int, bank: NoiseBank) -> np.ndarray:
    """Draw an outline with a surface, at times in the surroundings of class ``place``, uint8 (32, 32, 3)."""

    def noise(sigma: float) -> np.ndarray:
        return bank.cut(rng, sigma, SIDE)

    rows, columns = pixel_grid(SIDE, SIDE)
    # Object coordinates: about [-1, 1] over the object, turned, mirrored and stretched.
    size = SIDE * rng.uniform(0.3, 0.5)
    turn = rng.normal(0, 0.5 if outline_name == "wings" else 0.15)
    centre = SIDE / 2 + rng.normal(0, 0.06 * SIDE, 2)
    dy, dx = (rows - float(centre[0])) / size, (columns - float(centre[1])) / size
    y = (dy * np.cos(turn) - dx * np.sin(turn)) * rng.uniform(0.85, 1.2)
    x = (dy * np.sin(turn) + dx * np.cos(turn)) * rng.uniform(0.85, 1.2) * rng.choice([-1, 1])
    y, x = y + 0.05 * noise(4), x + 0.05 * noise(4)

    outline = {"wings": wings, "vehicle": vehicle, "head": head, "legs": legs, "wide": wide}[outline_name]
    cover = soft(outline(rng, y, x), 0.15)[..., None]
    surface = surface_pattern(rng, surface_name, y, x, noise)
    shade = 1 + rng.uniform(0.0, 0.35) * -y + rng.uniform(0.12, 0.38) * surface
    thing = random_colour(rng) * shade[..., None] + rng.normal(0, 0.1, 3) * noise(4)[..., None]

    ground = surroundings(rng, place, noise)
    image = ground + cover * (thing - ground)
    if rng.random() < 0.25:  # something in front
        bar = box(rows, columns, rng.uniform(0, SIDE, 2), (rng.uniform(1, 4), SIDE), rng.uniform(0, np.pi))
        image += soft(bar, 0.3)[..., None] * (random_colour(rng) - image)
    light = rng.uniform(0.7, 1.2) * (1 + rng.normal(0, 0.15) * (columns / SIDE - 0.5))
    image = image * light[..., None] + rng.uniform(0.005, 0.04) * rng.standard_normal(image.shape)
    return (255 * np.clip(image, 0, 1)).astype(np.uint8)


def random_colour(rng: Generator) -> np.ndarray:
    """Any colour, most of them dull, (3,)."""
    return rng.uniform(0.15, 0.9) + rng.normal(0, 0.09, 3)


def surroundings(rng: Generator, label: int, noise) -> np.ndarray:
    """A ground of two colours with a texture of its own, (32, 32, 3); at times that of the class."""
    usual = SURROUNDINGS[label if rng.random() < 0.5 else rng.integers(10)]
    far_colour, near_colour = usual + rng.normal(0, 0.1, 3) + rng.normal(0, 0.1), random_colour(rng)
    border = soft(1 + 0.6 * noise(9) + 0.3 * noise(1.8) - rng.normal(0, 0.6), 0.8)[..., None]
    texture = rng.uniform(0.02, 0.16) * noise(rng.choice([0.6, 1.0, 1.8, 4]))
    if rng.random() < 0.3:
        rows, columns = pixel_grid(SIDE, SIDE)
        texture = texture + 0.1 * surface_pattern(rng, "stripes", rows / 12, columns / 12, noise)
    return border * near_colour + (1 - border) * far_colour + texture[..., None]


def surface_pattern(rng: Generator, kind: str, y: np.ndarray, x: np.ndarray, noise) -> np.ndarray:
    """Surface of an object: mean about 0, standard deviation about 1, (32, 32)."""
    if kind == "smooth":
        return noise(9)
    if kind == "fine":
        return noise(0.6)
    if kind == "stripes":
        turn, pace = rng.uniform(0, np.pi), rng.uniform(7, 12)
        return 1.4 * np.sin(pace * (x * np.cos(turn) + y * np.sin(turn)) + 0.7 * noise(4) + rng.uniform(0, 6.3))
    if kind == "spots":
        return 2.5 * np.clip(3 * (noise(1.0) - 1), 0, 1) - 0.4
    return 1.2 * np.tanh(3 * noise(1.8))  # blotches


def wings(rng: Generator, y, x) -> np.ndarray:
    """A body with two swept wings and a tail: airplane and bird."""
    sweep, back = rng.uniform(0.0, 0.6), rng.uniform(0.6, 0.9)
    parts = ellipse(y, x, (0, 0), (rng.uniform(0.15, 0.26), 0.95))
    wing = box(y, x + sweep * np.abs(y), (0, 0.15), (rng.uniform(0.7, 1.0), rng.uniform(0.14, 0.26)))
    tail = box(y, x + sweep * np.abs(y), (0, -back), (0.35, 0.1))
    return np.minimum(np.minimum(parts, wing), tail)


def vehicle(rng: Generator, y, x) -> np.ndarray:
    """A box with a cabin on two wheels: automobile and truck."""
    cabin, roof = rng.uniform(-0.35, 0.35), rng.uniform(0.25, 0.5)
    body = box(y, x, (0.15, 0), (0.3, 1.0))
    top = box(y, x, (-0.2, cabin), (roof, rng.uniform(0.35, 0.6)))
    parts = np.minimum(body, top)
    for place in (-0.55, 0.55):
        parts = np.minimum(parts, ellipse(y, x, (0.5, place), (0.24, 0.24)))
    return parts


def head(rng: Generator, y, x) -> np.ndarray:
    """A round head with two ears on a chest: cat and dog."""
    ear, apart = rng.uniform(0.3, 0.5), rng.uniform(0.4, 0.6)
    parts = np.minimum(ellipse(y, x, (-0.1, 0), (0.62, 0.66)), ellipse(y, x, (0.85, 0), (0.6, 0.75)))
    for side in (-1, 1):
        parts = np.minimum(parts, ellipse(y, x, (-0.65, side * apart), (ear, 0.18), -side * rng.uniform(0.0, 0.6)))
    return parts


def legs(rng: Generator, y, x) -> np.ndarray:
    """A body on four legs with a raised head: deer and horse."""
    parts = ellipse(y, x, (0, -0.1), (rng.uniform(0.28, 0.38), 0.75))
    for place in (-0.6, -0.4, 0.2, 0.42):
        parts = np.minimum(parts, box(y, x, (0.55, place + rng.normal(0, 0.05)), (0.45, 0.09)))
    neck = box(y, x, (-0.35, 0.62), (0.45, 0.14), rng.uniform(-0.7, -0.2))
    return np.minimum(np.minimum(parts, neck), ellipse(y, x, (-0.7, 0.85), (0.16, 0.27)))


def wide(rng: Generator, y, x) -> np.ndarray:
    """A low hull with bumps on it: frog and ship."""
    parts = ellipse(y, x, (0.25, 0), (rng.uniform(0.35, 0.5), 1.0))
    for place in rng.uniform(-0.5, 0.6, 2):
        parts = np.minimum(parts, ellipse(y, x, (-0.2, place), (rng.uniform(0.2, 0.45), 0.2)))
    return parts
