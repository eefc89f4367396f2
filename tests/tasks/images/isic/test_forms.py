"""Skin-lesion files in all their forms, columns that give the answer away, features, and what training draws."""

import io

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from sklearn.preprocessing import OneHotEncoder

from datamodules import IsicDataModule
from datamodules.readers.feature_tables import read_csv, typed_columns
from datamodules.readers.table_encoder import TableEncoder, features_of
from datamodules.simulate import make_lesions
from tests.tasks.images.isic.files import COURSE, batches, edit, module, same

# ---- what is served ------------------------------------------------------------------------------------------------


def test_batches_hold_picture_table_and_strata(pack):
    data = module(pack)
    table = pd.read_csv(pack / COURSE[0])
    found = data.on_after_batch_transfer(batches(data, "val"), 0)
    rows = found["id"].numpy()
    assert found["image"].shape == (len(rows), 3, 32, 32) and found["image"].dtype == torch.float32
    assert found["image"].min() >= 0 and 0.3 < found["image"].max() <= 1
    with h5py.File(pack / "train-image.hdf5") as file:
        picture = Image.open(io.BytesIO(file[table["isic_id"][rows[5]]][()].tobytes()))
    expected = np.asarray(picture.resize((32, 32), Image.Resampling.BILINEAR)).transpose(2, 0, 1)
    np.testing.assert_allclose(found["image"][5] * 255, expected, atol=1e-3)
    np.testing.assert_array_equal(found["label"], table["target"][rows])
    np.testing.assert_array_equal(found["age"], table["age_approx"][rows].astype(np.float32))
    for key, column in (("sex", "sex"), ("site", "anatom_site_general")):
        words = [data.strata_names[key][k] if k >= 0 else "" for k in found[key].tolist()]
        assert words == table[column][rows].fillna("").tolist()
    assert found["table"].dtype == torch.float32 and found["table"].shape[1] == len(data.table_names)
    assert data.names("train", rows[:3]) == table["isic_id"][rows[:3]].tolist()
    assert data.statistics()["table_mean"].shape == data.statistics()["table_scale"].shape == (len(data.table_names),)
    assert same(data.arrays("val"), found)
    assert sum(data.sizes()[p] for p in ("train", "val")) == 120 and data.sizes()["predict"] == 9
    assert "label" not in batches(data, "predict") and "image" in batches(data, "predict")


def test_patients_stay_together_and_every_fold_has_both_classes(pack):
    table = pd.read_csv(pack / COURSE[0])
    for fold in range(3):
        data = module(pack, fold=fold, images=False)
        sides = [set(table["patient_id"][data.parts[part]]) for part in ("train", "val")]
        assert not sides[0] & sides[1] and len(sides[0] | sides[1]) == 30
        assert 2 <= table["target"][data.parts["val"]].sum() <= 8


def test_without_images_no_picture_file_is_needed(own):
    with_images = batches(module(own), "val")
    for name in ("train-image.hdf5", "test-image.hdf5"):
        (own / name).unlink()
    data = module(own, images=False)
    found = batches(data, "val")
    assert set(with_images) - set(found) == {"image"}
    torch.testing.assert_close(found["table"], with_images["table"], rtol=0, atol=0, equal_nan=True)
    assert "mean" not in data.statistics()
    with pytest.raises(FileNotFoundError, match="holds new-train-metadata.csv but not test-image.hdf5"):
        module(own)


