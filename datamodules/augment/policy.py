"""Augmentation of whole batches on their device: no workers, no loop over samples, no wait for the device.

A batch is a dict with ``image`` float32 (B, C, H, W) in [0, 1]; ``mask`` (B, H, W) int64 and ``label`` (B,)
are optional; other keys pass through. Ops that move pixels live in ``geometry``, those that change
values in ``color``, what cameras do in ``camera``, holes and mixtures in ``mix``, random policies in ``auto``.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

import torch

from . import auto, camera, color, geometry, mix  # noqa: F401  (they register ops)
from .base import OPS, REQUIRED, Draw


class Augment:
    """A policy: ops applied in order, each to a random choice of samples with parameters drawn per sample.

    In YAML::

        augment:
          - hflip
          - affine: {degrees: 10, scale: [0.9, 1.1], translate: 0.1, p: 0.8}
          - cutmix: {alpha: 1.0, p: 0.5}

    Every op takes ``p``, the probability for each sample. Ops that mix samples (cutmix, mixup, paste) come
    last. CutMix and MixUp on labels add ``label2`` (B,), the label mixed in, and ``lam`` (B,) float32, the
    share of the original label: ``loss = lam * loss(label) + (1 - lam) * loss(label2)``.

    Args:
        policy: op names, or one-entry dicts ``{name: {argument: value}}``.

    Raises:
        ValueError: for an unknown op or argument, with the nearest valid name, and for a wrong order.
    """

    def __init__(self, policy: list[str | dict]) -> None:
        self.steps = [_parse(entry) for entry in policy]
        mixed = None
        for name, _ in self.steps:
            if OPS[name].mixes:
                mixed = name
            elif mixed:
                raise ValueError(f"augment: {name!r} stands after {mixed!r}. Ops that mix samples must come last.")

    def __call__(self, batch: dict[str, Any], generator: torch.Generator) -> dict[str, Any]:
        """Augment one training batch.

        Args:
            batch: see the top of this file; it is not changed.
            generator: on the device of the batch; the same state gives the same result.

        Returns:
            A new dict with tensors of the same shape, dtype and range, for some ops also ``label2`` and
            ``lam``.

        Raises:
            ValueError: if image or mask have the wrong type or shape, or an op cannot work on them.
        """
        _check(batch)
        batch = dict(batch)
        with torch.no_grad():
            draw = Draw(generator, batch["image"])
            for name, arguments in self.steps:
                batch = OPS[name](batch, draw, **arguments)
        return batch

    def __repr__(self) -> str:
        return f"Augment({self.steps})"


def _parse(entry: str | dict) -> tuple[str, dict]:
    """Name and complete arguments of one policy entry."""
    if isinstance(entry, str):
        entry = {entry: {}}
    if not isinstance(entry, dict) or len(entry) != 1:
        raise ValueError(f"augment: {entry!r} must be a name or one {{name: {{argument: value}}}}.")
    name, chosen = next(iter(entry.items()))
    if name not in OPS:
        raise ValueError(f"augment: unknown op {name!r}.{nearest(name, OPS)} Valid: {', '.join(sorted(OPS))}.")
    chosen = {} if chosen is None else chosen
    valid = OPS[name].arguments()
    if not isinstance(chosen, dict):
        raise ValueError(f"augment: {name}: {chosen!r} must be a mapping, as in {name}: {{p: 0.5}}.")
    for argument in chosen:
        if argument not in valid:
            raise ValueError(
                f"augment: {name} has no argument {argument!r}.{nearest(argument, valid)} "
                f"Valid: {', '.join(sorted(valid))}."
            )
    arguments = valid | chosen
    missing = [argument for argument, value in arguments.items() if value is REQUIRED]
    if missing:
        raise ValueError(f"augment: {name} needs {missing[0]!r}, as in {name}: {{{missing[0]}: ...}}.")
    if not isinstance(arguments["p"], (int, float)) or not 0 <= arguments["p"] <= 1:
        raise ValueError(f"augment: {name}: p={arguments['p']!r} must be a probability from 0 to 1.")
    return name, arguments


def nearest(word: object, valid: Iterable[str]) -> str:
    """`` Did you mean 'x'?``, or nothing."""
    near = get_close_matches(str(word), valid, n=1, cutoff=0.5)
    return f" Did you mean {near[0]!r}?" if near else ""


def _check(batch: dict) -> None:
    image, mask = batch.get("image"), batch.get("mask")
    if not isinstance(image, torch.Tensor) or image.dim() != 4 or image.dtype != torch.float32:
        kind = f"{image.dtype} {tuple(image.shape)}" if isinstance(image, torch.Tensor) else type(image).__name__
        raise ValueError(f"augment: image must be float32 (B, C, H, W) in [0, 1], got {kind}. uint8: use x / 255.")
    if mask is not None and mask.shape != (len(image), *image.shape[2:]):
        raise ValueError(f"augment: mask {tuple(mask.shape)} does not fit image {tuple(image.shape)}: need (B, H, W).")
