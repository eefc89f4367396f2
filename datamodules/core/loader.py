"""Batches sliced from tensors on the training device."""

from collections.abc import Iterator

import torch
from torch import Tensor

from .samplers import EpochSampler


class TensorLoader:
    """Serve batches as slices of tensors, without workers and without collating.

    Args:
        tensors: name -> tensor (N, ...), all on one device, which is the device of the batches.
        sampler: Gives the rows of each epoch. Lightning finds it under this name and sets its epoch.
        batch_size: Samples a batch and process.
        drop_last: Leave out a short last batch, unless it is the only one.
        lengths: int64 (N,) on the CPU; then each batch holds ``tokens`` (B, T) with T its own longest sample.
    """

    def __init__(
        self,
        tensors: dict[str, Tensor],
        sampler: EpochSampler,
        batch_size: int,
        drop_last: bool = False,
        lengths: Tensor | None = None,
    ) -> None:
        self.tensors, self.sampler = tensors, sampler
        self.batch_sampler = None  # Lightning looks for it where it finds a sampler
        self.batch_size, self.drop_last, self.lengths = batch_size, drop_last, lengths
        self.device = next(iter(tensors.values())).device

    def __len__(self) -> int:
        full, rest = divmod(len(self.sampler), self.batch_size)
        return full + int(rest > 0 and not (self.drop_last and full > 0))

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        order = self.sampler.order()
        lengths = None if self.lengths is None else self.lengths[order]  # on the CPU: no wait for the device
        order = order.to(self.device)
        for step in range(len(self)):
            part = slice(step * self.batch_size, (step + 1) * self.batch_size)
            # a copy of whole rows: tensor[rows] takes twenty times as long for small pictures on CPUs
            batch = {name: tensor.index_select(0, order[part]) for name, tensor in self.tensors.items()}
            if lengths is not None:
                batch["tokens"] = batch["tokens"][:, : max(1, int(lengths[part].max()))]
            yield batch


def to_float(batch: dict) -> dict:
    """``image`` uint8 -> float32 in [0, 1]; ``mask`` and ``label`` -> int64, ``target`` -> float32; others stay."""
    out = dict(batch)
    if "image" in out and out["image"].dtype == torch.uint8:
        out["image"] = out["image"].float().div_(255)
    for key in ("mask", "label"):
        if key in out:
            out[key] = out[key].long()
    if "target" in out:
        out["target"] = out["target"].float()
    return out
