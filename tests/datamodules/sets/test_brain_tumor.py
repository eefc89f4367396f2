"""Brain scans: both layouts, near copies on one side of the split."""

import numpy as np
from PIL import Image

from datamodules import BrainTumorDataModule
from datamodules.simulate.brain_scans import make_brain_scans


def test_slices_of_a_head_that_nearly_repeat_are_a_group(tmp_path):
    make_brain_scans(tmp_path / "brain_tumor", scans=24, seed=1)
    data = BrainTumorDataModule(root=str(tmp_path), size=32, folds=3, test_fraction=0.2)
    data.setup("fit")
    assert data.class_names == ["glioma_tumor", "meningioma_tumor", "no_tumor", "pituitary_tumor"]
    pool = data.pools["train"]
    names, groups = pool["name"], pool["group"]
    heads = np.array([name.split("/")[-1].split("_")[0] for name in names])
    together = [len(np.unique(groups[heads == head])) == 1 for head in np.unique(heads) if (heads == head).sum() > 1]
    assert np.mean(together) > 0.2, "of many heads all slices are linked"
    copies = [i for i, name in enumerate(names) if "copy_" in name]
    assert len(copies) == 8 and all((groups == groups[i]).sum() > 1 for i in copies)
    for part in ("val", "test"):
        assert not set(groups[data.parts["train"]]) & set(groups[data.parts[part]])
    assert data.images("train", np.arange(2)).shape == (2, 1, 32, 32)


def test_yes_and_no_are_two_classes_of_either_layout(tmp_path):
    for name, folders in (("two", ("no", "yes")), ("four", ("no_tumor", "glioma_tumor", "pituitary_tumor"))):
        for folder in folders:
            for i in range(4):
                path = tmp_path / name / folder / f"{i}.jpg"
                path.parent.mkdir(parents=True, exist_ok=True)
                pixels = np.random.default_rng([i, len(folder)]).integers(0, 255, (30, 30), np.uint8)
                Image.fromarray(pixels).save(path)
        data = BrainTumorDataModule(root=str(tmp_path / name), yes_no=True, folds=2, size=16, near=None)
        data.setup("fit")
        assert data.class_names == ["no", "yes"]
        wanted = ["no" in path.split("/")[0] for path in data.pools["train"]["name"]]
        assert (data.pools["train"]["label"] == 0).tolist() == wanted
