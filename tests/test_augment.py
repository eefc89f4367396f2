import colorsys

import numpy as np
import pytest
import torch
from torch.nn.functional import max_pool2d
from torch.testing import assert_close

from datamodules.augment import Augment
from datamodules.augment_auto import AUGMIX_MENU, MENU, one_each
from datamodules.augment_base import OPS, Draw
from datamodules.augment_color import posterize_to, recolor, sharpen, solarize_above
from datamodules.augment_geometry import warp

MIXING = [name for name, op in OPS.items() if op.mixes]
PLAIN = [name for name in OPS if name not in MIXING]
GEOMETRY = ["hflip", "vflip", "rot90", "affine", "rotate", "shear", "translate", "crop_resize"]
NO_MASK = ["mixup", "augmix"]  # they blend, and masks cannot be blended


def make_batch(channels=3, size=(24, 24), count=6, seed=0):
    g = torch.Generator().manual_seed(seed)
    return {
        "id": list(range(count)),
        "image": torch.rand(count, channels, *size, generator=g),
        "mask": torch.randint(0, 5, (count, *size), generator=g),
        "label": torch.arange(count) % 4,
    }


def entry(name, **arguments):
    if name == "paste":
        arguments.setdefault("classes", [3, 4])
    return {name: arguments}


def batch_for(name, **arguments):
    batch = make_batch(**arguments)
    if name in NO_MASK:
        del batch["mask"]
    return batch


def run(policy, batch, seed=0):
    return Augment(policy)(batch, torch.Generator().manual_seed(seed))


