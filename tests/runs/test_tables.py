"""Tables of predictions: names of classes where there are any, seven digits, masks as arrays."""

import numpy as np
import pandas as pd
import pytest

from lightning_tasks.common.json_files import read_json
from lightning_tasks.common.tables import read_metrics
from lightning_tasks.runs.tables import flat, save_table

PROB = np.array([[0.25, 0.75], [0.5, 0.5], [1 / 3, 2 / 3]], np.float32)


def test_classes_are_named_and_stand_beside_their_probabilities(tmp_path):
    columns = {"id": np.array(["x", "y,z", "w"]), "fold": np.arange(3), "prob": PROB, "more": np.ones((3, 2), np.int16),
               "label": np.array([1, 0, 0], np.uint8)}  # fmt: skip
    path = save_table(tmp_path / "predictions", columns, ["a cat", "owl"])
    assert path.read_text() == (
        "id,fold,prob_a cat,prob_owl,pred,label,more_0,more_1\n"
        'x,0,0.25,0.75,owl,owl,1,1\n"y,z",1,0.5,0.5,a cat,a cat,1,1\nw,2,0.3333333,0.6666667,owl,a cat,1,1\n'
    )
    assert list(columns) == ["id", "fold", "prob", "more", "label"], "the arrays given stay as they are"


def test_without_names_classes_are_numbers_and_without_probabilities_nothing_is_predicted():
    assert {k: v.tolist() for k, v in flat({"id": np.arange(3), "prob": PROB}).items() if k != "id"} == {
        "prob_0": PROB[:, 0].tolist(), "prob_1": PROB[:, 1].tolist(), "pred": [1, 0, 1],
    }  # fmt: skip
    assert list(flat({"id": np.arange(3), "point": PROB, "z": PROB[:, 0]})) == ["id", "point_0", "point_1", "z"]
    assert list(flat({"id": np.arange(3), "prob": PROB[:, 1]})) == ["id", "prob"]


def test_a_task_may_say_itself_what_it_predicts():
    found = flat({"id": np.arange(3), "prob": PROB, "z": PROB[:, 0], "pred": np.array([1, 1, 1])}, ["a", "b"])
    assert list(found) == ["id", "prob_a", "prob_b", "pred", "z"] and found["pred"].tolist() == ["b", "b", "b"]


def test_names_of_another_number_are_an_error():
    with pytest.raises(ValueError):
        flat({"id": np.arange(3), "prob": PROB}, ["a"])


def test_masks_are_arrays_with_the_names_of_the_classes(tmp_path):
    path = save_table(tmp_path / "p", {"id": np.arange(3), "pred": np.zeros((3, 4, 4), np.uint8)}, ["sand", "rock"])
    with np.load(path, allow_pickle=False) as file:
        assert path.suffix == ".npz" and file["class_names"].tolist() == ["sand", "rock"]
        assert file["pred"].shape == (3, 4, 4) and file["id"].tolist() == [0, 1, 2]


def test_numbers_have_seven_digits_and_what_is_not_finite_is_said(tmp_path):
    values = np.array([1 / 3, 1e-9 / 3, np.nan, np.inf, 123456789.0, 2.0])
    path = save_table(tmp_path / "p", {"id": np.arange(6), "z": values})
    assert path.read_text().split() == [
        "id,z", "0,0.3333333", "1,3.333333e-10", "2,nan", "3,inf", "4,1.234568e+08", "5,2",
    ]  # fmt: skip
    assert np.isnan(pd.read_csv(path)["z"][2])


def test_a_cut_file_of_a_run_is_named(tmp_path):
    for name, content, words in (
        ("results.json", '{"metrics": ', "results.json cannot be read .Expecting value"),
        ("results.json", "[1]", "results.json: expected keys and values"),
        ("results.json", "\xff", "results.json cannot be read"),
        ("metrics.csv", "epoch,step,val/a\n0,7,0.3x\n", "metrics.csv is no table of epochs .could not convert"),
        ("metrics.csv", "step,val/a\n7,0.3\n", "metrics.csv is no table of epochs .a row has no epoch"),
    ):
        (tmp_path / name).write_text(content, encoding="latin-1")
        with pytest.raises(ValueError, match=words):
            (read_json if name.endswith(".json") else read_metrics)(tmp_path / name)
