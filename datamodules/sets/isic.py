"""Skin lesions (assignment C1): crops of total-body photographs and a patient table, malignant or not."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from datamodules.core.hold_out import HeldOut
from datamodules.core.source import Arrays, first_of, stands
from datamodules.core.table import TableFeatures
from datamodules.pictures.files import FileDataModule
from datamodules.readers.constancy import CONSTANCY
from datamodules.readers.feature_tables import (
    categories,
    category_codes,
    check_names,
    has,
    read_csv,
    read_header,
    subclass_codes,
    typed_columns,
    unknown_rows,
)
from datamodules.readers.pictures import open_source
from datamodules.readers.side_tables import whole_groups
from datamodules.readers.wording import listed, short
from datamodules.simulate import make_lesions
from datamodules.simulate.scratch import scratch_folder

TABLES = {
    "train": ("new-train-metadata.csv", "train-metadata.csv"),  # as the course, and as the competition names them
    "predict": ("students-test-metadata.csv", "test-metadata.csv"),
}
PICTURES = {"train": ("train-image.hdf5", "train-image"), "predict": ("test-image.hdf5", "test-image")}
STRATA = {"sex": "sex", "site": "anatom_site_general"}
NEVER = {  # column -> why it is no feature
    **dict.fromkeys(("isic_id", "patient_id"), "an identifier"),
    "target": "the answer",
    **dict.fromkeys(("attribution", "copyright", "copyright_license", "license"), "origin and licence"),
}
CLINICAL = ("age_approx", "sex", "anatom_site_general", "clin_size_long_diam_mm")
WHERE = "Pictures, called by isic_id, are read from the top of a file, its group images, or the only group in it."
NO_TEST = (
    "No test table: there is nothing to tell which columns will be known. Features are "
    f"{', '.join(CLINICAL)} and tbp_lv_* without tbp_lv_dnn_lesion_confidence."
)


class IsicDataModule(HeldOut, TableFeatures, FileDataModule):
    """Batches: ``image``, ``label`` (1 malignant), ``group`` (patient), ``table`` (B, T), ``sex``, ``site``, ``age``.

    ``table`` holds the features of ``TableFeatures`` (``table_names``), NaN where a number is missing. ``sex`` and
    ``site`` are int64 codes into ``strata_names``, -1 where unknown; ``age`` is float32 years, perhaps NaN.

    Reads ``new-train-metadata.csv`` or ``train-metadata.csv`` with ``isic_id``, ``target`` and ``patient_id``, and
    ``students-test-metadata.csv`` or ``test-metadata.csv``; pictures from ``train-image.hdf5`` and ``test-image.hdf5``
    (key isic_id, value the bytes of a JPEG) or from folders ``train-image`` and ``test-image`` of ``<isic_id>.jpg``.
    Only columns that both tables have are read: what the test lacks was learnt later, and gives the answer away.
    Folds are stratified by ``target`` and keep patients whole.

    Args:
        diagnosis: Column of the training table that names what each lesion was found to be, ``iddx_full``; batches of
            labelled parts then hold ``diagnosis``, int64 codes into ``diagnoses``, -1 where it is missing or has fewer
            than 10 samples. It is learnt from a biopsy, so it is a target and never a feature. A table without this
            column has none.
        positive_share: Expected share of malignant samples among those that training draws, with replacement,
            ``samples_per_epoch`` of them; None serves each sample once an epoch.
        constancy: ``none``, or ``shades_of_gray``: the colour of the light is taken out of each picture.
        **kwargs: Arguments of ``HeldOut``, ``TableFeatures`` and ``FileDataModule``.

    Raises:
        ValueError: A share that is not between 0 and 1, or another word for ``constancy``.
    """

    title = "isic"
    files = (TABLES["train"][0], PICTURES["train"][0])
    how_to_get = "The course and the Kaggle competition ISIC 2024 hand out the files (docs/data.md); put them there."
    reserved = ("columns",)
    submission = "submission.csv"
    acts_later = ("positive_share", "policy", "size", "blank", "hold_out", "constancy")

    def __init__(
        self,
        diagnosis: str | None = None,
        positive_share: float | None = None,
        constancy: str = "none",
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        if constancy not in CONSTANCY:
            raise ValueError(f"constancy={constancy!r}: choose {' or '.join(CONSTANCY)}.")
        self.seen = CONSTANCY[constancy]
        if positive_share is not None and not 0 < positive_share < 1:
            raise ValueError(f"positive_share={positive_share}: need a share between 0 and 1, such as 0.25.")
        self.save_hyperparameters(logger=False)
        self.strata_names: dict[str, list[str]] = {}
        self.diagnoses: list[tuple[int, str]] = []  # label and name of each code

    # ---- reading ----------------------------------------------------------------------------------------------

    def load(self) -> dict[str, Arrays]:
        """Find out which of the files are there, read them, and make the strata."""
        h = self.hparams
        candidates = [*TABLES.values(), *(PICTURES.values() if h.images else ())]
        places = [Path(h.root) / self.title, Path(h.root)]
        existing = [next((n for n in names if any(stands(p / n) for p in places)), None) for names in candidates]
        if existing[1] is None:  # no test table, so no test pictures are needed
            existing, candidates = existing[::2], candidates[::2]
        self.files = tuple(name or names[0] for name, names in zip(existing, candidates, strict=True))
        pools = super().load()
        if self.data_source == "simulated":
            self.folder = simulated_folder(h.seed)
        elif "predict" not in pools:
            self.note(NO_TEST)
        if "group" not in pools["train"]:
            self.note("No column patient_id: samples are split one by one, and scores may flatter (see --data.groups).")
        for key, name in STRATA.items():
            known = categories(pools["train"]["columns"][name]) if has(pools["train"]["columns"], name, "S") else ()
            self.strata_names[key] = [text.decode() for text in known]
            for arrays in pools.values():
                unknown = np.full(len(arrays["name"]), -1, np.int64)
                arrays[key] = category_codes(arrays["columns"][name], known) if len(known) else unknown
        return pools

    def read(self, folder: Path) -> dict[str, Arrays]:
        """Read and check the tables, and that each row has its picture."""
        path, test_path = first_of(folder, TABLES["train"]), first_of(folder, TABLES["predict"])
        header, diagnosis = read_header(path, ("isic_id", "target")), self.hparams.diagnosis
        if diagnosis and diagnosis not in header:
            self.note(f"{path.name} has no column {diagnosis}: training is not told what lesions were found to be.")
            diagnosis = None
        targets = ["target", *([diagnosis] if diagnosis else [])]
        if test_path is None:
            features = [c for c in header if c in CLINICAL or c.startswith("tbp_lv_")]
            features = [c for c in features if c != "tbp_lv_dnn_lesion_confidence"]
        else:
            shared = set(read_header(test_path, ("isic_id",)))
            features = [c for c in header if c in shared and c not in NEVER]
            if alone := [c for c in header if c not in shared and c not in (*NEVER, *targets)]:
                self.note(f"{len(alone)} columns are in {path.name} alone and are not read: {listed(alone)}.")
        never = ", ".join(f"{c} ({NEVER[c]})" for c in header if c in NEVER)
        self.note(f"{path.name}: no features are {never}.")
        keys = [c for c in ("isic_id", *targets, "patient_id") if c in header]
        frame = self.table(path, keys, features, folder, "train")
        target = pd.to_numeric(frame["target"], errors="coerce")
        if not target.isin((0, 1)).all():
            wrong = frame.loc[~target.isin((0, 1)), ["isic_id", "target"]]
            name, value = wrong.iloc[0]
            raise ValueError(
                f"{path}: target is {value} for {name} ({len(wrong)} rows are neither 0 nor 1). Expected 1 for "
                "malignant and 0 for benign in every row."
            )
        train = arrays_of(frame["isic_id"].to_numpy(), typed_columns(frame[features], path, left_out=self.note))
        train["label"] = target.to_numpy(np.uint8)
        if diagnosis:
            train["diagnosis"], self.diagnoses = subclass_codes(train["label"], frame[diagnosis])
        if "patient_id" in frame:
            train["group"] = pd.factorize(whole_groups(frame["patient_id"], frame["isic_id"]))[0]
        pools = {"train": train}
        if test_path is not None:
            frame = self.table(test_path, ["isic_id"], features, folder, "predict")
            names = frame["isic_id"].to_numpy()
            pools["predict"] = arrays_of(names, typed_columns(frame, test_path, like=train["columns"]))
        return pools

    def table(self, path: Path, keys: list[str], features: list[str], folder: Path, pool: str) -> pd.DataFrame:
        """Read columns of a table; every row has a name of its own and, where pictures are served, a picture."""
        # Reading stays at the columns that are used: text in the others would take most of the memory.
        frame = read_csv(path, usecols=[*keys, *features], dtype={k: str for k in keys if k != "target"})
        if "age_approx" in features:
            negative = pd.to_numeric(frame["age_approx"], errors="coerce") < 0  # text where a cell says unknown
            if count := int(negative.sum()):
                self.note(f"{path.name}: age_approx is negative in {count} rows, and is taken as missing there.")
                frame["age_approx"] = frame["age_approx"].mask(negative)
        check_names(path, frame["isic_id"])
        if self.hparams.images:
            source = open_source(pictures_in(folder, pool))
            names = source.names()
            lacking = frame.loc[~frame["isic_id"].isin(names), "isic_id"]
            source.close()
            if len(lacking):
                remedy = f"Take those rows out of {path.name}, or get the pictures."
                if len(lacking) == len(frame):
                    remedy = f"It holds {listed(sorted(names), 3) or 'nothing'}. {WHERE}"
                raise ValueError(
                    f"{source.path} has no picture {short(lacking.iloc[0])}, which {path.name} names "
                    f"({len(lacking)} of {len(frame)} are missing). {remedy}"
                )
        return frame

    def simulate(self) -> dict[str, Arrays]:
        """Lesions of ``make_lesions``, read from the files it writes."""
        return self.read(simulated_folder(self.hparams.seed))

    def picture_path(self, pool: str) -> Path:
        """See ``FileDataModule``."""
        return pictures_in(self.folder, pool)

    def read_unlabelled(self, place: Path) -> Arrays:
        """Names of pictures, and a table in which nothing is known."""
        names = super().read_unlabelled(place)["name"]
        columns = unknown_rows(self.pools["train"]["columns"], len(names))
        return arrays_of(names, columns) | dict.fromkeys(STRATA, np.full(len(names), -1))

    # ---- parts and what is fitted on them -----------------------------------------------------------------------

    def limited(self, pool: Arrays) -> np.ndarray:
        """The first rows, up to half of them malignant: the first few thousand may hold none."""
        limit = self.hparams.limit
        if "label" not in pool or len(pool["id"]) <= limit:
            return super().limited(pool)
        malignant, benign = (np.flatnonzero(pool["label"] == k) for k in (1, 0))
        chosen = malignant[: limit // 2]
        self.note(
            f"limit={limit} keeps {len(chosen)} of {len(malignant)} malignant samples: their share is not the data's."
        )
        return np.sort(np.concatenate([chosen, benign[: limit - len(chosen)]]))

    def setup(self, stage: str | None = None) -> None:
        """Split, and check that both classes are in every labelled part.

        Raises:
            ValueError: A part without malignant (or benign) samples: no AUROC is defined on it.
        """
        if self.parts:
            return
        super().setup(stage)
        train = self.pools["train"]
        for part in ("train", "val", "test"):
            counts = np.bincount(train["label"][self.parts[part]], minlength=2)
            for k, name in ((1, "malignant"), (0, "benign")):
                if not counts[k]:
                    rows = np.flatnonzero(train["label"] == k)
                    patients = len(np.unique(train["group"][rows])) if "group" in train else len(rows)
                    kind, self.parts = self.part_kind[part], {}
                    raise ValueError(
                        f"isic: the {part} part of {kind} has no {name} sample, so its AUROC is undefined; there are "
                        f"{len(rows)} {name} samples of {patients} patients in all. Use fewer folds (--data.folds, at "
                        f"most {max(patients, 2)}), another --data.seed or --data.bag, or more data."
                    )

    def sample_weights(self) -> Tensor | None:
        """``positive_share`` divided among the malignant rows of the train part, and the rest among the others."""
        share = self.hparams.positive_share
        if share is None:
            return None
        malignant = self.pools["train"]["label"][self.parts["train"]] == 1
        return torch.from_numpy(np.where(malignant, share / malignant.sum(), (1 - share) / (~malignant).sum()))

    def statistics(self) -> dict[str, Tensor]:
        """Also ``drawn_share`` float64 (2,) expected in training."""
        statistics = super().statistics()
        share = self.hparams.positive_share
        counts = statistics["class_counts"].double()
        statistics["drawn_share"] = (
            counts / counts.sum() if share is None else torch.tensor([1 - share, share]).double()
        )
        return statistics

    def write_submission(self, path: Path, batches: Iterable[dict]) -> int:
        """Write ``isic_id,target``, row by row as batches come; ``target`` is the probability of malignant.

        Args:
            path: CSV to write.
            batches: ``id`` (B,) and ``prob`` (B, 2) in the order of the test table.

        Returns:
            Number of rows written.
        """
        count = 0
        with path.open("w", encoding="utf-8", newline="\n") as file:
            file.write("isic_id,target\n")
            for batch in batches:
                names = self.names("predict", batch["id"].cpu().numpy())
                for name, prob in zip(names, batch["prob"][:, 1].tolist(), strict=True):
                    file.write(f"{name},{prob:.9g}\n")
                count += len(names)
        return count


def pictures_in(folder: Path, pool: str) -> Path:
    """HDF5 file, or folder, with the pictures of a pool."""
    path = first_of(folder, PICTURES[pool])
    if path is None:
        raise FileNotFoundError(f"{folder} holds no {' and no '.join(PICTURES[pool])}. {IsicDataModule.how_to_get}")
    return path / "image" if (path / "image").is_dir() else path


def arrays_of(names: np.ndarray, columns: np.ndarray) -> Arrays:
    """``name``, ``columns`` and ``age`` of a table."""
    age = columns["age_approx"].copy() if has(columns, "age_approx", "f") else np.full(len(names), np.nan, np.float32)
    return {"name": names.astype(str), "columns": columns, "age": age}


def simulated_folder(seed: int) -> Path:
    """Folder with the simulated files, 30 malignant among 3,000 pictures of 64 pixels; kept as long as the process."""
    return scratch_folder(make_lesions, seed, n=3000, n_test=100, patients=600, positives=0.01, size=64)
