"""What inspect says of a data set whose defects are known."""

import csv
import json

import numpy as np
import pytest

from datamodules import DataModule
from datamodules.audit import findings as inspect
from datamodules.audit.findings import Prints
from lightning_tasks.app.members import Run
from lightning_tasks.app.verbs.inspect.features import network_features
from lightning_tasks.problems import ImageClassifier, Segmentation
from tests.datamodules.audit.test_duplicates import pictures

PLANTED, SAME, CONFLICT, NEAR, ODD = range(40, 65), [3, 90], [5, 91, 92], [8, 93], 100


class Pictures(DataModule):
    """Classes 0, 1, 2 in turn. 25 copies of one picture, a duplicate, a conflict, a near duplicate, an odd one."""

    title, files = "pictures", ("x.npz",)

    def simulate(self):
        images = pictures(120, size=24, channels=3)
        images = np.clip(images // 2 + 60, 0, 255).astype(np.uint8)
        label = np.arange(120) % 3
        images[PLANTED] = images[40]
        images[SAME[1]], label[SAME[1]] = images[SAME[0]], label[SAME[0]]
        images[CONFLICT], label[CONFLICT] = images[CONFLICT[0]], [0, 0, 1]
        images[NEAR[1]] = images[NEAR[0]] + 9
        images[ODD] = 0
        images[ODD, :, :12] = 255
        test = pictures(20, size=24, channels=3, seed=1)
        test[4] = images[20]
        pools = {"train": (images, label), "test": (test, np.arange(20) % 3)}
        return {k: {"image": np.moveaxis(x, -1, 1).copy(), "label": y} for k, (x, y) in pools.items()}


DATA = ("--data", "tests.app.verbs.test_inspect.Pictures")
MODEL = ("--model", "lightning_tasks.problems.ImageClassifier", "--model.class_names", "[a, b, c]",
         "--model.net_args", "{width: 4, blocks: [1, 1]}")  # fmt: skip


def rows(path):
    with path.open() as file:
        return {row["id"]: row.get("reason", row.get("group")) for row in csv.DictReader(file)}


def test_known_defects_are_found_and_the_files_are_accepted(tmp_path, cli, capsys):
    cli("inspect", *MODEL, *DATA)
    folder = tmp_path / "runs/ImageClassifier/inspect"
    shown = capsys.readouterr().out
    for line in ("25 copies of 1 pictures", "4, which leaves", "train / test", "--data.exclude"):
        assert line.replace("4, which leaves", "29, which leaves 91") in shown, shown
    shift = next(line for line in shown.splitlines() if line.startswith("train against test pool"))
    assert "DIFFERENT: told apart with AUROC" in shift and "contrast" in shift  # the train pool was made paler
    why = rows(folder / "exclude.csv")
    expected = {*map(str, PLANTED), "90", "5", "91", "92"}
    assert set(why) == expected
    assert why["40"] == "planted: one of 25 copies of one picture" and why["90"] == "duplicate of 3"
    assert why["5"] == "conflict: same picture as 91, another label"
    assert why["92"] == "conflict: same picture as 5, another label"
    suspects = rows(folder / "suspects.csv")
    assert suspects["93"] == "near duplicate of 8" and "100" in suspects and not expected & set(suspects)
    found = json.loads((folder / "inspect.json").read_text())
    assert found["counts"]["all, before cleaning"]["n"] == 120 and found["counts"]["test"]["n"] == 20
    assert sum(found["counts"]["train"]["samples"].values()) == found["counts"]["train"]["n"]
    assert found["arrays"]["train/image"] == {"shape": [120, 3, 24, 24], "dtype": "uint8", "low": 0, "high": 255}
    assert found["left_out_by_the_data_module"] == 0 and len(found["in_exclude_and_not_left_out"]) == 29
    between = {tuple(leak["parts"]): leak for leak in found["leaks"]}
    assert sum(between[part, "test"]["exact"] for part in ("train", "val")) == 1
    assert {p.name for p in (folder / "figures").iterdir()} == {"classes.png", "map.png", "suspects.png"}
    assert list(folder.glob("events.out.tfevents*")) and (page := folder / "report.html").read_text().count("<img") == 3
    text = page.read_text()
    cli("report", "--run", folder)
    assert page.read_text() == text

    group = rows(folder / "groups.csv")
    assert group["8"] == group["93"] and len(set(group.values())) == 119
    data = Pictures(exclude=str(folder / "exclude.csv"), groups=str(folder / "groups.csv"))
    data.setup()
    assert data.sizes()["train"] + data.sizes()["val"] == 91
    assert any({8, 93} <= set(data.parts[part].tolist()) for part in ("train", "val"))
    with pytest.raises(SystemExit):
        cli("inspect", *MODEL, *DATA)
    assert "--overwrite" in capsys.readouterr().err
    cli("inspect", *MODEL, *DATA, "--data.exclude", folder / "exclude.csv", "--name", "again", "--tsne", 0)
    assert "29, the same samples" in capsys.readouterr().out


def test_features_of_a_trained_network_make_the_map(tmp_path, cli):
    fast = ("--trainer.max_epochs", 1, "--trainer.enable_progress_bar", "false", "--draws", 0, "--baselines", "false")
    cli("fit", *MODEL, *DATA, *fast)
    cli("inspect", *MODEL, *DATA, "--run", "runs/ImageClassifier/default", "--tsne", 60)
    found = json.loads((tmp_path / "runs/ImageClassifier/inspect/inspect.json").read_text())
    assert found["settings"]["features"] == "network of runs/ImageClassifier/default"
    assert found["map_outliers"]["of"] == 60


def test_network_features_are_the_input_of_the_head_or_the_deepest_map():
    data = Pictures()
    data.setup()
    at = np.array([7, 2, 50])
    task = ImageClassifier(net="cnn_small", net_args={"width": 4, "blocks": [1, 1]}, class_names=list("abc")).eval()
    found = network_features(Run(None, task, data), at)
    head = next(m for m in task.net.modules() if getattr(m, "out_features", None) == 3)
    assert found.shape == (3, head.in_features)
    batch = data.on_after_batch_transfer({k: v[at] for k, v in data.tensors("train").items()}, 0)
    logits = found @ head.weight.detach().numpy().T + head.bias.detach().numpy()
    prob = task.predict_step(batch)["prob"].detach().numpy()
    np.testing.assert_allclose(np.exp(logits) / np.exp(logits).sum(1, keepdims=True), prob, atol=1e-5)
    segmenter = Segmentation(net="unet", net_args={"width": 4, "depth": 2}, in_channels=3, class_names=["a", "b"])
    assert network_features(Run(None, segmenter.eval(), data), at).shape == (3, 16)  # doubled at each of two steps down


def test_a_set_without_pictures_is_compared_by_all_its_inputs(cli, tmp_path):
    cli("inspect", "--model", "tests.toys.ToySequence", "--data", "tests.toys.ToyDataModule", "--tsne", 50)
    found = json.loads((tmp_path / "runs/ToySequence/inspect/inspect.json").read_text())
    assert found["exclude"] == 0 and found["map_outliers"]["of"] == 50 and found["near_duplicates"] == []
    pool = {"tokens": np.array([[1, 2], [1, 2], [1, 2]]), "length": np.array([2, 1, 2]), "label": np.zeros(3, int)}
    exact = inspect.fingerprints(pool).exact
    assert exact[0] == exact[2] != exact[1]
    with pytest.raises(ValueError, match="only id, label"):
        inspect.fingerprints({"id": np.arange(2), "label": np.arange(2)})


def test_masks_that_differ_on_one_picture_are_a_conflict():
    images = pictures(30, size=16)[:, None]
    masks = np.random.default_rng(0).integers(0, 3, (30, 16, 16)).astype(np.uint8)
    images[9], images[12] = images[4], images[6]
    masks[12] = masks[6]
    found = inspect.duplicates(inspect.fingerprints({"image": images}), masks)
    assert [g.tolist() for g in found.conflicts] == [[4, 9]]
    why = inspect.reasons_to_drop(found, np.array([20, 21]), [f"p{i}" for i in range(30)])
    assert why == {
        4: "conflict: same picture as p9, another label",
        9: "conflict: same picture as p4, another label",
        12: "duplicate of p6",
        20: "planted: one of 2 pictures with the same mask",
        21: "planted: one of 2 pictures with the same mask",
    }
    table = inspect.class_table({"mask": masks}, np.array([0, 1, 1]))
    assert table["pixels"].sum() == 3 * 256 and table["samples"].tolist() == [3, 3, 3]


def test_pairs_are_those_of_a_double_loop():
    rng = np.random.default_rng(0)
    one, two = rng.integers(0, 2**63, (2, 300)).astype(np.uint64)
    two[[5, 250]], two[7] = one[290], one[3] ^ np.uint64(0b101)
    pairs = {tuple(p) for p in inspect.cross_pairs(one, two, 24)}
    assert pairs == {(i, j) for i in range(300) for j in range(300) if int(one[i] ^ two[j]).bit_count() <= 24}
    names = np.array(list("abcab")), np.array(list("bxb"))
    assert inspect.equal_pairs(*names).tolist() == [[1, 0], [4, 0]]
    assert inspect.equal_pairs(names[0], names[1][:0]).shape == (0, 2)
    prints = {
        "train": Prints(np.array(["p", "q", "r"]), one[[3, 0, 290]]),
        "test": Prints(np.array(["s", "r"]), two[[7, 5]]),
    }
    (leak,) = inspect.leaks(prints, 2)
    assert leak.exact.tolist() == [[2, 1]] and leak.near.tolist() == [[0, 0]]  # the exact copy is no near one


def test_outliers_lie_apart():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(600, 2))
    points[17], points[300:304] = [9, 9], rng.normal(scale=0.01, size=(4, 2)) + [-9, 0]
    marked = inspect.map_outliers(points)
    assert marked[[17, 300, 301, 302, 303]].all() and marked.sum() < 30
    features = rng.normal(size=(600, 20))
    features[44] += 12
    assert np.flatnonzero(inspect.far_outliers(features)).tolist() == [44]
    assert not inspect.map_outliers(points[:5]).any() and not inspect.far_outliers(points[:5]).any()
    assert not inspect.far_outliers(np.zeros((50, 2))).any()


