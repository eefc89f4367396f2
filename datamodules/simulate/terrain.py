"""Simulated Mars terrain: gray rover pictures with a class for every pixel.

Letters in shapes: H picture rows, W picture columns; tiles (3, L, S, S) are in `terrain_textures`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from scipy import ndimage

from .noise import pixel_grid, rotate, smooth_noise
from .terrain_scene import add_distance, add_rocks, add_rover, draw_alien, leave_unlabelled
from .terrain_textures import LEVELS, TILE, bedrock_tile, blur_levels, sand_tile, soil_tile

TERRAIN_MIX = np.array([0.39, 0.33, 0.28])  # share of soil, bedrock, sand in the labelled ground


@dataclass
class Site:
    """One place on Mars: its textures, light and class mix."""

    tiles: np.ndarray  # float32 (3, L, S, S): soil, bedrock, sand
    albedo: np.ndarray  # (3,) mean gray value of each class
    contrast: np.ndarray  # (3,) gray standard deviation of each class
    mix: np.ndarray  # (3,) share of each class
    light: float  # direction of the sun in the picture, radians
    scale: float  # tile pixels per camera height
    rockiness: float  # mean number of small rocks in a picture
    haze: float  # gray value of the far distance


def make_terrain(
    n: int = 720,
    n_test: int = 200,
    size: tuple[int, int] = (64, 128),
    sites: int = 24,
    outliers: int = 30,
    seed: int = 0,
) -> dict:
    """Draw a terrain set in the format of the Mars competition.

    Classes: 0 background, 1 soil, 2 bedrock, 3 sand, 4 big rock; about .30/.27/.25/.17/.005 of the pixels.
    A rock is big by its size on the ground, so the same blob counts when far and does not when near.
    Background has no look of its own: distance, rover parts and ground that nobody labelled.

    Args:
        n: real training pictures, spread unevenly over the sites.
        n_test: test pictures, all from sites that are not in training.
        size: rows and columns of a picture.
        sites: training sites, each with its own light, grain, contrast and class mix.
        outliers: planted pictures that differ from each other but share one identical mask.
        seed: same seed, same arrays.

    Returns:
        ``training_set`` uint8 (n + outliers, 2, H, W): picture 0..255 and mask 0..4;
        ``test_set`` uint8 (n_test, H, W);
        ``groups`` list of n + outliers strings: "site_000", ..., and "alien" for the outliers.
    """
    rng = np.random.default_rng(seed)
    test_sites = max(sites // 4, 2)
    all_sites = [make_site(rng, mix) for mix in site_mixes(rng, sites + test_sites)]

    # Uneven visits, as a rover stays longer at some places than at others.
    visits = rng.dirichlet(np.full(sites, 3.0))
    site_of = rng.choice(sites, n, p=visits)
    pairs = [draw_picture(rng, all_sites[k], size) for k in site_of]
    training = np.array(pairs, np.uint8).reshape(n, 2, *size)
    test = [draw_picture(rng, all_sites[k], size)[0] for k in rng.integers(sites, sites + test_sites, n_test)]

    aliens = np.array([draw_alien(rng, size) for _ in range(outliers)], np.uint8).reshape(outliers, 2, *size)
    order = rng.permutation(n + outliers)
    groups = np.array([f"site_{k:03d}" for k in site_of] + ["alien"] * outliers, dtype=object)
    return {
        "training_set": np.concatenate([training, aliens])[order],
        "test_set": np.array(test, np.uint8).reshape(n_test, *size),
        "groups": groups[order].tolist(),
    }


def site_mixes(rng: Generator, sites: int) -> np.ndarray:
    """Class mix of each site, (sites, 3): very different sites whose mean is TERRAIN_MIX."""
    mixes = rng.dirichlet(2.5 * TERRAIN_MIX, sites) + 0.02
    for _ in range(20):
        mixes *= TERRAIN_MIX / mixes.mean(0)
        mixes /= mixes.sum(1, keepdims=True)
    return mixes


def make_site(rng: Generator, mix: np.ndarray) -> Site:
    """Draw the textures and the light of one site."""
    grain = rng.uniform(0.6, 1.3)
    light = rng.uniform(0.15, 0.85) * np.pi  # sun above the picture, left or right
    makers = (soil_tile, bedrock_tile, sand_tile)
    tiles = np.stack([blur_levels(make(rng, grain, light)) for make in makers])
    level = rng.normal(62, 8)
    return Site(
        tiles=tiles,
        # Bedrock is usually the brightest, but the spread is wider than the difference.
        albedo=level + np.array([3.0, 5.0, -5.0]) + rng.normal(0, 7, 3),
        contrast=rng.uniform(0.8, 1.7) * rng.normal([12.5, 17, 10], [2, 3, 2]).clip(5),
        mix=mix,
        light=light,
        scale=rng.uniform(60, 110),
        rockiness=rng.gamma(2.0, 4.0),
        haze=level + rng.normal(8, 14),
    )


def draw_picture(rng: Generator, site: Site, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Draw one picture and its mask, uint8 (H, W) each."""
    height, width = size
    rows, columns = pixel_grid(height, width)
    # Rows of the horizon and of the line beyond which nobody labels; often above the picture.
    horizon = height * (rng.uniform(0.03, 0.42) if rng.random() < 0.36 else rng.uniform(-0.9, -0.05))
    below = np.maximum(rows - horizon, 1.0)  # a pixel covers 1 / below camera heights of ground, sideways
    true, labels = class_maps(rng, site, below)
    image = ground_texture(rng, site, below, columns - width / 2, true)
    add_rocks(rng, site, image, labels, rows, columns, horizon)

    slope = rng.normal(0, 0.06) * (columns - width / 2)
    far = max(horizon, 0) + height * rng.gamma(1.5, 0.07) + slope
    knots = rng.normal(0, 0.025, 6) * height
    labels[rows < far + np.interp(columns[0], np.linspace(0, width, 6), knots)] = 0
    image = add_distance(rng, site, image, rows, horizon)
    leave_unlabelled(rng, labels, rows, columns)
    if rng.random() < 0.22:
        add_rover(rng, image, labels, rows, columns)

    image = image * rng.normal(1, 0.2) + rng.normal(0, 1.2, size)
    return np.clip(image, 0, 255).astype(np.uint8), labels.astype(np.uint8)


