"""Each op against its definition or an independent library."""

import colorsys

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from datamodules.augment.auto import AUGMIX_MENU, MENU, one_each
from datamodules.augment.base import Draw
from datamodules.augment.color import posterize_to, recolor, sharpen, solarize_above
from datamodules.augment.geometry import warp
from datamodules.augment.policy import Augment
from tests.datamodules.augment.batches import make_batch, run


def test_flips_and_turns_are_exact():
    batch = make_batch()
    for name, axis in (("hflip", -1), ("vflip", -2)):
        out = run([{name: {"p": 1.0}}], batch)
        assert torch.equal(out["image"], batch["image"].flip(axis))
        assert torch.equal(out["mask"], batch["mask"].flip(axis))
    out = run(["rot90"], make_batch(count=64), seed=1)
    before = make_batch(count=64)
    turns = torch.stack([torch.rot90(before["image"], k, (-2, -1)) for k in range(4)])
    matches = (turns == out["image"]).flatten(2).all(2)  # (4, 64)
    assert (matches.sum(0) == 1).all() and (matches.sum(1) > 4).all()
    masks = torch.stack([torch.rot90(before["mask"], k, (-2, -1)) for k in range(4)])
    assert torch.equal(out["mask"], masks[matches.long().argmax(0), torch.arange(64)])


def test_warp_moves_as_its_docstring_says():
    batch = make_batch(size=(24, 24))
    full = torch.ones(6)
    turned = warp(batch, angle=full * 90)
    assert_close(turned["image"], torch.rot90(batch["image"], 1, (-2, -1)), atol=1e-4, rtol=0)
    assert torch.equal(turned["mask"], torch.rot90(batch["mask"], 1, (-2, -1)))
    shifted = warp(batch, shift_x=full * 0.25, shift_y=full * -0.5)["mask"]
    assert torch.equal(shifted[:, :12, 6:], batch["mask"][:, 12:, :18])
    assert torch.equal(shifted[:, :12, :6], batch["mask"][:, 12:, :6].flip(-1))  # borders are reflected
    twice = warp(batch, zoom=full * 2)["mask"]
    assert torch.equal(twice, batch["mask"][:, 6:18, 6:18].repeat_interleave(2, 1).repeat_interleave(2, 2))
    wide = {"image": torch.zeros(1, 1, 31, 63)}
    wide["image"][0, 0, 15, 31 + 10] = 1  # a dot 10 pixels right of the centre
    up = warp(wide, angle=torch.tensor([90.0]))["image"][0, 0]
    assert up[5, 31] > 0.99  # 10 pixels above it: turns are rigid also where width and height differ


def test_one_number_of_what_cannot_be_negative_means_just_that():
    white = {"image": torch.ones(200, 1, 32, 32)}
    shaded = run([{"vignette": {"strength": 0.5, "radius": 0.2, "p": 1}}], white)["image"]
    assert_close(shaded[:, 0, 0, 0], torch.full((200,), 0.5))
    covered = run([{"cutout": {"size": 0.5, "fill": "zero"}}], white)["image"] == 0
    assert covered.flatten(2).float().mean(2).eq(0.25).all()
    gray = {"image": torch.full((50, 1, 8, 8), 0.6)}
    assert torch.equal(run([{"solarize": {"threshold": 0.7, "p": 1}}], gray)["image"], gray["image"])
    with pytest.raises(ValueError, match=r"radius=\[-1, 1\]: need one number or \[low, high\] of 0 or more"):
        run([{"vignette": {"radius": [-1, 1], "p": 1}}], white)


def test_crop_resize_stays_inside():
    batch = {"image": torch.zeros(200, 1, 32, 64)}
    batch["image"][:, :, 2:-2, 2:-2] = 1.0
    out = run([{"crop_resize": {"scale": [0.3, 0.5], "p": 1}}], batch)["image"]
    share = (out > 0.5).float().mean((1, 2, 3))
    assert share.min() > 0.7  # a reflection at the border would show the dark frame twice
    with pytest.raises(ValueError, match="share of the area"):
        run([{"crop_resize": {"scale": [0.5, 1.5]}}], batch)


