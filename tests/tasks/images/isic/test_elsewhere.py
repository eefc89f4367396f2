"""Against shortcuts: columns blanked in training, what is held out together, the colour of the light."""

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from datamodules.core import hold_out
from tests.tasks.images.isic.files import COURSE, module

# ---- blanked columns -----------------------------------------------------------------------------------------------


def changed(data, batch):
    return data.changed(batch, torch.Generator().manual_seed(0))["table"]


def test_training_blanks_whole_columns_at_their_rates_as_the_encoder_reads_unknown_cells(own):
    data = module(own, blank={"age_approx": 0.5, "anatom_site_general": 0.2}, images=False)
    names, columns = data.table_names, data._encoder.columns
    assert {"age_approx missing", "anatom_site_general missing"} <= set(names)
    table = torch.from_numpy(data.pools["train"]["table"]).repeat(60, 1)
    new = changed(data, {"id": torch.arange(len(table)), "table": table})
    blank, moved = data.statistics()["table_blank"], ((new != table) & ~(new.isnan() & table.isnan())).any(0)
    assert {columns[i] for i in moved.nonzero().flatten()} == {"age_approx", "anatom_site_general"}
    for column, rate in (("age_approx", 0.5), ("anatom_site_general", 0.2)):
        part = [i for i, name in enumerate(columns) if name == column]
        flag = names.index(f"{column} missing")
        was, now = table[:, flag] == 1, new[:, flag] == 1
        assert float((now & ~was).sum() / (~was).sum()) == pytest.approx(rate, abs=0.03)
        torch.testing.assert_close(new[now][:, part], blank[part].expand(int(now.sum()), -1), equal_nan=True)
        torch.testing.assert_close(new[~now][:, part], table[~now][:, part], equal_nan=True)
        assert float(data.statistics()["table_scale"][flag]) == 1  # it varies in training, gaps in the file or not
    empty = np.zeros(1, data.pools["train"]["columns"].dtype)
    for name in empty.dtype.names:
        empty[name] = np.nan if empty.dtype[name].kind == "f" else b""
    np.testing.assert_array_equal(data._encoder(empty)[0], blank.numpy())


def test_of_a_picture_of_the_user_the_table_says_nothing(own, tmp_path):
    Image.new("RGB", (50, 60), "brown").save(tmp_path / "mine.jpg")
    data = module(own, predict=str(tmp_path / "mine.jpg"))
    (batch,) = data.predict_dataloader()
    torch.testing.assert_close(batch["table"][0], data.statistics()["table_blank"], equal_nan=True)
    assert batch["age"].isnan().all() and batch["sex"].tolist() == batch["site"].tolist() == [-1]
    with pytest.raises(ValueError, match="isic takes no samples of your own"):
        module(own, predict=str(tmp_path / "mine.jpg"), images=False)


def test_without_rates_nothing_is_blanked_and_wrong_rates_are_errors(own):
    data = module(own, images=False)
    assert not data.changes_training
    with pytest.raises(ValueError, match="the table has no column 'agee'. Its columns: age_approx"):
        module(own, blank={"agee": 0.5})
    with pytest.raises(ValueError, match="blank=1.5: need probabilities from 0 to 1"):
        module(own, blank=1.5)


# ---- held out by a column, and colour ------------------------------------------------------------------------------


def test_a_body_site_is_left_out_whole_and_patients_stay_together(own):
    sites = pd.read_csv(own / COURSE[0])["anatom_site_general"]
    data = module(own, hold_out="anatom_site_general", images=False, groups="none", folds=3)
    site = data.pools["train"]["columns"]["anatom_site_general"]
    assert not set(site[data.parts["train"]]) & set(site[data.parts["val"]]) and sites.nunique() > 2
    assert data.part_kind["val"] == "fold 0 of 3, by anatom_site_general"
    assert any("hold_out=anatom_site_general" in note for note in data.notes)
    grouped = module(own, hold_out="anatom_site_general", images=False, folds=3)
    patients = grouped.pools["train"]["group"]
    assert not set(patients[grouped.parts["train"]]) & set(patients[grouped.parts["val"]])


def test_clusters_of_colour_are_those_of_the_files_else_ingredients_are_scored_on_other_pictures(own, monkeypatch):
    seen = []
    monkeypatch.setattr(hold_out, "by_colour", lambda images, *_: seen.append(images) or np.arange(len(images)) % 5)
    for arguments in ({}, {"constancy": "shades_of_gray", "size": 24}, {"channels": 1}):
        module(own, hold_out="colour", groups="none", **arguments)
    assert len(seen) == 3 and all(np.array_equal(images, seen[0]) for images in seen)


def test_colours_are_left_out_and_light_is_taken_out_of_pictures(own):
    data = module(own, hold_out="colour", groups="none")
    brightness = data.images("train", np.arange(len(data.pools["train"]["id"]))).mean((1, 2, 3))
    gap = abs(brightness[data.parts["train"]].mean() - brightness[data.parts["val"]].mean())
    plain = module(own, groups="none")
    assert gap > 2 * abs(brightness[plain.parts["train"]].mean() - brightness[plain.parts["val"]].mean())
    gray = module(own, constancy="shades_of_gray").images("train", np.arange(8)).astype(float)
    spread = (gray**6).mean((2, 3)) ** (1 / 6)
    assert (spread.std(1) / spread.mean(1) < 0.03).all()
    with pytest.raises(ValueError, match="constancy='gray': choose none or shades_of_gray"):
        module(own, constancy="gray")
    with pytest.raises(ValueError, match="hold_out=sitee: no column of the table. Choose colour, age_approx"):
        module(own, hold_out="sitee")
