"""Networks: plain ``nn.Module`` with plain arguments that import nothing of ours but each other."""

from .classifier import build_classifier
from .cnn_small import CnnSmall
from .dual_unet import DualUNet
from .segmenter import build_segmenter
from .unet import UNet

__all__ = ["CnnSmall", "DualUNet", "UNet", "build_classifier", "build_segmenter"]
