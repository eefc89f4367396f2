"""What every op and policy keeps to: shapes, ranges, randomness from the generator, errors at once."""

import pytest
import torch
from torch.nn.functional import max_pool2d
from torch.testing import assert_close

from datamodules.augment.auto import one_each
from datamodules.augment.base import OPS, Draw
from datamodules.augment.policy import Augment
from tests.datamodules.augment.batches import GEOMETRY, PLAIN, batch_for, entry, make_batch, ramps, run


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
