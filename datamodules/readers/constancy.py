"""Colour constancy: pictures as they would look under white light."""

import numpy as np
from PIL import Image

from .modes import as_rgb

POWER = 6  # of Minkowski's norm, which Finlayson & Trezzi found best


def shades_of_gray(image: Image.Image) -> Image.Image:
    """RGB in which all channels have one Minkowski norm, that of their mean; brightness stays about as it was.

    Source: Finlayson & Trezzi 2004, "Shades of gray and colour constancy"; for skin lesions Barata et al. 2015.
    """
    image = as_rgb(image)
    values = np.asarray(image, np.float32) / 255
    light = np.maximum((values**POWER).mean((0, 1), dtype=np.float64) ** (1 / POWER), 1e-3)
    return Image.fromarray(
        (255 * (values * (light.mean() / light).astype(np.float32)).clip(0, 1)).round().astype(np.uint8)
    )


CONSTANCY = {"none": as_rgb, "shades_of_gray": shades_of_gray}
