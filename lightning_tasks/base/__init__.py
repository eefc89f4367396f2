from .image import ImageTask
from .segmentation import SegmentationTask
from .task import Task

__all__ = ["ImageTask", "SegmentationTask", "Task"]
