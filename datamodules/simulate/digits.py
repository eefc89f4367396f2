"""Simulated handwritten digits: pen strokes of many writers, and some print, in the format of MNIST."""

from pathlib import Path

import matplotlib
import numpy as np
from numpy.random import Generator
from PIL import Image, ImageFont
from scipy import interpolate, ndimage

from .noise import smooth_noise
from .parts import in_parts

SIDE = 28
FINE = 2  # template pixels per picture pixel
HEIGHT = 20  # MNIST fits each digit into 20 x 20 pixels, then centres its mass
WRITERS = 40
COUNTS = np.array([5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949])  # MNIST, 60,000 pictures
# Fonts that come with Matplotlib, so that every machine draws the same digits.
FONTS = ["DejaVuSans", "DejaVuSans-Oblique", "DejaVuSansMono", "DejaVuSerif", "DejaVuSerif-Italic"]
FONTS += ["STIXGeneral", "STIXGeneralItalic", "STIXGeneralBol", "cmr10", "cmss10", "cmtt10", "cmb10"]

# Ways to write each digit: strokes of points (x right, y down) in the unit square, joined by a smooth curve.
STROKES = {
    0: [
        ["50,0 20,15 8,50 25,90 55,100 85,80 92,40 75,8 50,0"],
        ["60,4 25,10 10,55 35,98 75,85 90,40 65,8 35,3"],
    ],
    1: [["52,0 50,50 48,100"], ["28,22 55,0 53,50 50,100"], ["30,20 52,0 52,50 52,100", "25,100 78,100"]],
    2: [
        ["12,25 40,0 80,15 75,45 40,75 8,100", "8,100 50,96 92,100"],
        ["12,20 50,0 85,25 50,70 15,97 3,84 28,76 60,95 98,90"],
    ],
    3: [
        ["12,12 50,0 82,20 68,42 38,47", "38,47 78,55 86,78 55,100 8,88"],
        ["10,3 50,2 85,3", "85,3 60,25 40,40", "40,40 80,50 88,75 55,100 10,90"],
    ],
    4: [
        ["22,0 14,30 10,55", "10,55 50,56 92,50", "76,10 70,50 66,100"],
        ["66,0 35,35 5,66", "5,66 50,66 95,64", "66,0 66,50 64,100"],
    ],
    5: [
        ["88,2 55,3 28,5", "28,5 24,25 20,45", "20,45 55,36 86,60 72,93 40,100 8,88"],
        ["30,5 22,45 60,38 85,65 60,98 10,92", "30,5 60,6 92,0"],
    ],
    6: [
        ["72,0 35,28 12,65 25,95 60,100 86,78 65,54 30,60 15,76"],
        ["50,0 25,35 20,75 45,100 75,80 55,60 25,72"],
    ],
    7: [
        ["8,8 50,5 90,5", "90,5 62,45 42,100"],
        ["8,12 45,4 88,6", "88,6 65,45 40,100", "28,52 55,50 82,47"],
        ["12,22 14,5", "14,5 50,8 86,3", "86,3 70,45 62,100"],
    ],
    8: [
        ["52,48 22,26 50,0 80,22 50,48 15,76 50,100 86,75 52,48"],
        ["80,12 45,0 22,22 50,46 82,74 48,100 16,78 50,48 78,25 82,10"],
    ],
    9: [
        ["80,18 50,0 18,25 38,52 72,40 82,12", "82,12 80,50 68,100"],
        ["82,20 52,0 20,22 35,48 70,42 84,15 82,60 62,96 20,92"],
    ],
}


