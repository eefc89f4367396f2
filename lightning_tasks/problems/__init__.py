"""One class for each kind of problem; a task derives from the one that fits. Imported when it is asked for."""

from lightning_tasks.common.lazy import lazy

EXPORTS = {
    "Adversarial": "adversarial",
    "Answer": "exercise",
    "Check": "exercise",
    "ClassScores": "class_scores",
    "Classifier": "classifier",
    "ClosedForm": "closed_form",
    "Exercise": "exercise",
    "Generative": "generative",
    "GradientTask": "gradient",
    "ImageClassifier": "image_classification",
    "ImageTask": "image",
    "Reconstruction": "reconstruction",
    "Regression": "regression",
    "Segmentation": "segmentation",
    "Table": "exercise",
    "Task": "task",
}
__all__ = list(EXPORTS)
__getattr__ = lazy(__name__, EXPORTS)
