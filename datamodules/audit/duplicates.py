"""Find what a data set should not hold: exact and near duplicates, planted pictures, repeated masks.

Functions of arrays: they report rows and drop nothing themselves. Clean first, split afterwards.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components


@dataclass(frozen=True)
class Duplicates:
    """Pictures that are equal byte by byte; lists hold sorted int64 row arrays, the largest group first.

    planted: large groups, of which no member is kept.
    repeated: small groups, of which the first is kept.
    conflicts: those of ``repeated`` whose members have different labels; at most one can be right.
    """

    planted: list[np.ndarray]
    repeated: list[np.ndarray]
    conflicts: list[np.ndarray]

    @property
    def drop(self) -> np.ndarray:
        """Sorted int64 rows to leave out."""
        return np.array(sorted(self.reasons()), dtype=np.int64)

    def reasons(self) -> dict[int, str]:
        """Row to leave out -> why, in words for ``exclude.csv``."""
        why = {int(i): f"one of {len(group)} copies of one picture" for group in self.planted for i in group}
        why |= {int(i): f"duplicate of {group[0]}" for group in self.repeated for i in group[1:]}
        for group in self.conflicts:
            why |= {int(i): f"duplicate of {group[0]} with another label" for i in group[1:]}
        return why


def content_hash(array: np.ndarray) -> np.ndarray:
    """Exact hash of every entry along the first axis.

    Args:
        array: (N, ...), any plain dtype. Equal values in another dtype hash differently: cast first.

    Returns:
        (N,) str of 32 hex digits, blake2b over the bytes. A chance collision is out of the question (128
        bits).

    Raises:
        ValueError: for object arrays, whose bytes are addresses.
    """
    array = np.asarray(array)
    if array.dtype == object or array.ndim == 0:
        raise ValueError(f"Cannot hash dtype {array.dtype}, shape {array.shape}: need an (N, ...) array of numbers.")
    digests = [hashlib.blake2b(np.ascontiguousarray(item).data, digest_size=16).hexdigest() for item in array]
    return np.array(digests, dtype="<U32")


def groups_of_equal(hashes: ArrayLike) -> list[np.ndarray]:
    """Rows that share a hash.

    Args:
        hashes: (N,) of anything that can be sorted.

    Returns:
        One sorted int64 array for each value that occurs twice or more, the largest first, then by first row.
    """
    _, inverse = np.unique(np.asarray(hashes), return_inverse=True)
    return _groups(inverse)


def repeated_mask_outliers(masks: np.ndarray, min_count: int = 20, min_share: float = 0.01) -> np.ndarray:
    """Rows whose mask is a stock mask that many unlike pictures share.

    A mask of two or more classes, pixel for pixel the same in ``max(min_count, min_share * N)`` or more
    pictures, was not drawn by hand. Smaller groups and masks of one class occur in honest data (in the Mars
    tiles up to ten alike) and are kept: dropping them was reported to hurt.

    Args:
        masks: (N, H, W), integer classes.
        min_count: smallest suspicious group.
        min_share: smallest suspicious group as a share of N.

    Returns:
        Sorted int64 rows.

    Raises:
        ValueError: if masks are not (N, H, W).
    """
    if masks.ndim != 3:
        raise ValueError(f"masks have shape {masks.shape}; expected (N, H, W).")
    least = max(min_count, min_share * len(masks))
    groups = [
        group
        for group in groups_of_equal(content_hash(masks))
        if len(group) >= least and (masks[group[0]] != masks[group[0]].flat[0]).any()
    ]
    return np.sort(np.concatenate(groups)) if groups else np.empty(0, dtype=np.int64)


def exact_duplicates(images: np.ndarray, labels: ArrayLike | None = None, min_planted: int = 20) -> Duplicates:
    """Pictures that occur more than once, byte by byte.

    Args:
        images: (N, H, W) or (N, H, W, C), any dtype.
        labels: (N,), (N, 1) or (N, C); if given, label conflicts within small groups are reported.
        min_planted: groups this large are planted pictures, all of which go; smaller ones keep their first
        member.

    Returns:
        The groups; ``.drop`` lists the rows to leave out.

    Raises:
        ValueError: if there are not as many labels as images.
    """
    groups = groups_of_equal(content_hash(images))
    planted = [group for group in groups if len(group) >= min_planted]
    repeated = [group for group in groups if len(group) < min_planted]
    conflicts = []
    if labels is not None:
        labels = np.asarray(labels)
        if len(labels) != len(images):
            raise ValueError(f"{len(labels)} labels for {len(images)} images; need one for each.")
        conflicts = [group for group in repeated if (labels[group] != labels[group[0]]).any()]
    return Duplicates(planted, repeated, conflicts)


def perceptual_hash(images: np.ndarray) -> np.ndarray:
    """64-bit hash that changes little when a picture is resized, re-compressed, brightened or blurred.

    The signs of the 8 x 8 lowest DCT-II coefficients of the gray picture against their median (pHash; Zauner,
    2010, "Implementation and benchmarking of perceptual image hash functions"). The coefficients are taken
    from the full picture instead of a 32 x 32 copy. Mirrored or turned copies get another hash; pictures of
    one shade share one.

    Args:
        images: (N, H, W) or (N, H, W, 3), uint8, H and W of 8 or more.

    Returns:
        (N,) uint64.

    Raises:
        ValueError: for other shapes.
    """
    images = np.asarray(images)
    if images.ndim not in (3, 4) or min(images.shape[1:3]) < 8 or (images.ndim == 4 and images.shape[3] != 3):
        raise ValueError(f"images have shape {images.shape}; expected (N, H, W) or (N, H, W, 3), H and W 8 or more.")
    rows, columns = _cosines(images.shape[1]), _cosines(images.shape[2])
    bits = np.empty((len(images), 64), dtype=bool)
    for start in range(0, len(images), 256):  # 256 float pictures at a time, not the whole set
        block = images[start : start + 256].astype(np.float32)
        gray = block @ np.array([0.299, 0.587, 0.114], dtype=np.float32) if block.ndim == 4 else block
        gray -= gray.mean((1, 2), keepdims=True, dtype=np.float64).astype(np.float32)  # or its rounding is in all waves
        waves = (rows @ gray @ columns.T).reshape(len(block), 64)
        length = np.sqrt(np.square(gray).sum((1, 2)))  # of the picture as a vector: grows with its area, as waves do
        noise = np.maximum(1e-4 * np.sqrt(gray[0].size), 3e-6 * length)
        waves[np.abs(waves) < np.maximum(1e-2, noise)[:, None]] = 0.0  # rounding, in flat pictures and of pure stripes
        waves[:, 0] = 0.0  # the mean brightness: always above the median, but in a black picture
        median = np.median(waves[:, 1:], axis=1, keepdims=True)
        bits[start : start + 256] = waves > median
    return np.packbits(bits, axis=1).view(">u8")[:, 0].astype(np.uint64)


def near_pairs(hashes: np.ndarray, distance: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """All pairs of hashes that differ in at most ``distance`` bits.

    Compares every hash with every later one, blockwise: 14,000 take about a second. Many equal hashes make
    quadratically many pairs; ``near_duplicates`` avoids that.

    Args:
        hashes: (N,) uint64.
        distance: 0..64.

    Returns:
        (K, 2) int64 rows i < j in order of i, and (K,) int64 distances.
    """
    hashes = np.asarray(hashes, dtype=np.uint64)
    pairs, bits = [np.empty((0, 2), dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    for start in range(0, len(hashes), 256):
        apart = np.bitwise_count(hashes[start : start + 256, None] ^ hashes[None, start:])  # (256, N - start)
        i, j = np.nonzero(apart <= distance)
        i, j = i[i < j], j[i < j]
        pairs.append(np.stack([i, j], axis=1) + start)
        bits.append(apart[i, j].astype(np.int64))
    return np.concatenate(pairs), np.concatenate(bits)


def near_duplicates(hashes: np.ndarray, distance: int = 4) -> list[np.ndarray]:
    """Groups of pictures linked by perceptual hashes at most ``distance`` bits apart.

    Links chain: two members of a group may be further apart than ``distance``. Look at the pictures before
    dropping any; to keep a group on one side of the split is safer.

    Args:
        hashes: (N,) uint64 from ``perceptual_hash``.
        distance: 0..64; for 64-bit hashes 0..4 are near copies, above 10 is chance.

    Returns:
        Sorted int64 row arrays of 2 or more, the largest first, then by first row.
    """
    distinct, inverse = np.unique(np.asarray(hashes, dtype=np.uint64), return_inverse=True)
    pairs, _ = near_pairs(distinct, distance)  # of distinct values: thousands of equal hashes cost nothing
    links = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(distinct), len(distinct)))
    component = connected_components(links, directed=False)[1]
    return _groups(component[inverse])


def _groups(number: np.ndarray) -> list[np.ndarray]:
    """Rows of equal number, groups of 2 or more, the largest first, then by first row."""
    order = np.argsort(number, kind="stable")
    runs = np.split(order, np.flatnonzero(np.diff(number[order])) + 1)
    return sorted((run for run in runs if len(run) > 1), key=lambda run: (-len(run), run[0]))


def _cosines(size: int) -> np.ndarray:
    """(8, size) float32, the first eight DCT-II basis waves, of unit length."""
    waves = np.cos(np.pi * (np.arange(size) + 0.5) * np.arange(8)[:, None] / size)
    return (waves / np.linalg.norm(waves, axis=1, keepdims=True)).astype(np.float32)
