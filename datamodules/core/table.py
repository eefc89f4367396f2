"""Tables as features of a network: found by name, scaled by the train part, and blanked at random in training."""

from typing import Any

import torch
from torch import Tensor

from datamodules.readers.table_encoder import TableEncoder, features_of

from .source import Arrays


class TableFeatures:
    """What a ``DataModule`` whose pools hold ``columns`` (``typed_columns``) makes of them: ``table`` float32 (N, T).

    NaN is a missing number. With ``blank`` training also meets rows of which less is known: a column reads as missing
    with that probability, in each sample and epoch anew. A column that other hospitals leave empty, or one that gives
    the answer away here and nowhere else, can then not be all that the network looks at.

    Args:
        blank: Probability for every column, or column -> probability.
        **kwargs: Arguments of ``DataModule``.

    Raises:
        ValueError: A probability outside 0 to 1.
    """

    def __init__(self, blank: float | dict[str, float] = 0.0, **kwargs) -> None:
        super().__init__(**kwargs)
        for rate in blank.values() if isinstance(blank, dict) else (blank,):
            if not 0 <= rate <= 1:
                raise ValueError(f"blank={blank}: need probabilities from 0 to 1.")
        self.save_hyperparameters(logger=False)
        self._encoder = TableEncoder({})

    def blank_rate(self, column: str) -> float:
        """Probability that training blanks a column."""
        blank = self.hparams.blank
        return blank.get(column, 0.0) if isinstance(blank, dict) else blank

    def fit(self, train: Arrays) -> dict[str, Any]:
        """``features`` of the table, by the names of its columns, from all training rows: folds agree on them.

        Raises:
            ValueError: ``blank`` names a column that the table does not have.
        """
        columns = self.pools["train"]["columns"]
        names, blank = columns.dtype.names or (), self.hparams.blank
        if unknown := [name for name in blank if name not in names] if isinstance(blank, dict) else []:
            raise ValueError(f"blank: the table has no column {unknown[0]!r}. Its columns: {', '.join(names)}.")
        return {"features": features_of(columns, [name for name in names if self.blank_rate(name)])}

    def encode(self, pool: Arrays) -> Arrays:
        """Also ``table``, where there are features."""
        features = self.fitted["features"]
        if constant := [name for name, feature in features.items() if feature["values"] == []]:
            self.note(f"Columns that do not vary in the training table are no features: {', '.join(constant)}.")
        self._encoder = TableEncoder(features)
        if not self.table_names:
            return pool
        table = self._encoder(pool["columns"], f"{self.title} in {self.folder}")
        for name, texts in self._encoder.unmet(pool["columns"]).items():
            self.note(f"{name}: {', '.join(texts[:5])} was not in training, and reads as missing.")
        return {**pool, "table": table}

    @property
    def table_names(self) -> list[str]:
        """Names of the T features."""
        return self._encoder.names

    def column_scales(self) -> dict[str, list[tuple[str, float, float]]]:
        """Those of ``table``, raw."""
        return {"table": [(name, 0.0, 1.0) for name in self.table_names]}

    def statistics(self) -> dict[str, Tensor]:
        """Also ``table_mean`` and ``table_scale`` (T,) of the train part, and ``table_blank`` (T,), an unknown row."""
        statistics = super().statistics()
        if self.table_names:
            mean, scale = self._encoder.scaling(self.pools["train"]["table"][self.parts["train"]])
            named = {"table_mean": mean, "table_scale": scale, "table_blank": self._encoder.blank()}
            statistics |= {name: torch.from_numpy(values) for name, values in named.items()}
        return statistics

    @property
    def changes_training(self) -> bool:
        """Also where columns are blanked."""
        return super().changes_training or bool(self.hparams.blank)

    def changed(self, batch: dict, generator: torch.Generator) -> dict:
        """Also with columns blanked."""
        batch = super().changed(batch, generator)
        if not self.hparams.blank or "table" not in batch:
            return batch
        table, columns = batch["table"], list(dict.fromkeys(self._encoder.columns))
        rates = torch.tensor([self.blank_rate(column) for column in columns], device=table.device)
        blanked = torch.rand(len(table), len(columns), generator=generator, device=table.device) < rates
        of_feature = blanked[:, [columns.index(column) for column in self._encoder.columns]]
        return {**batch, "table": torch.where(of_feature, torch.from_numpy(self._encoder.blank()).to(table), table)}
