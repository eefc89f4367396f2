"""Data that is defined by how it is made: there is no real set of it."""

from .base import DataModule
from .source import DEFAULT_ROOT, Arrays


class MadeDataModule(DataModule):
    """``simulate`` alone gives the pools; nothing is looked for, and nothing is said of a missing folder."""

    def load(self) -> dict[str, Arrays]:
        """Make the pools; ``data_source`` is ``made``, since they take no real set's place.

        Raises:
            ValueError: ``source: real``, or a folder was named.
        """
        h = self.hparams
        if h.source == "real":
            raise ValueError(f"{type(self).__name__} has no real data: set --data.source to auto or simulated.")
        if h.source == "auto" and h.root != DEFAULT_ROOT:
            raise ValueError(f"{type(self).__name__} is made, not read: there is nothing for it in {h.root}. "
                             "Leave --data.root away, or add --data.source simulated.")  # fmt: skip
        self.hparams.source = "simulated"
        pools = super().load()
        self.data_source = "made"
        return pools
