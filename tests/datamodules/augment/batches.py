"""Batches and policies for tests of augmentation."""

import torch

from datamodules.augment.base import OPS
from datamodules.augment.policy import Augment

MIXING = [name for name, op in OPS.items() if op.mixes]
PLAIN = [name for name in OPS if name not in MIXING]
GEOMETRY = ["hflip", "vflip", "rot90", "affine", "rotate", "shear", "translate", "crop_resize"]
NO_MASK = ["mixup", "augmix", "background"]  # they blend, and masks cannot be blended


def make_batch(channels=3, size=(24, 24), count=6, seed=0):
    g = torch.Generator().manual_seed(seed)
    return {
        "id": list(range(count)),
        "image": torch.rand(count, channels, *size, generator=g),
        "mask": torch.randint(0, 5, (count, *size), generator=g),
        "label": torch.arange(count) % 4,
    }


def entry(name, **arguments):
    if name == "paste":
        arguments.setdefault("classes", [3, 4])
    return {name: arguments}


def batch_for(name, **arguments):
    batch = make_batch(**arguments)
    if name in NO_MASK:
        del batch["mask"]
    return batch


def run(policy, batch, seed=0):
    return Augment(policy)(batch, torch.Generator().manual_seed(seed))


def ramps(h, w):
    """Six pictures of 8 x 8 blocks, each block one of classes 0..3, and the same as mask."""
    y, x = torch.meshgrid(torch.arange(h) // 8, torch.arange(w) // 8, indexing="ij")
    mask = ((x + 2 * y) % 4).expand(6, h, w).contiguous()
    return {"image": (mask.float() / 4)[:, None], "mask": mask}
