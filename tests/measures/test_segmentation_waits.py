"""On a GPU, who reads a number waits; on ``meta`` he fails, so that what passes there waits for nothing."""

import pytest
import torch

from lightning_tasks.measures.segmentation import boundary_counts, confusion_per_image, segmentation_scores
from lightning_tasks.measures.segmentation_losses import LOSSES, combined_loss


def test_counts_of_masks_wait_for_no_device():
    pred, target = (torch.zeros(2, 8, 9, dtype=torch.int64, device="meta") for _ in range(2))
    confusion, boundary = confusion_per_image(pred, target, 3), boundary_counts(pred, target, 3)
    assert confusion.shape == (2, 3, 3) and boundary.shape == (2, 4)
    assert segmentation_scores(confusion, boundary, ["a", "b", "c"])["miou"].shape == ()


@pytest.mark.parametrize("name", LOSSES)
def test_losses_of_single_pictures_wait_for_no_device_and_are_those_of_a_loop(name):
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 4, 8, 9, generator=generator)
    target = torch.randint(0, 4, (3, 8, 9), generator=generator)
    loss = combined_loss(name, ignore_index=0)
    each = torch.vmap(lambda z, mask: loss(z[None], mask[None]))(logits, target)
    loop = [loss(z[None], mask[None]) for z, mask in zip(logits, target, strict=True)]
    torch.testing.assert_close(each, torch.stack(loop))
    bare = LOSSES[name].__wrapped__  # there is no autocast on meta to be kept out of
    away = torch.vmap(lambda z, mask: bare(z[None], mask[None], ignore_index=0))(logits.to("meta"), target.to("meta"))
    assert away.shape == (3,)
