"""Pictures in folders: every layout and every kind of file that users have."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from datamodules import ImageFolderDataModule
from datamodules.readers.pictures import BrokenFile
from tests.conftest import ROOT, results
from tests.datamodules.readers.test_pictures import huge


def save(path: Path, color=(200, 100, 50), mode="RGB", size=(40, 40), **kwargs) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, color).save(path, **kwargs)
    return path


def noise(path: Path, seed: int, size=(40, 30)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (*size[::-1], 3), np.uint8)).save(path)
    return path


def two_classes(root: Path, n: int = 6) -> Path:
    for number in range(n):
        for shift, name in enumerate(("cat", "кот на окне")):
            noise(root / name / f"my photo {number}.png", 10 * number + shift)
    return root


def module(root: Path, **kwargs) -> ImageFolderDataModule:
    data = ImageFolderDataModule(root=str(root), **{"folds": 2, "size": 16, "policy": "none", **kwargs})
    data.setup("fit")
    return data


# ---- layouts ----------------------------------------------------------------------------------------------------


def test_names_with_spaces_and_other_alphabets_are_classes_and_ids(tmp_path):
    data = module(two_classes(tmp_path))
    assert data.class_names == ["cat", "кот на окне"] and data.facts()["in_channels"] == 3
    assert data.names("train", np.array([0, 6])) == ["cat/my photo 0.png", "кот на окне/my photo 0.png"]
    assert np.bincount(data.pools["train"]["label"]).tolist() == [6, 6]


def test_folders_of_parts_are_the_parts(tmp_path):
    for part, count in (("Training", 5), ("valid", 2), ("TEST", 3)):
        two_classes(tmp_path / part, count)
    noise(tmp_path / "predict" / "new.png", 99)
    save(tmp_path / "labels" / "x.png")
    data = module(tmp_path)
    assert data.sizes() == {"train": 10, "val": 4, "test": 6, "predict": 1} and not data.splits
    names = data.names("train", data.pools["train"]["id"][data.parts["val"]])
    assert all(name.startswith("valid/") for name in names)
    assert "label" not in data.pools["predict"] and data.part_kind["val"] == "folder val"
    assert any("Not read, beside the folders of parts: 1 folder (labels)" in note for note in data.notes)


def test_pictures_to_predict_may_stand_anywhere(tmp_path):
    root, new = tmp_path / "known", tmp_path / "elsewhere"
    two_classes(root / "train"), noise(root / "predict/old.png", 98)
    noise(new / "deeper" / "new.png", 99), (new / "notes.txt").write_text("x")
    data = module(root, predict=str(new))
    assert data.pools["predict"]["name"].tolist() == ["deeper/new.png"] and "label" not in data.pools["predict"]
    assert any("no pictures: 1 file (notes.txt)" in note for note in data.notes)
    one = module(root, predict=str(new / "deeper/new.png"))
    assert one.pools["predict"]["name"].tolist() == ["new.png"]
    torch.testing.assert_close(one.arrays("predict")["image"], data.arrays("predict")["image"])
    (tmp_path / "empty").mkdir()
    for place, said in (("empty", "holds no picture"), ("no", "is not there"), ("elsewhere/notes.txt", "is no pic")):
        with pytest.raises(ValueError, match=f"--data.predict: .*{said}.* Give a folder of pictures, or one picture"):
            module(root, predict=str(tmp_path / place))


def test_a_test_part_is_carved_out_of_training_where_validation_alone_has_a_folder(tmp_path):
    for part, count in (("train", 10), ("val", 3)):
        two_classes(tmp_path / part, count)
    data = module(tmp_path, test_fraction=0.2)
    assert data.sizes() == {"train": 16, "val": 6, "test": 4} and not data.scores_validation
    names = data.names("train", data.pools["train"]["id"][data.parts["test"]])
    assert all(name.startswith("train/") for name in names) and len(set(names)) == 4
    assert not set(data.parts["test"]) & set(data.parts["train"])


def test_two_folders_of_one_part_are_both_read(tmp_path):
    for part, count in (("train", 3), ("Training", 2), ("val", 1), ("valid", 2)):
        two_classes(tmp_path / part, count)
    assert module(tmp_path).sizes() == {"train": 10, "val": 6, "test": 6}


def test_near_copies_of_test_and_validation_pictures_are_left_out_of_training(tmp_path):
    for part, count in (("train", 6), ("val", 3), ("test", 3)):
        for shift, name in enumerate("ab"):
            for number in range(count):  # "train" has numbers of its own but 0, a copy in all three
                noise(tmp_path / part / name / f"{number}.png", 7 * shift + 100 * number * len(part) + number)
    data = module(tmp_path, near=2)
    names = {part: {str(n) for n in data.pools["train"]["name"][data.parts[part]]} for part in ("train", "val")}
    assert names["train"] == {f"train/{c}/{n}.png" for c in "ab" for n in range(1, 6)}
    assert names["val"] == {f"val/{c}/{n}.png" for c in "ab" for n in (1, 2)}
    assert any("4 pictures are near copies of test or validation pictures and left out" in note for note in data.notes)
    assert data.sizes()["test"] == 6 and module(tmp_path, near=2, groups="none").sizes()["train"] == 12


def test_a_class_may_be_called_train(tmp_path):
    for name in ("train", "plane"):
        for number in range(3):
            noise(tmp_path / name / f"{number}.png", number + len(name))
    assert module(tmp_path).class_names == ["plane", "train"]


def test_folds_of_a_given_validation_part_are_refused(tmp_path, cli, capsys):
    two_classes(tmp_path / "train"), two_classes(tmp_path / "val")
    with pytest.raises(SystemExit):
        cli("kfold", "--config", ROOT / "configs/image_folder.yaml", "--data.root", tmp_path, "--folds", 2)
    assert "gives its train and validation parts itself" in capsys.readouterr().err
    for changed in ({"fold": 1}, {"bag": 0}):
        with pytest.raises(ValueError, match=f"--data.{next(iter(changed))}: there is nothing to split"):
            module(tmp_path, **changed)


def test_a_limit_takes_as_many_of_each_given_part(tmp_path):
    two_classes(tmp_path / "train", 8), two_classes(tmp_path / "val", 6)
    data = module(tmp_path, limit=4)
    labels = {part: data.pools["train"]["label"][rows].tolist() for part, rows in data.parts.items()}
    assert labels == {"train": [0, 0, 1, 1], "val": [0, 0, 1, 1], "test": [0, 0, 1, 1]}


# ---- files ------------------------------------------------------------------------------------------------------


def test_every_kind_of_picture_is_read_as_one_sees_it(tmp_path):
    folder = tmp_path / "a"
    save(folder / "0 rgb.png")
    save(folder / "1 gray.jpg", 77, "L")
    save(folder / "2 rgba.png", (255, 0, 0, 0), "RGBA")
    save(folder / "3 cmyk.jpg", (0, 255, 255, 0), "CMYK")
    Image.new("RGB", (40, 40), (0, 0, 255)).convert("P", palette=Image.Palette.ADAPTIVE).save(folder / "4 palette.gif")
    Image.fromarray(np.full((40, 40), 32_768, np.uint16)).save(folder / "5 deep.png")
    turned = np.zeros((20, 40, 3), np.uint8)
    turned[:, :20] = 255  # the camera lay on its side: the left half is the upper one
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(turned).save(folder / "6 turned.png", exif=exif)
    save(folder / "7 tiff.TIF", (1, 2, 3))
    save(tmp_path / "b" / "x.png"), save(tmp_path / "b" / "y.png")
    data = module(tmp_path)
    images = data.images("train", np.arange(8)).astype(int)
    middle = images[:, :, 4, 12]  # upper right
    expected = [(200, 100, 50), (77,) * 3, (255,) * 3, (255, 0, 0), (0, 0, 255), (128,) * 3, (255,) * 3, (1, 2, 3)]
    assert np.abs(middle - np.array(expected)).max() <= 2, middle
    assert images[6, 0, 12, 4] == 0, "and the right half the lower one"
    gray = module(tmp_path, channels=1).images("train", np.arange(2))
    assert gray.shape == (2, 1, 16, 16)
    assert gray[0, 0, 0, 0] == round(0.299 * 200 + 0.587 * 100 + 0.114 * 50) and gray[1, 0, 0, 0] == 77


def test_files_that_are_no_pictures_are_left_out_and_counted(tmp_path):
    two_classes(tmp_path)
    for name in (".DS_Store", "Thumbs.db", "notes.txt", "._my photo 0.png"):
        (tmp_path / "cat" / name).write_bytes(b"no picture")
    (tmp_path / "cat" / "empty.jpg").touch()
    (tmp_path / "dog").mkdir()
    (tmp_path / "README.md").write_text("of the archive")
    save(tmp_path / "loose.png")
    data = module(tmp_path)
    assert data.class_names == ["cat", "кот на окне"] and len(data.pools["train"]["label"]) == 12
    notes = " ".join(data.notes)
    assert "no pictures: 4 files (cat/.DS_Store, cat/._my photo 0.png, cat/Thumbs.db and 1 more)" in notes
    assert "of no bytes: 1 picture (cat/empty.jpg)" in notes and "without a picture: 1 folder (dog)" in notes
    assert "in no folder of a class: 1 picture (loose.png)" in notes


def test_a_truncated_picture_is_an_error_and_can_be_excluded(tmp_path):
    path = two_classes(tmp_path) / "cat" / "my photo 0.png"
    path.write_bytes(path.read_bytes()[:500])
    data = module(tmp_path, near=4)
    with pytest.raises(BrokenFile, match="my photo 0.png cannot be decoded .* --data.exclude .* which inspect writes"):
        data.statistics()
    with (tmp_path / "exclude.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("id", "reason"), ("cat/my photo 0.png", "truncated")])
    data = module(tmp_path, exclude=str(tmp_path / "exclude.csv"))
    assert data.statistics()["class_counts"].sum() == len(data.parts["train"])


def test_a_truncated_picture_of_the_test_part_is_an_error_before_a_fit(tmp_path):
    two_classes(tmp_path / "train"), two_classes(tmp_path / "test", 2)
    path = tmp_path / "test" / "cat" / "my photo 0.png"
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(BrokenFile, match="test/cat/my photo 0.png cannot be decoded .*Restore or remove it"):
        ImageFolderDataModule(root=str(tmp_path)).setup("fit")
    ImageFolderDataModule(root=str(tmp_path)).setup("predict")


def test_one_class_and_a_class_that_training_lacks_are_errors(tmp_path):
    save(tmp_path / "one" / "cat" / "a.png"), (tmp_path / "one" / "dog").mkdir()
    with pytest.raises(ValueError, match="only class with pictures is 'cat'; .* 2 or more folders.*picture: dog"):
        ImageFolderDataModule(root=str(tmp_path / "one")).facts()
    two_classes(tmp_path / "two" / "train"), save(tmp_path / "two" / "test" / "owl" / "a.png")
    with pytest.raises(ValueError, match="test has the class 'owl', which train lacks.*Rename the folder"):
        ImageFolderDataModule(root=str(tmp_path / "two")).facts()
    with pytest.raises(FileNotFoundError, match="Looked for CLASS/.*simulated set add --data.source simulated"):
        ImageFolderDataModule(root=str(tmp_path / "none")).setup("fit")


# ---- groups -----------------------------------------------------------------------------------------------------


def test_pictures_are_grouped_by_a_csv_or_by_likeness(tmp_path):
    two_classes(tmp_path)
    rows = [(f"{c}/my photo {i}.png", f"owner {i // 2}") for c in ("cat", "кот на окне") for i in range(6)]
    with (tmp_path / "groups.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("id", "group"), *rows])
    data = module(tmp_path, groups=str(tmp_path / "groups.csv"), folds=3)
    groups = data.pools["train"]["group"]
    assert len(np.unique(groups)) == 3 and not set(groups[data.parts["train"]]) & set(groups[data.parts["val"]])

    with Image.open(tmp_path / "cat" / "my photo 1.png") as image:
        image.resize((80, 60)).save(tmp_path / "cat" / "copy.jpg", quality=80)
    data = module(tmp_path, near=6)
    names, groups = data.pools["train"]["name"].tolist(), data.pools["train"]["group"]
    assert groups[names.index("cat/copy.jpg")] == groups[names.index("cat/my photo 1.png")]
    assert len(np.unique(groups)) == 12 and "2 of 13 pictures are near copies" in data.notes[-1]
    assert "group" not in module(tmp_path, near=6, groups="none").pools["train"]


# ---- whole runs -------------------------------------------------------------------------------------------------


def test_the_verbs_work_on_a_folder_of_the_user(tmp_path, cli, capsys):
    root = tmp_path / "my pictures"
    two_classes(root / "train", 8), two_classes(root / "test", 3)
    noise(root / "predict" / "new one.png", 5)
    config = ("--config", ROOT / "configs/image_folder.yaml", "--data.root", root, "--data.size", 32)
    quiet = ("--trainer.enable_progress_bar", "false", "--data.batch_size", 4)
    fast = ("--trainer.max_epochs", 1, "--draws", 2, "--model.net_args", "{width: 4, stem_stride: 4}", "--baselines",
            "false")  # fmt: skip
    cli("fit", *config, *quiet, *fast, "--data.num_workers", 2, "--data.policy", "light")
    run = Path("runs/image_folder/default")
    found = results(run)
    assert found["data_source"] == "real" and found["metrics"]["test/acc"]["n"] == 6
    assert "test/recall_кот на окне" in found["metrics"] and "recall_кот на окне" in (run / "report.html").read_text()
    best = run / "checkpoints/best.ckpt"
    cli("predict", "--config", run / "config.yaml", "--ckpt_path", best)
    lines = (run / "predictions_predict.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "id,prob_cat,prob_кот на окне,pred" and lines[1].startswith("predict/new one.png,")
    cli("predict", "--run", run, "--data.predict", noise(tmp_path / "found.png", 5))
    elsewhere = (run / "predictions_predict.csv").read_text(encoding="utf-8").splitlines()
    assert elsewhere[1:] == [lines[1].replace("predict/new one.png", "found.png")], "the same picture"
    cli("explain", "--run", run, "--part", "predict", "--data.predict", tmp_path / "found.png", "--draws", 1)
    (shown,) = json.loads((run / "explain.json").read_text(encoding="utf-8"))["groups"]["predicted"]
    name, _, second, _ = elsewhere[1].split(",")
    assert shown["id"] == name and shown["truth"] is None
    assert shown["prob_кот на окне"] == pytest.approx(float(second), abs=1e-6)
    assert sorted(p.name for p in (run / "figures").glob("explain_*")) == ["explain_predicted.png"]
    cli("explain", "--run", run, "--ids", "test/cat/my photo 0.png")
    cli("calibrate", "--run", run)
    cli("inspect", *config)
    cli("kfold", *config, *quiet, *fast, "--folds", 2)
    cli("ensemble", "--runs", run, "runs/image_folder/kfold/fold_0")
    capsys.readouterr()
    with pytest.raises(SystemExit):
        cli("submit", "--run", run)
    assert "has no submission format" in capsys.readouterr().err


def test_a_run_that_reads_pictures_is_told_where_there_are_none(cli, tmp_path, capsys):
    two_classes(tmp_path / "mine")
    cli("fit", "--config", ROOT / "configs/image_folder.yaml", "--data.root", tmp_path / "mine", "--data.size", 16,
        "--model.net_args", "{width: 4}", "--trainer.max_epochs", 1, "--draws", 0, "--baselines", "false",
        "--trainer.enable_progress_bar", "false", "--data.test_fraction", 0.3, "--data.folds", 2)  # fmt: skip
    for verb in ("test", "validate", "predict", "explain"):
        with pytest.raises(SystemExit):
            cli(verb, "--run", "runs/image_folder/default", "--data.images", "false")
        assert "ImageClassifier reads 'image'; a batch of image_folder has " in (error := capsys.readouterr().err)
        assert "Set --data.images true." in error


def test_inspect_names_the_class_that_is_in_no_training_sample(cli, tmp_path, capsys):
    save(two_classes(tmp_path / "mine") / "emu/a.png")
    cli("inspect", "--config", ROOT / "configs/image_folder.yaml", "--data.root", tmp_path / "mine", "--data.size", 16,
        "--tsne", 0, "--data.folds", 2)  # fmt: skip
    counts = json.loads(Path("runs/image_folder/inspect/inspect.json").read_text())["counts"]
    assert not counts["train"]["samples"].get("emu"), "the one picture of the class is held out"
    assert "classes of which the train part has no sample  emu" in capsys.readouterr().out


def test_inspect_finds_a_picture_above_the_size_limit(cli, tmp_path):
    (two_classes(tmp_path / "mine") / "cat/my photo 0.png").write_bytes(huge())
    cli("inspect", "--config", ROOT / "configs/image_folder.yaml", "--data.root", tmp_path / "mine", "--data.size", 16,
        "--model.net_args", "{width: 4}", "--data.folds", 2, "--tsne", 0)  # fmt: skip
    found = json.loads(Path("runs/image_folder/inspect/inspect.json").read_text())
    assert found["undecodable"]["train"] == ["cat/my photo 0.png"] and found["left"] == 11
