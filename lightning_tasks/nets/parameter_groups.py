"""The blocks of a network, from the picture to the head: which of them train, and at what learning rate.

A block is what timm calls a coarse group: the stem, a stage of a CNN, or a layer of a transformer. The head is the
last layer, with norms and layers of its own in front of it.
"""

import re

from timm.models import group_parameters
from torch import nn


def blocks(net: nn.Module) -> list[list[str]]:
    """Parameter names of each block, in order; the last entry is the head.

    Networks without timm's ``group_matcher`` give one block for each direct child that has parameters.
    """
    if hasattr(net, "group_matcher"):
        return list(group_parameters(net, net.group_matcher(coarse=True)).values())
    names_by_block: dict[str, list[str]] = {}
    for name, _ in net.named_parameters():
        names_by_block.setdefault(name.split(".")[0], []).append(name)
    return list(names_by_block.values())


def check_unfreeze(spec: str) -> str:
    """Return ``all``, ``head`` or ``last:N``.

    Raises:
        ValueError: ``spec`` is something else.
    """
    if not re.fullmatch(r"all|head|last:\d+", spec):
        raise ValueError(f"unfreeze={spec!r}: choose all, head or last:N, the head and the last N blocks before it.")
    return spec


def trainable_names(net: nn.Module, spec: str) -> list[str]:
    """Names of the parameters that train under ``all``, ``head`` or ``last:N``."""
    groups = blocks(net)
    count = len(groups) if spec == "all" else 1 if spec == "head" else 1 + int(spec.removeprefix("last:"))
    return [name for group in groups[-count:] for name in group]


def set_trainable(net: nn.Module, spec: str) -> None:
    """Let only the chosen blocks train; the others get no gradient and stay in eval mode.

    Without eval mode the BatchNorm statistics of a frozen block would go on moving.
    """
    chosen = set(trainable_names(net, spec))
    for name, parameter in net.named_parameters():
        parameter.requires_grad_(name in chosen)
        if name not in chosen:
            parameter.grad = None
    net.train()
    for module in net.modules():
        trainable = [p.requires_grad for p in module.parameters()]
        if trainable and not any(trainable):
            module.eval()


def lr_groups(net: nn.Module, lr: float, backbone_lr: float, weight_decay: float) -> list[dict]:
    """Parameter groups for an optimiser: the blocks at ``backbone_lr`` times the rate, then the head.

    Weight decay leaves out biases and norms (one axis), as timm's optimiser factory does.
    """
    head = set(blocks(net)[-1])
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in net.named_parameters():
        groups.setdefault((name in head, parameter.ndim > 1), []).append(parameter)
    return [
        {
            "params": parameters,
            "lr": lr * (1 if is_head else backbone_lr),
            "weight_decay": weight_decay if decays else 0.0,
        }
        for (is_head, decays), parameters in sorted(groups.items(), key=lambda item: item[0])
    ]
