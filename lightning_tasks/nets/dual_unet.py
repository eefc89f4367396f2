"""A coarse and a fine U-Net: the first sees the whole scene cheaply, the second corrects its outlines."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .unet import UNet, check_size


class DualUNet(nn.Module):
    """Two U-Nets in a row: image float32 (B, in_channels, H, W) -> logits (B, num_classes, H, W).

    The coarse path reads the image at half resolution (2x2 mean). Its logits, enlarged, are extra input
    channels of the fine path at full resolution, and the fine output is *added* to them. The sum gives the
    coarse path a gradient of its own and leaves the fine path the details, as one step of a Laplacian pyramid
    (Ghiasi & Fowlkes 2016, "Laplacian pyramid reconstruction and refinement", section 4). H and W may be any
    multiples of ``2 ** max(depth + 1, fine_depth)``.

    Args:
        in_channels: channels of the image.
        num_classes: channels of the logits.
        width: channels of the first level of the fine path.
        depth: poolings of the coarse path.
        coarse_width: channels of the first level of the coarse path; None takes ``width``.
        fine_depth: poolings of the fine path; None takes ``depth``. A shallow fine path keeps the network
            small, since context is the other path's part.
        norm: "batch", "group" or "none", as in ``UNet``.
        dropout: channel dropout in both paths, as in ``UNet``.
        se: squeeze-and-excitation ratio in both paths, None for none.
        spatial_attention: pixel gates in both paths.
        transformer: number of transformer layers in the bottleneck of the coarse path.

    Raises:
        ValueError: for an argument out of range, and in ``forward`` for an image size that does not divide.
    """

    def __init__(
        self,
        in_channels: int = 1,
        num_classes: int = 5,
        width: int = 32,
        depth: int = 3,
        coarse_width: int | None = None,
        fine_depth: int | None = 2,
        norm: str = "batch",
        dropout: float = 0.0,
        se: int | None = None,
        spatial_attention: bool = False,
        transformer: int = 0,
    ) -> None:
        super().__init__()
        shared = {"norm": norm, "dropout": dropout, "se": se, "spatial_attention": spatial_attention}
        self.coarse = UNet(in_channels, num_classes, coarse_width or width, depth, transformer=transformer, **shared)
        fine_depth = depth if fine_depth is None else fine_depth
        self.fine = UNet(in_channels + num_classes, num_classes, width, fine_depth, **shared)
        self.divisor = max(2 * self.coarse.divisor, self.fine.divisor)

    def forward(self, image: Tensor) -> Tensor:
        """(B, in_channels, H, W) -> logits (B, num_classes, H, W)."""
        check_size(image, self.divisor)
        coarse = self.coarse(F.avg_pool2d(image, 2))  # (B, num_classes, H/2, W/2)
        coarse = F.interpolate(coarse, scale_factor=2.0, mode="bilinear", align_corners=False)
        return coarse + self.fine(torch.cat([image, coarse], dim=1))
