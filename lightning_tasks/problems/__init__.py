from .closed_form import ClosedForm
from .image import ImageTask
from .image_classification import ImageClassifier
from .segmentation import Segmentation
from .task import Task

__all__ = ["ClosedForm", "ImageClassifier", "ImageTask", "Segmentation", "Task"]
