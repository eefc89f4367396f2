"""One seeded generator per data set: the real format and the real defects, made in memory in seconds."""

from .smear import make_smear
from .terrain import make_terrain

__all__ = ["make_smear", "make_terrain"]
