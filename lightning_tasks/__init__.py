"""Each task of the application; exported here so that a config names it by its bare class name."""

from .blood_cells import BloodCellsTask
from .mars import MarsTask
from .neighbours import NeighboursTask

__all__ = ["BloodCellsTask", "MarsTask", "NeighboursTask"]
