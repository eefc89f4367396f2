"""Sizes and parameters of a network with dilated convolutions (G11)."""

from typing import NamedTuple

from lightning_tasks.foundations.convolution_arithmetic import effective_kernel, output_size, parameters, same_padding
from lightning_tasks.foundations.convolution_figures import dilation_figure
from lightning_tasks.problems.exercise import Answer, Check, Exercise, Table


class Layer(NamedTuple):
    """A convolution with ``outputs`` channels, or a pooling (0 of them: kernel 2, stride 2)."""

    outputs: int
    kernel: int = 2
    stride: int = 1
    dilation: int = 1
    same: bool = False


POOL = Layer(0, 2, 2)
LAYERS = [
    Layer(64, 3, same=True), Layer(32, 5, 2, 2), POOL,
    Layer(128, 3, same=True), Layer(64, 5, 2, 4), POOL,
    Layer(256, 3, same=True), Layer(128, 5, 2, 8), POOL,
]  # fmt: skip
SIZES = [256, 124, 62, 62, 23, 11, 11]
SIZES_OF_STRIDE_1 = [256, 248, 124, 124, 108, 54, 54, 22, 11]
PARAMETERS = [1792, 51232, 0, 36992, 204864, 0, 147712, 819328, 0]


def sizes_of(layers: list[Layer], size: int) -> tuple[list[int], str]:
    """Pixels a side after each layer, up to the first that does not fit, and the reason why it does not, or ""."""
    sizes = []
    for layer in layers:
        padding = same_padding(layer.kernel, layer.dilation) if layer.same else 0
        try:
            size = output_size(size, layer.kernel, layer.stride, padding, layer.dilation)
        except ValueError as error:
            return sizes, str(error)
        sizes.append(size)
    return sizes, ""


def parameters_of(layers: list[Layer], channels: int) -> list[int]:
    """Parameters of each layer; they depend on no size."""
    counts = []
    for layer in layers:
        counts.append(parameters(channels, layer.outputs, (layer.kernel, layer.kernel)) if layer.outputs else 0)
        channels = layer.outputs or channels
    return counts


