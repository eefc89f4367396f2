import io

import h5py
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from datamodules.simulate import make_lesions
from datamodules.simulate.lesions import LEAKING


def read_set(root):
    tables = [pd.read_csv(root / name) for name in ("new-train-metadata.csv", "students-test-metadata.csv")]
    pictures = []
    for name in ("train-image.hdf5", "test-image.hdf5"):
        with h5py.File(root / name) as file:
            pictures.append({key: value[()].tobytes() for key, value in file.items()})
    return tables, pictures


@pytest.fixture(scope="module")
def lesions(tmp_path_factory):
    root = tmp_path_factory.mktemp("lesions")
    make_lesions(root, n=800, n_test=40, patients=200, positives=0.25, seed=1)
    return read_set(root)


def test_tables_have_the_columns_of_the_competition(lesions):
    (train, test), _ = lesions
    assert len(train) == 800 and len(test) == 40
    shared = ["isic_id", "patient_id", "age_approx", "sex", "anatom_site_general", "clin_size_long_diam_mm"]
    assert set(shared + ["image_type"]) < set(test.columns)
    assert sum(name.startswith("tbp_lv_") for name in test.columns) == 8
    assert set(train.columns) - set(test.columns) == {"target", *LEAKING}
    assert train["isic_id"].is_unique and not set(train["isic_id"]) & set(test["isic_id"])


def test_values_and_gaps(lesions):
    (train, _), _ = lesions
    assert train["target"].sum() == 200
    assert set(train["sex"].dropna()) == {"male", "female"}
    assert (train["age_approx"].dropna() % 5 == 0).all()
    for name in ("age_approx", "sex", "anatom_site_general"):
        assert 0 < train[name].isna().mean() < 0.1
    assert train.loc[train["target"] == 0, "mel_thick_mm"].isna().all()


def test_patients_have_several_pictures_and_test_patients_are_new(lesions):
    (train, test), _ = lesions
    assert train["patient_id"].nunique() == 200
    assert train["patient_id"].value_counts().max() >= 8
    assert not set(train["patient_id"]) & set(test["patient_id"])
    assert (train.groupby("patient_id")["age_approx"].nunique() <= 1).all()


def test_pictures_are_jpeg_bytes_by_id(lesions):
    for table, pictures in zip(*lesions, strict=True):
        assert set(pictures) == set(table["isic_id"])
        for name in table["isic_id"][:20]:
            picture = Image.open(io.BytesIO(pictures[name]))
            assert picture.format == "JPEG" and picture.mode == "RGB"
            assert 76 <= picture.width == picture.height <= 116


def test_seed_decides_every_byte(tmp_path):
    for name, seed in (("first", 5), ("again", 5), ("other", 6)):
        make_lesions(tmp_path / name, n=12, n_test=4, patients=5, seed=seed)
    (first, again, other) = (read_set(tmp_path / name) for name in ("first", "again", "other"))
    pd.testing.assert_frame_equal(first[0][0], again[0][0])
    assert first[1] == again[1]
    assert not set(first[1][0]) & set(other[1][0])


def test_positives_can_be_rare(tmp_path):
    make_lesions(tmp_path, n=300, n_test=2, patients=80, positives=0.01, size=32)
    assert pd.read_csv(tmp_path / "new-train-metadata.csv")["target"].sum() == 3


def test_more_patients_than_pictures_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="patients=9"):
        make_lesions(tmp_path, n=5, patients=9)


def test_train_only_columns_leak_and_the_others_do_not(lesions):
    (train, _), (pictures, _) = lesions
    target = train["target"]
    assert roc_auc_score(target, -train["tbp_lv_dnn_lesion_confidence"]) > 0.85
    weak = ["age_approx", "clin_size_long_diam_mm", "tbp_lv_norm_border", "tbp_lv_norm_color"]
    for name in weak:
        assert 0.5 < roc_auc_score(target, train[name].fillna(train[name].median())) < 0.72
    # A linear model on pixels ranks patients it has not seen badly; a small CNN reaches about .83.
    small = [Image.open(io.BytesIO(pictures[name])).resize((24, 24), Image.BOX) for name in train["isic_id"]]
    pixels = np.stack(small).reshape(len(train), -1) / 255
    held_out = (train["patient_id"].rank(method="dense") % 4 == 0).to_numpy()
    model = LogisticRegression(C=0.01, max_iter=200).fit(pixels[~held_out], target[~held_out])
    assert roc_auc_score(target[held_out], model.decision_function(pixels[held_out])) < 0.78
