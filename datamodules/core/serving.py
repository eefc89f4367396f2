"""How rows of pools become batches: one loader factory, dtypes, augmentation on the device."""

import os
from typing import Any

import numpy as np
import torch
from lightning import LightningDataModule
from torch import Tensor

from datamodules.augment.flips import flips_shown
from datamodules.augment.policy import Augment

from .loader import TensorLoader, to_float
from .samplers import EpochSampler
from .source import Arrays


def spread(rows: np.ndarray, limit: int | None = None) -> np.ndarray:
    """``limit`` of some rows, or all, evenly spread: the first ones of a file sorted by class are one class."""
    return rows if limit is None or limit >= len(rows) else rows[np.arange(limit) * len(rows) // limit]


class Serving(LightningDataModule):
    """Serves ``parts`` (name -> rows of a pool) of ``pools`` (name -> arrays); ``DataModule`` fills both.

    Args:
        augment: List of augmentations for the train part (see ``datamodules/augment``).
    """

    title: str = ""
    reserved: tuple[str, ...] = ()  # array names that, like ``name``, are not part of a batch
    content = "arrays"  # what verbs look at: ``text``, where pools hold it under this name and ``spelled`` reads tokens

    def __init__(self, augment: list[Any] | None = None) -> None:
        super().__init__()
        self.augment = Augment(augment or [])
        self.pools: dict[str, Arrays] = {}
        self.parts: dict[str, np.ndarray] = {}
        self._tensors: dict[tuple[str, torch.device], dict[str, Tensor]] = {}
        self._epoch = -1

    def pool_of(self, part: str) -> str:
        """Name of the pool that a part's rows point into."""
        return part if part in self.pools and part in ("test", "predict") else "train"

    def sizes(self) -> dict[str, int]:
        """Samples in each part."""
        return {part: len(rows) for part, rows in self.parts.items()}

    def sample_weights(self) -> Tensor | None:
        """Chance of each training row to be drawn, or None to serve each once an epoch."""
        return None

    def served(self, pool: str) -> Arrays:
        """Arrays of a pool that batches are made of."""
        return {key: value for key, value in self.pools[pool].items() if key not in ("name", *self.reserved)}

    def column_scales(self) -> dict[str, list[tuple[str, float, float]]]:
        """Of arrays that ``encode`` makes of columns: key -> name, mean and scale of each along the last axis.

        What a batch holds is (value - mean) / scale of the raw value: an export takes the raw one.
        """
        return {}

    def reading(self) -> dict[str, Any]:
        """What another program needs to make ``tokens`` of text, as plain values; mostly nothing."""
        return {}

    @property
    def has_images(self) -> bool:
        """Whether batches hold ``image``."""
        return "image" in self.pools["train"]

    def images(self, pool: str, rows: np.ndarray) -> np.ndarray:
        """``image`` (n, C, H, W) of some rows of a pool, as it is stored: what ``inspect`` looks at."""
        return self.pools[pool]["image"][rows]

    def tensors(self, pool: str, device: torch.device | None = None) -> dict[str, Tensor]:
        """Tensors of one pool on ``device``, by default the trainer's; made once."""
        device = device or self.device
        if (pool, device) not in self._tensors:
            self._tensors[pool, device] = {
                key: torch.from_numpy(np.ascontiguousarray(value)).to(device)
                for key, value in self.served(pool).items()
            }
        return self._tensors[pool, device]

    def arrays(self, part: str, limit: int | None = None) -> dict[str, Tensor]:
        """``limit`` samples of a part, or all, as CPU tensors, converted as in a batch; for baselines."""
        rows = spread(self.parts[part], limit)
        return to_float({k: torch.from_numpy(v[rows]) for k, v in self.served(self.pool_of(part)).items()})

    def sample_ids(self, part: str, limit: int) -> Tensor:
        """Ids of ``limit`` samples of a part, evenly spread over the share of this process."""
        order = self.order_of(part)
        rows = spread(self.parts[part][order["rank"] :: order["world"]], -(-limit // order["world"]))
        return torch.from_numpy(self.pools[self.pool_of(part)]["id"][rows])

    # ---- loaders ----------------------------------------------------------------------------------------------

    def _dataloader(self, part: str, batch_size: int | None = None) -> TensorLoader:
        """The only place that builds a loader."""
        if part not in self.parts:
            raise ValueError(f"{self.title} has no {part} part. It has: {', '.join(sorted(self.parts))}.")
        trainer = self.trainer
        training = part == "train"
        if training and self.hparams.augment and not self.has_images:
            raise ValueError(
                f"{self.title}: --data.augment changes pictures, and these batches hold none. Set --data.augment null"
                f"{', or --data.images true' if 'images' in self.hparams else ''}."
            )
        short = trainer is not None and trainer.lightning_module is not None and trainer.lightning_module.every_sample
        plain = batch_size is not None  # asked for from outside: the part's own order
        sampler = self.plain_sampler(part) if plain else self.sampler(part)
        size = batch_size or self.hparams.batch_size
        return self.loader(self.pool_of(part), sampler, size, drop_last=training and not short)

    def part_loader(self, part: str, batch_size: int | None = None) -> TensorLoader:
        """Batches of a part, not augmented; with ``batch_size`` in the part's own order whatever ``sampler`` says."""
        return self._dataloader(part, batch_size)

    def batch_of(self, part: str, ids: Tensor) -> dict[str, Tensor]:
        """The samples of a part with these ids (n,), in their order, not augmented, whichever process reads them."""
        pool, rows = self.pool_of(part), self.parts[part]
        row_of = dict(zip(self.pools[pool]["id"][rows].tolist(), rows.tolist(), strict=True))
        chosen = torch.tensor([row_of[i] for i in ids.tolist()])
        (batch,) = self.loader(pool, EpochSampler(chosen, shuffle=False), len(chosen), drop_last=False)
        return to_float({key: value.to(self.device) for key, value in batch.items()})

    def sampler(self, part: str) -> EpochSampler:
        """Order of a part's samples; text of many lengths and streams override it (see ``samplers``)."""
        return self.plain_sampler(part)

    def plain_sampler(self, part: str) -> EpochSampler:
        """The train part shuffled, or drawn by ``sample_weights``; other parts in their own order."""
        training = part == "train"
        return EpochSampler(
            torch.from_numpy(self.parts[part]),
            weights=self.sample_weights() if training else None,
            samples=self.hparams.samples_per_epoch,
            **self.order_of(part),
        )

    def order_of(self, part: str) -> dict[str, Any]:
        """What every sampler is told: whether to shuffle, the run's seed, this process and their number."""
        trainer = self.trainer
        rank, world = (trainer.global_rank, trainer.world_size) if trainer else (0, 1)
        return {"shuffle": part == "train", "seed": self.run_seed, "rank": rank, "world": world}

    def loader(self, pool: str, sampler: EpochSampler, batch_size: int, drop_last: bool) -> TensorLoader:
        """Batches of the rows that ``sampler`` gives; tokens are cut to the longest sample of each batch."""
        served = self.served(pool)
        lengths = torch.from_numpy(served["length"]) if {"tokens", "length"} <= served.keys() else None
        return TensorLoader(self.tensors(pool), sampler, batch_size, drop_last, lengths)

    @property
    def device(self) -> torch.device:
        """Where batches are needed."""
        return self.trainer.strategy.root_device if self.trainer else torch.device("cpu")

    @property
    def run_seed(self) -> int:
        """Seed of the run (``seed_everything``), which orders and augments the samples; the split has its own."""
        return int(os.environ.get("PL_GLOBAL_SEED", 0))

    def train_dataloader(self) -> TensorLoader:
        """Shuffled batches of the train part, augmented on the device."""
        return self._dataloader("train")

    def val_dataloader(self) -> TensorLoader:
        """Batches of the val part, never augmented."""
        return self._scored("val")

    def test_dataloader(self) -> TensorLoader:
        """Batches of the test part, never augmented."""
        return self._scored("test")

    def _scored(self, part: str) -> TensorLoader:
        """Of a part whose scores the processes gather: one without a sample would leave the others waiting."""
        world, loader = self.trainer.world_size if self.trainer else 1, self._dataloader(part)
        if world > len(self.parts[part]):
            raise ValueError(
                f"{self.title}: the {part} part holds {len(self.parts[part])} samples, fewer than the {world} "
                "processes. Use fewer --trainer.devices."
            )
        return loader

    def predict_dataloader(self) -> TensorLoader:
        """Batches of the unlabelled part, or of the test part where there is none."""
        return self._dataloader("predict" if "predict" in self.parts else "test")

    def on_after_batch_transfer(self, batch: dict, dataloader_idx: int) -> dict:
        """Convert dtypes, and augment while training."""
        batch = to_float(batch)
        trainer = self.trainer
        if not (trainer and trainer.training and self.changes_training):
            return batch
        if self._epoch != trainer.current_epoch:  # one stream an epoch and rank: a resumed run repeats it
            self._epoch = trainer.current_epoch
            seed = (self.run_seed * 1_000_003 + self._epoch) * 1_009 + trainer.global_rank
            self._generator = torch.Generator(batch["id"].device).manual_seed(seed)
        return self.changed(batch, self._generator)

    @property
    def flips_shown(self) -> str:
        """Mirror images that training shows: ``none``, ``hflip``, ``vflip`` or ``flips``, as ``tta`` of a task."""
        return flips_shown(self.hparams.augment or [])

    @property
    def changes_training(self) -> bool:
        """Whether training batches are changed at random."""
        return bool(self.hparams.augment)

    def changed(self, batch: dict, generator: torch.Generator) -> dict:
        """A training batch as the network gets it, augmented."""
        return self.augment(batch, generator) if self.hparams.augment else batch
