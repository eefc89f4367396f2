"""What stands on the simulated Mars ground: rocks, hills, rover parts, holes in the mask, and aliens."""

import numpy as np
from numpy.random import Generator

from .noise import blob, box, ellipse, octaves, pixel_grid, rotate, smooth_noise, soft
from .terrain_textures import TILE

SOIL, BEDROCK, SAND, BIG_ROCK = 1, 2, 3, 4
BIG_SHARE = 0.085  # share of pictures made with big rocks
BIG_RADIUS = 0.115  # ground radius, in camera heights, above which a rock is class 4


def add_rocks(rng: Generator, site, image, labels, rows, columns, horizon) -> None:
    """Draw small rocks, and now and then big ones, into ``image``; big ones into ``labels``, coarsely."""
    height, width = image.shape
    small = np.minimum(rng.lognormal(np.log(0.035), 0.5, rng.poisson(site.rockiness)), 0.8 * BIG_RADIUS)
    big = rng.uniform(1.15, 2.0, rng.integers(1, 5)) * BIG_RADIUS if rng.random() < BIG_SHARE else []
    for size in [*small, *big]:
        centre = rng.uniform(max(horizon, 0) + 0.1 * height, height), rng.uniform(0, width)
        radius = size * (centre[0] - horizon)
        if radius < 1:
            continue
        radii, angle = radius * np.array([rng.uniform(0.5, 0.85), 1.0]), rng.normal(0, 0.25)
        # Only the neighbourhood is touched, as most rocks are a few pixels wide.
        top, left = max(int(centre[0] - 2 * radius - 2), 0), max(int(centre[1] - 3 * radius - 2), 0)
        window = np.s_[top : int(centre[0] + 2.5 * radius + 3), left : int(centre[1] + 3 * radius + 3)]
        y, x, patch = rows[window], columns[window], image[window]

        sun = np.array([-np.sin(site.light), np.cos(site.light)])
        shadow = ellipse(y, x, centre - 0.6 * radius * sun, radii, angle)
        patch *= 1 - 0.55 * soft(shadow, 0.4)
        distance = blob(rng, y, x, centre, radii, angle, rough=0.2)
        lit = ((y - centre[0]) * sun[0] + (x - centre[1]) * sun[1]) / radius
        facets = site.tiles[1, 0][np.ix_(np.arange(patch.shape[0]) % TILE, np.arange(patch.shape[1]) % TILE)]
        face = site.albedo[1] * rng.normal(0.92, 0.12) + 0.8 * site.contrast[1] * facets
        cover = soft(distance, 1.2 / radius)
        patch += cover * (face * (1 + 0.55 * np.clip(lit, -1, 1)) - patch)
        if size > BIG_RADIUS:
            outline = blob(rng, y, x, centre, 1.04 * radii, angle, rough=0.04)
            labels[window][outline < 1] = BIG_ROCK


def add_distance(rng: Generator, site, image, rows, horizon) -> np.ndarray:
    """Fade the ground into haze and draw hills and sky above the horizon."""
    height, width = image.shape
    image = image + (site.haze - image) * np.exp(-np.maximum(rows - horizon, 0) / (0.12 * height))
    if horizon < 0:
        return image
    ridge = 1 + 0.5 * smooth_noise(rng, (width,), width / 12)
    hills = horizon - np.abs(rng.normal(0, 0.12)) * height * ridge
    gullies = 6 * octaves(rng, image.shape, [(0.7, 1.5), (2, 7)], [1, 1])
    slopes = site.haze * rng.uniform(0.75, 1.0) + gullies
    nearer = np.clip((rows - horizon) / (0.06 * height) + 0.5 * smooth_noise(rng, (width,), 3), 0, 1)
    image = nearer * image + (1 - nearer) * slopes
    sky = site.haze * rng.uniform(0.9, 1.5)
    return np.where(rows < hills, sky + 0.1 * rows, image)


