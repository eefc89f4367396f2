"""Dense layers with an activation between them."""

from torch import nn

ACTIVATIONS = {"relu": nn.ReLU, "gelu": nn.GELU}


def dense(widths: list[int], dropout: float = 0.0, activation: str = "relu") -> nn.Sequential:
    """Linear layers (B, widths[0]) -> (B, widths[-1]); activation and, where asked for, dropout after all but the last.

    ``activation`` is one of ``ACTIVATIONS``.
    """
    layers: list[nn.Module] = []
    for a, b in zip(widths, widths[1:-1], strict=False):
        layers += [nn.Linear(a, b), ACTIVATIONS[activation](), *([nn.Dropout(dropout)] if dropout else [])]
    return nn.Sequential(*layers, nn.Linear(widths[-2], widths[-1]))
