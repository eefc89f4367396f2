"""A network layer by layer: sizes, receptive fields, parameters and multiply-adds, found by running it.

Letters: B batch, T steps, H and W sides of a map.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

CONVS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
POOLS = {nn.MaxPool1d: nn.AvgPool1d, nn.MaxPool2d: nn.AvgPool2d, nn.MaxPool3d: nn.AvgPool3d}
RECURRENT = (nn.RNN, nn.GRU, nn.LSTM)
NORMS = (nn.modules.batchnorm._BatchNorm, nn.GroupNorm, nn.LayerNorm)
ACTIVATIONS = (nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.SiLU, nn.GELU, nn.Tanh, nn.Sigmoid, nn.Hardswish)
SILENT = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Identity)  # they change nothing that is shown


@dataclass
class Layer:
    """One layer in the order in which it is run.

    Args:
        name: Its place in the network.
        kind: Its class.
        size: Of its output, without the batch.
        field: Receptive field: how far apart the values of the input may lie that one in the middle depends on, along
            each axis, with both ends; None where the input has no axes, or no gradient.
        parameters: Numbers that it holds.
        multiply_adds: Of one sample; layers alone, without what is computed between them (attention, say).
    """

    name: str
    kind: str
    size: tuple[int, ...]
    field: tuple[int, ...] | None
    parameters: int
    multiply_adds: int


def layer_table(
    net: nn.Module, forward: Callable[[nn.Module, Any], Any], inputs: Any, field_of: str | None = None
) -> list[Layer]:
    """Run ``forward(net, inputs)`` on one sample and note every layer that is called.

    Receptive fields are found by gradients: in a copy all weights are positive, norms and activations do nothing and
    maximum pooling is a mean, so that nothing cancels; what has a gradient from the middle value of a map is its field.
    A field that reaches the edge of the input is as wide as the input allows.

    Args:
        net: The network.
        forward: Makes the pass.
        inputs: A batch of one.
        field_of: Key of ``inputs`` that fields are measured on: ``image`` (1, C, H, W). None measures none.

    Raises:
        ValueError: A layer cannot take what it gets, such as a kernel larger than the map; names the layer.
    """
    layers: list[Layer] = []
    with torch.no_grad():
        for name, module, taken, made in calls(net, forward, inputs):
            first = made[0] if isinstance(made, tuple) else made
            parameters = sum(p.numel() for p in module.parameters())
            layers.append(Layer(name, type(module).__name__, tuple(first.shape[1:]), None, parameters,
                                multiply_adds(module, taken, first)))  # fmt: skip
    if field_of is not None:
        for layer, field in zip(layers, receptive_fields(net, forward, inputs, field_of), strict=True):
            layer.field = field
    return layers


def calls(net: nn.Module, forward: Callable, inputs: Any) -> list[tuple[str, nn.Module, Any, Any]]:
    """Name, module, first input and output of each layer that is called, in order."""
    made: list[tuple[str, nn.Module, Any, Any]] = []
    now: list[tuple[str, nn.Module, Any]] = []
    hooks = []
    for name, module in net.named_modules():
        if list(module.children()) and not isinstance(module, RECURRENT) or isinstance(module, SILENT):
            continue
        if module is net and not list(module.parameters(recurse=False)):
            continue

        def begin(module: nn.Module, args: tuple, name: str = name) -> None:
            now[:] = [(name, module, args[0] if args else None)]

        def end(module: nn.Module, args: tuple, output: Any, name: str = name) -> None:
            made.append((name, module, args[0] if args else None, output))
            now.clear()

        hooks += [module.register_forward_pre_hook(begin), module.register_forward_hook(end)]
    try:
        forward(net, inputs)
    except (RuntimeError, ValueError) as error:
        if not now:
            raise
        name, module, taken = now[0]
        size = "" if not isinstance(taken, Tensor) else f" of {' x '.join(map(str, taken.shape[1:]))}"
        raise ValueError(f"layer {name} cannot take an input{size}: {trouble(module, taken, error)}") from None
    finally:
        for hook in hooks:
            hook.remove()
    return made


def trouble(module: nn.Module, taken: Any, error: Exception) -> str:
    """Why a layer failed, in a few words."""
    if isinstance(module, CONVS) and isinstance(taken, Tensor):
        reach = [d * (k - 1) + 1 for k, d in zip(module.kernel_size, module.dilation, strict=True)]
        room = [n + 2 * p for n, p in zip(taken.shape[2:], padding(module), strict=False)]
        if any(k > n for k, n in zip(reach, room, strict=False)):
            kernel = "x".join(map(str, module.kernel_size))
            return (f"its {kernel} kernel with dilation {module.dilation[0]} reaches over {max(reach)}, "
                    f"more than the {min(room)} there are. Give a larger input or a smaller kernel.")  # fmt: skip
    return str(error).splitlines()[0]


def padding(conv: nn.Module) -> list[int]:
    """Padding on each side along each axis."""
    if conv.padding == "same":
        return [d * (k - 1) // 2 for k, d in zip(conv.kernel_size, conv.dilation, strict=True)]
    return [0] * len(conv.kernel_size) if conv.padding == "valid" else list(conv.padding)


def multiply_adds(module: nn.Module, taken: Any, made: Any) -> int:
    """Multiplications of one sample that are summed up."""
    if isinstance(module, CONVS):
        return made[0].numel() * module.in_channels // module.groups * module.weight[0, 0].numel()
    if isinstance(module, TRANSPOSED):
        return taken[0].numel() * module.out_channels // module.groups * module.weight[0, 0].numel()
    if isinstance(module, nn.Linear):
        return made[0].numel() * module.in_features
    if isinstance(module, RECURRENT):
        weights = sum(p.numel() for name, p in module.named_parameters() if name.startswith("weight"))
        return weights * made.shape[1 if module.batch_first else 0]
    return 0


class Through(nn.Module):
    """Gives back what it gets."""

    def forward(self, x: Tensor) -> Tensor:
        """The input."""
        return x


def receptive_fields(net: nn.Module, forward: Callable, inputs: dict, key: str) -> list[tuple[int, ...] | None]:
    """Field of each layer; see ``layer_table``."""
    plain = copy.deepcopy(net).eval()
    for parent in list(plain.modules()):
        for name, child in list(parent.named_children()):
            if type(child) in POOLS:
                size = (child.kernel_size, child.stride, child.padding)
                setattr(parent, name, POOLS[type(child)](*size, ceil_mode=child.ceil_mode))
            elif isinstance(child, (*NORMS, *ACTIVATIONS)):
                setattr(parent, name, Through())
    seen = torch.ones_like(inputs[key], requires_grad=True)
    with torch.no_grad():
        for parameter in plain.parameters():
            parameter.fill_(1.0 / max(1, parameter[0].numel() if parameter.ndim else 1))
    return [field_from(made, seen) for _, _, _, made in calls(plain, forward, {**inputs, key: seen})]


def field_from(made: Any, seen: Tensor) -> tuple[int, ...] | None:
    """Extent of the gradient of the middle value of a map with respect to the input (1, C, ...)."""
    made = made[0] if isinstance(made, tuple) else made
    if not isinstance(made, Tensor) or made.grad_fn is None:
        return None
    middle = made[(0, slice(None), *(n // 2 for n in made.shape[2:]))].sum()
    (gradient,) = torch.autograd.grad(middle, seen, retain_graph=True, allow_unused=True)
    if gradient is None:
        return None
    touched = gradient[0].abs().sum(0) > 0  # over channels
    return tuple(int(axis.max() - axis.min()) + 1 for axis in touched.nonzero(as_tuple=True))
