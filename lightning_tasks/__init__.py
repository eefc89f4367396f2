"""Each task of the application, by the bare name that a config gives it; imported when it is asked for.

The command line knows all names before torch is imported, which takes seconds.
"""

from importlib import import_module

EXPORTS = {
    "ImageClassifier": "problems.image_classification",
    "BloodCellsTask": "tasks.images.blood_cells",
    "DistillationTask": "tasks.images.distillation",
    "FashionTask": "tasks.images.fashion",
    "IsicTask": "tasks.images.isic",
    "MarsTask": "tasks.images.mars",
    "NeighboursTask": "tasks.images.neighbours",
    "PatternTask": "tasks.images.patterns",
    "TwoClassTask": "tasks.tables.two_class",
}
__all__ = list(EXPORTS)


def __getattr__(name: str) -> type:
    if name not in EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{EXPORTS[name]}"), name)