@pytest.mark.parametrize("form", ["competition", "folder", "folder/image", "uint8", "png"])
def test_other_forms_of_the_files_give_the_same_batches(pack, own, form):
    expected = module(pack)
    if form == "competition":
        for name, new in zip(COURSE, ("train-metadata.csv", "test-metadata.csv"), strict=True):
            (own / name).rename(own / new)
    for part in ("train", "test"):
        old, new = pack / f"{part}-image.hdf5", own / f"{part}-image.hdf5"
        if form != "competition":
            new.unlink()
        with h5py.File(old) as file:
            data = {name: file[name][()].tobytes() for name in file}
        if form.startswith("folder") or form == "png":
            folder = own / f"{part}-image" / ("image" if form.endswith("image") else "")
            folder.mkdir(parents=True)
            for name, value in data.items():
                if form == "png":
                    Image.open(io.BytesIO(value)).save(folder / f"{name}.png")
                else:
                    (folder / f"{name}.jpg").write_bytes(value)
        elif form == "uint8":
            with h5py.File(new, "w") as file:
                for name, value in data.items():
                    file[name] = np.frombuffer(value, np.uint8)
    found = module(own)
    for part in ("val", "predict"):
        assert same(batches(found, part), batches(expected, part))


def test_simulated_lesions_come_in_the_same_files_and_one_in_a_hundred_is_malignant(tmp_path, monkeypatch):
    from datamodules.sets import isic

    made = {}
    monkeypatch.setattr(isic, "make_lesions", lambda folder, **kwargs: made.update(kwargs) or make_lesions(
        folder, **{**kwargs, "n": 200, "patients": 50, "positives": 0.1, "n_test": 4, "size": 16}))  # fmt: skip
    data = IsicDataModule(size=16, seed=12345)
    data.setup()
    assert made["n"] * made["positives"] == 30 and made["positives"] == 0.01
    assert data.data_source == "simulated" and "SIMULATED DATA" in data.notes[0]
    assert next(iter(data.train_dataloader()))["image"].shape == (32, 3, 16, 16)
    again = IsicDataModule(size=16, seed=12345)
    again.setup()
    assert again.fingerprint() == data.fingerprint() and same(batches(data, "val"), batches(again, "val"))


# ---- leaks ---------------------------------------------------------------------------------------------------------


def test_a_column_that_only_the_training_table_has_changes_nothing(pack, own):
    def leak(table):
        table["answer"] = table["target"]
        table["also_text"] = table["target"].map({0: "benign", 1: "malignant"})

    edit(own, leak)
    one, two = module(pack), module(own)
    assert one.fingerprint() == two.fingerprint() and one.table_names == two.table_names
    for part in ("train", "val", "predict"):
        for key, value in one.tensors(one.pool_of(part)).items():
            assert value.numpy().tobytes() == two.tensors(two.pool_of(part))[key].numpy().tobytes(), key
        assert same(batches(one, part), batches(two, part))
    used = {name.split("=")[0].removesuffix(" missing") for name in one.table_names}
    assert used == {"age_approx", "sex", "anatom_site_general", "clin_size_long_diam_mm", "tbp_lv_H", "tbp_lv_L",
                    "tbp_lv_areaMM2", "tbp_lv_deltaLBnorm", "tbp_lv_norm_border", "tbp_lv_norm_color",
                    "tbp_lv_symm_2axis", "tbp_lv_x"}  # fmt: skip


def test_without_a_test_table_only_clinical_columns_are_used(own):
    for name in (COURSE[1], "test-image.hdf5"):
        (own / name).unlink()
    edit(own, lambda t: t.assign(answer=t["target"], iddx_1="Benign", tbp_lv_nevi_confidence=5.0 + t.index))
    data = module(own)
    assert "predict" not in data.parts and any("No test table" in note for note in data.notes)
    assert "tbp_lv_nevi_confidence" in data.table_names
    assert not [n for n in data.table_names if "answer" in n or "iddx" in n or "dnn" in n or "mel_" in n]


