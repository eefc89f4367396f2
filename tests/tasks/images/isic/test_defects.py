"""Damaged skin-lesion files, and the verbs on whole ones."""

import json
import os

import h5py
import numpy as np
import pandas as pd
import pytest
import torch

from datamodules import IsicDataModule
from datamodules.readers.pictures import BrokenFile, FolderSource
from tests.tasks.images.isic.files import COURSE, batches, edit, module

# ---- defects -------------------------------------------------------------------------------------------------------


def damaged(folder, name, change):
    """Change the bytes of one picture."""
    with h5py.File(folder / "train-image.hdf5", "a") as file:
        data = change(file[name][()].tobytes())
        del file[name]
        if data is not None:
            file[name] = np.void(data)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("change", [lambda data: data[: len(data) // 2], lambda data: b"no picture"])
def test_a_broken_picture_is_named_and_can_be_left_out(own, tmp_path, workers, change):
    data = module(own)
    row = data.parts["train"][7]
    name = data.names("train", [row])[0]
    damaged(own, name, change)
    with pytest.raises(
        BrokenFile, match=f"train-image.hdf5: picture {name} cannot be decoded.*--data.exclude"
    ) as caught:
        list(module(own, num_workers=workers)._dataloader("train"))
    assert len(str(caught.value)) < 400 and "Traceback" not in str(caught.value)
    (tmp_path / "exclude.csv").write_text(f"id,reason\n{name},broken\n")
    kept = module(own, num_workers=workers, exclude=str(tmp_path / "exclude.csv"))
    found = batches(kept, "train")
    assert row not in found["id"] and kept.statistics()["mean"].isfinite().all()
    kept.teardown("fit")


DEFECTS = {
    "missing column 'isic_id'. Found columns: id, target": lambda t: t.rename(columns={"isic_id": "id"}),
    "missing column 'target'": lambda t: t.drop(columns="target"),
    r"target is 2.* for ISIC_.*\(1 rows are neither 0 nor 1\)": lambda t: t.assign(target=[2, *t["target"][1:]]),
    r"target is nan for ISIC_.*\(2 rows": lambda t: t.assign(target=[np.nan, np.nan, *t["target"][2:]]),
    "target is no for": lambda t: t.assign(target=["no", *t["target"][1:]]),
    r"isic_id ISIC_\d+ in row 7 stands twice \(1 such rows\)": lambda t: t.assign(
        isic_id=[*t["isic_id"][:5], t["isic_id"][0], *t["isic_id"][6:]]
    ),
    r"isic_id nan in row 2 is empty": lambda t: t.assign(isic_id=[None, *t["isic_id"][1:]]),
    r"train-image.hdf5 has no picture ISIC_x, which new-train-metadata.csv names \(1 of 120": lambda t: t.assign(
        isic_id=["ISIC_x", *t["isic_id"][1:]]
    ),
    "column 'tbp_lv_x' holds inf in row 3 .1 such": lambda t: t.assign(tbp_lv_x=[1.0, np.inf, *t["tbp_lv_x"][2:]]),
}


@pytest.mark.parametrize("message", DEFECTS)
def test_defects_of_the_training_table_are_errors(own, message):
    edit(own, DEFECTS[message])
    with pytest.raises(ValueError, match=message):
        module(own, source="auto")


def test_a_file_without_a_group_of_pictures_says_what_it_holds(own):
    with h5py.File(own / "train-image.hdf5", "a") as file:
        for name in list(file):
            file.move(name, f"jpegs/{name}")
        file["meta"] = 1
    with pytest.raises(ValueError, match=r"120 of 120 are missing\). It holds jpegs, meta. Pictures, called by"):
        module(own)
    with h5py.File(own / "train-image.hdf5", "a") as file:
        file.move("jpegs", "images")
    assert module(own).images("train", np.arange(2)).std() > 0


def test_defects_of_the_test_table_and_of_the_files_are_errors(own):
    whole = (own / COURSE[1]).read_text()
    for change, message in (
        (lambda t: t.rename(columns={"isic_id": "id"}), "students-test-metadata.csv: missing column 'isic_id'"),
        (lambda t: t.assign(tbp_lv_x="left"), "students.*column 'tbp_lv_x' holds 'left' in row 2 .9 such"),
        (lambda t: t.assign(isic_id=t["isic_id"].where(t.index > 1, "ISIC_y" + t.index.astype(str))),
         r"test-image.hdf5 has no picture ISIC_y0.*\(2 of 9"),
    ):  # fmt: skip
        edit(own, change, COURSE[1])
        with pytest.raises(ValueError, match=message):
            module(own)
        (own / COURSE[1]).write_text(whole)
    table = (own / COURSE[0]).read_text()
    (own / COURSE[0]).write_text("")
    with pytest.raises(ValueError, match="new-train-metadata.csv: not a readable CSV"):
        module(own)
    (own / COURSE[0]).write_text(table)
    (own / "test-image.hdf5").unlink()
    with pytest.raises(FileNotFoundError, match="test-image.hdf5"):
        module(own)
    path = own / "train-image.hdf5"
    path.write_bytes(path.read_bytes()[:20_000])
    (own / COURSE[1]).unlink()
    with pytest.raises(BrokenFile, match="train-image.hdf5: not a whole HDF5 file"):
        module(own)


def test_a_part_without_malignant_samples_is_an_error(own):
    table = pd.read_csv(own / COURSE[0])
    patients = table.loc[table["target"] == 1, "patient_id"].unique()
    edit(own, lambda t: t.assign(target=t["target"].where(t["patient_id"].isin(patients[:2]), 0)))
    count = int(pd.read_csv(own / COURSE[0])["target"].sum())
    message = (
        f"the val part of fold [012] of 3.* has no malignant sample.*{count} malignant samples of 2 patients.*at most 2"
    )
    with pytest.raises(ValueError, match=message):
        for fold in range(3):
            module(own, fold=fold, images=False)
    edit(own, lambda t: t.assign(target=0))
    with pytest.raises(ValueError, match="no malignant sample"):
        module(own, folds=2)


# ---- verbs ---------------------------------------------------------------------------------------------------------


def test_the_submission_names_every_test_picture_in_order(pack, tmp_path):
    data = module(pack, images=False)
    prob = torch.linspace(0.1, 0.9, 9).double()
    parts = [{"id": torch.arange(0, 5), "prob": torch.stack([1 - prob, prob], 1)[:5]},
             {"id": torch.arange(5, 9), "prob": torch.stack([1 - prob, prob], 1)[5:]}]  # fmt: skip
    assert data.write_submission(tmp_path / "s.csv", parts) == 9
    found, test = pd.read_csv(tmp_path / "s.csv"), pd.read_csv(pack / COURSE[1])
    assert list(found.columns) == ["isic_id", "target"] and found["isic_id"].tolist() == test["isic_id"].tolist()
    np.testing.assert_allclose(found["target"], prob, rtol=1e-8)


def test_inspect_names_every_broken_picture_and_looks_at_the_others(own, cli, tmp_path, capsys):
    names = pd.read_csv(own / COURSE[0])["isic_id"]
    for name in (names[3], names[40]):
        damaged(own, name, lambda data: data[: len(data) // 2])
    options = ("--model", "lightning_tasks.problems.ImageClassifier", "--model.class_names", "[benign, malignant]",
               "--data", "IsicDataModule", "--data.root", own, "--data.source", "real", "--data.size", 32,
               "--data.folds", 3, "--data.policy", "none")  # fmt: skip
    cli("inspect", *options, "--tsne", 0)
    folder = tmp_path / "runs/ImageClassifier/inspect"
    found = json.loads((folder / "inspect.json").read_text())
    assert found["undecodable"]["train"] == [names[3], names[40]] and found["left"] == 118
    assert f"train pool that cannot be decoded  {names[3]}, {names[40]} (2)" in capsys.readouterr().out
    assert (folder / "exclude.csv").read_text().count("cannot be decoded") == 2
    data = module(own, exclude=str(folder / "exclude.csv"))
    assert len(data.parts["train"]) + len(data.parts["val"]) == 118 and len(batches(data, "train")["id"]) >= 64


def test_inspect_looks_at_pictures_in_files(own, cli, tmp_path):
    names = pd.read_csv(own / COURSE[0])["isic_id"]
    with h5py.File(own / "train-image.hdf5", "a") as file:
        copy = file[names[4]][()]
        del file[names[9]]
        file[names[9]] = copy
    cli("inspect", "--model", "lightning_tasks.problems.ImageClassifier", "--model.class_names", "[benign, malignant]",
        "--model.net_args", "{width: 4, blocks: [1, 1]}", "--data", "IsicDataModule", "--data.root", own,
        "--data.source", "real", "--data.size", 32, "--data.folds", 3, "--tsne", 60)  # fmt: skip
    folder = tmp_path / "runs/ImageClassifier/inspect"
    found = json.loads((folder / "inspect.json").read_text())
    assert sorted(sum(found["duplicates"] + found["conflicts"], [])[:2]) == sorted([names[4], names[9]])
    assert found["groups"] == 30 and found["map_outliers"]["of"] == 60
    assert (folder / "figures/suspects.png").is_file() and (folder / "figures/map.png").is_file()
    cli("inspect", "--model", "lightning_tasks.problems.ImageClassifier", "--model.class_names", "[benign, malignant]",
        "--data", "IsicDataModule", "--data.root", own, "--data.images", "false", "--data.folds", 3, "--tsne", 60,
        "--name", "table")  # fmt: skip
    assert json.loads((folder.parent / "table/inspect.json").read_text())["map_outliers"]["of"] == 60


@pytest.mark.realdata
def test_the_real_pack(realdata, tmp_path):
    data = IsicDataModule(root=str(realdata), source="real", size=64)
    data.setup()
    assert data.sizes()["train"] + data.sizes()["val"] == 1600 and data.sizes()["predict"] == 762
    assert data.pools["train"]["label"].sum() == 300
    used = {name.split("=")[0].removesuffix(" missing") for name in data.table_names}
    assert used == {"age_approx", "sex", "anatom_site_general"}  # image_type is constant
    assert next(iter(data.train_dataloader()))["image"].shape == (32, 3, 64, 64)
    probs = ({"id": b["id"], "prob": torch.full((len(b["id"]), 2), 0.5)} for b in data.predict_dataloader())
    assert data.write_submission(tmp_path / "s.csv", probs) == 762


def test_folders_are_listed_by_name(tmp_path):
    for name in ("b.jpg", "a.v2.JPEG", "notes.txt", "c.png"):
        (tmp_path / name).write_bytes(name.encode())
    source = FolderSource(tmp_path)
    assert source.names() == {"a.v2", "b", "c"} and source.read("a.v2") == b"a.v2.JPEG"
    assert source.total(["b", "c"]) == 10 and os.path.isdir(source.path)
