"""Each task of the application, by the bare name that a config gives it; imported when it is asked for.

The command line knows all names before torch is imported, which takes seconds.
"""

from lightning_tasks.common.lazy import lazy

EXPORTS = {
    "ImageClassifier": "problems.image_classification",
    "AutoencoderTask": "tasks.generative.autoencoder",
    "BloodCellsTask": "tasks.images.blood_cells",
    "DiffusionTask": "tasks.generative.diffusion",
    "DistillationTask": "tasks.images.distillation",
    "FashionTask": "tasks.images.fashion",
    "GanTask": "tasks.generative.gan",
    "IsicTask": "tasks.images.isic",
    "MarsTask": "tasks.images.mars",
    "NeighboursTask": "tasks.images.neighbours",
    "PatternTask": "tasks.images.patterns",
    "VaeTask": "tasks.generative.vae",
    "TwoClassTask": "tasks.tables.two_class",
}
__all__ = list(EXPORTS)
__getattr__ = lazy(__name__, EXPORTS)
