"""Simulated things whose outline and surface agree, and pictures in which they do not."""

import numpy as np
from numpy.random import Generator

from .noise import NoiseBank
from .objects import SIDE, draw

# Class -> outline and surface (see ``objects``).
CLASSES = {"wings": "stripes", "vehicle": "spots", "head": "blotches", "legs": "fine"}
PROBES = ("clean", "swapped", "tiles_2x2", "tiles_4x4")


def make_cues(n_train: int = 1600, n_test: int = 400, seed: int = 0) -> dict[str, dict[str, np.ndarray]]:
    """Draw the pools ``train`` and ``test``.

    Surroundings, colour, place and size say nothing about the class, the outline and the surface each tell it alone.

    Args:
        n_train: Pictures of the train pool.
        n_test: Pictures of each of the four versions in the test pool.
        seed: Same seed, same arrays.

    Returns:
        ``train`` and ``test``: ``image`` uint8 (N, 3, 32, 32), ``label`` (N,) of the outline, ``texture`` (N,) of the
        surface, ``probe`` (N,) into ``PROBES``. Versions come in turn: a clean picture, a swapped one, and the tiles
        of the clean one.
    """
    rng = np.random.default_rng(seed)
    bank = NoiseBank(rng, 8 * SIDE, (0.6, 1.0, 1.8, 4, 9))
    train, label = drawn(rng, bank, n_train, swapped=False)[:2]
    clean, shape = drawn(rng, bank, n_test, swapped=False)[:2]
    other, other_shape, other_texture = drawn(rng, bank, n_test, swapped=True)
    images = [clean, other, tiled(rng, clean, 2), tiled(rng, clean, 4)]

    def in_turn(*versions: np.ndarray) -> np.ndarray:
        return np.stack(versions, 1).reshape(-1, *versions[0].shape[1:])

    return {
        "train": {"image": train, "label": label, "texture": label, "probe": np.zeros(n_train, np.int64)},
        "test": {
            "image": in_turn(*images),
            "label": in_turn(shape, other_shape, shape, shape),
            "texture": in_turn(shape, other_texture, shape, shape),
            "probe": np.tile(np.arange(len(PROBES)), n_test),
        },
    }


def drawn(rng: Generator, bank: NoiseBank, n: int, swapped: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pictures (n, 3, 32, 32), the classes of their outlines and of their surfaces."""
    outlines, surfaces = list(CLASSES), list(CLASSES.values())
    shape = rng.permutation(np.arange(n) % len(CLASSES))
    texture = (shape + rng.integers(1, len(CLASSES), n)) % len(CLASSES) if swapped else shape
    images = [draw(rng, outlines[s], surfaces[t], rng.integers(10), bank) for s, t in zip(shape, texture, strict=True)]
    return np.stack(images).transpose(0, 3, 1, 2).copy(), shape, texture


def tiled(rng: Generator, images: np.ndarray, count: int) -> np.ndarray:
    """Pictures (n, C, S, S) whose ``count`` x ``count`` tiles changed places; not one keeps all of them."""
    n, channels, side, _ = images.shape
    step = side // count
    tiles = images.reshape(n, channels, count, step, count, step).transpose(0, 2, 4, 1, 3, 5)
    tiles = tiles.reshape(n, count**2, channels, step, step)
    moved = np.empty_like(tiles)
    for i in range(n):
        order = rng.permutation(count**2)
        while (order == np.arange(count**2)).all():
            order = rng.permutation(count**2)
        moved[i] = tiles[i, order]
    moved = moved.reshape(n, count, count, channels, step, step).transpose(0, 3, 1, 4, 2, 5)
    return moved.reshape(images.shape)
