"""Where a classifier looks: Grad-CAM, input gradients and SmoothGrad.

B, K: samples, classes; H, W: rows and columns of the image; h, w: of a feature map. All maps are float32 on the
device of the image, whatever precision the network computes in.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules import pooling

from lightning_tasks.common.choices import nearest

Logits = Callable[[Tensor], Tensor]  # images (B, C, H, W) -> logits (B, K)
POOLING = (pooling._MaxPoolNd, pooling._AvgPoolNd, pooling._AdaptiveMaxPoolNd, pooling._AdaptiveAvgPoolNd)
PROPORTION = 0.35  # log of how much longer or wider than the image a feature map may be, by rounding of odd sides


class NoFeatureMap(ValueError):
    """Nothing between the image and the logits is a picture."""


class GradCam:
    """Class activation maps weighted by gradients.

    Each image has its own class and its own channel weights, the mean over pixels of the gradient of the class's
    logit: an image's map is the same alone and inside a batch, as long as the network is in evaluation mode.

    Args:
        net: Network whose modules are searched for the feature map; in evaluation mode.
        layer: Name of a module of ``net``. None takes the last feature map larger than one pixel whose gradient
            is not zero everywhere, in the order of the forward pass.

    Raises:
        ValueError: No such module.
        NoFeatureMap: No feature map (when called).

    Source: Selvaraju et al. 2017, "Grad-CAM", section 3.
    """

    def __init__(self, net: nn.Module, layer: str | None = None) -> None:
        self.net, self.layer = net, layer
        self.modules = {name: module for name, module in net.named_modules() if name}
        if layer is not None and layer not in self.modules:
            raise ValueError(
                f"--layer {layer!r}: the network has no such module.{nearest(layer, self.modules, most=3)}"
            )

    def __call__(self, logits: Logits, image: Tensor, target: Tensor) -> Tensor:
        """Maps (B, H, W), each scaled to [0, 1] by its own maximum; all zero where nothing speaks for the class.

        Args:
            logits: Images -> logits (B, K), by a forward pass of ``net``.
            image: (B, C, H, W) in [0, 1].
            target: int64 (B,), the class that is explained.
        """
        with torch.inference_mode(False), torch.enable_grad():
            image = image.clone().requires_grad_()  # the gradient then flows through frozen weights too
            if self.layer is None:
                self.layer = self._find(logits, image[:1], target[:1])
            seen = _forward(logits, image, {self.layer: self.modules[self.layer]})
            feature_map = seen.maps.get(self.layer)
            if feature_map is None or as_map(feature_map, image, self.net) is None:
                raise ValueError(f"--layer {self.layer!r} gives no feature map (B, C, h, w) or tokens (B, N, C).")
            (gradient,) = torch.autograd.grad(_chosen(seen.logits, target), feature_map, allow_unused=True)
            if gradient is None:
                raise ValueError(f"--layer {self.layer!r} has no influence on the logits.")
            maps, slopes = (as_map(v, image, self.net).float() for v in (feature_map.detach(), gradient))
            cam = (slopes.mean((2, 3), keepdim=True) * maps).sum(1).relu()
            return unit(F.interpolate(cam[:, None], image.shape[2:], mode="bilinear", align_corners=False)[:, 0])

    def _find(self, logits: Logits, image: Tensor, target: Tensor) -> str:
        seen = _forward(logits, image, self.modules)
        feature_maps = {name: v for name, v in seen.maps.items() if as_map(v, image, self.net) is not None}
        logit = _chosen(seen.logits, target)
        slopes = torch.autograd.grad(logit, list(feature_maps.values()), allow_unused=True) if feature_maps else ()
        for name, slope in reversed(list(zip(feature_maps, slopes, strict=True))):
            # Patches of the last block of a ViT that reads its class token have no gradient.
            if slope is not None and as_map(slope, image, self.net).any():
                return name
        raise NoFeatureMap("The network has no feature map larger than one pixel: Grad-CAM does not apply to it.")


class _Seen:
    """What a forward pass left: logits, and the module outputs in the order they were last computed."""

    def __init__(self) -> None:
        self.maps: dict[str, Tensor] = {}
        self.logits: Tensor


def _forward(logits: Logits, image: Tensor, modules: dict[str, nn.Module]) -> _Seen:
    seen, pooled = _Seen(), []

    def keep(name: str) -> Callable:
        def hook(module: nn.Module, inputs: tuple, output: Tensor) -> None:
            if not isinstance(output, Tensor) or output.ndim < 3 or len(output) != len(image):
                return
            # What a pooling layer gives is a coarser copy of the map before it; a container that ends in one
            # gives the same tensor. A layer named by the user is taken all the same.
            if len(modules) > 1 and (isinstance(module, POOLING) or any(output is other for other in pooled)):
                pooled.append(output)
                return
            seen.maps.pop(name, None)  # a module called twice counts where it was called last
            seen.maps[name] = output

        return hook

    hooks = [module.register_forward_hook(keep(name)) for name, module in modules.items()]
    try:
        seen.logits = logits(image).float()
    finally:
        for hook in hooks:
            hook.remove()
    return seen


def _chosen(logits: Tensor, target: Tensor) -> Tensor:
    """Sum over the batch of each sample's target logit: its gradient holds each sample's own."""
    return logits.gather(1, target[:, None]).sum()


def as_map(value: Tensor, image: Tensor, net: nn.Module) -> Tensor | None:
    """A module's output as a feature map (B, C, h, w), or None where it is none.

    Taken are (B, C, h, w) and (B, h, w, C) with the proportions of the image, and the tokens (B, N, C) of networks
    that have timm's ``num_prefix_tokens`` (tokens in front that stand for no place) and ``num_features``.
    """
    ratio = image.shape[2] / image.shape[3]
    if value.ndim == 4:
        layouts = [v for v in (value, value.permute(0, 3, 1, 2)) if v.shape[2:].numel() > 1]
        misfits = [abs(math.log(v.shape[2] / v.shape[3] / ratio)) for v in layouts]
        if not layouts or min(misfits) > PROPORTION:
            return None
        return layouts[misfits.index(min(misfits))]
    tokens = next((m for m in net.modules() if hasattr(m, "num_prefix_tokens")), None)
    if value.ndim != 3 or tokens is None or value.shape[2] != tokens.num_features:
        return None
    places = value.shape[1] - tokens.num_prefix_tokens
    rows = round(math.sqrt(max(places, 0) * ratio))
    if places < 2 or not rows or places % rows:
        return None
    return value[:, tokens.num_prefix_tokens :].transpose(1, 2).unflatten(2, (rows, places // rows))


def saliency(logits: Logits, image: Tensor, target: Tensor) -> Tensor:
    """Largest absolute input gradient over channels of the target's logit: (B, H, W), unscaled.

    Source: Simonyan et al. 2014, "Deep inside convolutional networks", section 3.
    """
    with torch.inference_mode(False), torch.enable_grad():
        image = image.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(_chosen(logits(image).float(), target), image)
    return gradient.float().abs().amax(1)


def smooth_grad(
    logits: Logits, image: Tensor, target: Tensor, draws: int = 16, noise: float = 0.15, seed: int = 0
) -> Tensor:
    """Mean of ``saliency`` over noisy copies: (B, H, W), unscaled.

    Args:
        logits: Images -> logits.
        image: (B, C, H, W).
        target: int64 (B,).
        draws: Noisy copies.
        noise: Standard deviation of the Gaussian noise as a share of each image's range.
        seed: Of the noise, which is the same for every image.

    Source: Smilkov et al. 2017, "SmoothGrad", section 3; the absolute value is taken before the mean.
    """
    generator = torch.Generator().manual_seed(seed)
    spread = noise * (image.amax((1, 2, 3), keepdim=True) - image.amin((1, 2, 3), keepdim=True))
    total = torch.zeros_like(image[:, 0], dtype=torch.float32)
    for _ in range(draws):
        draw = torch.randn(image.shape[1:], generator=generator).to(image.device, image.dtype)
        total += saliency(logits, image + spread * draw, target)
    return total / draws


def unit(maps: Tensor, quantile: float = 1.0) -> Tensor:
    """Each map (B, H, W) divided by its own maximum, or by a quantile and cut at 1; zero maps stay zero."""
    top = maps.flatten(1).quantile(quantile, dim=1) if quantile < 1 else maps.flatten(1).amax(1)
    return (maps / top.clamp_min(torch.finfo(maps.dtype).tiny)[:, None, None]).clamp(max=1)
