"""Each data set of the application; exported here so that a config names it by its bare class name."""

from .base import DataModule
from .blood_cells import BloodCellsDataModule
from .mars import MarsDataModule

__all__ = ["BloodCellsDataModule", "DataModule", "MarsDataModule"]
