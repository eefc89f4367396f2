"""Columns of a table to features, whose numbers are fitted on the train part alone."""

from collections.abc import Collection
from typing import Any

import numpy as np

from .feature_tables import categories


def features_of(columns: np.ndarray, flagged: Collection[str] = ()) -> dict[str, dict[str, Any]]:
    """What features a table has, in plain values that a checkpoint can hold.

    Args:
        columns: Structured array (N,) from ``typed_columns``.
        flagged: Columns that are to have a feature for what is missing even where nothing is: training will blank them.

    Returns:
        Column -> ``values``, None for numbers and else its categories; ``gaps``, whether some cells are missing or will
        be; and ``flagged``. A column that does not vary has the values [].
    """
    features = {}
    for name in columns.dtype.names or ():
        number, pool = columns.dtype[name].kind == "f", columns[name]
        gaps = np.isnan(pool) if number else pool == b""
        values = np.unique(pool[~gaps])
        texts = [] if number else [value.decode() for value in values]
        features[name] = {
            "values": None if number and len(values) > 1 else texts if len(values) > 1 else [],
            "gaps": bool((gaps.any() and not gaps.all()) or (name in flagged and len(values) > 1)),
            "flagged": name in flagged,
        }
    return features


class TableEncoder:
    """Columns, found by their names -> float32 features, not yet scaled.

    A number stays as it is, NaN where it is missing. A category becomes one feature for each value, 1 or 0, all 0
    where it is missing or a value that the training table did not have. Either has a further feature that is 1 where
    it is missing, if the training table has such gaps.

    Which features there are follows from the whole train pool, so that the members of all folds read tables of one
    width; what is fitted (``scaling``) comes from the train part alone, and each network keeps its own.

    Args:
        features: ``features_of`` the train pool.
    """

    def __init__(self, features: dict[str, dict[str, Any]]) -> None:
        self.features = features
        self.names: list[str] = []
        self.columns: list[str] = []  # of each feature
        self._kinds: list[str] = []  # number, category or flag
        for column, feature in features.items():
            values = feature["values"]
            new = {column: "number"} if values is None else {f"{column}={value}": "category" for value in values}
            if feature["gaps"]:
                new[f"{column} missing"] = "flag"
            self.names += new
            self._kinds += new.values()
            self.columns += [column] * len(new)

    def blank(self) -> np.ndarray:
        """float32 (T,): the row of which nothing is known, as a network that met gaps reads it."""
        unknown = {"number": np.nan, "category": 0, "flag": 1}
        return np.array([unknown[kind] for kind in self._kinds], np.float32)

    def __call__(self, columns: np.ndarray, where: str = "the table") -> np.ndarray:
        """float32 (N, T) of a table that has the columns, in any order; ``names`` has the T names.

        Raises:
            ValueError: A column is missing, or is of another kind; names it and ``where``.
        """
        parts = [np.zeros((len(columns), 0), np.float32)]
        for name, feature in self.features.items():
            if name not in (columns.dtype.names or ()):
                raise ValueError(
                    f"{where}: missing column {name!r}, which the network was trained with "
                    f"({len(self.features)} columns, found by their names)."
                )
            column, values = columns[name], feature["values"]
            if values and column.dtype.kind == "f":
                raise ValueError(f"{where}: column {name!r} holds numbers; the network was trained with {values[:3]}.")
            if values is None and column.dtype.kind != "f":
                raise ValueError(f"{where}: column {name!r} holds text; the network was trained with numbers.")
            missing = np.isnan(column) if column.dtype.kind == "f" else column == b""
            if values is None:
                parts.append(column[:, None])
            elif values:
                hits = column[:, None] == np.array([value.encode() for value in values])
                missing |= ~hits.any(1)
                parts.append(hits)
            if feature["gaps"]:
                parts.append(missing[:, None])
        return np.concatenate(parts, 1, dtype=np.float32)

    def unmet(self, columns: np.ndarray) -> dict[str, list[str]]:
        """Column -> categories that the training table did not have; the network reads them as missing."""
        new = {}
        for name, feature in self.features.items():
            if feature["values"]:
                new[name] = sorted({text.decode() for text in categories(columns[name])} - set(feature["values"]))
        return {name: texts for name, texts in new.items() if texts}

    def scaling(self, table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """``mean`` and ``scale`` float32 (T,) of the train part's rows; a network reads (table - mean) * scale.

        Mean and 1 / standard deviation for numbers, 0 and 1 for the others. A feature that does not vary in the train
        part has scale 0, because no weight on it is trained; but training makes that of a flagged column vary.
        """
        mean, scale = np.zeros(len(self.names)), np.ones(len(self.names))
        for i, values in enumerate(table.T.astype(np.float64)):
            known = values[~np.isnan(values)]
            if self._kinds[i] == "flag" and self.features[self.columns[i]]["flagged"]:
                continue
            if not len(known) or known.min() == known.max():
                scale[i] = 0
            elif self._kinds[i] == "number":
                mean[i], scale[i] = known.mean(), 1 / known.std()
        return mean.astype(np.float32), scale.astype(np.float32)
