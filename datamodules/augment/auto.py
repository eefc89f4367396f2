"""Random policies for labelled pictures: RandAugment and AugMix, with the menu of ops they draw from.

Every sample draws its own op. Samples are sorted by op, so that each op runs once on a small batch.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from .base import Draw, column, op
from .color import autocontrast, equalize, posterize_to, recolor, sharpen, solarize_above
from .geometry import spatial, warp

Change = Callable[[dict, Draw, Tensor], dict]

# name -> change of strength m (B,) in [0, 1]; the largest changes are those of torchvision's RandAugment
MENU: dict[str, Change] = {
    "identity": lambda batch, draw, m: {},
    "shear_x": lambda batch, draw, m: warp(batch, lean_x=draw.sign() * m * 17),
    "shear_y": lambda batch, draw, m: warp(batch, lean_y=draw.sign() * m * 17),
    "translate_x": lambda batch, draw, m: warp(batch, shift_x=draw.sign() * m * 0.45),
    "translate_y": lambda batch, draw, m: warp(batch, shift_y=draw.sign() * m * 0.45),
    "rotate": lambda batch, draw, m: warp(batch, angle=draw.sign() * m * 30),
    "brightness": lambda batch, draw, m: {"image": recolor(batch["image"], brightness=1 + draw.sign() * m * 0.9)},
    "color": lambda batch, draw, m: {"image": recolor(batch["image"], saturation=1 + draw.sign() * m * 0.9)},
    "contrast": lambda batch, draw, m: {"image": recolor(batch["image"], contrast=1 + draw.sign() * m * 0.9)},
    "sharpness": lambda batch, draw, m: {"image": sharpen(batch["image"], 1 + draw.sign() * m * 0.9)},
    "posterize": lambda batch, draw, m: {"image": posterize_to(batch["image"], 8 - (m * 4).round())},
    "solarize": lambda batch, draw, m: {"image": solarize_above(batch["image"], 1 - m)},
    "autocontrast": lambda batch, draw, m: autocontrast(batch, draw),
    "equalize": lambda batch, draw, m: equalize(batch, draw),
}
# AugMix leaves out what a test of robustness to corruption may contain
AUGMIX_MENU = [name for name in MENU if name not in ("identity", "brightness", "color", "contrast", "sharpness")]


def one_each(batch: dict, draw: Draw, strength: Tensor, names: list[str]) -> dict:
    """Change every sample by one op of its own from ``names``, at ``strength`` (B,) in [0, 1]."""
    # group sizes fix shapes: drawn on the host, where nothing has to wait for the device
    which = torch.randint(len(names), (draw.count,), generator=draw.on_host())
    sizes = torch.bincount(which, minlength=len(names)).tolist()
    order = which.argsort(stable=True).to(draw.device, non_blocking=True)
    moved = spatial(batch)
    pieces = {key: value[order].split(sizes) for key, value in moved.items()}
    levels = strength[order].split(sizes)
    done: dict[str, list[Tensor]] = {key: [] for key in moved}
    for i, name in enumerate(names):
        if sizes[i]:
            piece = {key: pieces[key][i] for key in moved}
            piece |= MENU[name](piece, draw.of(piece["image"]), levels[i])
            for key in moved:
                done[key].append(piece[key])
    back = order.argsort()
    return {key: torch.cat(parts)[back] for key, parts in done.items()}


@op()
def randaugment(batch: dict, draw: Draw, ops: int = 2, magnitude: float = 9) -> dict:
    """RandAugment: ``ops`` random changes in a row, of strength ``magnitude`` of 30 (Cubuk et al., 2020).

    As in torchvision (identity, shear, translate, rotate, brightness, colour, contrast, sharpness, posterize,
    solarize, autocontrast, equalize), but borders are reflected instead of black. A mask moves along.
    """
    if ops < 1 or not 0 <= magnitude <= 30:
        raise ValueError(f"randaugment ops={ops}, magnitude={magnitude}: need ops of 1 or more, magnitude 0..30.")
    strength = batch["image"].new_full((draw.count,), magnitude / 30)
    for _ in range(ops):
        batch = batch | one_each(batch, draw, strength, list(MENU))
    return spatial(batch)


@op()
def augmix(batch: dict, draw: Draw, width: int = 3, depth: int = 2, alpha: float = 1.0, severity: float = 3.0) -> dict:
    """Blend ``width`` chains of ``depth`` random changes with the picture (Hendrycks et al., 2020, "AugMix").

    Weights of the chains from Dirichlet(alpha), share of their mixture from Beta(alpha, alpha); strengths
    even in 0.01..``severity``/10. Depth is fixed where the paper draws 1 to 3; the paper's consistency loss
    is the task's.
    """
    if "mask" in batch:
        raise ValueError("augmix blends moved pictures, masks cannot be blended. Use randaugment.")
    if width < 1 or depth < 1 or alpha <= 0 or not 0 < severity <= 10:
        raise ValueError(
            f"augmix width={width}, depth={depth}, alpha={alpha}, severity={severity}: "
            "need width and depth of 1 or more, alpha above 0, severity in (0, 10]."
        )
    image = batch["image"]
    weight = draw.gamma(alpha, width)
    weight = weight / weight.sum(1, keepdim=True)  # (B, width)
    share = column(draw.beta(alpha), image)
    chains = {"image": image.repeat(width, 1, 1, 1)}  # (width * B, C, H, W): all chains in one batch
    many = draw.of(chains["image"])
    for _ in range(depth):
        chains = one_each(chains, many, many.uniform(0.01, severity / 10), AUGMIX_MENU)
    mixed = torch.einsum("bk,kbchw->bchw", weight, chains["image"].view(width, *image.shape))
    return {"image": torch.lerp(image, mixed, share).clamp_(0, 1)}
