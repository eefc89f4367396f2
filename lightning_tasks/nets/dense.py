"""Dense layers with ReLU between them."""

from torch import nn


def dense(widths: list[int], dropout: float = 0.0) -> nn.Sequential:
    """Linear layers (B, widths[0]) -> (B, widths[-1]), ReLU and, where asked for, dropout after all but the last."""
    layers: list[nn.Module] = []
    for a, b in zip(widths, widths[1:-1], strict=False):
        layers += [nn.Linear(a, b), nn.ReLU(inplace=True), *([nn.Dropout(dropout)] if dropout else [])]
    return nn.Sequential(*layers, nn.Linear(widths[-2], widths[-1]))
