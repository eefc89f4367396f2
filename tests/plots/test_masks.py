"""Figures of masks show the classes that are rare in the train part, whatever the first batch holds."""

import numpy as np
import torch

from lightning_tasks.plots.masks import rarest_first
from lightning_tasks.problems import Segmentation
from tests.toys import ToyDataModule

RARE = [5, 20, 45, 46, 60, 70, 81, 90]  # pictures of the train pool with class 2


def test_the_rarest_class_comes_first_and_each_class_has_its_turn():
    pixels = torch.tensor([[9, 0, 0], [8, 1, 0], [5, 4, 0], [0, 9, 0], [3, 0, 6], [8, 0, 1], [9, 0, 0]])
    training = torch.tensor([900, 90, 9])
    assert rarest_first(pixels, training, 3).tolist() == [4, 3, 0]
    assert rarest_first(pixels, training, 5).tolist() == [4, 3, 0, 5, 2]  # the next round
    assert rarest_first(pixels, training, 9).tolist() == [4, 3, 0, 5, 2, 6, 1]  # no picture twice
    assert rarest_first(pixels, torch.tensor([9, 90, 900]), 2).tolist() == [0, 3]  # by the train part, not by itself
    # a class that training does not know, or that is left out, asks for nothing; what is left comes in its order
    assert rarest_first(pixels, torch.tensor([0, 90, 9]), 7).tolist() == [4, 3, 5, 2, 1, 0, 6]
    assert rarest_first(pixels[:0], training).tolist() == []


class ToyMasks(ToyDataModule):
    """Pictures with two classes, of which few hold a third."""

    def simulate(self):
        pools = super().simulate()
        for name, pool in pools.items():
            mask = (np.random.default_rng(0).random((len(pool["label"]), 12, 12)) < 0.3).astype(np.uint8)
            mask[RARE if name == "train" else [-1], :3] = 2
            pool["mask"] = mask
        return {name: {key: pool[key] for key in ("image", "mask")} for name, pool in pools.items()}


class Noted(Segmentation):
    """A segmentation that notes what it is asked to draw."""

    drawn: list = []

    def figures(self, batch, out):
        self.drawn.append((self.trainer.state.fn, batch["id"].tolist(), out["prob"].argmax(1).shape[0]))
        return super().figures(batch, out)


def test_a_fit_draws_pictures_with_the_rare_class_the_same_at_each_drawing(cli):
    Noted.drawn.clear()
    cli("fit", "--model", "tests.plots.test_masks.Noted", "--data", "tests.plots.test_masks.ToyMasks",
        "--model.in_channels", 1, "--model.class_names", "[a,b,c]", "--model.net_args", "{width: 2, depth: 2}",
        "--data.batch_size", 8, "--data.folds", 2, "--trainer.max_epochs", 2, "--draws", 0,
        "--baselines", "false", "--trainer.enable_progress_bar", "false")  # fmt: skip
    (_, first, n), *others, (stage, tested, _) = Noted.drawn
    assert n == len(first) == 6 and all(ids == first for _, ids, _ in others)
    assert stage == "test" and tested[0] == 19  # the only one of the test part, and in its last batch
    assert first[0] in RARE