def test_only_shared_columns_of_a_large_table_are_read(tmp_path, monkeypatch):
    rng, n = np.random.default_rng(0), 20_000
    shared = {f"tbp_lv_{k}": rng.normal(size=n).round(3) for k in range(4)}
    keys = {"isic_id": [f"ISIC_{k:07d}" for k in range(n)], "patient_id": rng.integers(0, 500, n)}
    table = pd.DataFrame(keys | shared | {"target": rng.random(n) < 0.01} | {f"iddx_{k}": "x" * 40 for k in range(20)})
    table["target"] = table["target"].astype(int)
    table.to_csv(tmp_path / COURSE[0], index=False)
    table[["isic_id", "patient_id", *shared]][:5].to_csv(tmp_path / COURSE[1], index=False)
    seen = []
    monkeypatch.setattr("datamodules.sets.isic.read_csv", lambda p, **o: seen.append(f := read_csv(p, **o)) or f)
    data = module(tmp_path, images=False)
    assert set(seen[0].columns) == {"isic_id", "patient_id", "target", *shared}
    assert data.table_names == list(shared) and data.pools["train"]["columns"].nbytes == n * 4 * 4
    np.testing.assert_array_equal(data.pools["train"]["columns"]["tbp_lv_2"], shared["tbp_lv_2"].astype(np.float32))


# ---- features ------------------------------------------------------------------------------------------------------


def test_features_are_those_of_scikit_learn_fitted_on_the_train_part(tmp_path):
    frame = pd.DataFrame({
        "size": [1.0, 2.0, np.nan, 4.0, 100.0, np.nan],
        "site": ["back", "arm", None, "back", "ear", "Unknown"],
        "type": ["tile"] * 6,
        "depth": [3.0, 3.0, 3.0, 3.0, 8.0, 3.0],
        "whole": [1, 0, 0, 1, 1, 0],
    })  # fmt: skip
    columns, rows = typed_columns(frame, tmp_path), np.array([0, 1, 2, 3])
    encoder = TableEncoder(features_of(columns))
    mean, scale = encoder.scaling(encoder(columns)[rows])

    def scaled(table):
        return np.nan_to_num((table - mean) * scale, nan=0.0)

    assert encoder.names == [
        "size",
        "size missing",
        "site=arm",
        "site=back",
        "site=ear",
        "site missing",
        "depth",
        "whole",
    ]
    found = dict(zip(encoder.names, scaled(encoder(columns)).T, strict=True))
    known = np.array([1.0, 2.0, 4.0])
    expected = (frame["size"] - known.mean()) / known.std()
    np.testing.assert_allclose(found["size"], expected.fillna(0), rtol=1e-6)
    np.testing.assert_array_equal(found["size missing"], [0, 0, 1, 0, 0, 1])
    hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit([["arm"], ["back"]])
    expected = hot.transform(frame["site"].fillna("").to_numpy(object)[:, None])
    np.testing.assert_array_equal(np.stack([found["site=arm"], found["site=back"]], 1), expected)
    np.testing.assert_array_equal(found["site missing"], [0, 0, 1, 0, 0, 1])
    assert not found["site=ear"].any() and not found["depth"].any()  # never vary in the train part
    np.testing.assert_allclose(found["whole"][rows], [1, -1, -1, 1], rtol=1e-6)

    changed = frame.copy()
    changed.loc[4:, ["size", "depth"]] = 7.0  # rows outside the train part
    again = TableEncoder(features_of(typed_columns(changed, tmp_path)))
    for one, other in zip((mean, scale), again.scaling(again(typed_columns(changed, tmp_path))[rows]), strict=True):
        assert one.tobytes() == other.tobytes()
    other = typed_columns(frame.assign(site="nose")[::-1], tmp_path, like=columns)
    np.testing.assert_array_equal(encoder(other)[:, encoder.names.index("site missing")], 1)


def test_a_test_table_of_names_alone_leaves_no_features(own):
    edit(own, lambda t: t[["isic_id"]], COURSE[1])
    data = module(own)
    assert data.table_names == [] and "table_mean" not in data.statistics()
    found = batches(data, "val")
    assert "table" not in found and (found["sex"] == -1).all() and found["age"].isnan().all()


