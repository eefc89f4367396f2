"""Faces 64x64 (assignment E2): a folder of pictures as CelebA's archive leaves it, served from memory."""

import io
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from datamodules.core.base import DataModule
from datamodules.core.source import Arrays
from datamodules.core.unlabelled import found_pictures
from datamodules.readers.picture_names import SUFFIXES, pictures_under
from datamodules.readers.pictures import Pictures, decode
from datamodules.readers.wording import listed
from datamodules.simulate.faces import SIDE, make_faces

PICTURES = "img_align_celeba"
NAMED = 3  # files and folders that a note names


class FacesDataModule(DataModule):
    """Train pool of ``image`` uint8 (N, 3, 64, 64): every JPEG and PNG under ``<root>/celeba/img_align_celeba``.

    Folders below it are looked into; their names mean nothing. Pictures of other sizes are cut to a square in their
    middle and resized, gray ones get three equal channels, and transparency is laid on white. Files that cannot be
    decoded are left out. Notes count all of these, and folders without a picture. Simulated faces also have ``label``,
    whether they smile.

    Args:
        n_simulated: Faces of the simulated set.
        **kwargs: Arguments of ``DataModule``.
    """

    title = "celeba"
    files = (PICTURES,)
    how_to_get = "Put CelebA's pictures, or the course's 11,000 of them, in data/celeba/img_align_celeba."

    def __init__(self, n_simulated: int = 2400, **kwargs) -> None:
        super().__init__(**kwargs)
        self.save_hyperparameters(logger=False)
        if n_simulated < 10:
            raise ValueError(f"n_simulated={n_simulated}: need 10 or more.")

    def facts(self) -> dict[str, Any]:
        """Colour pictures."""
        return {**super().facts(), "in_channels": 3}

    def read(self, folder: Path) -> dict[str, Arrays]:
        """Decode all pictures.

        Raises:
            FileNotFoundError: There are none.
            ValueError: None of them can be decoded.
        """
        folder = folder / PICTURES
        paths = pictures_under(folder)
        if not paths:
            raise FileNotFoundError(
                f"{folder} holds no {', '.join(SUFFIXES)} files, in no folder below it. {self.how_to_get}"
            )
        images, names, broken = np.empty((len(paths), 3, SIDE, SIDE), np.uint8), [], []
        modes, sizes = Counter(), Counter()
        for path in paths:
            name = path.relative_to(folder).as_posix()
            try:
                raw = path.read_bytes()
                images[len(names)] = decode(raw, SIDE, crop=True).transpose(2, 0, 1)
            except (OSError, ValueError) as error:
                broken.append(f"{name} ({error})")
                continue
            names.append(name)
            with Image.open(io.BytesIO(raw)) as image:
                modes[image.mode] += 1
                sizes[image.size] += 1
        if not names:
            raise ValueError(f"{folder}: none of {len(paths)} pictures can be decoded. The first: {broken[0]}.")
        if broken:
            self.note(
                f"{len(broken)} of {len(paths)} pictures cannot be decoded and are left out: "
                f"{listed(broken, NAMED, '; ')}."
            )
        if others := {mode: n for mode, n in modes.items() if mode != "RGB"}:
            parts = ", ".join(f"{n} of mode {mode}" for mode, n in others.items())
            self.note(f"{sum(others.values())} of {len(names)} pictures are not RGB and were made so: {parts}.")
        if resized := len(names) - sizes[SIDE, SIDE]:
            self.note(f"{resized} of {len(names)} pictures are not {SIDE}x{SIDE}: cut to their middle and resized.")
        full = {parent for path in paths for parent in path.parents}
        if empty := [
            p.relative_to(folder).as_posix() for p in sorted(folder.rglob("*")) if p.is_dir() and p not in full
        ]:
            self.note(f"{len(empty)} folders hold no pictures: {listed(empty, NAMED, '; ')}.")
        return {"train": {"image": images[: len(names)], "name": np.array(names)}}

    def read_unlabelled(self, place: Path) -> Arrays:
        """Pictures of the user's own, cut to their middle like the others."""
        source, names = found_pictures(place, self.note)
        return {"name": names, "image": Pictures(source, names, SIDE, crop=True).batch(range(len(names)))}

    def simulate(self) -> dict[str, Arrays]:
        """Drawn faces."""
        images, smiles = make_faces(self.hparams.n_simulated, self.hparams.seed)
        return {"train": {"image": images, "label": smiles, "name": np.arange(len(images)).astype(str)}}
