"""Encoders and decoders of deterministic autoencoders. Letters: B batch, C channels, S side, F numbers of the code."""

from torch import nn

from .dense import ACTIVATIONS, dense


def dense_autoencoder(
    size: int, hidden: list[int], in_channels: int, side: int, dropout: float, activation: str = "relu"
) -> tuple[nn.Module, nn.Module]:
    """Dense layers to the code, which has no activation (ReLU would cut codes at 0); the decoder mirrors the encoder.

    Args:
        size: F.
        hidden: Units of the encoder's layers in front of the code.
        in_channels: C.
        side: S.
        dropout: After each hidden layer.
        activation: ``relu`` or ``gelu``.

    Returns:
        (B, C, S, S) -> (B, F), and (B, F) -> (B, C, S, S).
    """
    pixels = in_channels * side**2
    encoder = nn.Sequential(nn.Flatten(), *dense([pixels, *hidden, size], dropout, activation))
    decoder = nn.Sequential(
        *dense([size, *reversed(hidden), pixels], dropout, activation), nn.Unflatten(1, (in_channels, side, side))
    )
    return encoder, decoder


def conv_autoencoder(
    size: int, widths: list[int], in_channels: int, side: int, dropout: float, activation: str = "relu"
) -> tuple[nn.Module, nn.Module]:
    """Strided 3x3 convolutions with BatchNorm, each halving the map, then a dense layer to the code, and back.

    Args:
        size: F.
        widths: Channels of the maps.
        in_channels: C.
        side: S, a multiple of 2 for each map.
        dropout: In front of the dense layers.
        activation: As in ``dense_autoencoder``.

    Returns:
        As ``dense_autoencoder``.

    Raises:
        ValueError: A side that cannot be halved so often.
    """
    least = side >> len(widths)
    if least << len(widths) != side:
        raise ValueError(f"net='conv' halves pictures {len(widths)} times; {side} pixels a side allow that not evenly.")
    act = ACTIVATIONS[activation]
    channels = [in_channels, *widths]
    down: list[nn.Module] = []
    for a, b in zip(channels, channels[1:], strict=False):
        down += [nn.Conv2d(a, b, 3, 2, 1, bias=False), nn.BatchNorm2d(b), act()]
    flat = widths[-1] * least**2
    up: list[nn.Module] = []
    for a, b in zip(channels[:0:-1], channels[-2::-1], strict=True):
        up += [nn.ConvTranspose2d(a, b, 4, 2, 1), nn.BatchNorm2d(b), act()]
    encoder = nn.Sequential(*down, nn.Flatten(), nn.Dropout(dropout), nn.Linear(flat, size))
    decoder = nn.Sequential(
        nn.Linear(size, flat), act(), nn.Dropout(dropout),
        nn.Unflatten(1, (widths[-1], least, least)), *up[:-2],
    )  # fmt: skip
    return encoder, decoder