def test_negative_ages_and_lone_lesions(own):
    def change(table):
        table.loc[:3, "age_approx"] = -1
        table.loc[4, "patient_id"] = None

    edit(own, change)
    data = module(own, images=False)
    assert "new-train-metadata.csv: age_approx is negative in 4 rows, and is taken as missing there." in data.notes
    assert np.isnan(data.pools["train"]["age"][:4]).all() and "age_approx missing" in data.table_names
    groups = data.pools["train"]["group"]
    assert (groups == groups[4]).sum() == 1 and len(np.unique(groups)) in (30, 31)


def test_negative_ages_among_words_and_columns_that_are_no_features_are_named(own):
    def change(table):
        ages = table["age_approx"].astype(object)
        ages[:3], ages[3], ages[4] = -5, "unknown", "NA"
        return table.assign(age_approx=ages, tbp_lv_H=1.0)

    edit(own, change)
    data = module(own, images=False)
    assert "new-train-metadata.csv: age_approx is negative in 3 rows, and is taken as missing there." in data.notes
    assert np.nanmin(data.pools["train"]["age"]) >= 0 and np.isnan(data.pools["train"]["age"][:5]).all()
    constant = "Columns that do not vary in the training table are no features: image_type, tbp_lv_H."
    assert constant in data.notes and any("isic_id (an identifier)" in note for note in data.notes)
    loaded = IsicDataModule(**{name: value for name, value in data.hparams.items() if not name.startswith("_")})
    loaded.load_state_dict(data.state_dict())
    loaded.setup()
    assert constant in loaded.notes  # test and predict say it too


# ---- drawing -------------------------------------------------------------------------------------------------------


def test_positive_share_is_what_training_draws_in_the_long_run(pack):
    data = module(pack, positive_share=0.3, samples_per_epoch=4000, images=False)
    draws = [batches(data, "train", epoch) for epoch in (0, 1)]
    assert len(draws[0]["label"]) == 4000
    share = torch.cat([d["label"] for d in draws]).float().mean().item()
    assert abs(share - 0.3) < 4 * (0.3 * 0.7 / 8000) ** 0.5
    torch.testing.assert_close(data.statistics()["drawn_share"], torch.tensor([0.7, 0.3]).double())
    short = module(pack, positive_share=0.3, samples_per_epoch=16, images=False)
    benign = [{*(b := batches(short, "train", epoch))["id"][b["label"] == 0].tolist()} for epoch in range(2)]
    assert benign[0] != benign[1]
    plain = module(pack, images=False)
    counts = plain.statistics()["class_counts"]
    torch.testing.assert_close(plain.statistics()["drawn_share"], counts.double() / counts.sum())
    with pytest.raises(ValueError, match="between 0 and 1"):
        IsicDataModule(positive_share=1.5)


def test_limit_keeps_malignant_samples(pack):
    data = module(pack, limit=20)
    pool = data.pools["train"]
    assert len(pool["id"]) == 20 and pool["label"].sum() == 10 and (np.diff(pool["id"]) > 0).all()
    assert any("10 of 15 malignant" in note for note in data.notes)
    table = pd.read_csv(pack / COURSE[0])
    assert data.names("train", pool["id"]) == table["isic_id"][pool["id"]].tolist()
    rows = data.parts["val"]
    assert torch.equal(batches(module(pack, limit=20), "val")["image"], torch.from_numpy(data.images("train", rows)))


def test_statistics_are_of_the_train_part(pack):
    data = module(pack)
    pixels = data.images("train", data.parts["train"]).astype(np.float64) / 255
    found = data.statistics()
    np.testing.assert_allclose(found["mean"], pixels.mean((0, 2, 3)), rtol=1e-5)
    np.testing.assert_allclose(found["std"], pixels.std((0, 2, 3)), rtol=1e-4)
    assert found["class_counts"].tolist() == np.bincount(data.pools["train"]["label"][data.parts["train"]]).tolist()