def make_digits(n_train: int = 6000, n_test: int = 1000, seed: int = 0) -> dict:
    """Draw digits in the format of MNIST: light on black, in 20 x 20 pixels, mass in the middle.

    Two thirds are pen strokes in the hand of one of 40 writers per digit, the others print. Each picture has
    its own slant, turn, width, pen and distortion. Nothing is planted.

    Args:
        n_train: training pictures.
        n_test: test pictures, drawn in the same way.
        seed: same seed, same arrays.

    Returns:
        ``train_images`` uint8 (n_train, 28, 28), values 0..255, ``train_labels`` uint8 (n_train,), 0..9;
        ``test_images`` and ``test_labels`` likewise.
    """
    rng = np.random.default_rng(seed)
    hands = np.stack([[hand_template(rng, digit) for _ in range(WRITERS)] for digit in range(10)])
    prints = np.stack([[print_template(font, digit) for font in FONTS] for digit in range(10)])
    templates = np.concatenate([hands, prints], axis=1)  # (10, writers + fonts, 56, 56)

    labels = rng.choice(10, n_train + n_test, p=COUNTS / COUNTS.sum())
    images = np.concatenate(
        [draw_digits(rng, templates, part) for part in np.array_split(labels, max(len(labels) // 500, 1))]
    )
    return in_parts(images, labels, n_train)


def hand_template(rng: Generator, digit: int) -> np.ndarray:
    """Depth inside the strokes of one writer's digit: picture pixels, negative outside, (56, 56)."""
    ways = STROKES[digit]
    ink = np.zeros((FINE * SIDE, FINE * SIDE), bool)
    aspect = rng.uniform(0.5, 0.9)
    shift = {}  # strokes that meet stay joined: one shift for each point
    for stroke in ways[rng.integers(len(ways))]:
        points = []
        for point in stroke.split():
            shift.setdefault(point, rng.normal(0, 0.055, 2))
            points.append(np.array(point.split(","), float) / 100 + shift[point])
        curve, _ = interpolate.splprep(np.transpose(points), s=0, k=min(3, len(points) - 1))
        x, y = interpolate.splev(np.linspace(0, 1, 160), curve)
        columns = FINE * (SIDE / 2 + HEIGHT * 0.9 * aspect * (x - 0.5))
        rows = FINE * (SIDE / 2 + HEIGHT * 0.9 * (y - 0.5))
        ink[rows.astype(int).clip(0, FINE * SIDE - 1), columns.astype(int).clip(0, FINE * SIDE - 1)] = True
    distance = ndimage.distance_transform_edt(~ink) / FINE
    return centred(rng.uniform(0.8, 1.6) - distance)


def print_template(font: str, digit: int) -> np.ndarray:
    """As `hand_template`, for a font."""
    path = Path(matplotlib.get_data_path(), "fonts", "ttf", f"{font}.ttf")
    mask = ImageFont.truetype(path, 100).getmask(str(digit), mode="L")
    glyph = Image.frombytes("L", mask.size, bytes(mask))
    glyph = glyph.crop(glyph.getbbox())
    height = FINE * HEIGHT
    width = min(max(round(glyph.width * height / glyph.height), 4), FINE * (SIDE - 2))
    canvas = Image.new("L", (FINE * SIDE, FINE * SIDE))
    canvas.paste(glyph.resize((width, height)), ((FINE * SIDE - width) // 2, (FINE * SIDE - height) // 2))
    ink = np.asarray(canvas) > 127
    inside, outside = ndimage.distance_transform_edt(ink), ndimage.distance_transform_edt(~ink)
    return centred((inside - outside) / FINE)


def centred(depth: np.ndarray) -> np.ndarray:
    """Shift a template so that its ink has its mass in the middle."""
    middle = (np.array(depth.shape) - 1) / 2
    offset = middle - ndimage.center_of_mass(depth > 0)
    return ndimage.shift(depth, offset, order=1, mode="nearest").astype(np.float32)


def draw_digits(rng: Generator, templates: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Draw one picture for each label, uint8 (N, 28, 28)."""
    count = len(labels)
    by_hand = rng.random(count) < 0.65
    styles = np.where(by_hand, rng.integers(WRITERS, size=count), WRITERS + rng.integers(len(FONTS), size=count))
    turn, slant = rng.normal(0, 0.14, count), rng.normal(0.08, 0.24, count)
    scale = rng.normal(1.0, 0.07, (2, count)).clip(0.8, 1.25)

    grid = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2 + rng.normal(0, 0.4, (count, 2, 1, 1))
    bend = rng.uniform(0.3, 1.5, (count, 1, 1))
    dy, dx = (grid[:, axis] + bend * smooth_noise(rng, (count, SIDE, SIDE), (0, 4, 4)) for axis in (0, 1))
    cos, sin = np.cos(turn)[:, None, None], np.sin(turn)[:, None, None]
    dx = dx + slant[:, None, None] * dy
    y = (dy * cos - dx * sin) * scale[0][:, None, None]
    x = (dy * sin + dx * cos) * scale[1][:, None, None]

    middle = (FINE * SIDE - 1) / 2
    template = np.broadcast_to((labels * templates.shape[1] + styles)[:, None, None], y.shape)
    flat = templates.reshape(-1, *templates.shape[2:])
    coordinates = np.stack([template, FINE * y + middle, FINE * x + middle])
    depth = ndimage.map_coordinates(flat, coordinates, order=1, mode="nearest")

    pen = rng.normal(0, 0.35, count).clip(-0.5, 1.0)[:, None, None]
    edge = rng.uniform(1.0, 1.8, (count, 1, 1))
    ink = np.clip(0.5 + (depth + pen) / edge, 0, 1)
    # A pen that runs dry in places; the paper stays black, as in MNIST.
    dry = 1 - rng.uniform(0, 0.25, (count, 1, 1)) * np.abs(smooth_noise(rng, ink.shape, (0, 1.2, 1.2)))
    return (255 * np.clip(ink * dry, 0, 1)).astype(np.uint8)
