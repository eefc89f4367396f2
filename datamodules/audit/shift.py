"""Does another part of the data look like the training part? A classifier that tells them apart says where not."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

MOST = 2000  # samples of each side
FOLDS = 5
TELLING = 5  # features that are named


@dataclass(frozen=True)
class Shift:
    """How well the two sides are told apart.

    Args:
        auroc: Out of fold; .5 where they cannot be told apart.
        n: Samples of the training side and of the other.
        telling: Feature -> AUROC of it alone, .5 to 1, the most telling first.
    """

    auroc: float
    n: tuple[int, int]
    telling: dict[str, float]


def adversarial_validation(ours: np.ndarray, theirs: np.ndarray, names: list[str], seed: int) -> Shift:
    """Train a classifier to tell two sets of samples apart, and score it on samples it has not seen.

    Args:
        ours: float (N, F), NaN where a value is missing.
        theirs: float (M, F).
        names: F names.
        seed: Of the folds.

    Raises:
        ValueError: Fewer than five samples on a side.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier  # a second, for one verb
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    n, m = len(ours), len(theirs)
    if min(n, m) < FOLDS:
        raise ValueError(f"{n} and {m} samples: need {FOLDS} or more of each to tell them apart.")
    x, y = np.concatenate([ours, theirs]).astype(np.float64), np.repeat([0, 1], [n, m])
    model = HistGradientBoostingClassifier(max_iter=60, max_leaf_nodes=8, min_samples_leaf=5, random_state=seed)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    auroc = float(roc_auc_score(y, cross_val_predict(model, x, y, cv=folds, method="predict_proba")[:, 1]))
    alone = {}
    for name, values in zip(names, x.T, strict=True):
        missing = np.isnan(values)
        for label, feature in ((name, np.where(missing, np.nan, values)), (f"{name} missing", missing * 1.0)):
            known = ~np.isnan(feature)
            if known.any() and len(np.unique(y[known])) == 2 and np.ptp(feature[known]) > 0:
                one = roc_auc_score(y[known], feature[known])
                alone[label] = float(max(one, 1 - one))
    telling = dict(sorted(alone.items(), key=lambda item: -item[1])[:TELLING])
    return Shift(auroc, (n, m), telling)


def shift_features(pool: Mapping[str, np.ndarray], images: Callable | None, seed: int) -> tuple[list[str], np.ndarray]:
    """Numbers that describe up to 2,000 samples of a pool: its table by column, and light, colour and sharpness.

    Of a group one sample: a classifier would know others of it again, and what is told apart would be patients.

    Args:
        pool: Arrays (N, ...); its structured ``columns``, if any, are read, and its ``group``.
        images: Gives pictures (n, C, H, W) of rows; None where there are none.
        seed: Which samples.

    Returns:
        Names (F), and float64 (n, F) with NaN for what is missing. F may be 0.
    """
    rows = np.random.default_rng(seed).permutation(len(pool["id"]))
    if "group" in pool:
        rows = rows[np.sort(np.unique(pool["group"][rows], return_index=True)[1])]
    rows = np.sort(rows[:MOST])
    features: dict[str, np.ndarray] = {}
    columns = pool.get("columns")
    for name in columns.dtype.names or () if columns is not None else ():
        values = columns[name][rows]
        if values.dtype.kind == "f":
            features[name] = values.astype(np.float64)
        else:
            for text in np.unique(columns[name]):
                features[f"{name}={text.decode() or '(missing)'}"] = (values == text).astype(np.float64)
    if images is not None:
        features |= picture_statistics(images, rows)
    return list(features), np.stack(list(features.values()), 1) if features else np.zeros((len(rows), 0))


def picture_statistics(images: Callable, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Name -> (n,) of pictures, in units of their largest possible value."""
    parts = []
    for start in range(0, len(rows), 256):
        batch = images(rows[start : start + 256]).astype(np.float32) / 255
        channels = {f"mean of channel {c}": batch[:, c].mean((1, 2)) for c in range(batch.shape[1])}
        gray = batch.mean(1)
        edges = np.abs(np.diff(gray, axis=1)).mean((1, 2)) + np.abs(np.diff(gray, axis=2)).mean((1, 2))
        h, w = (side // 4 for side in gray.shape[1:])
        middle = gray[:, h : gray.shape[1] - h, w : gray.shape[2] - w].mean((1, 2))
        parts.append(
            channels
            | {"contrast": gray.std((1, 2)), "sharpness": edges, "middle against whole": middle - gray.mean((1, 2))}
        )
    return {name: np.concatenate([part[name] for part in parts]).astype(np.float64) for name in parts[0]}
