"""Splits of rows that have an order: series, where the future is predicted, and streams, which are cut in blocks."""

import numpy as np


def chronological_indices(
    size: int, fold: int, folds: int, gap: int = 0, test_fraction: float = 0.0
) -> dict[str, np.ndarray]:
    """Rolling origin: train on the past, validate on the block that follows; the last rows are the test part.

    Rows before the test part are cut into ``folds + 1`` blocks; fold i validates on block i + 1 and trains on all
    blocks before it (Tashman 2000, "Out-of-sample tests of forecasting accuracy"). ``gap`` rows in front of each
    validation and test block are left out, so that no window reaches over the border.

    Args:
        size: Rows, in the order of time.
        fold: 0..folds-1; the last fold has most training data.
        folds: 1 or more.
        gap: Rows left out before each held-out block.
        test_fraction: Share of all rows at the end.

    Returns:
        ``{"train", "val", "test"}``: int64 rows; ``test`` may be empty.

    Raises:
        ValueError: A number out of range, or a part without rows.
    """
    _check(fold, folds, gap, test_fraction, least=1)
    end = size - round(test_fraction * size)
    last = end - (gap if end < size else 0)  # the test part has a gap, too
    edges = np.linspace(0, last, folds + 2).round().astype(np.int64)
    start, stop = edges[fold + 1], edges[fold + 2]
    parts = {"train": np.arange(start - gap), "val": np.arange(start, stop), "test": np.arange(end, size)}
    return _filled(parts, size, folds, gap)


def contiguous_indices(
    size: int, fold: int, folds: int, gap: int = 0, test_fraction: float = 0.0
) -> dict[str, np.ndarray]:
    """Blocks of neighbouring rows: the test part is the last block, one of ``folds`` others validates.

    Args:
        size: Rows in their order.
        fold: 0..folds-1.
        folds: 2 or more.
        gap: Rows left out of the train part on each side of a held-out block.
        test_fraction: Share of all rows at the end.

    Returns:
        As ``chronological_indices``.

    Raises:
        ValueError: A number out of range, or a part without rows.
    """
    _check(fold, folds, gap, test_fraction, least=2)
    end = size - round(test_fraction * size)
    edges = np.linspace(0, end, folds + 1).round().astype(np.int64)
    start, stop = edges[fold], edges[fold + 1]
    last = end - (gap if end < size else 0)
    train = np.concatenate([np.arange(max(0, start - gap)), np.arange(min(stop + gap, last), last)])
    return _filled({"train": train, "val": np.arange(start, stop), "test": np.arange(end, size)}, size, folds, gap)


def _check(fold: int, folds: int, gap: int, test_fraction: float, least: int) -> None:
    if folds < least or not 0 <= fold < folds:
        raise ValueError(
            f"fold={fold}, folds={folds}: need {least} or more folds, and the number of one of them, 0 to {folds - 1}."
        )
    if gap < 0 or not 0 <= test_fraction < 1:
        raise ValueError(f"gap={gap}, test_fraction={test_fraction}: need 0 or more rows, and a share from 0 below 1.")


def _filled(parts: dict[str, np.ndarray], size: int, folds: int, gap: int) -> dict[str, np.ndarray]:
    for name in ("train", "val"):
        if not len(parts[name]):
            raise ValueError(f"The {name} part of {size} rows in {folds} folds with a gap of {gap} is empty. "
                             "Give more rows, fewer folds (--data.fold below them) or a smaller gap.")  # fmt: skip
    return parts
