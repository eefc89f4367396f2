"""Any picture as RGB bytes: gray of 8 and 16 bits, palettes, transparency, CMYK, and the turn that a camera wrote."""

import numpy as np
from PIL import Image, ImageOps

WIDE = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")  # more than 8 bits: PIL's own conversion cuts at 255


def as_rgb(image: Image.Image) -> Image.Image:
    """RGB of a picture as one sees it.

    16-bit values are scaled by their type's range, 65,535; floating point by 1 or by 255, whichever holds them.
    Transparency is laid on white. EXIF orientation is applied.

    Raises:
        ValueError: Values of a wide picture that fit no range, negative ones among them.
    """
    image = ImageOps.exif_transpose(image)
    if image.mode in WIDE:
        return Image.fromarray(_as_bytes(np.asarray(image))).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        paper = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(paper, image).convert("RGB")
    return image.convert("RGB")


def _as_bytes(values: np.ndarray) -> np.ndarray:
    low, high = values.min(), values.max()
    if not np.isfinite([low, high]).all() or low < 0 or high > 65_535:
        raise ValueError(f"values from {low:g} to {high:g}: expected 0 to 1, 0 to 255 or 0 to 65535")
    whole = values.dtype.kind in "iu"
    if not whole and high > 255:
        raise ValueError(f"floating-point values up to {high:g}: expected 0 to 1 or 0 to 255")
    scale = 255 / 65_535 if whole else (255.0 if high <= 1 else 1.0)
    return (values * scale).round().astype(np.uint8)
