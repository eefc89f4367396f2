"""What cameras, clinics and hair do to pictures."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from torch.testing import assert_close

from datamodules.augment.camera import compress
from tests.datamodules.augment.batches import make_batch, run


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("quality", [10, 35, 50, 90])
@pytest.mark.parametrize("size", [(32, 32), (30, 21)])
def test_compression_is_that_of_pillow(channels, quality, size):
    h, w = size
    y, x = np.mgrid[:h, :w]
    smooth = np.stack([x * 255 // w, y * 255 // h, (x + y) * 255 // (h + w)], 2)
    raw = np.clip(smooth + np.random.default_rng(0).normal(0, 12, smooth.shape), 0, 255).astype(np.uint8)[
        ..., :channels
    ]
    file = io.BytesIO()
    Image.fromarray(raw.squeeze()).save(file, "JPEG", quality=quality, subsampling=0)
    theirs = torch.from_numpy(np.array(Image.open(file))).reshape(h, w, channels).permute(2, 0, 1).float()
    image = torch.from_numpy(raw).permute(2, 0, 1)[None] / 255
    ours = compress(image, torch.tensor([float(quality)]))[0] * 255
    inside = slice(None, h - h % 8 or None), slice(None, w - w % 8 or None)  # Pillow may fill cut blocks otherwise
    gap = (ours - theirs)[(slice(None), *inside)].abs()
    change = (image[0] * 255 - theirs)[(slice(None), *inside)].abs()
    # a coefficient on the edge of a fine step may fall to either side in their integer arithmetic
    assert gap.mean() < (0.01 if quality == 10 else 0.2) * change.mean()


def test_each_picture_has_its_own_quality():
    image = torch.rand(2, 3, 16, 16)
    both = compress(image, torch.tensor([10.0, 90.0]))
    alone = [compress(image[k : k + 1], torch.tensor([q])) for k, q in enumerate((10.0, 90.0))]
    assert_close(both, torch.cat(alone))
    assert (both - image).abs().mean((1, 2, 3)).diff() < 0


def test_a_vignette_leaves_the_middle_and_darkens_outwards():
    out = run(
        [{"vignette": {"radius": [0.5, 0.5], "strength": [0.8, 0.8], "p": 1}}], {"image": torch.ones(1, 1, 41, 61)}
    )
    row = out["image"][0, 0, 20]
    assert row[30] == 1 and (row[30:].diff() <= 0).all() and row[-1] < row[45] < 1
    assert_close(out["image"][0, 0, 0, 0], torch.tensor(0.2), atol=1e-6, rtol=0)


def test_hair_is_thin_dark_and_counted():
    white = {"image": torch.ones(40, 3, 64, 64)}
    out = run([{"hair": {"number": 1, "width": [0.05, 0.05], "p": 1}}], white)["image"]
    dark = (out.amin(1) < 0.5).flatten(1).float().mean(1)
    assert 0 < dark.mean() < 0.05 and dark.max() < 0.1  # one line of 3 pixels, as long as the side at most
    some = run([{"hair": {"number": [0, 1], "p": 1}}], white)["image"].flatten(1).amin(1) < 1
    assert 5 < some.sum() < 35
    many = run([{"hair": {"number": 8, "width": [0.05, 0.05], "p": 1}}], white)["image"]
    assert (many.amin(1) < 0.5).float().mean() > 3 * dark.mean()


def test_a_cast_multiplies_channels():
    image = torch.rand(5, 3, 8, 8) * 0.5
    ratio = run([{"color_cast": {"gain": 0.2, "p": 1}}], {"image": image})["image"] / image
    assert_close(ratio, ratio[:, :, :1, :1].expand_as(ratio), atol=1e-4, rtol=1e-4)
    assert ratio.min() > 0.79 and ratio.max() < 1.21 and ratio.std() > 0.05


def test_another_background_keeps_the_middle_and_the_label():
    batch = make_batch(size=(32, 32), count=20)
    del batch["mask"]
    batch["image"] = (torch.arange(20.0) / 20).view(20, 1, 1, 1).expand(20, 3, 32, 32)
    out = run([{"background": {"radius": [0.6, 0.6], "p": 1}}], batch)
    assert torch.equal(out["image"][:, :, 12:20, 12:20], batch["image"][:, :, 12:20, 12:20])
    assert torch.equal(out["label"], batch["label"]) and "lam" not in out
    corner = out["image"][:, 0, 0, 0]
    assert (corner[:, None] == batch["image"][:, 0, 0, 0]).any(1).all()  # wholly another's
    assert (corner != batch["image"][:, 0, 0, 0]).all()


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ({"jpeg": {"quality": [0, 50]}}, "from 1 to 100"),
        ({"hair": {"number": 0}}, "above 0"),
        ({"background": {}}, "cutmix"),
    ],
)
def test_what_cannot_be_is_refused(policy, words):
    with pytest.raises(ValueError, match=words):
        run([{name: {**arguments, "p": 1} for name, arguments in policy.items()}], make_batch())
