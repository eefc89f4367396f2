"""What stride does to the sizes of a network with an Inception module (assignment D7)."""

from lightning_tasks.foundations.convolution_arithmetic import output_size, parameters, same_padding
from lightning_tasks.foundations.convolution_figures import strides_figure
from lightning_tasks.problems.exercise import Answer, Check, Exercise, Table

STRIDES = (1, 2, 3, 4)
BRANCHES = {"1x1": ((1, 64),), "3x3": ((1, 32), (3, 64)), "5x5": ((1, 32), (5, 64)), "pool": ((1, 64),)}


class InceptionSizes(Exercise):
    """Sizes by formula beside those of the built network, for four strides of its last two convolutions.

    Args:
        size: Pixels a side.
        channels: Channels that reach the module.

    Raises:
        ValueError: A size below 4, or channels below 1.
    """

    question = "What are an Inception module's branches, and what does the stride of a convolution do to the size?"

    def __init__(self, size: int = 32, channels: int = 64) -> None:
        if size < 4 or channels < 1:
            raise ValueError(f"size={size}, channels={channels}: need 4 and 1 or more.")
        self.size, self.channels = size, channels

    def answer(self) -> Answer:
        """The module's parameters, the table of strides, and the error where branches differ in size."""
        counts = {name: branch_parameters(self.channels, layers) for name, layers in BRANCHES.items()}
        formula = {stride: self.by_formula(stride) for stride in STRIDES}
        built = {stride: self.of_network(stride) for stride in STRIDES}
        names = ("conv 64, pooled", "inception", "conv 128", "conv 256")
        rows = [[stride, *(f"{n} x {n}" for n in formula[stride]), 256 * formula[stride][-1] ** 2, cost]
                for stride, (_, cost) in built.items()]  # fmt: skip
        text = (
            "The module looks at the same map through kernels of 1, 3 and 5 pixels and a maximum of 3x3, and joins the "
            "four results along the channels: later layers choose the scale. A 1x1 convolution in front of the larger "
            f"kernels brings the channels to 32 first. On {self.channels} channels it has "
            + " + ".join(f"{count:,}" for count in counts.values())
            + f" = {sum(counts.values()):,} parameters and gives 256 channels. A side n becomes floor((n + 2p - k) / s)"
            " + 1: stride 2 halves the side and quarters the values and the work of what follows, and parameters of "
            "convolutions stay; the dense layer behind shrinks. All branches need stride 1 and padding (k - 1) / 2: "
            f"with a pooling of stride 2 joining fails ({self.trouble()})."
        )
        tables = [
            Table("Branches of the module", ["branch", "layers", "parameters"],
                  [[name, ", then ".join(f"{k}x{k}x{n}" for k, n in layers), counts[name]]
                   for name, layers in BRANCHES.items()]),
            Table(f"Stride of the last two convolutions, input {self.size} x {self.size} x 3",
                  ["stride", *names, "values to the dense layer", "multiply-adds"], rows),
        ]  # fmt: skip
        figure = strides_figure(["input", *names], {stride: [self.size, *formula[stride]] for stride in STRIDES})
        return Answer(text, tables, self.checks(counts, formula, built), {"strides": figure})

    def by_formula(self, stride: int) -> list[int]:
        """Sides after the pooling, the module and both last convolutions."""
        pooled = -(-self.size // 2)  # rounded up: the network's pooling keeps an odd last row
        third = output_size(pooled, 3, stride, same_padding(3))
        return [pooled, pooled, third, output_size(third, 3, stride, same_padding(3))]

    def of_network(self, stride: int) -> tuple[list[int], int]:
        """The same sides of the network as it is built, and its multiply-adds."""
        import torch

        from lightning_tasks.nets.inception import InceptionNet
        from lightning_tasks.nets.layers import layer_table

        net = InceptionNet(image_size=self.size, stride=stride, norm=False).eval()
        image = torch.zeros(1, 3, self.size, self.size)
        sizes = {layer.name: layer.size for layer in layer_table(net, lambda net, x: net(x), image)}
        with torch.no_grad():
            joined = net.inception(net.stem(image)).shape[-1]
        cost = sum(layer.multiply_adds for layer in layer_table(net, lambda net, x: net(x), image))
        return [sizes["stem.2"][-1], joined, sizes["tail.0.0"][-1], sizes["tail.1.0"][-1]], cost

    def trouble(self) -> str:
        """What torch says where one branch has another size than the others."""
        import torch

        whole, halved = torch.zeros(1, 64, 16, 16), torch.nn.functional.max_pool2d(torch.zeros(1, 64, 16, 16), 3, 2, 1)
        try:
            torch.cat([whole, halved], 1)
        except RuntimeError as error:
            return str(error).split(".")[0]
        return "it did not"

    def checks(self, counts: dict, formula: dict, built: dict) -> list[Check]:
        """The sheet's counts, the built module's, and all sizes."""
        from lightning_tasks.nets.inception import Inception

        sheet = [branch_parameters(64, layers) for layers in BRANCHES.values()]
        module = Inception(self.channels)
        of_torch = [sum(p.numel() for p in branch.parameters()) for branch in module.children()]
        return [
            Check("branches on 64 channels", sheet, [4160, 20576, 53344, 4160]),
            Check("module on 64 channels", sum(sheet), 82240),
            Check("parameters of the built branches", of_torch, list(counts.values())),
            *(Check(f"sizes at stride {s}, built and by formula", built[s][0], formula[s]) for s in STRIDES),
        ]


def branch_parameters(inputs: int, layers: tuple[tuple[int, int], ...]) -> int:
    """Parameters of convolutions (kernel, outputs) one after another."""
    total = 0
    for kernel, outputs in layers:
        total, inputs = total + parameters(inputs, outputs, (kernel, kernel)), outputs
    return total
