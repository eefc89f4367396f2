"""Sizes and parameters of convolutions, by formula (Dumoulin and Visin 2016, sections 2 and 5.1)."""

import math


def effective_kernel(kernel: int, dilation: int = 1) -> int:
    """Width that a kernel spans: k + (k - 1)(d - 1)."""
    return kernel + (kernel - 1) * (dilation - 1)


def output_size(size: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """Places a kernel fits on one side: floor((n + 2p - k_eff) / s) + 1.

    Raises:
        ValueError: A kernel that spans more than the padded input, or numbers that are no sizes.
    """
    if min(size, kernel, stride, dilation) < 1 or padding < 0:
        raise ValueError(
            f"size={size}, kernel={kernel}, stride={stride}, padding={padding}, dilation={dilation}: need 1 or more, "
            "and padding of 0 or more."
        )
    span = effective_kernel(kernel, dilation)
    if span > size + 2 * padding:
        padded = f"{size}" if not padding else f"{size} + 2 x {padding}"
        raise ValueError(
            f"impossible: k_eff {span} > {padded}. Kernel {kernel} with dilation {dilation} spans more than the input; "
            "take a smaller dilation or stride before it, or pad."
        )
    return (size + 2 * padding - span) // stride + 1


def same_padding(kernel: int, dilation: int = 1) -> int:
    """Zeros a side that keep the size at stride 1: d (k - 1) / 2, which is (k - 1) / 2 without dilation.

    Raises:
        ValueError: Where it is no whole number: that side would need more zeros than the other.
    """
    total = dilation * (kernel - 1)
    if total % 2:
        raise ValueError(f"kernel {kernel} with dilation {dilation}: same padding is {total / 2}; take an odd kernel.")
    return total // 2


def parameters(inputs: int, outputs: int, kernel: tuple[int, ...] = (), bias: bool = True) -> int:
    """Weights and biases of a convolution, or of a dense layer (no kernel): in * out * prod(k), and out."""
    return inputs * outputs * math.prod(kernel) + bias * outputs


def multiplications(inputs: int, outputs: int, kernel: tuple[int, ...], places: tuple[int, ...]) -> int:
    """Multiplications of a convolution whose output has ``places``: each reads prod(k) * in numbers for each output."""
    return parameters(inputs, outputs, kernel, bias=False) * math.prod(places)
