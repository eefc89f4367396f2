"""What is in a data set, and what should not be: arrays in, findings out. Figures and files are the app's business.

``duplicates`` finds; here findings become reasons for single samples, leaks between parts, and a map with outliers.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.cluster import DBSCAN
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.neighbors import NearestNeighbors

from .duplicates import Duplicates, content_hash, exact_duplicates, near_duplicates, perceptual_hash
from .texts import text_prints

NOT_CONTENT = ("id", "group", "label", "mask", "target")
CHUNK = 512  # pictures in memory at a time
MIN_SAMPLES, REACH, SMALL = 5, 2.5, 0.01  # DBSCAN: neighbours, radius in medians, share below which a cluster is odd
ROBUST = 5.0  # robust standard deviations


@dataclass(frozen=True)
class Prints:
    """Fingerprints: ``exact`` (N,) str of the content; ``near`` (N,) uint64 of pictures or texts, else None."""

    exact: np.ndarray
    near: np.ndarray | None

    def __getitem__(self, rows: np.ndarray) -> "Prints":
        return Prints(self.exact[rows], None if self.near is None else self.near[rows])


@dataclass(frozen=True)
class Leak:
    """Samples that two parts share, as rows of each part; near ones without the exact ones."""

    parts: tuple[str, str]
    exact: np.ndarray  # (n, 2) int64: row in the first part, row in the second
    near: np.ndarray  # (m, 2) int64


Images = Callable[[np.ndarray], np.ndarray]  # rows -> (n, C, H, W)


def fingerprints(pool: Mapping[str, np.ndarray], images: Images | None = None) -> Prints:
    """Fingerprints of the samples of a pool: of texts or pictures (N, C, H, W) where there are any, else of all inputs.

    Args:
        pool: Arrays (N, ...); its ``text`` or ``image``, if any, is looked at.
        images: Gives the pictures of a pool that does not hold them.

    Raises:
        ValueError: The pool holds nothing but labels.
    """
    if "text" in pool:
        return Prints(*text_prints(pool["text"]))
    if images is None and "image" in pool:
        images = pool["image"].__getitem__
    if images is not None:
        exact, near = [], []
        for block in blocks(images, np.arange(len(next(iter(pool.values()))))):
            exact.append(content_hash(block))
            if block.ndim == 4 and min(block.shape[2:]) >= 8 and block.shape[1] in (1, 3):
                near.append(perceptual_hash(colours_last(block)))
        return Prints(np.concatenate(exact), np.concatenate(near) if near else None)
    keys = sorted(key for key in pool if key not in NOT_CONTENT)
    if not keys:
        raise ValueError(f"The data holds only {', '.join(sorted(pool))}: there is no content to inspect.")
    columns = [content_hash(np.asarray(pool[key])) for key in keys]
    return Prints(np.array(["".join(parts) for parts in zip(*columns, strict=True)]), None)


def blocks(images: Images, rows: np.ndarray) -> Iterator[np.ndarray]:
    """Pictures of ``rows``, 512 at a time: bounded memory."""
    for start in range(0, len(rows), CHUNK):
        yield images(rows[start : start + CHUNK])


def colours_last(images: np.ndarray) -> np.ndarray:
    """(N, C, H, W) -> (N, H, W) for one channel, else (N, H, W, C); a view."""
    return images[:, 0] if images.shape[1] == 1 else np.moveaxis(images, 1, -1)


def duplicates(prints: Prints, truth: np.ndarray | None, min_planted: int = 20) -> Duplicates:
    """Exact duplicates; ``truth`` (N, ...) is label or mask, of which duplicates should have the same.

    Groups of ``min_planted`` or more are planted: no member is kept.
    """
    as_bytes = np.array([list(text.encode()) for text in prints.exact], np.uint8)
    if truth is not None and truth.ndim > 2:  # masks: their hash is enough, and small
        truth = content_hash(truth)
    return exact_duplicates(as_bytes, truth, min_planted)


def reasons_to_drop(
    exact: Duplicates, same_mask: np.ndarray, names: Sequence[str], thing: str = "picture"
) -> dict[int, str]:
    """Row -> why it is safe to leave out: planted pictures, stock masks, conflicts, and all but one duplicate.

    All members of a conflict go: at most one of their labels is right, and which one cannot be seen.
    """
    why = {int(i): f"planted: one of {len(same_mask)} pictures with the same mask" for i in same_mask}
    for group in exact.planted:
        why |= {int(i): f"planted: one of {len(group)} copies of one picture" for i in group}
    for group in exact.repeated:
        why |= {int(i): f"duplicate of {names[group[0]]}" for i in group[1:]}
    for group in exact.conflicts:
        for i in group:
            other = names[group[0]] if i != group[0] else names[group[1]]
            why[int(i)] = f"conflict: same {thing} as {other}, another label"
    return dict(sorted(why.items()))


def near_groups(prints: Prints, distance: int) -> list[np.ndarray]:
    """Groups of unlike pictures with like hashes; of exact copies only the first stands in a group."""
    if prints.near is None:
        return []
    _, first = np.unique(prints.exact, return_index=True)
    first = np.sort(first)
    return [first[group] for group in near_duplicates(prints.near[first], distance)]


def leaks(parts: Mapping[str, Prints], distance: int) -> list[Leak]:
    """Exact and near copies across every two parts."""
    names, part_leaks = list(parts), []
    for a, first in enumerate(names):
        for second in names[a + 1 :]:
            first_prints, second_prints = parts[first], parts[second]
            exact = equal_pairs(first_prints.exact, second_prints.exact)
            near = np.empty((0, 2), np.int64)
            if first_prints.near is not None and second_prints.near is not None:
                near = cross_pairs(first_prints.near, second_prints.near, distance)
                near = near[first_prints.exact[near[:, 0]] != second_prints.exact[near[:, 1]]]
            part_leaks.append(Leak((first, second), exact, near))
    return part_leaks


def equal_pairs(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(n, 2) rows of equal value, one pair for each row of ``first`` that ``second`` holds."""
    values, index = np.unique(second, return_index=True)
    place = np.searchsorted(values, first).clip(0, max(len(values) - 1, 0))
    hit = np.flatnonzero(values[place] == first) if len(values) else np.empty(0, np.int64)
    return np.stack([hit, index[place[hit]]], 1)