def class_maps(rng: Generator, site: Site, below: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """True class and annotated class of the ground, int (H, W) each, classes 1..3 (0 where left open)."""
    height, width = below.shape
    kinds = rng.choice(3, size=rng.choice([1, 2, 3], p=[0.5, 0.38, 0.12]), replace=False, p=site.mix)
    # Few control points, even in log distance: areas flatten toward the horizon.
    nearness = np.log(below / below.min()) / np.log(below.max() / below.min())
    coordinates = np.stack([4 * nearness, np.broadcast_to(np.linspace(0, 6, width), below.shape)])
    fields = np.full((3, height, width), -9.0, np.float32)
    for kind in kinds:
        control = rng.normal(0, 1, (5, 7)) + rng.normal(0, 0.4)
        fields[kind] = ndimage.map_coordinates(control, coordinates, order=1)
    # Linear between the control points: the straight lines an annotator draws around the true, ragged border.
    labels = 1 + fields.argmax(0)
    if len(kinds) > 1:
        first, second = np.sort(fields, axis=0)[:0:-1]
        labels[first - second < max(rng.normal(0.05, 0.12), 0)] = 0
        for kind in kinds:
            fields[kind] += 0.35 * smooth_noise(rng, (height, width), 2.5)
    return 1 + fields.argmax(0), labels


def ground_texture(rng: Generator, site: Site, below, sideways, true) -> np.ndarray:
    """Gray values of the ground seen in perspective, float32 (H, W)."""
    height, width = below.shape
    focal = 0.9 * width
    across, along = rotate(focal / below, sideways / below, (0, 0), rng.normal(0, 0.25))
    y = (site.scale * across + rng.uniform(0, TILE)).astype(int) % TILE
    x = (site.scale * along + rng.uniform(0, TILE)).astype(int) % TILE
    # Tile pixels that fall into one picture pixel: the mean of both directions picks the blur level.
    footprint = site.scale * np.sqrt(focal / below**3)
    level = np.clip(np.log2(footprint) + 0.3, 0, LEVELS - 1).astype(int)
    detail = site.tiles[true - 1, level, y, x]
    patches = 4 * smooth_noise(rng, (height, width), height / 6)  # dust and slopes, whatever the class
    gray = (site.albedo + rng.normal(0, 3, 3))[true - 1]
    # Dust lies over the borders: the mean gray changes slowly where the texture changes at once.
    return ndimage.gaussian_filter(gray, 2.5) + site.contrast[true - 1] * detail + patches
