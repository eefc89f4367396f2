"""Skin-lesion files in all their forms, columns that give the answer away, pictures decoded in workers."""

import io
import json
import os
import shutil

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
from lightning import Trainer
from PIL import Image
from sklearn.preprocessing import OneHotEncoder

from datamodules import IsicDataModule
from datamodules.augment_files import POLICIES, Policy
from datamodules.files import BrokenFile, FolderSource, HDF5Source, decode
from datamodules.simulate import make_lesions
from datamodules.table_features import TableEncoder, read_csv, typed_columns
from lightning_tasks.base import Task

COURSE = ("new-train-metadata.csv", "students-test-metadata.csv")


@pytest.fixture(scope="session")
def pack(tmp_path_factory):
    """120 pictures of 30 patients, 15 of them malignant, and 9 test pictures."""
    folder = tmp_path_factory.mktemp("pack") / "isic"
    make_lesions(folder, n=120, n_test=9, patients=30, positives=0.125, size=40, seed=3)
    return folder


@pytest.fixture
def own(pack, tmp_path):
    """A copy to damage."""
    return shutil.copytree(pack, tmp_path / "own" / "isic")


def module(folder, **kwargs):
    data = IsicDataModule(root=str(folder), **{"source": "real", "size": 32, "batch_size": 16, "folds": 3, **kwargs})
    data.setup()
    return data


def edit(folder, change, name=COURSE[0]):
    """Rewrite a table as ``change`` returns it."""
    table = pd.read_csv(folder / name)
    found = change(table)
    (table if found is None else found).to_csv(folder / name, index=False)


def batches(data, part, epoch=0):
    loader = data._dataloader(part)
    loader.sampler.set_epoch(epoch)
    found = list(loader)
    return {key: torch.cat([b[key] for b in found]) for key in found[0]}


def same(one, two):
    return set(one) == set(two) and all(torch.equal(one[k].nan_to_num(-9), two[k].nan_to_num(-9)) for k in one)


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
    from datamodules import isic

    made = {}
    monkeypatch.setattr(isic, "make_lesions", lambda folder, **kwargs: made.update(kwargs) or make_lesions(
        folder, **{**kwargs, "n": 200, "patients": 50, "positives": 0.1, "n_test": 4, "size": 16}))  # fmt: skip
    data = IsicDataModule(root=str(tmp_path), size=16, seed=12345)
    data.setup()
    assert made["n"] * made["positives"] == 30 and made["positives"] == 0.01
    assert data.data_source == "simulated" and "SIMULATED DATA" in data.notes[0]
    assert next(iter(data.train_dataloader()))["image"].shape == (32, 3, 16, 16)
    again = IsicDataModule(root=str(tmp_path), size=16, seed=12345)
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
    monkeypatch.setattr("datamodules.isic.read_csv", lambda p, **o: seen.append(f := read_csv(p, **o)) or f)
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
    encoder = TableEncoder(columns)
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
    again = TableEncoder(typed_columns(changed, tmp_path))
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
    assert np.isnan(data.pools["train"]["age"][:4]).all() and "age_approx missing" in data.table_names
    groups = data.pools["train"]["group"]
    assert (groups == groups[4]).sum() == 1 and len(np.unique(groups)) in (30, 31)


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


# ---- decoding, workers, augmentation -------------------------------------------------------------------------------


def test_large_jpegs_are_decoded_at_reduced_scale(monkeypatch):
    waves = np.sin(np.linspace(0, 6, 400))[:, None] * np.cos(np.linspace(0, 9, 400))
    image = np.uint8(127 + 100 * waves[..., None] * [1, 0.5, -0.7])
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=95)
    sizes = []
    convert = Image.Image.convert
    monkeypatch.setattr(Image.Image, "convert", lambda im, mode: sizes.append(im.size) or convert(im, mode))
    found = decode(buffer.getvalue(), 90)
    assert sizes == [(100, 100)]  # a quarter, the smallest scale that is not below 90
    whole = Image.fromarray(image).resize((90, 90), Image.Resampling.BILINEAR)
    assert np.abs(found.astype(int) - np.asarray(whole)).max() <= 6
    for mode, shape in (("L", (30, 50)), ("RGBA", (64, 64)), ("P", (10, 10))):
        buffer = io.BytesIO()
        Image.new(mode, shape, 7).save(buffer, "PNG")
        assert decode(buffer.getvalue(), 32).shape == (32, 32, 3)


