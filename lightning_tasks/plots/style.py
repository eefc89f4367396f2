"""Figures shared by tasks. Each function returns a Matplotlib figure that the caller closes."""

import numpy as np
from matplotlib.patches import Rectangle

# Colour-blind safe (Okabe & Ito 2008), black first for background.
COLORS = ["#000000", "#E69F00", "#56B4E9", "#F0E442", "#D55E00", "#009E73", "#CC79A7", "#0072B2", "#999999", "#FFFFFF"]


def show(axis, image: np.ndarray) -> None:
    """Draw one image (C, H, W) in [0, 1] without axes; gray where C is 1."""
    picture = image[0] if len(image) == 1 else np.moveaxis(image[:3], 0, -1)
    if image.shape[0] == 1:
        axis.imshow(picture, cmap="gray")  # stretched to its own range: dark scenes stay readable
    else:
        axis.imshow(picture.clip(0, 1))
    height, width = picture.shape[:2]
    edge = Rectangle((-0.5, -0.5), width, height, fill=False, edgecolor="#bbbbbb", linewidth=0.6, clip_on=False)
    axis.add_patch(edge)  # white pictures have no border of their own on a white page
    axis.set_axis_off()
