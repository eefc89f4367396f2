"""The arrays of data sets that come with a test part of their own."""

import numpy as np


def in_parts(images: np.ndarray, labels: np.ndarray, n_train: int) -> dict[str, np.ndarray]:
    """The first ``n_train`` pictures as ``train_images`` and ``train_labels`` (uint8), the others as ``test_...``."""
    labels = labels.astype(np.uint8)
    return {
        "train_images": images[:n_train],
        "train_labels": labels[:n_train],
        "test_images": images[n_train:],
        "test_labels": labels[n_train:],
    }
