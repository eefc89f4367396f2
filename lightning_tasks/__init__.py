"""Each task of the application; exported here so that a config names it by its bare class name."""

from .base import ClassificationTask
from .blood_cells import BloodCellsTask
from .distillation import DistillationTask
from .fashion import FashionTask
from .isic import IsicTask
from .mars import MarsTask
from .neighbours import NeighboursTask
from .patterns import PatternTask
from .two_class import TwoClassTask

__all__ = [
    "BloodCellsTask",
    "ClassificationTask",
    "DistillationTask",
    "FashionTask",
    "IsicTask",
    "MarsTask",
    "NeighboursTask",
    "PatternTask",
    "TwoClassTask",
]