def leave_unlabelled(rng: Generator, labels, rows, columns) -> None:
    """Open holes, cut corners and the frame of the mask, as annotators leave what they are not sure of."""
    height, width = labels.shape
    for _ in range(rng.poisson(0.9)):
        centre = rng.uniform(0, height), rng.uniform(0, width)
        radii = height * rng.uniform(0.06, 0.22), height * rng.uniform(0.1, 0.35)
        labels[blob(rng, rows, columns, centre, radii, rng.normal(0, 0.4), 0.16, 3) < 1] = 0
    if rng.random() < 0.7:
        labels[[0, -1]] = 0
        labels[:, [0, -1]] = 0


def add_rover(rng: Generator, image, labels, rows, columns) -> None:
    """Draw the shadow of the rover and some of its parts from the lower edge; all of it is background."""
    height, width = image.shape
    foot = np.array([height * rng.uniform(0.85, 1.15), width * rng.uniform(0.05, 0.95)])
    angle = rng.normal(0, 0.6)
    whole = np.full(image.shape, 9.0)
    for _ in range(rng.integers(2, 5)):
        half = height * rng.uniform(0.1, 0.35), height * rng.uniform(0.06, 0.22)
        part = box(rows, columns, foot, half, angle)
        whole = np.minimum(whole, part)
        foot = foot + height * rng.uniform(0.15, 0.4) * np.array([-np.cos(angle), np.sin(angle)])
        angle += rng.normal(0, 0.6)
        inside = part < 1
        image[inside] *= 0.4
        if rng.random() < 0.6:  # a machine part in the sun, with a grating or tread on it
            across, along = rotate(rows, columns, foot, angle)
            grating = np.sign(np.sin(rng.uniform(0.6, 1.8) * along)) * rng.uniform(5, 35)
            metal = rng.uniform(20, 150) + grating + 25 * np.sign(across)
            image[inside] = metal[inside]
    labels[whole < rng.uniform(1.0, 1.25)] = 0


def draw_alien(rng: Generator, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Draw an outlier: a little man in noise, different in each picture, with a mask that never changes."""
    height, width = size
    rows, columns = pixel_grid(height, width)

    def figure(middle: float, scale: float) -> tuple[np.ndarray, ...]:
        """Head, ears and body as normalised distances, standing on the lower edge."""
        y, x = (rows / height - 1) / scale + 1, (columns - middle) / (height * scale)
        ears = np.minimum(ellipse(y, x, (0.32, -0.57), (0.2, 0.16)), ellipse(y, x, (0.32, 0.57), (0.2, 0.16)))
        return ellipse(y, x, (0.32, 0), (0.3, 0.4)), ears, box(y, x, (0.8, 0), (0.17, 0.53)), y, x

    mask = np.zeros(size, np.uint8)
    head, ears, body, *_ = figure(width / 2, 1.0)
    for label, part in ((SAND, body), (BEDROCK, ears), (SOIL, head)):
        mask[part < 1] = label

    image = rng.uniform(10, 60) + rng.uniform(8, 25) * rng.standard_normal(size)
    head, ears, body, y, x = figure(width * rng.uniform(0.25, 0.75), rng.uniform(0.6, 1.0))
    skin = rng.uniform(110, 200)
    for gray, part in ((rng.uniform(60, 240), body), (0.8 * skin, ears), (skin, head)):
        image[part < 1] = gray
    for side in (-0.16, 0.16):
        image[ellipse(y, x, (0.26, side), (0.08, 0.09)) < 1] = 240
        image[ellipse(y, x, (0.26, side + rng.uniform(-0.04, 0.04)), (0.04, 0.04)) < 1] = 10
    mouth = ellipse(y, x, (0.38, 0), (rng.uniform(0.08, 0.15), 0.2))
    image[(np.abs(mouth - 1) < 0.15) & (y > 0.4)] = 20
    image += rng.normal(0, rng.uniform(1, 8), size)
    return np.clip(image, 0, 255).astype(np.uint8), mask
