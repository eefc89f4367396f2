"""How near reconstructed pictures are to the originals. N pictures (C, H, W) of values in 0..``high``."""

import math

import torch
from torch import Tensor
from torchmetrics.functional.image import structural_similarity_index_measure


def squared_errors(pred: Tensor, image: Tensor) -> Tensor:
    """Mean squared error of each picture, float64 (N,)."""
    return (pred.double() - image.double()).square().flatten(1).mean(1)


def psnr(mse: Tensor, high: float = 1.0) -> Tensor:
    """Peak signal-to-noise ratio 10 log10(high^2 / mse) in dB, of each entry; infinite where nothing differs.

    ``high`` is the range of the data: pictures in [0, 1] have 1, whatever the values that occur.
    """
    return 20 * math.log10(high) - 10 * torch.log10(mse)


def ssim(pred: Tensor, image: Tensor, high: float = 1.0) -> Tensor:
    """Structural similarity of each picture, float32 (N,), Gaussian window of sigma 1.5 (Wang et al. 2004).

    Pictures below 11 pixels a side have no window, and NaN.
    """
    if min(image.shape[-2:]) < 11:
        return torch.full((len(image),), torch.nan, device=image.device)
    values = structural_similarity_index_measure(
        pred.float(), image.float(), data_range=high, sigma=1.5, kernel_size=11, reduction="none"
    )
    return values.reshape(len(image))