@pytest.mark.parametrize("name", ["affine", "rotate", "shear", "translate", "crop_resize"])
def test_a_fifth_of_the_pictures_is_not_resampled_and_stays_as_sharp_as_those_of_a_test(name):
    batch = make_batch(count=400)
    kept = (run([name], batch)["image"] == batch["image"]).flatten(1).all(1)
    assert 50 < kept.sum() < 110


def test_recolor_matches_definitions():
    image = torch.rand(4, 3, 8, 8) * 0.5 + 0.25
    one = torch.ones(4)
    assert_close(recolor(image, one, one, one, one * 0), image, atol=1e-5, rtol=0)
    assert_close(recolor(image, brightness=one * 1.2), image * 1.2)
    luma = (image * torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(1, keepdim=True)
    assert_close(recolor(image, contrast=one * 0.5), (image + luma.mean((1, 2, 3), keepdim=True)) / 2)
    assert_close(recolor(image, saturation=one * 0), luma.expand_as(image), atol=1e-5, rtol=0)
    red = torch.tensor([0.8, 0.2, 0.2]).view(1, 3, 1, 1)
    for turn, expected in ((1 / 3, [0.2, 0.8, 0.2]), (2 / 3, [0.2, 0.2, 0.8])):
        assert_close(recolor(red, hue=torch.tensor([turn])).flatten(), torch.tensor(expected), atol=1e-5, rtol=0)
        assert_close(np.array(colorsys.hsv_to_rgb(turn, 0.75, 0.8)), np.array(expected), atol=1e-6, rtol=0)


def test_pixel_ops_match_pillow():
    from PIL import Image, ImageEnhance, ImageOps

    raw = (np.random.default_rng(0).random((20, 20, 3)) * 150 + 40).astype(np.uint8)
    picture, image = Image.fromarray(raw), torch.from_numpy(raw).permute(2, 0, 1)[None] / 255

    def same(result, reference, levels=1.01):
        reference = torch.from_numpy(np.array(reference)).permute(2, 0, 1)
        assert (result[0] * 255 - reference).abs().max() <= levels

    same(solarize_above(image, torch.tensor([100 / 255])), ImageOps.solarize(picture, 100))
    same(posterize_to(image, torch.tensor([3])), ImageOps.posterize(picture, 3))
    sharp = sharpen(image, torch.tensor([1.5]))[..., 1:-1, 1:-1]  # Pillow leaves the border as it is
    same(sharp, np.array(ImageEnhance.Sharpness(picture).enhance(1.5))[1:-1, 1:-1], 2)
    same(run([{"autocontrast": {"p": 1}}], {"image": image})["image"], ImageOps.autocontrast(picture), 1.5)
    same(run([{"invert": {"p": 1}}], {"image": image})["image"], ImageOps.invert(picture))
    same(
        run([{"grayscale": {"p": 1}}], {"image": image})["image"].expand(1, 3, 20, 20),
        picture.convert("L").convert("RGB"),
    )
    even = run([{"equalize": {"p": 1}}], {"image": image})["image"]
    assert even.amin() == 0 and even.amax() == 1
    assert (torch.sort(even.flatten()).values - torch.linspace(0, 1, even.numel())).abs().max() < 0.02
    flat = {"image": torch.full((1, 3, 8, 8), 0.4)}
    for name in ("equalize", "autocontrast"):
        assert torch.equal(run([{name: {"p": 1}}], flat)["image"], flat["image"])


def test_blur_keeps_the_mean_and_has_the_width_asked_for():
    dot = torch.zeros(1, 1, 33, 33)
    dot[0, 0, 16, 16] = 1
    out = run([{"blur": {"sigma": [1.0, 1.0]}}], {"image": dot})["image"][0, 0]
    at = torch.arange(33.0) - 16
    assert_close(out.sum(), torch.tensor(1.0))
    assert abs((out.sum(0) * at**2).sum().sqrt() - 1.0) < 0.15  # cut off at two sigma


def test_noise_has_the_deviation_asked_for():
    out = run([{"noise": {"std": [0.05, 0.05]}}], {"image": torch.full((4, 1, 64, 64), 0.5)})["image"]
    assert abs(out.std() - 0.05) < 0.002 and abs(out.mean() - 0.5) < 0.002


def test_dropout_covers_as_told():
    batch = make_batch(size=(40, 40), count=50)
    holes = {"holes": 1, "size": [0.25, 0.25], "fill": 0.0, "mask_value": 255}
    out = run([{"coarse_dropout": holes}], batch)
    covered = out["mask"] == 255
    assert (covered.flatten(1).sum(1) == 100).all()
    assert (out["image"].amax(1)[covered] == 0).all()
    assert torch.equal(out["image"].movedim(1, -1)[~covered], batch["image"].movedim(1, -1)[~covered])
    assert covered.float().mean(0)[20, 20] > 0 and covered[:, 0].any() and covered[:, -1].any()
    assert torch.equal(run(["coarse_dropout"], batch)["mask"], batch["mask"])
    some = run([{"coarse_dropout": holes | {"holes": [1, 3]}}], batch)["mask"] == 255
    assert len(set(some.flatten(1).sum(1).tolist())) > 5
    grid = run([{"gridmask": {"mask_value": 255, "degrees": 0}}], batch)["mask"] == 255
    assert abs(grid.float().mean() - 0.25) < 0.08  # half of each side
    mean = run([{"cutout": {"fill": "mean", "mask_value": 255}}], batch)
    inside = mean["mask"][0] == 255
    assert_close(mean["image"][0][:, inside].mean(1), batch["image"][0].mean((1, 2)))


def test_randaugment_draws_every_op_and_scales_with_magnitude():
    batch = {"image": make_batch(count=100)["image"]}
    draw = Draw(torch.Generator().manual_seed(0), batch["image"])
    for name in set(MENU) - {"identity"}:
        assert (one_each(batch, draw, torch.ones(100), [name])["image"] != batch["image"]).any(), name
    same = one_each(batch, draw, torch.ones(100), ["identity", "solarize"])["image"] == batch["image"]
    assert 0.4 < same.flatten(1).all(1).float().mean() < 0.6
    change = [
        (run([{"randaugment": {"magnitude": m}}], batch)["image"] - batch["image"]).abs().mean() for m in (3, 9, 27)
    ]
    assert change[0] < change[1] < change[2]


def test_augmix_is_a_blend_of_its_chains():
    flat = {"image": torch.full((8, 3, 12, 12), 0.5)}
    menu = set(AUGMIX_MENU) - {"solarize", "posterize"}  # those alone would change an even gray
    assert menu == {"shear_x", "shear_y", "translate_x", "translate_y", "rotate", "autocontrast", "equalize"}
    out = run([{"augmix": {"severity": 0.2}}], flat)["image"]
    assert (out - 0.5).abs().max() < 0.05
    batch = {"image": make_batch()["image"]}
    mild, strong = (run([{"augmix": {"severity": s}}], batch)["image"] for s in (0.5, 8))
    assert (mild - batch["image"]).abs().mean() < (strong - batch["image"]).abs().mean()


@pytest.mark.parametrize(
    "policy", [{"shear": {"degrees": 45}}, {"shear": {"degrees": [-60, 0]}}, {"affine": {"shear": 50}}]
)
def test_a_shear_that_would_collapse_or_mirror_the_picture_is_refused(policy):
    batch = {"id": torch.arange(2), "image": torch.rand(2, 1, 8, 8)}
    with pytest.raises(ValueError, match="need less than 45 degrees"):
        Augment([policy])(batch, torch.Generator().manual_seed(0))