def test_training_pictures_change_with_the_epoch_and_not_with_the_workers(pack):
    inline, forked = module(pack, policy="strong"), module(pack, policy="strong", num_workers=2)
    inline.images("train", np.arange(5))
    forked.images("train", np.arange(5))  # opens the file in this process, before the workers start
    loader = forked._dataloader("train")
    for epoch in (0, 1, 0):  # the workers stay
        loader.sampler.set_epoch(epoch)
        found = [b for b in loader]
        expected = batches(inline, "train", epoch)
        assert same({k: torch.cat([b[k] for b in found]) for k in found[0]}, expected)
    forked.teardown("fit")
    assert loader._workers is None
    first, second = (batches(inline, "train", epoch) for epoch in (0, 1))
    one, two = ({int(i): x for i, x in zip(b["id"], b["image"], strict=True)} for b in (first, second))
    shared = [i for i in one if i in two]
    assert len(shared) > 40 and not any(torch.equal(one[i], two[i]) for i in shared)
    plain = torch.from_numpy(inline.images("train", np.array(shared)))
    assert not any(torch.equal(one[i], image) for i, image in zip(shared, plain, strict=True))
    for data in (inline, forked):  # evaluation is never augmented
        assert torch.equal(batches(data, "val", 1)["image"], torch.from_numpy(data.images("train", data.parts["val"])))
        data.teardown("test")


class Watch(Task):
    """Keeps a checksum of every training batch."""

    def __init__(self):
        super().__init__(schedule="none")
        self.weight, self.seen = torch.nn.Parameter(torch.ones(())), []

    def training_step(self, batch, batch_idx):
        weights = torch.arange(batch["image"].numel()).view_as(batch["image"]) % 97
        self.seen.append((self.trainer.current_epoch, round((batch["image"] * weights).sum().item(), 1)))
        return self.weight * batch["image"].mean()

    def evaluate(self, part, batch):
        pass


@pytest.mark.parametrize("workers", [0, 2])
def test_a_resumed_run_sees_the_pictures_of_an_unbroken_one(pack, tmp_path, workers):
    def fit(epochs, resume=None):
        task, data = Watch(), module(pack, num_workers=workers, positive_share=0.4, samples_per_epoch=32)
        trainer = Trainer(max_epochs=epochs, logger=False, enable_checkpointing=False, enable_progress_bar=False,
                          enable_model_summary=False, accelerator="cpu", num_sanity_val_steps=0,
                          use_distributed_sampler=False)  # fmt: skip
        trainer.fit(task, datamodule=data, ckpt_path=resume)
        trainer.save_checkpoint(tmp_path / f"{epochs}.ckpt")
        assert not data._loaders
        return task.seen

    whole = fit(3)
    assert len(set(whole)) == 6
    assert fit(2) == whole[:4] and fit(3, tmp_path / "2.ckpt") == whole[4:]


def test_sources_travel_to_other_processes_without_their_handle(pack):
    source = HDF5Source(pack / "train-image.hdf5")
    name = sorted(source.names())[3]
    data = source.read(name)
    assert source._file is not None and source.__getstate__()["_file"] is None
    source.close()
    assert source.read(name) == data