def cross_pairs(first: np.ndarray, second: np.ndarray, distance: int) -> np.ndarray:
    """(n, 2) rows whose uint64 hashes differ in at most ``distance`` bits, in blocks of bounded memory."""
    pairs = [np.empty((0, 2), np.int64)]
    for start in range(0, len(first), 256):
        apart = np.bitwise_count(first[start : start + 256, None] ^ second[None])  # (256, M)
        pairs.append(np.argwhere(apart <= distance) + [start, 0])
    return np.concatenate(pairs)


def groups_of(count: int, groups: Sequence[np.ndarray]) -> np.ndarray:
    """(count,) int64 group number of each row: those of ``groups`` share one, every other row is alone."""
    number = np.arange(count)
    for group in groups:
        number[group] = group[0]
    return number


def pixel_features(images: Images, rows: np.ndarray, side: int = 24) -> np.ndarray:
    """Pictures (C, H, W) of n rows -> (n, C * side * side) float32: means of equal areas."""
    features = [
        F.adaptive_avg_pool2d(torch.from_numpy(np.ascontiguousarray(block)).float(), side).flatten(1)
        for block in blocks(images, rows)
    ]
    return torch.cat(features).numpy()


def table_features(pool: Mapping[str, np.ndarray]) -> np.ndarray | None:
    """(N, F) float32 of all float arrays of a pool, each column of unit variance; None without any."""
    columns = [
        np.asarray(v, np.float32).reshape(len(v), -1)
        for k, v in pool.items()
        if k not in NOT_CONTENT and v.dtype.kind == "f"
    ]
    if not columns:
        return None
    joined = np.nan_to_num(np.concatenate(columns, 1))
    return (joined - joined.mean(0)) / (joined.std(0) + 1e-6)


