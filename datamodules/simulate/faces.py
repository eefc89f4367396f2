"""Drawn faces, 64x64: head, hair, eyes, brows, nose, mouth, light and background, each with numbers of its own.

A face is painted layer over layer, each layer where a soft mask says. What varies: tone of the skin, colour and
length of the hair, width of the head, place, size and colour of the eyes and how far they are open, brows, mouth (from
a frown to an open smile), glasses, tilt, shift and size of the whole, the light, and the background.
"""

import numpy as np

SIDE = 64
EDGE = 0.035  # softness of an edge, in half pictures
BLOCK = 256  # faces painted at a time: bounded memory
HAIR = np.array([[0.08, 0.06, 0.05], [0.25, 0.15, 0.08], [0.45, 0.28, 0.12], [0.85, 0.7, 0.4], [0.6, 0.25, 0.1],
                 [0.6, 0.6, 0.62]])  # fmt: skip
EYES = np.array([[0.2, 0.12, 0.06], [0.15, 0.35, 0.55], [0.2, 0.4, 0.2], [0.35, 0.35, 0.38]])


def make_faces(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """``image`` uint8 (n, 3, 64, 64), and whether the face smiles, int64 (n,)."""
    images, labels = [], []
    for block, start in enumerate(range(0, n, BLOCK)):
        image, smiles = _paint(np.random.default_rng([seed, block]), min(BLOCK, n - start))
        images.append(image)
        labels.append(smiles)
    return np.concatenate(images), np.concatenate(labels)


def _paint(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    def draw(low: float, high: float) -> np.ndarray:
        return rng.uniform(low, high, (n, 1, 1)).astype(np.float32)

    def colour(palette: np.ndarray, spread: float) -> np.ndarray:
        chosen = palette[rng.integers(len(palette), size=n)] + rng.normal(0, spread, (n, 3))
        return chosen.clip(0, 1)[:, :, None, None].astype(np.float32)  # (n, 3, 1, 1)

    # Places of the pixels as the face has them: shifted, turned and scaled; y grows downwards.
    grid = ((np.arange(SIDE) + 0.5) / SIDE * 2 - 1).astype(np.float32)
    x, y = (grid[None, None, :] - draw(-0.12, 0.12)), (grid[None, :, None] - draw(-0.1, 0.1))
    turn, scale = draw(-0.25, 0.25), draw(0.85, 1.1)
    x, y = (np.cos(turn) * x + np.sin(turn) * y) / scale, (-np.sin(turn) * x + np.cos(turn) * y) / scale

    canvas = _background(rng, n, grid)

    def paint(mask: np.ndarray, paint_colour: np.ndarray) -> None:
        nonlocal canvas
        canvas = canvas + mask[:, None] * (paint_colour - canvas)

    tone = draw(0, 1)
    skin = np.array([0.95, 0.78, 0.66])[:, None] * (1 - tone) + np.array([0.38, 0.24, 0.16])[:, None] * tone
    skin = (skin.reshape(n, 3) + rng.normal(0, 0.02, (n, 3))).clip(0, 1)[:, :, None, None].astype(np.float32)
    hair, width, height = colour(HAIR, 0.03), draw(0.48, 0.62), draw(0.66, 0.78)

    long = (rng.random((n, 1, 1)) < 0.5) * draw(0.3, 0.9)  # how far hair falls below the eyes
    paint(_ellipse(x, y + 0.12, width * 1.22, height * 1.02), hair)
    paint(_inside(width * 1.2 - np.abs(x)) * _inside(y + 0.1) * _inside(long - y), hair)
    paint(_inside(0.2 - np.abs(x)) * _inside(y - 0.4), skin * 0.85)  # neck
    paint(_ellipse(x, y, width, height), skin)
    paint(
        _ellipse(x, y, width * 1.05, height * 1.05) * _inside(-draw(0.34, 0.5) - y + draw(-0.15, 0.15) * x), hair
    )  # fringe

    apart, level, size = draw(0.2, 0.27), draw(-0.14, -0.04), draw(0.09, 0.13)
    opened, look = draw(0.35, 0.8), draw(-0.025, 0.025)
    iris, brow = colour(EYES, 0.03), draw(0.13, 0.2)
    thick, slope = draw(0.018, 0.04), draw(-0.25, 0.25)
    for side in (-1, 1):
        across = x - side * apart
        paint(_ellipse(across, y - level, size, size * opened), _gray(n, 0.95))
        seen = _ellipse(across, y - level, size, size * opened)
        paint(seen * _ellipse(across - look, y - level, size * 0.5, size * 0.5), iris)
        paint(seen * _ellipse(across - look, y - level, size * 0.24, size * 0.24), _gray(n, 0))
        line = np.abs(y - level + brow - side * slope * across)
        paint(_inside(thick - line) * _inside(size * 1.25 - np.abs(across)), hair * 0.8)
    paint(_ellipse(x - 0.02, y - 0.12, draw(0.035, 0.06), draw(0.1, 0.16)) * 0.5, skin * 0.75)  # nose

    smile = draw(-0.5, 1)
    smiles = smile[:, 0, 0] > 0.25
    wide, parted = draw(0.15, 0.26), draw(0.0, 0.06) * smiles[:, None, None]
    bend = y - 0.36 + smile * 0.9 * x**2 - 0.02
    lips = (
        skin * np.array([[[0.85]], [[0.5]], [[0.5]]], np.float32) + np.array([[[0.1]], [[0]], [[0.02]]], np.float32)
    ).clip(0, 1)
    across = _inside(wide - np.abs(x))
    paint(across * _inside(0.035 + parted - np.abs(bend)), lips)
    paint(across * _inside(parted - 0.01 - np.abs(bend)) * (parted > 0.02), _gray(n, 0.93))  # teeth

    worn = rng.random((n, 1, 1)) < 0.2
    for side in (-1, 1):
        ring = np.abs(np.hypot(x - side * apart, y - level) - size * 1.5)
        paint(worn * _inside(0.02 - ring), _gray(n, 0.1))
    paint(worn * _inside(0.015 - np.abs(y - level)) * _inside(apart - size * 1.4 - np.abs(x)), _gray(n, 0.1))

    angle, strength = draw(0, 2 * np.pi), draw(0, 0.35)
    light = 1 + strength * (np.cos(angle) * grid[None, None, :] + np.sin(angle) * grid[None, :, None])
    canvas = canvas * light[:, None] * draw(0.85, 1.1)[:, None] + 0.012 * rng.standard_normal(canvas.shape, np.float32)
    return (canvas * 255).round().clip(0, 255).astype(np.uint8), smiles.astype(np.int64)


def _background(rng: np.random.Generator, n: int, grid: np.ndarray) -> np.ndarray:
    """Two colours that run into each other in a random direction, (n, 3, 64, 64)."""
    first, last = (rng.uniform(0.05, 0.95, (n, 3, 1, 1)) for _ in range(2))
    angle = rng.uniform(0, 2 * np.pi, (n, 1, 1, 1))
    share = (np.cos(angle) * grid[None, None, None, :] + np.sin(angle) * grid[None, None, :, None]) / 2.9 + 0.5
    return (first + share * (last - first)).astype(np.float32)


def _gray(n: int, value: float) -> np.ndarray:
    """One gray for all faces, (n, 3, 1, 1)."""
    return np.full((n, 3, 1, 1), value, np.float32)


def _ellipse(x: np.ndarray, y: np.ndarray, width: np.ndarray, height: np.ndarray) -> np.ndarray:
    """Soft mask of an ellipse around 0."""
    distance = np.hypot(x / width, y / height)
    return _inside((1 - distance) * np.minimum(width, height))


def _inside(distance: np.ndarray) -> np.ndarray:
    """1 where ``distance`` from the edge is well above 0, 0 where it is well below, and smooth between."""
    return (distance / EDGE + 0.5).clip(0, 1)
