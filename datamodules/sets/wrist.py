"""Wrist fractures of children (assignment D5): GRAZPEDWRI-DX, a table and 16-bit radiographs."""

from collections import Counter
from pathlib import Path

import numpy as np

from datamodules.core.source import Arrays
from datamodules.pictures.files import FileDataModule
from datamodules.readers.picture_names import pictures_under
from datamodules.readers.pictures import Source, TreeSource
from datamodules.readers.radiographs import windowed
from datamodules.readers.side_tables import whole_groups
from datamodules.readers.text_files import read_columns
from datamodules.readers.wording import short
from datamodules.simulate.scratch import scratch_folder
from datamodules.simulate.wrists import make_wrists

TABLE = "dataset.csv"


class WristDataModule(FileDataModule):
    """Reads ``dataset.csv`` (``filestem``, ``fracture_visible``, perhaps ``patient_id``), ``<filestem>.png`` below it.

    A fracture is 1; an empty cell means none. Pictures may lie in any folders, such as ``images_part1``; 16-bit values
    are brought to 8 bits by ``windowed``. Patients are groups: several pictures of one wrist must not straddle; a gap
    is a group of its own. Where the table has no such column they are the part of ``filestem`` before the first ``_``.

    Args:
        policy: ``none``: augmentation in batches is cheaper here.
        **kwargs: Arguments of ``FileDataModule``.
    """

    title = "grazpedwri"
    files = (TABLE,)
    class_names = ["none", "fracture"]
    how_to_get = "Put dataset.csv and the folders images_part1 to 4 of GRAZPEDWRI-DX (figshare) in data/grazpedwri."
    acts_later = ("policy", "size", "channels")
    seen = staticmethod(windowed)

    def __init__(self, policy: str | list = "none", **kwargs) -> None:
        super().__init__(policy=policy, **kwargs)
        self.save_hyperparameters(logger=False)

    def read(self, folder: Path) -> dict[str, Arrays]:
        """Read the table and find the pictures.

        Raises:
            ValueError: A row without its picture, a ``filestem`` of two rows or two pictures, or a
                ``fracture_visible`` that is neither 0, 1 nor empty.
        """
        path = folder / TABLE
        table = read_columns(path, ("filestem", "fracture_visible"), optional=("patient_id",))
        stems, texts = table["filestem"], [text.strip() for text in table["fracture_visible"]]
        known = {"": 0, "0": 0, "0.0": 0, "1": 1, "1.0": 1, "nan": 0, "NaN": 0}
        wrong = [i for i, text in enumerate(texts) if text not in known]
        if wrong:
            raise ValueError(
                f"{path}: fracture_visible is {short(texts[wrong[0]], 40)!r} for {short(stems[wrong[0]], 40)} "
                f"({len(wrong)} such rows); expected 1, 0 or nothing."
            )
        if len(set(stems)) < len(stems):
            stem, rows = Counter(stems).most_common(1)[0]
            raise ValueError(f"{path}: filestem {short(stem, 60)} stands {rows} times. Keep one row for each picture.")
        place, named = {}, set(stems)
        for picture in (p for p in pictures_under(folder) if p.suffix.lower() == ".png"):
            name = picture.relative_to(folder).as_posix()
            if (other := place.setdefault(picture.stem, name)) != name and picture.stem in named:
                raise ValueError(f"{folder}: {other} and {name} are both called {short(picture.stem, 60)}. Keep one.")
        lacking = [stem for stem in stems if stem not in place]
        if lacking:
            raise ValueError(
                f"{path} names a picture, but there is no {short(lacking[0], 60)}.png below {folder} "
                f"({len(lacking)} of {len(stems)} are missing). Unpack all four archives there, or take those "
                "rows out of the table."
            )
        patients = table.get("patient_id")
        if patients is None:
            self.note(f"{TABLE} has no patient_id: patients are what stands before the first _ of filestem.")
            patients = [stem.split("_")[0] for stem in stems]
        return {
            "train": {
                "name": np.array([place[stem] for stem in stems]),
                "label": np.array([known[text] for text in texts], np.int64),
                "group": whole_groups(patients, stems),
            }
        }

    def simulate(self) -> dict[str, Arrays]:
        """Drawn radiographs, read from the files that were written."""
        return self.read(simulated_folder(self.hparams.seed))

    def load(self) -> dict[str, Arrays]:
        """Read or simulate, and remember where the pictures are."""
        pools = super().load()
        if self.data_source == "simulated":
            self.folder = simulated_folder(self.hparams.seed)
        return pools

    def files_of(self, pool: str) -> Source:
        """See ``FileDataModule``."""
        return TreeSource(self.folder)


def simulated_folder(seed: int) -> Path:
    """Folder with drawn radiographs of 120 patients; kept as long as the process."""
    return scratch_folder(make_wrists, seed, patients=120)
