"""Pictures of the user's own, brought to what a data set's pictures are."""

import numpy as np
import pytest
from PIL import Image

import datamodules
from datamodules.core.source import serve_alike
from datamodules.core.unlabelled import pictures_like
from datamodules.readers.pictures import BrokenFile, decode


def pool(channels, height, width):
    return {"image": np.zeros((2, channels, height, width), np.uint8)}


def test_pictures_take_the_shape_and_the_channels_of_those_that_are_known(tmp_path):
    notes = []
    ramp = np.linspace(0, 255, 64).astype(np.uint8)
    coloured = np.stack([np.tile(ramp, (32, 1)), np.zeros((32, 64), np.uint8), np.tile(ramp[::-1], (32, 1))], 2)
    (tmp_path / "deep").mkdir()
    Image.fromarray(coloured).save(tmp_path / "deep/a.png")
    Image.fromarray(np.full((5, 9), 200, np.uint8)).save(tmp_path / "b.png")
    (tmp_path / "notes.txt").write_text("x")
    found = pictures_like("mars", pool(1, 16, 32), tmp_path, notes.append)
    assert found["name"].tolist() == ["b.png", "deep/a.png"] and notes == ["Left out, no pictures: 1 file (notes.txt)."]
    assert found["image"].shape == (2, 1, 16, 32) and (found["image"][0] == 200).all()
    np.testing.assert_allclose(found["image"][1, 0, 8, [0, -1]], [0.114 * 255, 0.299 * 255], atol=5)  # BT.601
    (same,) = pictures_like("cells", pool(3, 32, 64), tmp_path / "deep/a.png", notes.append)["image"]
    np.testing.assert_array_equal(same, coloured.transpose(2, 0, 1))
    half = pictures_like("cells", pool(3, 16, 32), tmp_path / "deep/a.png", notes.append)["image"][0]
    np.testing.assert_allclose(half[0, :, 2:-2], coloured[::2, 4:-4:2, 0], atol=5)


def test_a_large_jpeg_is_decoded_at_a_scale_that_is_not_below_what_is_asked_for(tmp_path):
    stripes = np.tile(127 + 120 * np.sin(np.arange(800) * 2 * np.pi / 20), (400, 1)).astype(np.uint8)
    Image.fromarray(stripes).save(tmp_path / "a.jpg", quality=95)
    found = decode((tmp_path / "a.jpg").read_bytes(), (60, 130))
    expected = Image.fromarray(stripes).resize((130, 60), Image.Resampling.BILINEAR)
    assert found.shape == (60, 130, 3) and found[..., 0].std() > 0.85 * np.asarray(expected).std()


@pytest.mark.parametrize("known", [{}, {"image": np.zeros((2, 1, 8, 8), np.float32)}, pool(2, 8, 8)])
def test_data_without_pictures_takes_none(tmp_path, known):
    with pytest.raises(ValueError, match="--data.predict: gas takes no samples of your own"):
        pictures_like("gas", known, tmp_path, print)


def test_a_picture_that_cannot_be_decoded_is_named(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(BrokenFile, match="picture a.png cannot be decoded"):
        pictures_like("mars", pool(1, 8, 8), tmp_path, print)


PICTURES = ["BloodCells", "BrainTumor", "CIFAR10", "Cues", "Faces", "FashionMNIST", "ImageFolder", "Isic", "Mars",
            "MNIST", "Patterns", "Wrist"]  # fmt: skip


@pytest.mark.parametrize("name", [f"{name}DataModule" for name in PICTURES])
def test_every_set_of_pictures_takes_those_of_the_user_and_changes_nothing_else(tmp_path, name):
    grey = 255 if name == "PatternsDataModule" else 120  # its cells are one or the other: white is 0
    Image.fromarray(np.full((30, 40, 3), grey, np.uint8)).save(tmp_path / "mine.png")
    kind = getattr(datamodules, name)
    usual, own = (kind(source="simulated", batch_size=4, predict=p) for p in (None, str(tmp_path / "mine.png")))
    for data in (usual, own):
        data.setup()
    (batch,) = own.predict_dataloader()
    served = own.on_after_batch_transfer(batch, 0)
    known = usual.on_after_batch_transfer(next(iter(usual.val_dataloader())), 0)
    labels = {"label", "mask", "group", "diagnosis", "flips", "probe", "texture"}
    assert set(served) - labels == set(known) - labels and not labels & set(served)
    for key in set(served) - {"id"}:
        assert served[key].shape[1:] == known[key].shape[1:] and served[key].dtype == known[key].dtype, key
    seen = 0 if name == "PatternsDataModule" else 120 / 255
    assert served["image"].mean().item() == pytest.approx(seen, abs=0.01)
    assert own.names("predict", own.pools["predict"]["id"]) == ["mine.png"]
    for part in ("train", "val"):
        np.testing.assert_array_equal(own.parts[part], usual.parts[part])
    assert serve_alike(own, usual)


def test_those_who_cut_to_the_middle_cut_pictures_of_the_user_too(tmp_path):
    picture = np.zeros((64, 128, 3), np.uint8)
    picture[:, 32:96] = 200
    Image.fromarray(picture).save(tmp_path / "mine.png")
    data = datamodules.FacesDataModule(source="simulated", predict=str(tmp_path / "mine.png"))
    data.setup()
    assert (data.pools["predict"]["image"] == 200).all()


def test_a_limit_is_of_the_data_and_leaves_out_nothing_of_the_user(tmp_path):
    for i in range(30):
        Image.new("L", (28, 28), i).save(tmp_path / f"{i:02}.png")
    data = datamodules.MNISTDataModule(source="simulated", limit=20, predict=str(tmp_path))
    data.setup()
    assert data.sizes()["predict"] == 30 and data.sizes()["test"] == 20
