"""Classification networks by name: our own, and every network of timm."""

import inspect
from typing import Any

from torch import nn

from lightning_tasks.common.choices import nearest

from .brain_tumor import BrainTumorForward, BrainTumorSequential
from .cnn_small import CnnSmall
from .inception import InceptionNet
from .small import LeNet5, Mlp, MnistCnn, ResNetCifar, TunedCnn
from .transfer import TransferNet

# name -> (class taking in_channels and num_classes, the arguments that make it the variant of its name).
# A class may have `get_classifier` and `group_matcher` as timm's have; unfreezing and given weights use them.
FAMILY: dict[str, tuple[type[nn.Module], dict[str, Any]]] = {
    "cnn_small": (CnnSmall, {}),
    "mnist_cnn": (MnistCnn, {}),
    "mlp": (Mlp, {}),
    "lenet5": (LeNet5, {}),
    "cnn": (TunedCnn, {}),
    "resnet_cifar": (ResNetCifar, {}),
    "transfer": (TransferNet, {}),
    "inception": (InceptionNet, {}),
    "brain_tumor": (BrainTumorSequential, {}),
    "brain_tumor_forward": (BrainTumorForward, {}),
}
# Arguments of build_classifier itself, or of the task.
TIMM_FIXED = {"pretrained", "num_classes", "in_chans", "checkpoint_path", "pretrained_cfg", "pretrained_cfg_overlay"}


def build_classifier(
    net: str,
    in_channels: int,
    num_classes: int,
    *,
    pretrained: bool = False,
    head_hidden: list[int] | None = None,
    head_dropout: float = 0.0,
    small_stem: bool = False,
    **net_args: Any,
) -> nn.Module:
    """Build a network: image float32 (B, in_channels, H, W) -> logits (B, num_classes).

    Args:
        net: One of ``FAMILY``, or ``timm/<name>`` such as ``timm/resnet18``.
        in_channels: Channels of the image.
        num_classes: K.
        pretrained: Load timm's weights, which may download them; the head is always new.
        head_hidden: Widths of hidden GELU layers in front of the last one, for timm's networks.
        head_dropout: Dropout in front of each of these layers.
        small_stem: For timm's ResNets and pictures up to 64 pixels: a 3x3 first convolution of stride 1 and no
            pooling, so that the last stage sees 1/8 of the side instead of 1/32.
        **net_args: Arguments of the network's class: ``drop_rate``, ``drop_path_rate``, ``patch_size``, ...

    Raises:
        ValueError: An unknown name (with the nearest ones) or argument (with the valid ones), or an argument that
            does not suit the network.
    """
    if net in FAMILY:
        cls, preset = FAMILY[net]
        if pretrained and "pretrained" not in inspect.signature(cls).parameters:
            raise ValueError(f"net={net!r} has no pretrained weights. Use timm/<name>, or weights: none or a path.")
        preset = preset | ({"pretrained": True} if pretrained else {})
        extra = {"head_hidden": head_hidden, "head_dropout": head_dropout, "small_stem": small_stem}
        arguments = net_args | {k: v for k, v in extra.items() if v}
        _check_args(
            net, arguments, set(inspect.signature(cls).parameters) - {"in_channels", "num_classes", "pretrained"}
        )
        return cls(in_channels, num_classes, **{**preset, **arguments})
    if not net.startswith("timm/"):
        raise ValueError(
            f"net={net!r} is unknown.{nearest(net, [*FAMILY, 'timm/resnet18'])} "
            f"Networks: {', '.join(FAMILY)}, or timm/<name> such as timm/resnet18."
        )
    model = _build_timm(net, in_channels, num_classes, pretrained, net_args)
    if small_stem:
        _shrink_stem(net, model)
    if head_hidden:
        _deepen_head(model, head_hidden, head_dropout)
    return model


def _build_timm(net: str, in_channels: int, num_classes: int, pretrained: bool, net_args: dict) -> nn.Module:
    import timm

    name = net.removeprefix("timm/")
    if not timm.is_model(name.split(".")[0]):  # <name>.<tag of the weights>
        raise ValueError(
            f"net={net!r}: timm has no such network.{nearest(name, timm.list_models(), 'timm/{}', most=2)} "
            "Networks: resnet18, convnext_tiny, tf_efficientnetv2_s, ..."
        )
    if fixed := sorted(TIMM_FIXED & set(net_args)):
        raise ValueError(f"net_args must not hold {fixed[0]!r}: the task sets it (`weights` chooses the weights).")
    try:
        return timm.create_model(name, pretrained=pretrained, in_chans=in_channels, num_classes=num_classes, **net_args)
    except TypeError as error:
        if "unexpected keyword" not in str(error):
            raise ValueError(f"net={net!r} with {net_args}: {error}") from error
        cls = type(timm.create_model(name))
        valid = {p for c in cls.__mro__ if issubclass(c, nn.Module) for p in inspect.signature(c.__init__).parameters}
        _check_args(net, net_args, valid - TIMM_FIXED - {"self", "args", "kwargs"})
        raise ValueError(f"net={net!r}: {error}") from error


def _shrink_stem(net: str, model: nn.Module) -> None:
    """Replace the first convolution of a ResNet, and its pooling."""
    conv = getattr(model, "conv1", None)
    if not isinstance(conv, nn.Conv2d) or not hasattr(model, "maxpool"):
        raise ValueError(
            f"net={net!r}: small_stem is for ResNets with a 7x7 stem. ConvNeXt and ViT take patch_size; "
            "for others enlarge the pictures (--data.resize)."
        )
    model.conv1 = nn.Conv2d(conv.in_channels, conv.out_channels, 3, 1, 1, bias=conv.bias is not None)
    model.maxpool = nn.Identity()


def _deepen_head(model: nn.Module, hidden: list[int], dropout: float) -> None:
    """Put hidden layers in front of the last layer."""
    last = model.get_classifier()
    name = next(name for name, module in model.named_modules() if module is last)
    widths = [last.in_features, *hidden]
    layers: list[nn.Module] = []
    for narrow, wide in zip(widths, widths[1:], strict=False):
        layers += [nn.Dropout(dropout), nn.Linear(narrow, wide), nn.GELU()]
    layers += [nn.Dropout(dropout), nn.Linear(widths[-1], last.out_features)]
    model.set_submodule(name, nn.Sequential(*layers))


def _check_args(net: str, net_args: dict[str, Any], valid: set[str]) -> None:
    if unknown := sorted(set(net_args) - valid):
        hint = nearest(unknown[0], valid)
        raise ValueError(f"net={net!r} has no argument {unknown[0]!r}.{hint} Valid: {', '.join(sorted(valid))}.")
