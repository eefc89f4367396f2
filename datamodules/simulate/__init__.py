"""One seeded generator per data set: the real format and the real defects, made in memory in seconds."""

from .digits import make_digits
from .garments import make_garments
from .gas import make_gas
from .lesions import make_lesions
from .objects import make_objects
from .smear import make_smear
from .terrain import make_terrain
from .word_classes import make_word_classes

__all__ = [
    "make_digits",
    "make_garments",
    "make_gas",
    "make_lesions",
    "make_objects",
    "make_smear",
    "make_terrain",
    "make_word_classes",
]