def test_the_map_keeps_clusters_together_and_repeats():
    rng = np.random.default_rng(0)
    features = np.concatenate([rng.normal(size=(40, 30)), rng.normal(size=(40, 30)) + 8])
    points = inspect.reduced(features, 0)
    first, second = inspect.tsne_map(points, 0), inspect.tsne_map(points, 0)
    np.testing.assert_array_equal(first, second)
    centres = first[:40].mean(0), first[40:].mean(0)
    assert np.linalg.norm(centres[0] - centres[1]) > 3 * first[:40].std()


def test_samples_are_drawn_with_those_that_must_be_there():
    found = inspect.sample_rows(1000, 50, np.array([3, 999]), 0)
    assert len(found) == 50 == len(set(found.tolist())) and {3, 999} <= set(found.tolist())
    assert inspect.sample_rows(10, 50, np.array([3]), 0).tolist() == list(range(10))


@pytest.mark.realdata
def test_the_real_pack_leaves_4108_cells(realdata, cli, tmp_path):
    cli("inspect", "--model", "BloodCellsTask", "--data", "BloodCellsDataModule", "--data.root", realdata,
        "--data.source", "real", "--tsne", 0)  # fmt: skip
    folder = tmp_path / "runs/BloodCellsTask/inspect"
    found, why = json.loads((folder / "inspect.json").read_text()), rows(folder / "exclude.csv")
    # The 4,108 cells come first in the pack, then 8 of them again, then the planted pictures.
    assert sorted(map(int, why)) == list(range(4108, 4737))
    assert sum("planted" in reason for reason in why.values()) == 621
    assert sum("duplicate" in reason for reason in why.values()) == 8 and found["left"] == 4108
