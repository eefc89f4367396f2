"""Principal components as the linear autoencoder: the best reconstruction that a linear code of its size allows."""

import torch
from torch import Tensor


def pca_reconstruction(train: Tensor, test: Tensor, size: int) -> Tensor:
    """``test`` (M, ...) rebuilt from ``size`` principal components of ``train`` (N, ...), cut to [0, 1].

    Source: Baldi & Hornik 1989, "Neural networks and principal component analysis": a linear autoencoder of that
    size can do no better in squared error.
    """
    x, y = train.flatten(1).double(), test.flatten(1).double()
    mean = x.mean(0)
    size = min(size, *x.shape)
    axes = torch.linalg.svd(x - mean, full_matrices=False)[2][:size]  # (size, D)
    return ((y - mean) @ axes.T @ axes + mean).clamp(0, 1).view(test.shape).float()
