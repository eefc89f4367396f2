"""Small building blocks shared by the simulated data sets: smooth noise and soft shapes."""

import math

import numpy as np
from numpy.random import Generator
from scipy import ndimage


def smooth_noise(rng: Generator, shape: tuple[int, ...], sigma: float | tuple[float, ...]) -> np.ndarray:
    """Draw Gaussian noise blurred by ``sigma`` pixels: float32, mean 0, standard deviation 1, periodic."""
    noise = rng.standard_normal(shape, dtype=np.float32)
    # Periodic, so that a texture tile can be repeated without a seam.
    noise = ndimage.gaussian_filter(noise, sigma, mode="wrap", truncate=3)
    return (noise - noise.mean()) / max(float(noise.std()), 1e-6)


def octaves(rng: Generator, shape: tuple[int, ...], sigmas: list, weights: list[float]) -> np.ndarray:
    """Sum smooth noise of several scales and rescale to mean 0, standard deviation 1 (float32)."""
    total = sum(w * smooth_noise(rng, shape, sigma) for sigma, w in zip(sigmas, weights, strict=True))
    return (total - total.mean()) / max(float(total.std()), 1e-6)


class NoiseBank:
    """Noise drawn once and cut at random places: blurring new noise for each picture would take too long."""

    def __init__(self, rng: Generator, size: int, sigmas: tuple[float, ...]) -> None:
        self.size = size
        self.noise = {sigma: smooth_noise(rng, (4 * size, 4 * size), sigma) for sigma in sigmas}

    def cut(self, rng: Generator, sigma: float, size: int | None = None) -> np.ndarray:
        """Return a square piece of the noise with this blur, float32, by default of the bank's own side."""
        size = size or self.size
        top, left = rng.integers(0, 4 * self.size - size, 2)
        return self.noise[sigma][top : top + size, left : left + size]


def pixel_grid(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return row and column coordinates, float32 (height, width) each."""
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    return rows, columns


def rotate(rows: np.ndarray, columns: np.ndarray, centre: tuple[float, float], angle: float):
    """Coordinates relative to ``centre``, turned by ``angle`` radians: (across, along)."""
    # Plain floats: a NumPy scalar would turn float32 pictures into float64, at twice the time.
    cos, sin = math.cos(angle), math.sin(angle)
    dy, dx = rows - float(centre[0]), columns - float(centre[1])
    return dy * cos - dx * sin, dy * sin + dx * cos


def ellipse(rows, columns, centre, radii, angle=0.0) -> np.ndarray:
    """Normalised distance from ``centre``: below 1 inside the ellipse with half axes ``radii``."""
    across, along = rotate(rows, columns, centre, angle)
    return np.hypot(across / float(radii[0]), along / float(radii[1]))


def box(rows, columns, centre, half, angle=0.0) -> np.ndarray:
    """Like `ellipse`, for a rectangle with half sides ``half``."""
    across, along = rotate(rows, columns, centre, angle)
    return np.maximum(np.abs(across) / float(half[0]), np.abs(along) / float(half[1]))


def blob(rng: Generator, rows, columns, centre, radii, angle=0.0, rough=0.15, harmonics=5) -> np.ndarray:
    """Like `ellipse`, with an outline that wobbles by about ``rough`` of the radius."""
    across, along = rotate(rows, columns, centre, angle)
    across, along = across / float(radii[0]), along / float(radii[1])
    theta = np.arctan2(across, along)
    order = np.arange(2, 2 + harmonics)
    # Amplitudes fall with the order: large dents are common, fine teeth are rare.
    height = rough * rng.standard_normal(harmonics) / np.sqrt(order - 1)
    phase = rng.uniform(0, 2 * np.pi, harmonics)
    waves = zip(height.tolist(), order.tolist(), phase.tolist(), strict=True)
    outline = 1 + sum(h * np.cos(k * theta + p) for h, k, p in waves)
    return np.hypot(across, along) / np.clip(outline, 0.3, 2.0)


def soft(distance: np.ndarray, edge: float = 0.1) -> np.ndarray:
    """Turn a normalised distance into cover in [0, 1], falling from 1 to 0 around distance 1."""
    return np.clip((1 - distance) / float(edge) + 0.5, 0, 1)
