"""Max, average and global average pooling in NumPy, forward and backward.

Letters: H and W sides of the input, h and w of the window, P and Q of the output; axes in front are samples, channels.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from lightning_tasks.foundations.convolution_arithmetic import output_size


def windows(x: np.ndarray, kernel: tuple[int, int], stride: int) -> np.ndarray:
    """What each place of the output sees: a view (..., P, Q, h, w) of x (..., H, W).

    Raises:
        ValueError: A window that is larger than the input, a stride below 1, or fewer than two axes.
    """
    if x.ndim < 2 or len(kernel) != 2:
        raise ValueError(f"x {x.shape}, kernel {kernel}: need (..., H, W) and two numbers.")
    for size, k in zip(x.shape[-2:], kernel, strict=True):
        output_size(size, k, stride)  # says what does not fit
    return sliding_window_view(x, kernel, axis=(-2, -1))[..., ::stride, ::stride, :, :]


def spread(shares: np.ndarray, shape: tuple[int, ...], stride: int) -> np.ndarray:
    """The transpose of ``windows``: shares (..., P, Q, h, w) added up where each stood in an input of ``shape``."""
    out = np.zeros(shape, shares.dtype)
    rows, columns, height, width = shares.shape[-4:]
    for i, j in np.ndindex(height, width):  # a slice for each place of the window, as windows may overlap
        out[..., i : i + stride * rows : stride, j : j + stride * columns : stride] += shares[..., i, j]
    return out


def fitting(upstream: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """``upstream``, if it has the shape of the output.

    Raises:
        ValueError: Another shape.
    """
    if upstream.shape != shape:
        raise ValueError(f"upstream {upstream.shape}: the output of the layer is {shape}.")
    return upstream


def max_pool(x: np.ndarray, kernel: tuple[int, int], stride: int) -> np.ndarray:
    """The largest value of each window: x (..., H, W) -> (..., P, Q).

    Raises:
        ValueError: As ``windows``.
    """
    return windows(x, kernel, stride).max((-2, -1))


def max_pool_gradient(x: np.ndarray, kernel: tuple[int, int], stride: int, upstream: np.ndarray) -> np.ndarray:
    """dL/dx (..., H, W) for dL/dO ``upstream`` (..., P, Q): each goes to the largest value of its window.

    Of equal ones the first in reading order gets it, as in torch. It is one choice of a subgradient.

    Raises:
        ValueError: As ``windows``, or ``upstream`` of another shape than the output.
    """
    seen = windows(x, kernel, stride)
    fitting(upstream, seen.shape[:-2])
    flat = seen.reshape(*seen.shape[:-2], -1)  # (..., P, Q, h w)
    largest = np.arange(flat.shape[-1]) == flat.argmax(-1)[..., None]
    return spread((largest * upstream[..., None]).reshape(seen.shape), x.shape, stride)


def average_pool(x: np.ndarray, kernel: tuple[int, int], stride: int) -> np.ndarray:
    """The mean of each window: x (..., H, W) -> (..., P, Q).

    Raises:
        ValueError: As ``windows``.
    """
    return windows(x, kernel, stride).mean((-2, -1))


def average_pool_gradient(
    shape: tuple[int, ...], kernel: tuple[int, int], stride: int, upstream: np.ndarray
) -> np.ndarray:
    """dL/dx of ``shape`` (..., H, W) for dL/dO ``upstream`` (..., P, Q): 1 / (h w) of each to every value it saw.

    The mean is linear, so the input's shape is enough.

    Raises:
        ValueError: As ``windows``, or ``upstream`` of another shape than the output.
    """
    seen = windows(np.empty(shape), kernel, stride).shape
    shares = fitting(upstream, seen[:-2])[..., None, None] / (kernel[0] * kernel[1])
    return spread(np.broadcast_to(shares, seen), shape, stride)


def global_average_pool(x: np.ndarray) -> np.ndarray:
    """The mean of each map: x (..., H, W) -> (...) (Lin, Chen and Yan 2014, "Network in network", section 3.2).

    Raises:
        ValueError: Maps without a value.
    """
    return x.mean(map_axes(x.shape))


def global_average_pool_gradient(shape: tuple[int, ...], upstream: np.ndarray) -> np.ndarray:
    """dL/dx of ``shape`` (..., H, W) for dL/dout ``upstream`` (...): every value of a map gets 1 / (H W) of its own.

    Raises:
        ValueError: Maps without a value, or ``upstream`` of another shape than the output.
    """
    height, width = (shape[axis] for axis in map_axes(shape))
    return np.broadcast_to(fitting(upstream, shape[:-2])[..., None, None] / (height * width), shape).copy()


def map_axes(shape: tuple[int, ...]) -> tuple[int, int]:
    """The last two axes.

    Raises:
        ValueError: Fewer axes, or one without a value.
    """
    if len(shape) < 2 or not shape[-1] * shape[-2]:
        raise ValueError(f"x {shape}: need (..., H, W) with one value or more.")
    return -2, -1
