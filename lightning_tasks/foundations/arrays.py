"""What computed exercises share."""

import numpy as np


def gap(a: np.ndarray, b: np.ndarray) -> float:
    """Largest difference of two arrays of one shape, or of shapes that broadcast."""
    return float(np.abs(a - b).max())
