from .classification import ClassificationTask
from .closed_form import ClosedFormTask
from .image import ImageTask
from .segmentation import SegmentationTask
from .task import Task

__all__ = ["ClassificationTask", "ClosedFormTask", "ImageTask", "SegmentationTask", "Task"]
