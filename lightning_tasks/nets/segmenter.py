"""Segmentation networks by name, always with fresh weights."""

import inspect
from collections.abc import Callable
from typing import Any

from torch import nn

from lightning_tasks.common.choices import nearest

from .dual_unet import DualUNet
from .unet import UNet

# name -> (class, the arguments that make it the variant of its name; the caller may override them)
FAMILY: dict[str, tuple[type[nn.Module], dict[str, Any]]] = {
    "unet": (UNet, {}),
    "unet_se": (UNet, {"se": 8}),
    "unet_spatial_attention": (UNet, {"spatial_attention": True}),
    "unet_transformer": (UNet, {"transformer": 2}),
    "dual_unet": (DualUNet, {}),
}
HELP = f"Networks: {', '.join(FAMILY)}, or smp/<Architecture>/<encoder> such as smp/Segformer/tu-regnetx_160."

# Set by build_segmenter, or (activation, aux_params) turning the output into something other than logits.
SMP_FIXED = {
    "self",
    "kwargs",
    "encoder_name",
    "encoder_weights",
    "in_channels",
    "classes",
    "activation",
    "aux_params",
}
# Arguments of timm encoders ("tu-...") that segmentation_models_pytorch hands on through **kwargs.
TIMM_EXTRA = {"drop_rate", "drop_path_rate"}


def build_segmenter(net: str, in_channels: int, num_classes: int, **net_args: Any) -> nn.Module:
    """Build a segmentation network: image float32 (B, in_channels, H, W) -> logits (B, num_classes, H, W).

    Weights are random: nothing is downloaded. H and W must suit the network (multiples of 8 for ``unet`` at
    depth 3, of 32 for most ``smp/`` networks); a wrong size is an error that names the sizes that work.

    ``smp/`` architectures that pool to one pixel before a BatchNorm (DeepLabV3, DeepLabV3Plus, PAN, PSPNet,
    UPerNet) cannot train on a batch of one image: drop the last incomplete batch there, or take another
    network.

    Args:
        net: ``unet``, ``unet_se``, ``unet_spatial_attention``, ``unet_transformer``, ``dual_unet``, or
            ``smp/<Architecture>/<encoder>`` for segmentation_models_pytorch; ``tu-<name>`` encoders come from
            timm.
        in_channels: channels of the image.
        num_classes: number of classes.
        **net_args: arguments of ``UNet``, ``DualUNet`` or the smp architecture (``encoder_depth``,
            ``decoder_use_norm``, ...).

    Raises:
        ValueError: for an unknown name (with the nearest valid one) or an unknown argument (with the valid
        ones).
    """
    if net in FAMILY:
        cls, preset = FAMILY[net]
        valid = set(inspect.signature(cls).parameters) - {"in_channels", "num_classes"}
        _check_args(net, net_args, valid)
        return cls(in_channels, num_classes, **{**preset, **net_args})
    if net.startswith("smp/"):
        return _build_smp(net, in_channels, num_classes, net_args)
    raise ValueError(f"net={net!r} is unknown.{nearest(net, [*FAMILY, 'smp/Unet/resnet18'])} {HELP}")


def _build_smp(net: str, in_channels: int, num_classes: int, net_args: dict[str, Any]) -> nn.Module:
    """Build ``smp/<Architecture>/<encoder>``."""
    import segmentation_models_pytorch as smp  # here, because the import takes seconds
    import timm

    parts = net.split("/")
    if len(parts) != 3:
        raise ValueError(f"net={net!r}: three parts expected, smp/<Architecture>/<encoder>. {HELP}")
    _, architecture, encoder = parts
    architectures: dict[str, Callable[..., nn.Module]] = {
        cls.__name__: cls for cls in smp.MODEL_ARCHITECTURES_MAPPING.values()
    }
    if architecture not in architectures:
        hint = nearest(architecture, architectures, f"smp/{{}}/{encoder}", most=2)
        raise ValueError(f"net={net!r}: unknown architecture.{hint} Architectures: {', '.join(architectures)}.")
    is_timm = encoder.startswith("tu-")
    # The prefix says which list is meant; in both together a near miss would drown among 1,300 names.
    names = [f"tu-{n}" for n in timm.list_models()] if is_timm else smp.encoders.get_encoder_names()
    if encoder.split(".")[0] not in names:  # timm: tu-<name>.<weights tag>
        hint = nearest(encoder, names, f"smp/{architecture}/{{}}", most=2)
        raise ValueError(
            f"net={net!r}: unknown encoder.{hint} Encoders: resnet18, resnet34, efficientnet-b0, ... "
            "(segmentation_models_pytorch), or tu-<name> for any timm network."
        )
    cls = architectures[architecture]
    valid = set(inspect.signature(cls).parameters) - SMP_FIXED | (TIMM_EXTRA if is_timm else set())
    _check_args(net, net_args, valid)
    try:
        return cls(encoder, encoder_weights=None, in_channels=in_channels, classes=num_classes, **net_args)
    except Exception as error:  # smp and timm raise a dozen types for arguments that do not fit together
        raise ValueError(f"net={net!r} with {net_args or 'default arguments'}: {error}") from error


def _check_args(net: str, net_args: dict[str, Any], valid: set[str]) -> None:
    unknown = sorted(set(net_args) - valid)
    if unknown:
        hint = nearest(unknown[0], valid)
        raise ValueError(f"net={net!r} has no argument {', '.join(unknown)}.{hint} Valid: {', '.join(sorted(valid))}.")
