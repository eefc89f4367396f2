"""Textures of the simulated Mars terrain: periodic tiles of soil, bedrock and sand.

Letters in shapes: S texture tile side, L blur levels.
"""

import numpy as np
from numpy.random import Generator
from scipy import ndimage
from scipy.spatial import cKDTree

from .noise import octaves, pixel_grid, smooth_noise

TILE = 192  # side of a texture tile in pixels
LEVELS = 5  # blur levels of a tile: level k has lost details below 2**k pixels


def relief(height: np.ndarray, light: float) -> np.ndarray:
    """Shade a height map from the direction of ``light``."""
    down, right = np.gradient(height)
    return down * np.sin(light) - right * np.cos(light)


def soil_tile(rng: Generator, grain: float, light: float) -> np.ndarray:
    """Fine grain with pebbles, (S, S)."""
    shape = (TILE, TILE)
    bumps = smooth_noise(rng, shape, 1.6 * grain)
    pebbles = np.maximum(bumps - rng.uniform(1.0, 1.8), 0)
    shade = relief(ndimage.gaussian_filter(pebbles, 0.6, mode="wrap"), light)
    ground = octaves(rng, shape, [0.6 * grain, 2.5 * grain, 14], [1.0, 0.6, 0.5])
    return ground + rng.uniform(1.5, 4.0) * shade / (shade.std() + 1e-6) * 0.5


def bedrock_tile(rng: Generator, grain: float, light: float) -> np.ndarray:
    """Cracked plates, or layers, with loose soil in the gaps, (S, S)."""
    shape = (TILE, TILE)
    rows, columns = pixel_grid(*shape)
    if rng.random() < 0.3:  # layers
        turn = 2 * np.pi * rng.integers(2, 5) * rows / TILE + 0.9 * smooth_noise(rng, shape, 14)
        plates = np.sin(turn) + 0.6 * np.sin(3 * turn + 1.0 * smooth_noise(rng, shape, 6))
        rock = 5 * relief(plates, light) + 0.3 * plates
        covered = smooth_noise(rng, shape, 9) > rng.uniform(0.7, 1.6)
    else:
        cells = int(rng.uniform(60, 220))
        centres = rng.uniform(0, TILE, (cells, 2))
        bend = 3.0 * np.stack([smooth_noise(rng, shape, 5), smooth_noise(rng, shape, 5)], -1)
        points = (np.stack([rows, columns], -1) + bend).reshape(-1, 2) % TILE
        distance, nearest = cKDTree(centres, boxsize=TILE).query(points, k=2)
        gap = (distance[:, 1] - distance[:, 0]).reshape(shape)
        plate = nearest[:, 0].reshape(shape)
        tilt = rng.normal(0, 0.05, (2, cells))[:, plate]  # each plate leans its own way
        offset = (points - centres[nearest[:, 0]] + TILE / 2) % TILE - TILE / 2
        lean = (tilt * offset.T.reshape(2, *shape)).sum(0)
        rock = rng.normal(0.6, 0.5, cells)[plate] + lean + 1.5 * relief(np.minimum(gap, 4), light)
        covered = (gap < rng.uniform(0.5, 2.5)) | (rng.random(cells) < rng.uniform(0, 0.35))[plate]
    loose = 0.4 * octaves(rng, shape, [0.7 * grain, 6], [1, 1]) - rng.uniform(0.4, 1.6)
    rock = rock + 0.35 * octaves(rng, shape, [0.8 * grain, 3.0 * grain], [1, 0.8])
    return np.where(covered, loose, rock)


def sand_tile(rng: Generator, grain: float, light: float) -> np.ndarray:
    """Smooth ground with oriented ripples of changing strength, (S, S)."""
    shape = (TILE, TILE)
    rows, columns = pixel_grid(*shape)
    waves = rng.integers(8, 24) / TILE * 2 * np.pi
    slant = rng.integers(-6, 7) / TILE * 2 * np.pi
    bend = 1.3 * smooth_noise(rng, shape, 11) + 0.5 * smooth_noise(rng, shape, 4)
    phase = waves * rows + slant * columns + bend
    strength = np.clip(0.7 + 0.8 * smooth_noise(rng, shape, 20), 0, None)
    ripples = strength * (np.sin(phase) + 0.3 * np.sin(2 * phase + 0.8))
    fine = octaves(rng, shape, [0.6 * grain, 3.0 * grain, 16], [0.7, 0.4, 1.0])
    return rng.uniform(0.5, 1.3) * ripples + rng.uniform(0.4, 1.0) * fine


def blur_levels(tile: np.ndarray) -> np.ndarray:
    """Standardise a tile and stack ever blurrier copies, (L, S, S), so that distance does not flicker."""
    tile = (tile - tile.mean()) / tile.std()
    blurred = [ndimage.gaussian_filter(tile, 0.45 * 2**k, mode="wrap", truncate=2) for k in range(1, LEVELS)]
    return np.stack([tile, *blurred]).astype(np.float32)
