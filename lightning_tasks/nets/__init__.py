"""Networks: plain ``nn.Module`` with plain arguments that import nothing of ours but each other."""

from .dual_unet import DualUNet
from .segmenter import build_segmenter
from .unet import UNet

__all__ = ["DualUNet", "UNet", "build_segmenter"]