class DilatedConvolution(Exercise):
    """The sheet's nine layers, with stride 2 in the dilated ones as asked, and with stride 1.

    Args:
        size: Pixels a side of the input.
        channels: Its channels.

    Raises:
        ValueError: An input on which no layer fits, or channels below 1.
    """

    question = "What are the output sizes and parameters of the sheet's nine layers, and which padding keeps a size?"

    def __init__(self, size: int = 256, channels: int = 3) -> None:
        if min(size, channels) < 1:
            raise ValueError(f"size={size}, channels={channels}: need 1 or more.")
        self.size, self.channels = size, channels

    def answer(self) -> Answer:
        """Both tables; a layer that does not fit says so."""
        relaxed = [layer._replace(stride=1) if layer.dilation > 1 else layer for layer in LAYERS]
        (sizes, reason), (wide, trouble) = sizes_of(LAYERS, self.size), sizes_of(relaxed, self.size)
        counts = parameters_of(LAYERS, self.channels)
        stop = f"L{len(sizes) + 1} is {reason} L8's parameters can be counted all the same: they depend on no size. "
        text = (
            (stop if reason else "Every layer fits. ")
            + "A kernel k with dilation d spans k_eff = k + (k - 1)(d - 1), and a side n becomes floor((n + 2p - "
            "k_eff) / s) + 1. Dilation adds no parameters. "
            + (f"With stride 1 in the dilated layers the sizes are {', '.join(map(str, wide))}"
               + (f"; then L{len(wide) + 1} is {trouble} " if trouble else ", and every layer fits. "))
            + "At stride 1 the padding p = (f - 1) / 2 keeps the size, d (f - 1) / 2 with dilation. Keras refuses "
            "stride above 1 together with dilation above 1; PyTorch computes it."
        )  # fmt: skip
        tables = [
            Table(f"Input {self.size} x {self.size} x {self.channels}, stride 2 in the dilated layers",
                  ["layer", "what", "k_eff", "size", "parameters"], self.rows(LAYERS, sizes, reason, counts)),
            Table("Stride 1 in the dilated layers",
                  ["layer", "what", "k_eff", "size", "parameters"], self.rows(relaxed, wide, trouble, counts)),
        ]  # fmt: skip
        sides = {"stride 2 in the dilated": sizes, "stride 1": wide}
        figures = {"sides": dilation_figure(sides, len(LAYERS), self.size)}
        return Answer(text, tables, self.checks(relaxed, sizes, reason, wide, counts), figures)

    def rows(self, layers: list[Layer], sizes: list[int], reason: str, counts: list[int]) -> list[list]:
        """A row a layer; ``impossible`` where one does not fit, ``-`` after it."""
        rows, channels = [], self.channels
        for i, (layer, count) in enumerate(zip(layers, counts, strict=True)):
            channels = layer.outputs or channels
            words = f"conv {layer.outputs}, {layer.kernel}x{layer.kernel}, s{layer.stride}, d{layer.dilation}"
            what = (words + (", same" if layer.same else ", valid")) if layer.outputs else "pool 2"
            size = f"{sizes[i]}, {sizes[i]}, {channels}" if i < len(sizes) else "-"
            if i == len(sizes):
                size = reason.split(".")[0]
            rows.append([f"L{i + 1}", what, effective_kernel(layer.kernel, layer.dilation), size, count])
        return rows

    def checks(
        self, relaxed: list[Layer], sizes: list[int], reason: str, wide: list[int], counts: list[int]
    ) -> list[Check]:
        """The sheet's numbers where the input is the sheet's; torch's layers for any."""
        checks = [
            Check("parameters of torch's layers", counts, torch_parameters(self.channels)),
            Check("sizes, as torch", sizes, torch_sizes(LAYERS, self.size)),
            Check("sizes with stride 1, as torch", wide, torch_sizes(relaxed, self.size)),
            Check("same padding of 3, 5, 7", [same_padding(f) for f in (3, 5, 7)], [1, 2, 3]),
            Check("same padding of 5 with dilation 2, 4, 8", [same_padding(5, d) for d in (2, 4, 8)], [4, 8, 16]),
        ]
        if (self.size, self.channels) == (256, 3):
            checks += [
                Check("the sheet's sizes", sizes, SIZES),
                Check("the sheet's L8", reason.split(".")[0], "impossible: k_eff 33 > 11"),
                Check("the sheet's parameters", counts, PARAMETERS),
                Check("the sheet's sizes with stride 1", wide, SIZES_OF_STRIDE_1),
            ]
        return checks


def torch_parameters(channels: int) -> list[int]:
    """Parameters of the layers built in torch."""
    from torch import nn

    counts = []
    for layer in LAYERS:
        built = nn.Conv2d(channels, layer.outputs, layer.kernel) if layer.outputs else nn.MaxPool2d(2)
        counts.append(sum(p.numel() for p in built.parameters()))
        channels = layer.outputs or channels
    return counts


def torch_sizes(layers: list[Layer], size: int) -> list[int]:
    """Sizes that torch's layers give on one channel, up to the first that raises."""
    import torch

    x, sizes = torch.zeros(1, 1, size, size), []
    for layer in layers:
        padding = same_padding(layer.kernel, layer.dilation) if layer.same else 0
        try:
            if layer.outputs:
                kernel = torch.zeros(1, 1, layer.kernel, layer.kernel)
                x = torch.nn.functional.conv2d(x, kernel, None, layer.stride, padding, layer.dilation)
            else:
                x = torch.nn.functional.max_pool2d(x, 2)
        except RuntimeError:
            break
        sizes.append(x.shape[-1])
    return sizes
