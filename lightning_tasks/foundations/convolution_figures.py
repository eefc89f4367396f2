"""Figures of the exercises that count convolutions (D6, D7, G9, G10, G11)."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lightning_tasks.foundations.convolution_arithmetic import effective_kernel, parameters
from lightning_tasks.foundations.convolution_gradients import convolve_full
from lightning_tasks.plots.matrices import matrices_figure


def panel(width: float = 5.2) -> tuple[Figure, Axes]:
    """A figure of one axes with a grid."""
    figure = Figure(figsize=(width, 3.2), layout="constrained")
    axis = figure.add_subplot()
    axis.grid(alpha=0.3)
    return figure, axis


def touched_figure() -> Figure:
    """Which places of the map one pixel of the input reaches, and in how many ways: through kernels of ones."""
    pixel, kernel = np.zeros((7, 7)), np.ones((3, 3))
    pixel[3, 3] = 1
    once = convolve_full(pixel, kernel)[1:-1, 1:-1]  # same padding
    twice = convolve_full(once, kernel)[1:-1, 1:-1]
    return matrices_figure({"one pixel": pixel, "after 1x1": pixel, "after 3x3": once, "after 3x3 twice": twice}, 4)


def strides_figure(names: Sequence[str], sides: Mapping[int, Sequence[int]]) -> Figure:
    """Pixels a side after each layer, a line a stride: stride -> sides, as many as names."""
    figure, axis = panel()
    for stride, line in sides.items():
        axis.semilogy(range(len(line)), line, ".-", base=2, label=f"stride {stride}")
    axis.set_xticks(range(len(names)), names, fontsize=8)
    axis.set_ylabel("pixels a side")
    axis.yaxis.set_major_formatter("{x:g}")
    axis.legend(fontsize=8)
    return figure


def layers_figure(names: Sequence[str], counts: Sequence[int]) -> Figure:
    """Parameters of each layer as bars, on a logarithmic scale; layers without any have none."""
    figure, axis = panel()
    places = range(len(names))
    axis.barh(places, [max(count, 1) for count in counts], color="#56B4E9")
    for place, count in zip(places, counts, strict=True):
        axis.text(max(count, 1) * 1.2, place, f"{count:,}", va="center", fontsize=8)
    axis.set(xscale="log", xlabel="parameters", xlim=(1, 30 * max(counts)))
    axis.set_yticks(places, names, fontsize=8)
    axis.invert_yaxis()
    return figure


def kernel_figure(inputs: int, outputs: int, kernel: int) -> Figure:
    """Parameters of a 2-D and a 3-D layer over the width of the kernel; a line marks ``kernel``."""
    figure, axis = panel()
    widths = range(1, max(8, kernel + 1), 2)
    for dims in (2, 3):
        axis.semilogy(widths, [parameters(inputs, outputs, (k,) * dims) for k in widths], ".-", label=f"{dims}-D")
    axis.axvline(kernel, color="black", ls="--", lw=1)
    axis.set(xlabel="width of the kernel", ylabel=f"parameters, {inputs} -> {outputs} channels", xticks=widths)
    axis.legend(fontsize=8)
    return figure


def dilation_figure(sides: Mapping[str, Sequence[int]], layers: int, size: int) -> Figure:
    """Left sides after each layer (a line that does not fit ends at a cross), right what a dilated kernel spans."""
    figure = Figure(figsize=(8.2, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for name, line in sides.items():
        (drawn,) = left.semilogy(range(len(line) + 1), [size, *line], ".-", base=2, label=name)
        if len(line) < layers:
            left.plot(len(line) + 1, line[-1] if line else size, "x", color=drawn.get_color(), label="does not fit")
    left.set_xticks(range(layers + 1), ["input", *(f"L{i + 1}" for i in range(layers))], fontsize=8)
    left.set_ylabel("pixels a side")
    left.yaxis.set_major_formatter("{x:g}")
    dilations = (1, 2, 4, 8)
    for kernel in (3, 5, 7):
        right.plot(dilations, [effective_kernel(kernel, d) for d in dilations], ".-", label=f"kernel {kernel}")
    right.set(xlabel="dilation", ylabel="pixels that the kernel spans", xticks=dilations)
    for axis in (left, right):
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8)
    return figure
