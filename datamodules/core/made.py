"""Data that is defined by how it is made: there is no real set of it."""

from .base import DataModule
from .source import Arrays


class MadeDataModule(DataModule):
    """``simulate`` alone gives the pools; nothing is looked for, and nothing is said of a missing folder."""

    def load(self) -> dict[str, Arrays]:
        """Make the pools.

        Raises:
            ValueError: ``source: real``.
        """
        if self.hparams.source == "real":
            raise ValueError(f"{type(self).__name__} has no real data: set --data.source to auto or simulated.")
        self.hparams.source = "simulated"
        return super().load()