def ramps(h, w):
    """Six pictures of 8 x 8 blocks, each block one of classes 0..3, and the same as mask."""
    y, x = torch.meshgrid(torch.arange(h) // 8, torch.arange(w) // 8, indexing="ij")
    mask = ((x + 2 * y) % 4).expand(6, h, w).contiguous()
    return {"image": (mask.float() / 4)[:, None], "mask": mask}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", list(OPS))
def test_every_op_keeps_shape_dtype_range_and_its_input(name, channels):
    batch = batch_for(name, channels=channels)
    copy = {key: value.clone() if torch.is_tensor(value) else list(value) for key, value in batch.items()}
    for seed in range(3):
        out = run([entry(name, p=1.0)], batch, seed)
        assert out["image"].shape == batch["image"].shape and out["image"].dtype == torch.float32
        assert out["image"].min() >= 0 and out["image"].max() <= 1
        assert not out["image"].requires_grad
        assert out["id"] is batch["id"] and torch.equal(out["label"], copy["label"])
        if "mask" in batch:
            assert out["mask"].shape == batch["mask"].shape and out["mask"].dtype == torch.int64
            assert set(out["mask"].unique().tolist()) <= set(range(5))
    assert set(out) - set(batch) == ({"label2", "lam"} if name in ("cutmix", "mixup") else set())
    assert all(torch.equal(batch[key], copy[key]) for key in ("image", "label"))
    assert "mask" not in batch or torch.equal(batch["mask"], copy["mask"])


@pytest.mark.parametrize("name", list(OPS))
def test_p_0_changes_nothing_and_p_half_changes_some(name):
    batch = batch_for(name, count=40)
    out = run([entry(name, p=0.0)], batch)
    assert torch.equal(out["image"], batch["image"])
    assert "mask" not in batch or torch.equal(out["mask"], batch["mask"])
    if "lam" in out:
        assert torch.equal(out["lam"], torch.ones(40)) and torch.equal(out["label2"], batch["label"])
    changed = (run([entry(name, p=0.5)], batch)["image"] != batch["image"]).flatten(1).any(1)
    assert 0 < changed.sum() < 40


@pytest.mark.parametrize("name", list(OPS))
def test_the_generator_alone_decides(name):
    batch, policy = batch_for(name), [entry(name, p=0.9)]
    torch.manual_seed(1)
    first = run(policy, batch, seed=5)
    torch.manual_seed(2)
    state = torch.get_rng_state()
    second = run(policy, batch, seed=5)
    assert torch.equal(first["image"], second["image"])
    assert torch.equal(state, torch.get_rng_state())
    others = [run(policy, batch, seed=s)["image"] for s in range(4)]
    assert any(not torch.equal(first["image"], other) for other in others)


@pytest.mark.parametrize("name", PLAIN)
def test_a_sample_does_not_depend_on_its_neighbours(name):
    batch = batch_for(name)
    other = {**batch, "image": batch["image"].clone()}
    other["image"][1:] = 1 - other["image"][1:] ** 2
    first, second = (run([entry(name)], b, seed=3)["image"] for b in (batch, other))
    assert_close(first[0], second[0], atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", GEOMETRY)
def test_no_label_is_invented(name):
    batch = make_batch(size=(32, 32))
    batch["mask"] = torch.where(batch["mask"] < 3, 0, 4)  # between 0 and 4 lie three labels to invent
    for seed in range(5):
        assert set(run([name], batch, seed)["mask"].unique().tolist()) == {0, 4}


@pytest.mark.parametrize("name", [*GEOMETRY, "one_each"])
def test_image_and_mask_stay_aligned(name):
    batch = ramps(64, 64) if name == "rot90" else ramps(32, 64)
    for seed in range(4):
        if name == "one_each":  # the part of RandAugment that moves pixels
            draw = Draw(torch.Generator().manual_seed(seed), batch["image"])
            menu = ["shear_x", "shear_y", "translate_x", "translate_y", "rotate"]
            out = one_each(batch, draw, torch.full((6,), 0.4), menu)
        else:
            out = run([name], batch, seed)
        difference = (out["image"][:, 0] * 4 - out["mask"]).abs()
        # bilinear and nearest may differ within a pixel of an edge or border, and nowhere else
        mask = out["mask"].float()
        inside = max_pool2d(mask, 5, 1, 2) == -max_pool2d(-mask, 5, 1, 2)
        inside[:, [0, 1, -2, -1]] = False
        inside[:, :, [0, 1, -2, -1]] = False
        assert inside.float().mean() > 0.1
        assert difference[inside].max() < 1e-4


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


def test_crop_resize_stays_inside():
    batch = {"image": torch.zeros(200, 1, 32, 64)}
    batch["image"][:, :, 2:-2, 2:-2] = 1.0
    out = run([{"crop_resize": {"scale": [0.3, 0.5]}}], batch)["image"]
    share = (out > 0.5).float().mean((1, 2, 3))
    assert share.min() > 0.7  # a reflection at the border would show the dark frame twice
    with pytest.raises(ValueError, match="share of the area"):
        run([{"crop_resize": {"scale": [0.5, 1.5]}}], batch)


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


def test_cutmix_lam_is_the_share_of_own_pixels_and_mask_follows():
    n = 200
    own = torch.arange(n).float() / n
    batch = {
        "image": own.view(n, 1, 1, 1).expand(n, 1, 20, 30).contiguous(),
        "mask": torch.arange(n).view(n, 1, 1).expand(n, 20, 30).contiguous(),
        "label": torch.arange(n),
    }
    out = run([{"cutmix": {"p": 0.7}}], batch)
    kept = (out["mask"] == batch["label"].view(n, 1, 1)).float().mean((1, 2))
    assert_close(out["lam"], kept)
    assert_close(out["image"][:, 0], out["mask"] / n)
    foreign = out["mask"].flatten(1).float().mean(1)  # own and label2 only
    assert_close(foreign, out["lam"] * batch["label"] + (1 - out["lam"]) * out["label2"], rtol=1e-4, atol=1e-3)
    mixed = out["label2"] != batch["label"]
    assert 0.6 < mixed.float().mean() < 0.8 and (out["lam"][~mixed] == 1).all()


def test_mixup_blends_picture_and_label_alike():
    n = 100
    batch = {"image": (torch.arange(n) / n).view(n, 1, 1, 1).expand(n, 1, 4, 4), "label": torch.arange(n)}
    out = run([{"mixup": {"p": 1.0, "alpha": 1.0}}], batch)
    assert (out["label2"] != out["label"]).all()
    expected = (out["lam"] * out["label"] + (1 - out["lam"]) * out["label2"]) / n
    assert_close(out["image"][:, 0, 0, 0], expected, atol=1e-5, rtol=0)
    assert abs(out["lam"].mean() - 0.5) < 0.1 and abs(out["lam"].std() - 12**-0.5) < 0.05  # Beta(1, 1)


def test_a_picture_never_holds_three_labels():
    n = 64
    batch = {"image": torch.eye(n).view(n, n, 1, 1).repeat(1, 1, 8, 8), "label": torch.arange(n)}
    out = run([{"cutmix": {"p": 0.6}}, {"mixup": {"p": 0.6}}], batch)
    shares = out["image"].mean((2, 3))  # (n, n): how much of each original a picture holds
    expected = torch.zeros(n, n)
    expected[torch.arange(n), out["label"]] += out["lam"]
    expected[torch.arange(n), out["label2"]] += 1 - out["lam"]
    assert_close(shares, expected, atol=1e-5, rtol=0)


def test_paste_copies_wanted_pixels_with_their_labels():
    n = 30
    mask = torch.zeros(n, 16, 16, dtype=torch.long)
    mask[3, 4:8, 5:9] = 4  # one giver
    batch = {"image": torch.rand(n, 3, 16, 16) * 0.5, "mask": mask}
    batch["image"][3, :, 4:8, 5:9] = 1.0
    out = run([{"paste": {"classes": [4], "p": 1.0}}], batch)
    pasted = out["mask"] == 4
    assert torch.equal(pasted[:, None].expand_as(out["image"]), out["image"] == 1.0)
    counts = pasted.flatten(1).sum(1)
    assert (counts == 16).float().mean() > 0.5 and counts.max() == 16
    assert torch.equal(out["image"][3], batch["image"][3])  # nobody else can give to it
    assert len({tuple(m.nonzero().min(0).values.tolist()) for m in pasted if m.any()}) > 5  # shifted
    still = run([{"paste": {"classes": [4], "p": 1.0, "shift": 0, "flip": False}}], batch)["mask"] == 4
    assert torch.equal(still, (mask[3] == 4).expand(n, 16, 16))
    assert torch.equal(run([{"paste": {"classes": [2], "p": 1.0}}], batch)["image"], batch["image"])


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


def test_policy_runs_in_order_with_defaults_and_null_arguments():
    batch = make_batch(channels=1, size=(16, 32))
    policy = ["hflip", {"affine": None}, {"noise": {"std": 0.1}}, "cutmix", {"paste": {"classes": [4]}}]
    out = run(policy, batch)
    assert {"label2", "lam"} <= set(out) and "lam" not in batch
    assert run([], batch)["image"] is batch["image"]
    assert "affine" in repr(Augment(policy))


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (["hflipp"], "unknown op 'hflipp'. Did you mean 'hflip'"),
        ([{"affine": {"degree": 5}}], "no argument 'degree'. Did you mean 'degrees'"),
        ([{"hflip": 0.5}], "must be a mapping"),
        ([{"hflip": {}, "vflip": {}}], "must be a name or one"),
        ([{"hflip": {"p": 1.5}}], "p=1.5 must be a probability"),
        (["paste"], "paste needs 'classes'"),
        (["cutmix", "hflip"], "'hflip' stands after 'cutmix'"),
    ],
)
def test_wrong_policies_fail_at_once(policy, words):
    with pytest.raises(ValueError, match=words):
        Augment(policy)


