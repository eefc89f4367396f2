"""One class for each kind of problem; a task derives from the one that fits. Imported when it is asked for."""

from importlib import import_module

EXPORTS = {
    "Adversarial": "adversarial",
    "Answer": "exercise",
    "Check": "exercise",
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


def __getattr__(name: str) -> type:
    if name not in EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{EXPORTS[name]}"), name)
