"""Gaussian mixtures with known components: on a ring, or anywhere in a cube."""

import numpy as np

SHAPES = ("cube", "ring")


def mixture_parameters(shape: str, components: int, dims: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """``weight`` (K,), ``mean`` (K, D) and ``cov`` (K, D, D), float64.

    * ``cube``: means uniform in [-10, 10]^D, no two nearer than 4; variances of 0.5 to 2 along random axes; weights
      from a Dirichlet distribution of concentration 5 (so that none vanishes).
    * ``ring``: D = 2, means on a circle of radius 2, standard deviation 0.1, equal weights.

    Raises:
        ValueError: Another shape, no component, a ring outside of the plane, or more components than have room.
    """
    if shape not in SHAPES:
        raise ValueError(f"shape={shape!r}: choose {' or '.join(SHAPES)}.")
    if components < 1 or dims < 1 or (shape == "ring" and dims != 2):
        raise ValueError(f"components={components}, dims={dims}: need 1 or more; a ring lies in 2 dimensions.")
    if shape == "ring":
        angle = 2 * np.pi * np.arange(components) / components
        mean = 2 * np.stack([np.cos(angle), np.sin(angle)], 1)
        return np.full(components, 1 / components), mean, np.tile(0.01 * np.eye(2), (components, 1, 1))
    rng = np.random.default_rng([seed, 7])
    mean = np.empty((0, dims))
    for _ in range(1000 * components):
        candidate = rng.uniform(-10, 10, (1, dims))
        if (np.linalg.norm(mean - candidate, axis=1) >= 4).all():
            mean = np.concatenate([mean, candidate])
        if len(mean) == components:
            break
    else:
        raise ValueError(f"{components} components have no room in [-10, 10]^{dims} at a distance of 4. Take fewer.")
    axes = np.linalg.qr(rng.normal(size=(components, dims, dims)))[0]
    variance = rng.uniform(0.5, 2, (components, dims))
    cov = np.einsum("kij,kj,klj->kil", axes, variance, axes)
    return rng.dirichlet(np.full(components, 5.0)), mean, cov


def mixture_samples(
    rng: np.random.Generator, n: int, weight: np.ndarray, mean: np.ndarray, cov: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """``point`` float32 (n, D) and its component int64 (n,)."""
    component = rng.choice(len(weight), n, p=weight)
    noise = rng.normal(size=(n, mean.shape[1]))
    factor = np.linalg.cholesky(cov)
    point = mean[component] + np.einsum("nij,nj->ni", factor[component], noise)
    return point.astype(np.float32), component.astype(np.int64)