@pytest.mark.parametrize("policy", [*POLICIES, [{"Rotate": {"limit": [10, 20]}}, "ChannelShuffle"]])
def test_policies_follow_from_the_seed_and_keep_shape_and_type(policy):
    image = np.random.default_rng(0).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    change = Policy(policy)
    outs = [change(image, seed) for seed in (1, 2, 3, 4, 1)]
    np.testing.assert_array_equal(outs[0], outs[4])
    assert all(o.shape == image.shape and o.dtype == np.uint8 for o in outs)
    assert len({o.tobytes() for o in outs}) == 1 if policy == "none" else len({o.tobytes() for o in outs}) > 2


def test_transforms_draw_independently_of_each_other():
    image = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    flips = Policy([{"HorizontalFlip": {"p": 0.5}}, {"VerticalFlip": {"p": 0.5}}])
    counts = np.unique([flips(image, seed)[0, 0, 0] for seed in range(400)], return_counts=True)[1]
    assert len(counts) == 4 and (abs(counts - 100) < 40).all()


@pytest.mark.parametrize("policy, message", [
    ("lihgt", "policy='lihgt'.*Did you mean 'light'"),
    (["HorizontalFlop"], "no transform 'HorizontalFlop'. Did you mean 'HorizontalFlip'"),
    ([{"Affine": {"rotat": 3}}], "Affine has no argument 'rotat'. Did you mean 'rotate'"),
    ([{"Affine": {"p": 7}}], "policy: Affine: .*p"),
    ([{"Affine": 7}], "must be a mapping"),
    ([{"Affine": {}, "D4": {}}], "one {Name"),
    ([{"RandomCrop": {"height": 8, "width": 8}}], r"\(32, 32, 3\) into uint8 \(8, 8, 3\).*--data.size"),
    (["Normalize"], "into float32"),
])  # fmt: skip
def test_wrong_policies_are_named(policy, message):
    with pytest.raises(ValueError, match=message):
        IsicDataModule(policy=policy, size=32)


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
    "column 'tbp_lv_x' holds inf in row 3": lambda t: t.assign(tbp_lv_x=[1.0, np.inf, *t["tbp_lv_x"][2:]]),
}


@pytest.mark.parametrize("message", DEFECTS)
def test_defects_of_the_training_table_are_errors(own, message):
    edit(own, DEFECTS[message])
    with pytest.raises(ValueError, match=message):
        module(own, source="auto")


def test_defects_of_the_test_table_and_of_the_files_are_errors(own):
    whole = (own / COURSE[1]).read_text()
    for change, message in (
        (lambda t: t.rename(columns={"isic_id": "id"}), "students-test-metadata.csv: missing column 'isic_id'"),
        (lambda t: t.assign(tbp_lv_x="left"), "students.*column 'tbp_lv_x' holds left in row 2; expected finite"),
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


def test_inspect_looks_at_pictures_in_files(own, cli, tmp_path):
    names = pd.read_csv(own / COURSE[0])["isic_id"]
    with h5py.File(own / "train-image.hdf5", "a") as file:
        copy = file[names[4]][()]
        del file[names[9]]
        file[names[9]] = copy
    cli("inspect", "--model", "lightning_tasks.base.ClassificationTask", "--model.class_names", "[benign, malignant]",
        "--model.net_args", "{width: 4, blocks: [1, 1]}", "--data", "IsicDataModule", "--data.root", own,
        "--data.source", "real", "--data.size", 32, "--data.folds", 3, "--tsne", 60)  # fmt: skip
    folder = tmp_path / "runs/ClassificationTask/inspect"
    found = json.loads((folder / "inspect.json").read_text())
    assert sorted(sum(found["duplicates"] + found["conflicts"], [])[:2]) == sorted([names[4], names[9]])
    assert found["groups"] == 30 and found["map_outliers"]["of"] == 60
    assert (folder / "figures/suspects.png").is_file() and (folder / "figures/map.png").is_file()
    cli("inspect", "--model", "lightning_tasks.base.ClassificationTask", "--model.class_names", "[benign, malignant]",
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
