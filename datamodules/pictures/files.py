"""What sets of picture files share: decoding on demand, augmentation of single pictures, statistics of a sample."""

import hashlib
from pathlib import Path
from typing import Any
from weakref import WeakSet

import numpy as np
import torch
from torch import Tensor

from datamodules.augment.file_policy import Policy
from datamodules.augment.flips import flips_shown
from datamodules.core.base import DataModule
from datamodules.core.loader import TensorLoader, to_float
from datamodules.core.samplers import EpochSampler
from datamodules.core.serving import spread
from datamodules.core.source import Arrays
from datamodules.core.statistics import channel_statistics
from datamodules.core.unlabelled import found_pictures, no_pictures
from datamodules.readers.modes import as_rgb
from datamodules.readers.pictures import Pictures, Source, open_source

from .loader import FileDataset, FileLoader

CACHE_BYTES = 1_500_000_000  # decoded pictures of a pool that this process may keep
TRIED = 2000  # test pictures that are decoded before a fit: as many as statistics read
STATISTICS_SAMPLE = 2000  # means of single pictures spread by about 0.1, so their mean is within 0.005


class FileDataModule(DataModule):
    """Pictures in an HDF5 file of encoded pictures or in a folder; batches hold ``image`` (B, channels, size, size).

    Pools hold ``name`` (N,), the name of each picture; a subclass says in ``picture_path`` where a pool's pictures
    are. Worker processes decode and augment; without any, a pool's decoded pictures are kept if all fit into 1.5 GB.

    Args:
        size: Side in pixels that pictures are brought to.
        policy: Augmentation of single training pictures before they form a batch: ``none``, ``light``, ``strong``, or
            a list of albumentations transforms (``datamodules/augment/file_policy.py``). ``augment`` comes after it.
        channels: 3 for colour, 1 for gray (after ``policy``).
        images: Serve pictures. Without them nothing is decoded, and their files need not be there.
        **kwargs: Arguments of ``DataModule``.

    Raises:
        ValueError: A size below 8, other channels, or a policy that cannot be.
        BrokenFile: From ``setup``, a test picture that cannot be decoded.
    """

    seen = staticmethod(as_rgb)  # makes RGB of any picture

    def __init__(
        self, size: int = 128, policy: str | list = "light", channels: int = 3, images: bool = True, **kwargs
    ) -> None:
        super().__init__(**kwargs)
        if size < 8:
            raise ValueError(f"size={size}: need 8 pixels or more.")
        if channels not in (1, 3):
            raise ValueError(f"channels={channels}: choose 3 (colour) or 1 (gray).")
        self.save_hyperparameters(logger=False)
        self.policy = Policy(policy)
        self.policy(np.zeros((size, size, 3), np.uint8), 0)  # a transform that changes the size is an error now
        self._own: Source | None = None  # pictures that the user gave
        self._pictures: dict[str, Pictures] = {}
        self._loaders: WeakSet[FileLoader] = WeakSet()
        self._statistics: dict[str, Tensor] | None = None

    def setup(self, stage: str | None = None) -> None:
        """Also see, before a fit, that the pictures which it is tested on in the end can be decoded."""
        is_first = not self.parts
        super().setup(stage)
        if is_first and stage == "fit" and self.has_images and not self.scores_validation:
            pictures = self.pictures(self.pool_of("test"))
            for row in spread(self.parts["test"], TRIED):
                pictures[row]
            pictures.source.close()

    def read_unlabelled(self, place: Path) -> Arrays:
        """Names of the pictures.

        Raises:
            ValueError: There are none, or ``images`` is false.
        """
        if not self.has_images:
            raise no_pictures(self.title)
        self._own, names = found_pictures(place, self.note)
        return {"name": names}

    def picture_path(self, pool: str) -> Path:
        """HDF5 file or folder with the pictures of a pool, within ``self.folder``."""
        raise NotImplementedError(f"{type(self).__name__}.picture_path")

    def files_of(self, pool: str) -> Source:
        """Where the bytes of the pictures are that the data itself has in a pool."""
        return open_source(self.picture_path(pool))

    def source_of(self, pool: str) -> Source:
        """Where the bytes of a pool's pictures are."""
        return self._own if pool == "predict" and self._own is not None else self.files_of(pool)

    def facts(self) -> dict[str, Any]:
        """Also the channels."""
        return {**super().facts(), "in_channels": self.hparams.channels}

    def kept(self, name: str, pool: Arrays) -> np.ndarray | None:
        """Also leave out what cannot be decoded, where ``broken`` asks for it."""
        rows = super().kept(name, pool)
        if self.broken is None or not self.has_images:
            return rows
        pictures = Pictures(self.source_of(name), pool["name"], self.hparams.size, seen=self.seen)
        good = [row for row in (range(len(pool["name"])) if rows is None else rows) if pictures.decodes(row)]
        undecodable = np.setdiff1d(np.arange(len(pool["name"])) if rows is None else rows, good)
        self.broken[name] = pool["name"][undecodable].tolist()
        return np.array(good, dtype=np.int64)

    # ---- pictures by row --------------------------------------------------------------------------------------

    @property
    def has_images(self) -> bool:
        """Whether batches hold ``image``."""
        return self.hparams.images

    def pictures(self, pool: str) -> Pictures:
        """Decoded pictures of a pool by row."""
        if pool not in self._pictures:
            h, names = self.hparams, self.pools[pool]["name"]
            cache = h.num_workers == 0 and len(names) * 3 * h.size**2 <= CACHE_BYTES
            self._pictures[pool] = Pictures(self.source_of(pool), names, h.size, cache, h.channels, self.seen)
        return self._pictures[pool]

    def images(self, pool: str, rows: np.ndarray) -> np.ndarray:
        """uint8 (n, channels, size, size), decoded now."""
        return self.pictures(pool).batch(rows)

    def plain_images(self, pool: str, rows: np.ndarray, size: int) -> np.ndarray:
        """uint8 (n, 3, size, size) as the files have them, whatever the arguments make of them; decoded now."""
        pictures = self.pictures(pool)
        return Pictures(pictures.source, pictures.names, size).batch(rows)

    @property
    def flips_shown(self) -> str:
        """Also those of ``policy``."""
        return flips_shown([*self.policy.steps, *(self.hparams.augment or [])])

    # ---- serving ----------------------------------------------------------------------------------------------

    def loader(self, pool: str, sampler: EpochSampler, batch_size: int, drop_last: bool) -> TensorLoader:
        """Batches from files; without pictures slices of tensors."""
        if not self.has_images:
            return super().loader(pool, sampler, batch_size, drop_last)
        dataset = FileDataset(self.pictures(pool), self.tensors(pool, torch.device("cpu")), self.policy)
        pin = self.device.type == "cuda"
        loader = FileLoader(dataset, sampler, batch_size, drop_last, self.hparams.num_workers, pin)
        self._loaders.add(loader)
        return loader

    def teardown(self, stage: str) -> None:
        """End the worker processes and close the files when a fit or an evaluation is over."""
        for loader in self._loaders:
            loader.stop()
        self._loaders.clear()
        for pictures in self._pictures.values():
            pictures.source.close()

    def arrays(self, part: str, limit: int | None = None) -> dict[str, Tensor]:
        """Also ``image``, decoded and not augmented."""
        arrays = super().arrays(part, limit)
        if self.has_images:
            images = self.images(self.pool_of(part), spread(self.parts[part], limit))
            arrays |= to_float({"image": torch.from_numpy(images)})
        return arrays

    def statistics(self) -> dict[str, Tensor]:
        """Fitted on the train part: ``class_counts``; ``mean`` and ``std`` of at most 2,000 of its pictures."""
        if self._statistics is None:
            self._statistics = super().statistics()
            if self.has_images:
                rows = np.unique(self.parts["train"])
                if len(rows) > STATISTICS_SAMPLE:
                    rows = np.random.default_rng(self.hparams.seed).choice(rows, STATISTICS_SAMPLE, replace=False)
                images = self.images("train", np.sort(rows))
                self._statistics |= channel_statistics(images, np.arange(len(images)))
        return dict(self._statistics)

    def fingerprint(self, split: bool = True) -> str:
        """Sha256 over the arrays (names of pictures among them), the bytes of the picture files, and the split.

        The number of their bytes, not their content: hundreds of thousands of pictures are not read for it.
        """
        digest = hashlib.sha256(super().fingerprint(split).encode())
        if self.has_images:
            for pool in sorted(self.pools):
                pictures = self.pictures(pool)
                digest.update(f"{pool}/{pictures.source.total(pictures.names)}".encode())
        return digest.hexdigest()
