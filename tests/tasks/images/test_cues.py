"""Shape, texture, displaced parts: the probes as data, their scores, and a transformer without positions."""

import numpy as np
import pytest
import torch

from datamodules import CuesDataModule
from datamodules.simulate.cues import CLASSES, make_cues, tiled
from lightning_tasks import CuesTask

CUT = {"img_size": 32, "patch_size": 4, "embed_dim": 16, "depth": 2, "num_heads": 2}


def test_probes_are_versions_of_the_clean_pictures():
    pools = make_cues(16, 40, seed=3)
    test = {key: value.reshape(40, 4, *value.shape[1:]).swapaxes(0, 1) for key, value in pools["test"].items()}
    assert (test["probe"] == np.arange(4)[:, None]).all() and (
        pools["train"]["label"] == pools["train"]["texture"]
    ).all()
    assert (test["label"][1] != test["texture"][1]).all() and (test["label"][0] == test["texture"][0]).all()
    for k in (2, 3):
        assert (test["label"][k] == test["label"][0]).all()
        for moved, clean in zip(test["image"][k], test["image"][0], strict=True):
            assert (np.sort(moved, axis=None) == np.sort(clean, axis=None)).all() and (moved != clean).any()
    again = make_cues(16, 40, seed=3)
    assert all((again["test"][key] == pools["test"][key]).all() for key in again["test"])


def test_tiles_change_places_whole():
    image = np.arange(64).reshape(1, 1, 8, 8)
    moved = tiled(np.random.default_rng(0), image, 2)
    corners = {tuple(image[0, 0, r : r + 4, c : c + 4].ravel()) for r in (0, 4) for c in (0, 4)}
    assert {tuple(moved[0, 0, r : r + 4, c : c + 4].ravel()) for r in (0, 4) for c in (0, 4)} == corners


def test_a_transformer_without_positions_cannot_tell_moved_patches():
    clean = torch.rand(5, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    moved = torch.from_numpy(tiled(np.random.default_rng(0), clean.numpy(), 4))
    for positions, same in (("none", True), ("learn", False)):
        torch.manual_seed(0)
        task = CuesTask(net="timm/vit_tiny_patch16_224", net_args={**CUT, "pos_embed": positions},
                        class_names=list(CLASSES)).eval()  # fmt: skip
        assert torch.allclose(task(clean), task(moved), atol=1e-5) == same


def test_shares_and_drops_are_those_of_the_definition():
    task = CuesTask(class_names=list("abcd"), net_args={"width": 4})
    label = torch.tensor([0, 1, 2, 3, 0, 1, 2, 3, 0, 1])
    texture = torch.tensor([0, 1, 2, 3, 1, 2, 3, 0, 0, 1])
    probe = torch.tensor([0, 0, 0, 0, 1, 1, 1, 1, 2, 3])
    said = torch.tensor([0, 1, 2, 0, 0, 2, 2, 1, 0, 0])  # of the swapped: outline, surface, outline, neither
    rows = {"prob": torch.eye(4)[said], "label": label, "texture": texture, "probe": probe}
    scores = {name: float(value) for name, value in task.score(rows).items()}
    expected = {"acc": 0.75, "shape_share": 2 / 3, "texture_acc": 0.25, "acc_2x2": 1, "drop_2x2": -0.25, "acc_4x4": 0,
                "drop_4x4": 0.75}  # fmt: skip
    assert {name: scores[name] for name in expected} == pytest.approx(expected)
    counts = {name: int(which.sum()) for name, which in task.counted(rows).items()}
    assert counts["acc"] == counts["shape_share"] == 4 and counts["acc_2x2"] == 1 and counts["drop_2x2"] == 5


def test_a_trial_keeps_all_probes():
    data = CuesDataModule(n_train=40, n_test=20, limit=16, folds=2)
    data.setup("fit")
    assert np.bincount(data.pools["test"]["probe"]).tolist() == [4, 4, 4, 4]
    with pytest.raises(ValueError, match="n_train=4.*need 8 or more"):
        CuesDataModule(n_train=4)
