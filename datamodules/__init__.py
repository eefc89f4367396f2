"""Each data set of the application; exported here so that a config names it by its bare class name."""

from .base import DataModule
from .blood_cells import BloodCellsDataModule
from .cifar10 import CIFAR10DataModule
from .isic import IsicDataModule
from .mars import MarsDataModule
from .mnist import FashionMNISTDataModule, MNISTDataModule
from .patterns import PatternsDataModule
from .two_moons import TwoMoonsDataModule

__all__ = [
    "BloodCellsDataModule",
    "CIFAR10DataModule",
    "DataModule",
    "FashionMNISTDataModule",
    "IsicDataModule",
    "MNISTDataModule",
    "MarsDataModule",
    "PatternsDataModule",
    "TwoMoonsDataModule",
]