def sample_rows(count: int, limit: int, always: np.ndarray, seed: int) -> np.ndarray:
    """At most ``limit`` sorted rows of ``count``, among them all of ``always``."""
    if count <= limit:
        return np.arange(count)
    others = np.setdiff1d(np.arange(count), always)
    drawn = np.random.default_rng(seed).choice(others, max(0, limit - len(always)), replace=False)
    return np.sort(np.concatenate([always, drawn])).astype(np.int64)


def reduced(features: np.ndarray, seed: int) -> np.ndarray:
    """(N, F) -> (N, at most 50) principal components, where distances are cheap and noise is less."""
    components = min(50, *features.shape)
    solver = "randomized" if components < min(features.shape) else "full"
    return PCA(components, svd_solver=solver, random_state=seed).fit_transform(features)


def far_outliers(points: np.ndarray) -> np.ndarray:
    """(N,) bool: points whose fifth neighbour is unusually far.

    Unusual: the logarithm of that distance is more than 5 robust standard deviations (1.4826 MAD) above its median.
    A map shows clusters that are apart; a single odd picture it puts beside its nearest neighbour, however far.
    """
    if len(points) <= 2 * MIN_SAMPLES:
        return np.zeros(len(points), bool)
    apart = np.log(fifth_neighbour(points) + 1e-12)
    centre = np.median(apart)
    spread = 1.4826 * np.median(np.abs(apart - centre))
    return apart > centre + ROBUST * max(float(spread), 1e-6)


def fifth_neighbour(points: np.ndarray) -> np.ndarray:
    """(N,) distance of each point to its fifth neighbour."""
    return NearestNeighbors(n_neighbors=MIN_SAMPLES + 1).fit(points).kneighbors(points)[0][:, -1]


def tsne_map(points: np.ndarray, seed: int) -> np.ndarray:
    """(N, F) -> (N, 2): t-SNE, started at the first two columns (principal components).

    Sources: van der Maaten & Hinton (2008); the start is that of Kobak & Berens (2019), which keeps the large shape.
    """
    start = points[:, :2] / (points[:, 0].std() + 1e-12) * 1e-4 if points.shape[1] > 1 else "random"
    perplexity = min(30, (len(points) - 1) / 3)
    return TSNE(2, init=start, perplexity=perplexity, max_iter=500, random_state=seed).fit_transform(points)


def map_outliers(points: np.ndarray) -> np.ndarray:
    """(N,) bool: points that DBSCAN calls noise, or puts into a cluster of less than 1 % of all.

    The radius is 2.5 times the median distance to the fifth neighbour, so that it follows the density of the map:
    on uniform clouds about one point in a hundred is marked.
    """
    if len(points) <= 2 * MIN_SAMPLES:
        return np.zeros(len(points), bool)
    radius = REACH * float(np.median(fifth_neighbour(points)))
    cluster = DBSCAN(eps=max(radius, 1e-9), min_samples=MIN_SAMPLES).fit_predict(points)
    sizes = np.bincount(cluster[cluster >= 0], minlength=1)
    small = np.isin(cluster, np.flatnonzero(sizes < SMALL * len(points)))
    return (cluster < 0) | small


def class_table(pool: Mapping[str, np.ndarray], rows: np.ndarray) -> dict[str, np.ndarray]:
    """Counts by class over ``rows``: ``samples``, and for masks the samples that hold a class, and ``pixels``."""
    if "label" in pool and pool["label"].ndim == 1 and pool["label"].dtype.kind in "uib":
        return {"samples": np.bincount(pool["label"][rows].astype(np.int64))}
    if "mask" in pool:
        masks = pool["mask"]
        count = int(masks.max()) + 1
        pixels, holding = np.zeros(count, np.int64), np.zeros(count, np.int64)
        for i in rows:
            counts = np.bincount(masks[i].reshape(-1), minlength=count)
            pixels += counts
            holding += counts > 0
        return {"samples": holding, "pixels": pixels}
    return {}
