"""X-ray pictures: a window of their values as 8 bits."""

import numpy as np
from PIL import Image

from .modes import WIDE, as_rgb

WINDOW = (0.5, 99.5)  # percentiles: outside of them are markers, collimator edges and dead pixels


def windowed(image: Image.Image) -> Image.Image:
    """RGB of a radiograph; 16-bit values between their 0.5th and 99.5th percentile fill the 8 bits.

    Detectors use a part of 16 bits: the upper byte alone leaves 16 gray levels of a 12-bit picture, and cutting at 255
    leaves white. Pictures of 8 bits stay as they are.
    """
    if image.mode not in WIDE:
        return as_rgb(image)
    values = np.asarray(image).astype(np.float32)
    low, high = np.percentile(values, WINDOW)
    scaled = (values - low) / max(float(high - low), 1e-6)
    return Image.fromarray((255 * scaled.clip(0, 1)).round().astype(np.uint8)).convert("RGB")
