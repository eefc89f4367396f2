"""Faces from a folder of any pictures, and drawn ones."""

import numpy as np
import pytest
from PIL import Image

from datamodules import FacesDataModule
from datamodules.simulate.faces import make_faces


def folder_of(tmp_path, **pictures: Image.Image):
    folder = tmp_path / "celeba" / "img_align_celeba"
    for name, image in pictures.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path.with_suffix(".png"))
    return folder


def plain(color, size=(64, 64), mode="RGB") -> Image.Image:
    return Image.new(mode, size, color)


def test_every_kind_of_picture_is_read_as_one_sees_it(tmp_path):
    wide = np.zeros((50, 178, 3), np.uint8)
    wide[:, 64:114] = (0, 255, 0)  # the middle square
    folder = folder_of(
        tmp_path, a=plain((255, 0, 0)), deep__er__b=plain(128, mode="L"), c=plain((255, 0, 255, 0), mode="RGBA"),
        d=Image.fromarray(wide), e=plain((0, 0, 0, 0), mode="CMYK").convert("RGB"),
    )  # fmt: skip
    (folder / "broken.jpg").write_bytes(b"\xff\xd8 no picture")
    (folder / "._a.png").write_bytes(b"of another system")
    (folder / "notes.txt").write_text("no picture")
    (folder / "glasses").mkdir()
    data = FacesDataModule(root=str(tmp_path), source="real", folds=2)
    data.setup("fit")
    pool = data.pools["train"]
    assert pool["name"].tolist() == ["a.png", "c.png", "d.png", "deep/er/b.png", "e.png"]
    assert pool["image"].shape == (5, 3, 64, 64)
    middle = pool["image"][:, :, 32, 32].tolist()
    assert middle == [[255, 0, 0], [255, 255, 255], [0, 255, 0], [128] * 3, [255] * 3]
    assert (pool["image"][2] == np.array([0, 255, 0])[:, None, None]).all(), "cut to the middle, not squeezed"
    for words in (
        "1 of 6 pictures cannot be decoded and are left out: broken.jpg",
        "2 of 5 pictures are not RGB and were made so: 1 of mode RGBA, 1 of mode L.",
        "1 of 5 pictures are not 64x64: cut to their middle and resized",
        "1 folders hold no pictures: glasses.",
    ):
        assert any(words in note for note in data.notes), words


def test_folders_without_a_picture_are_errors(tmp_path):
    folder = tmp_path / "celeba" / "img_align_celeba"
    folder.mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match="holds no .jpg, .jpeg, .png, .bmp"):
        FacesDataModule(root=str(tmp_path)).setup("fit")
    (folder / "a.jpg").write_bytes(b"no picture")
    with pytest.raises(ValueError, match="none of 1 pictures can be decoded. The first: a.jpg"):
        FacesDataModule(root=str(tmp_path)).setup("fit")


def test_drawn_faces_vary_and_repeat():
    images, smiles = make_faces(40, seed=1)
    again, _ = make_faces(40, seed=1)
    assert images.shape == (40, 3, 64, 64) and images.dtype == np.uint8 and 5 < smiles.sum() < 35
    np.testing.assert_array_equal(images, again)
    spread = images.std(0)
    assert spread[:, 2:10, 2:10].min() > 30, "the background"
    assert spread[:, 20:50, 20:44].mean() > 20, "and the face"
    mean = images.astype(float).mean(0)
    assert ((images - mean) ** 2).mean() > 1500, "the mean face explains little"
