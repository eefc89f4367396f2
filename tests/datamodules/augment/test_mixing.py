"""Ops that take from other pictures: labels follow pixels."""

import torch
from torch.testing import assert_close

from tests.datamodules.augment.batches import run


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
