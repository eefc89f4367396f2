"""Counting parameters and sizes: 1x1 convolutions (D6), a 1-D network (G9), 2-D beside 3-D (G10)."""

import numpy as np

from lightning_tasks.foundations.convolution_arithmetic import multiplications, output_size, parameters, same_padding
from lightning_tasks.foundations.convolution_figures import kernel_figure, layers_figure, touched_figure
from lightning_tasks.problems.exercise import Answer, Check, Exercise, Table


class OneByOneConvolution(Exercise):
    """The sheet's two networks on 32 x 32 x 128, counted by formula and built.

    Args:
        size: Pixels a side.
        channels: Channels of the input.
        seed: Seed of the numbers that the equality is shown on.

    Raises:
        ValueError: A size or a number of channels below 1.
    """

    question = "What does a 1x1 convolution do, what is in its map, when is it useless, and what sizes come out of it?"

    def __init__(self, size: int = 32, channels: int = 128, seed: int = 0) -> None:
        if min(size, channels) < 1:
            raise ValueError(f"size={size}, channels={channels}: need 1 or more.")
        self.size, self.channels, self.seed = size, channels, seed

    def answer(self) -> Answer:
        """Layers of both networks, and the equality with a linear layer on each pixel."""
        nets = {"1x1": ((1, 32), (1, 1)), "3x3": ((3, 32), (3, 32))}
        rows, totals = [], {}
        for name, layers in nets.items():
            inputs, totals[name] = self.channels, 0
            for kernel, outputs in layers:
                side = output_size(self.size, kernel, padding=same_padding(kernel))
                count = parameters(inputs, outputs, (kernel, kernel))
                cost = multiplications(inputs, outputs, (kernel, kernel), (side, side))
                rows.append(
                    [name, f"{kernel}x{kernel}, {inputs} -> {outputs}", f"(1, {side}, {side}, {outputs})", count, cost]
                )
                inputs, totals[name] = outputs, totals[name] + count
        text = (
            "A 1x1 convolution is one linear layer on the channels of each pixel, with the same weights everywhere. It "
            "changes the number of channels (a bottleneck before costly kernels, or a score for each class), and with "
            "an activation adds a non-linear step; its map holds a weighted sum of the input's channels at the same "
            "place. Other filters see neighbours, this one does not mix pixels at all. Network in network, Inception, "
            "ResNet's bottlenecks, MobileNet and the heads of U-Nets use it. It is useless where neighbours are "
            f"needed, or after one channel with no bias and activation (a mere scale). Here: {totals['1x1']:,} "
            f"parameters beside {totals['3x3']:,} of 3x3; most of the difference is the kernel, but the second network "
            "also has 32 outputs and not 1, so the totals are not like for like. Shapes are (N, H, W, C); torch has "
            "(N, C, H, W)."
        )
        columns = ["network", "layer", "output", "parameters", "multiplications"]
        title = f"On (1, {self.size}, {self.size}, {self.channels})"
        return Answer(text, [Table(title, columns, rows)], self.checks(rows), {"reached": touched_figure()})

    def checks(self, rows: list[list]) -> list[Check]:
        """The sheet's counts (for 128 channels), torch's layers, and each pixel by a linear layer."""
        import torch

        x = torch.tensor(np.random.default_rng(self.seed).normal(size=(1, self.channels, self.size, self.size)))
        layer = torch.nn.Conv2d(self.channels, 32, 1, dtype=torch.float64)
        pixels = x.movedim(1, -1) @ layer.weight[:, :, 0, 0].T + layer.bias  # (1, H, W, 32)
        poked = x.clone()
        poked[:, :, self.size // 2, self.size // 2] += 1
        with torch.no_grad():
            gap = float((layer(x).movedim(1, -1) - pixels).abs().max())
            touched = int((layer(poked) != layer(x)).any(1).sum())
        built = [
            sum(p.numel() for p in torch.nn.Conv2d(i, o, k).parameters())
            for i, o, k in ((self.channels, 32, 1), (32, 1, 1), (self.channels, 32, 3), (32, 32, 3))
        ]
        sheet = [parameters(128, 32, (1, 1)), parameters(32, 1, (1, 1))]
        wide = [parameters(128, 32, (3, 3)), parameters(32, 32, (3, 3))]
        return [
            Check("1x1 layers", sheet, [4128, 33]),
            Check("1x1 network", sum(sheet), 4161),
            Check("3x3 layers", wide, [36896, 9248]),
            Check("3x3 network", sum(wide), 46144),
            Check("parameters of torch's layers", [row[3] for row in rows], built),
            Check("1x1 convolution less a linear layer on each pixel", gap, 0.0, 1e-12),
            Check("pixels of the map that change where one of the input does", touched, 1),
        ]


SHORTEST = 34  # steps of which the last pooling of ``ParameterCounts`` leaves one


class ParameterCounts(Exercise):
    """The sheet's 1-D network: three convolutions with pooling, two dense layers.

    Args:
        length: Time steps of the input.
        channels: Numbers a step.
        classes: Outputs.

    Raises:
        ValueError: An input that is too short for the layers, or channels or classes below 1.
    """

    question = "How many parameters has each layer of the sheet's 1-D network on inputs of 500 steps and 7 channels?"

    def __init__(self, length: int = 500, channels: int = 7, classes: int = 5) -> None:
        if min(channels, classes) < 1:
            raise ValueError(f"channels={channels}, classes={classes}: need 1 or more.")
        if length < SHORTEST:
            raise ValueError(f"length={length}: the three convolutions and poolings need {SHORTEST} steps or more.")
        self.length, self.channels, self.classes = length, channels, classes
        self.rows = self.count()

    def count(self) -> list[list]:
        """Layer, output and parameters, a row each, by formula."""
        length, inputs, rows = self.length, self.channels, []
        for outputs, kernel in ((16, 3), (32, 5), (64, 5)):
            length = output_size(length, kernel)
            rows.append(
                [f"Conv1D {outputs}, k{kernel}", f"({length}, {outputs})", parameters(inputs, outputs, (kernel,))]
            )
            length, inputs = output_size(length, 2, stride=2), outputs
            rows.append(["MaxPool 2", f"({length}, {outputs})", 0])
        flat = length * inputs
        return [
            *rows,
            ["Flatten", f"({flat})", 0],
            ["Dense 128", "(128)", parameters(flat, 128)],
            [f"Dense {self.classes}", f"({self.classes})", parameters(128, self.classes)],
        ]

    def answer(self) -> Answer:
        """The table and the total."""
        total, dense = sum(row[2] for row in self.rows), self.rows[-2][2]
        text = (
            "A convolution has in x out x kernel weights and out biases, whatever the length; a dense layer in x out "
            f"weights and out biases; pooling and flattening have none. In all {total:,}, of which {dense:,} "
            f"({dense / total:.1%}) stand in the first dense layer: it alone depends on the length. Forgetting biases "
            f"gives {total - self.biases:,}. Flattening gives the same number of features channels-first (torch) and "
            "channels-last (Keras), in another order: counts agree, weights cannot be copied as they are."
        )
        figure = layers_figure([row[0] for row in self.rows], [row[2] for row in self.rows])
        table = Table("Layers", ["layer", "output", "parameters"], self.rows)
        return Answer(text, [table], self.checks(total), {"parameters": figure})

    @property
    def biases(self) -> int:
        """Biases of all layers."""
        return 16 + 32 + 64 + 128 + self.classes

    def checks(self, total: int) -> list[Check]:
        """The sheet's counts where the input is the sheet's; the built network for any."""
        from torch import nn, zeros

        net, sizes = nn.Sequential(), []
        x = zeros(1, self.channels, self.length)
        for outputs, kernel in ((16, 3), (32, 5), (64, 5)):
            net += nn.Sequential(nn.Conv1d(x.shape[1], outputs, kernel), nn.MaxPool1d(2))
            for layer in net[-2:]:
                sizes.append(f"({(x := layer(x)).shape[2]}, {outputs})")
        flat = x.flatten().numel()
        net += nn.Sequential(nn.Flatten(), nn.Linear(flat, 128), nn.Linear(128, self.classes))
        built = [sum(p.numel() for p in layer.parameters()) for layer in net]
        checks = [
            Check("parameters of the layers built in torch", [row[2] for row in self.rows], built),
            Check("lengths, as torch", [row[1] for row in self.rows[:6]], sizes),
        ]
        if (self.length, self.channels, self.classes) == (500, 7, 5):
            lengths = [int(row[1][1:-1].split(",")[0]) for row in self.rows[:7]]
            checks += [
                Check("the sheet's layers", [row[2] for row in self.rows], [352, 0, 2592, 0, 10304, 0, 0, 483456, 645]),
                Check("the sheet's lengths", lengths, [498, 249, 245, 122, 118, 59, 3776]),
                Check("the sheet's total", total, 497349),
            ]
        return checks


class ConvolutionDimensions(Exercise):
    """A layer of 2-D and one of 3-D kernels, counted, run and compared.

    Args:
        size: Pixels a side.
        depth: Frames or slices.
        kernel: Width of the kernel, odd.
        seed: Seed of the numbers.

    Raises:
        ValueError: An even kernel, or a size below 1.
    """

    question = "How do 2-D and 3-D convolutions differ, and what is each used for?"

    def __init__(self, size: int = 16, depth: int = 8, kernel: int = 3, seed: int = 0) -> None:
        self.kernel, self.padding = kernel, same_padding(kernel)
        for n in (size, depth):
            output_size(n, kernel, padding=self.padding)  # says which is no size
        self.size, self.depth, self.seed = size, depth, seed

    def answer(self) -> Answer:
        """Shapes, parameters and multiplications of 3 -> 16 channels."""
        k, n, d = self.kernel, self.size, self.depth
        flat, deep = parameters(3, 16, (k, k)), parameters(3, 16, (k, k, k))
        costs = multiplications(3, 16, (k, k), (n, n)), multiplications(3, 16, (k, k, k), (d, n, n))
        rows = [
            ["2-D", "(N, 3, H, W)", f"(N, 16, {n}, {n})", "16 x 3 x k x k", flat, costs[0]],
            [f"2-D, each of {d} slices", "(N D, 3, H, W)", f"(N {d}, 16, {n}, {n})", "the same", flat, costs[0] * d],
            ["3-D", "(N, 3, D, H, W)", f"(N, 16, {d}, {n}, {n})", "16 x 3 x k x k x k", deep, costs[1]],
        ]
        text = (
            "A 2-D kernel slides over height and width and reads all channels: it is for pictures. A 3-D kernel slides "
            "over depth too, and so sees what follows what: for video (depth is time) and for CT and MRI volumes "
            f"(depth is the slice). Kernel {k}, 3 -> 16 channels: {flat:,} and {deep:,} parameters, and {k} times the "
            "multiplications of a 2-D layer on each slice. Channels are not depth: a kernel reads all channels at once "
            "and has weights for each, but slides along depth with the same weights. A 3-D kernel of depth 1 is a 2-D "
            "kernel on each slice."
        )
        columns = ["layer", "input", "output", "weights", "parameters", "multiplications a sample"]
        figure = kernel_figure(3, 16, k)
        return Answer(text, [Table("3 -> 16 channels", columns, rows)], self.checks(rows), {"kernel_width": figure})

    def checks(self, rows: list[list]) -> list[Check]:
        """The sheet's counts; torch's layers; kernel depth 1."""
        import torch

        torch.manual_seed(self.seed)
        volume = torch.randn(2, 3, self.depth, self.size, self.size, dtype=torch.float64)
        flat = torch.nn.Conv2d(3, 16, self.kernel, padding=self.padding, dtype=torch.float64)
        deep = torch.nn.Conv3d(3, 16, self.kernel, padding=self.padding, dtype=torch.float64)
        thin = torch.nn.functional.conv3d(
            volume, flat.weight[:, :, None], flat.bias, padding=(0, self.padding, self.padding)
        )
        slices = torch.stack([flat(volume[:, :, i]) for i in range(self.depth)], 2)
        counts = [sum(p.numel() for p in layer.parameters()) for layer in (flat, deep)]
        return [
            Check("2-D, kernel 3", parameters(3, 16, (3, 3)), 448),
            Check("3-D, kernel 3", parameters(3, 16, (3, 3, 3)), 1312),
            Check("parameters of torch's layers", [rows[0][4], rows[2][4]], counts),
            Check("2-D output", list(flat(volume[:, :, 0]).shape), [2, 16, self.size, self.size]),
            Check("3-D output", list(deep(volume).shape), [2, 16, self.depth, self.size, self.size]),
            Check("kernel of depth 1 less 2-D on each slice", float((thin - slices).detach().abs().max()), 0.0, 1e-12),
        ]