@pytest.mark.parametrize(
    ("policy", "change", "words"),
    [
        (["rot90"], {"image": torch.rand(2, 1, 8, 16), "mask": None}, "square pictures, got 8x16"),
        (["hflip"], {"image": torch.zeros(2, 1, 8, 8, dtype=torch.uint8)}, "uint8: use x / 255"),
        (["hflip"], {"image": torch.rand(2, 8, 8)}, r"\(B, C, H, W\)"),
        (["hflip"], {"mask": torch.zeros(6, 8, 9, dtype=torch.long)}, "does not fit image"),
        (["mixup"], {}, "use cutmix"),
        (["augmix"], {}, "Use randaugment"),
        ([{"cutmix": {"alpha": 0}}], {}, "alpha=0: need a number above 0"),
        (["cutmix"], {"mask": None, "label": None}, "cutmix needs"),
        ([{"paste": {"classes": [1]}}], {"mask": None}, "paste needs"),
        ([{"affine": {"degrees": [5, 1]}}], {}, "low <= high"),
        ([{"affine": {"scale": [0, 1]}}], {}, "above 0"),
        (["color_jitter"], {"image": torch.rand(6, 4, 24, 24)}, "1 or 3 channels, got 4"),
        ([{"cutout": {"fill": "median"}}], {}, "fill='median'"),
        ([{"randaugment": {"magnitude": 40}}], {}, r"magnitude 0\.\.30"),
    ],
)
def test_batches_that_do_not_fit_are_refused(policy, change, words):
    batch = {key: value for key, value in (make_batch() | change).items() if value is not None}
    with pytest.raises(ValueError, match=words):
        run(policy, batch)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("name", list(OPS))
def test_no_op_waits_for_the_gpu(name):
    batch = {k: v.cuda() if torch.is_tensor(v) else v for k, v in batch_for(name).items()}
    augment, generator = Augment([entry(name)]), torch.Generator("cuda").manual_seed(0)
    first = augment(batch, generator)  # the first call may load kernels
    torch.cuda.set_sync_debug_mode("error")
    try:
        augment(batch, generator)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert torch.equal(first["image"], augment(batch, generator.manual_seed(0))["image"])
