"""One class for each kind of problem; a task derives from the one that fits."""

from .adversarial import Adversarial
from .classifier import Classifier
from .closed_form import ClosedForm
from .exercise import Answer, Check, Exercise, Table
from .generative import Generative
from .gradient import GradientTask
from .image import ImageTask
from .image_classification import ImageClassifier
from .reconstruction import Reconstruction
from .regression import Regression
from .segmentation import Segmentation
from .task import Task

__all__ = [
    "Adversarial",
    "Answer",
    "Check",
    "Classifier",
    "ClosedForm",
    "Exercise",
    "Generative",
    "GradientTask",
    "ImageClassifier",
    "ImageTask",
    "Reconstruction",
    "Regression",
    "Segmentation",
    "Table",
    "Task",
]
