"""Each task of the application, by the bare name that a config gives it; imported when it is asked for.

The command line knows all names before torch is imported, which takes seconds.
"""

from lightning_tasks.common.lazy import lazy

EXPORTS = {
    "ArgmaxAttentionTask": "tasks.sequences.argmax_attention",
    "AutoencoderTask": "tasks.generative.autoencoder",
    "BinaryRegressionTask": "tasks.tables.binary_regression",
    "BloodCellsTask": "tasks.images.blood_cells",
    "CuesTask": "tasks.images.cues",
    "DiffusionTask": "tasks.generative.diffusion",
    "DistillationTask": "tasks.images.distillation",
    "GanTask": "tasks.generative.gan",
    "GapClassifier": "tasks.images.gap",
    "GasTask": "tasks.sequences.gas",
    "ImageClassifier": "problems.image_classification",
    "IsicTask": "tasks.images.isic",
    "LanguageModelTask": "tasks.sequences.language_model",
    "MarsTask": "tasks.images.mars",
    "NaiveBayesTask": "tasks.sequences.naive_bayes",
    "NeighboursTask": "tasks.images.neighbours",
    "PatternTask": "tasks.images.patterns",
    "RotationTask": "tasks.images.rotation",
    "SentimentTask": "tasks.sequences.sentiment",
    "SequenceChangeTask": "tasks.sequences.sequence_change",
    "TwoClassTask": "tasks.tables.two_class",
    "VaeTask": "tasks.generative.vae",
    "Word2VecTask": "tasks.sequences.word2vec",
    "WristTask": "tasks.images.wrist",
}
__all__ = list(EXPORTS)
__getattr__ = lazy(__name__, EXPORTS)
