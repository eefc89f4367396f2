"""Simulated garments: silhouettes with fabrics, in the format of Fashion-MNIST."""

import numpy as np
from numpy.random import Generator

from .garment_shapes import DRESS, PULLOVER, SHIRT, SIDE, draw_shape
from .noise import smooth_noise
from .parts import in_parts

# Chances of plain, striped, checked and printed cloth.
FABRICS = {SHIRT: (0.4, 0.15, 0.25, 0.2), PULLOVER: (0.55, 0.25, 0.03, 0.17), DRESS: (0.6, 0.1, 0.05, 0.25)}
PLAIN = (0.75, 0.12, 0.03, 0.10)


def make_garments(n_train: int = 6000, n_test: int = 1000, seed: int = 0) -> dict:
    """Draw garments in the format of Fashion-MNIST: light on black, front or side view.

    Classes: 0 t-shirt, 1 trouser, 2 pullover, 3 dress, 4 coat, 5 sandal, 6 shirt, 7 sneaker, 8 bag,
    9 ankle boot, equally often. T-shirt, pullover, coat and shirt overlap, as do the three kinds of shoe.

    Args:
        n_train: training pictures.
        n_test: test pictures, drawn in the same way.
        seed: same seed, same arrays.

    Returns:
        ``train_images`` uint8 (n_train, 28, 28), values 0..255, ``train_labels`` uint8 (n_train,), 0..9;
        ``test_images`` and ``test_labels`` likewise.
    """
    rng = np.random.default_rng(seed)
    labels = np.concatenate([rng.permutation(np.arange(count) % 10) for count in (n_train, n_test)])
    shapes = np.stack([draw_shape(rng, label) for label in labels])
    images = dress_up(rng, shapes, labels)
    return in_parts(images, labels, n_train)


def dress_up(rng: Generator, shapes: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Give the shapes (N, 28, 28) brightness, cloth, folds and noise; uint8."""
    count = len(shapes)

    def each(low: float, high: float) -> np.ndarray:
        """One number for each picture, (N, 1, 1)."""
        return rng.uniform(low, high, (count, 1, 1))

    fabric = np.array([rng.choice(4, p=FABRICS.get(label, PLAIN)) for label in labels])
    rows, columns = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    phase, pace = each(0, 6.3), each(0.7, 2.2)
    across = np.sign(np.sin(pace * rows + phase))
    along = np.sign(np.sin(pace * columns + phase))
    prints = smooth_noise(rng, shapes.shape, (0, 0.9, 0.9))
    kinds = [(fabric == kind)[:, None, None] for kind in (1, 2, 3)]
    cloth = np.select(kinds, [across, 0.6 * (across + along), prints])
    folds = smooth_noise(rng, shapes.shape, (0, 5, 1.5))
    grain = smooth_noise(rng, shapes.shape, (0, 0.5, 0.5))
    bright = 1.25 * rng.beta(2.2, 1.3, (count, 1, 1)) * (1 + each(0.08, 0.4) * cloth + 0.06 * folds + 0.05 * grain)
    shapes = shapes ** each(0.6, 1.3)  # details stand out more or less
    return (255 * np.clip(shapes * np.clip(bright, 0.12, None), 0, 1)).astype(np.uint8)
