"""Networks that read a row of a table, alone or beside a picture."""

from typing import Any

import torch
from torch import Tensor, nn

from .classifier import build_classifier
from .parameter_groups import blocks


class TableNet(nn.Module):
    """A row float32 (B, T) -> (B, out): hidden layers with LayerNorm, GELU and dropout, and a linear one.

    T is known only when the data is: the first layer is lazy until ``materialize``.

    Args:
        out: Size of the output.
        hidden: Widths of the hidden layers; empty for a linear model.
        dropout: After each hidden layer.
    """

    def __init__(self, out: int, hidden: list[int] | tuple[int, ...] = (64, 32), dropout: float = 0.2) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for width, before in zip(hidden, (None, *hidden), strict=False):
            linear = nn.LazyLinear(width) if before is None else nn.Linear(before, width)
            layers += [linear, nn.LayerNorm(width), nn.GELU(), nn.Dropout(dropout)]
        layers.append(nn.Linear(hidden[-1], out) if hidden else nn.LazyLinear(out))
        self.layers = nn.Sequential(*layers)

    def forward(self, table: Tensor) -> Tensor:
        """See the class."""
        return self.layers(table)

    def get_classifier(self) -> nn.Module:
        """The last layer."""
        return self.layers[-1]


class FusedNet(nn.Module):
    """Image float32 (B, C, H, W) and row (B, T) -> logits (B, K).

    The last layer of the image network is replaced by one that gives F features. They and the F features of a
    ``TableNet`` are concatenated: (B, 2 F) -> GELU, dropout, linear.

    Args:
        in_channels: C.
        num_classes: K.
        net: Image network by name, see ``build_classifier``.
        net_args: Its arguments.
        features: F.
        hidden: Hidden layers of the table network.
        dropout: Of the table network and of the head.
        drop_branch: Probability that a sample in training has the features of one branch only, either with the same
            chance; the others are 0. Neither can then rely on what the other knows (Neverova et al. 2016, "ModDrop").
        pretrained: Load timm's weights into the image network.

    Raises:
        ValueError: A probability outside 0 to 1.
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        net: str,
        net_args: dict[str, Any] | None = None,
        features: int = 64,
        hidden: list[int] | tuple[int, ...] = (64, 32),
        dropout: float = 0.2,
        drop_branch: float = 0.0,
        pretrained: bool = False,
    ) -> None:
        super().__init__()
        self.image = build_classifier(net, in_channels, features, pretrained=pretrained, **(net_args or {}))
        self.table = TableNet(features, hidden, dropout)
        self.head = nn.Sequential(nn.GELU(), nn.Dropout(dropout), nn.Linear(2 * features, num_classes))
        if not 0 <= drop_branch <= 1:
            raise ValueError(f"drop_branch={drop_branch}: need a probability from 0 to 1.")
        self.drop_branch = drop_branch

    def forward(self, image: Tensor, table: Tensor) -> Tensor:
        """See the class."""
        branches = torch.stack([self.image(image), self.table(table)], 1)
        if self.training and self.drop_branch:
            dropped = torch.rand(len(image), device=image.device) < self.drop_branch
            which = torch.randint(2, (len(image), 1), device=image.device) == torch.arange(2, device=image.device)
            branches = branches * ~(dropped[:, None] & which)[..., None]
        return self.head(branches.flatten(1))

    def get_classifier(self) -> nn.Module:
        """The last layer, under the name timm's networks give it."""
        return self.head

    def group_matcher(self, coarse: bool = False) -> Any:
        """Parameter name -> its block: those of the image network; what is always new belongs to the last one."""
        block_index = {f"image.{name}": i for i, group in enumerate(blocks(self.image)) for name in group}
        last = max(block_index.values())
        return lambda name: block_index.get(name, last)


def lazy_layers(net: nn.Module) -> dict[str, nn.LazyLinear]:
    """Name -> layer, of the layers whose input size is not known yet."""
    return {name: module for name, module in net.named_modules() if isinstance(module, nn.LazyLinear)}


def materialize(net: nn.Module, features: int) -> None:
    """Give lazy layers their T = ``features`` inputs and their first weights; the second call does nothing."""
    for layer in lazy_layers(net).values():
        with torch.no_grad():
            layer(torch.zeros(1, features, device=layer.weight.device))
