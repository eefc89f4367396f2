"""The GAN of G16: losses beside measures that ask no opponent."""

import pytest
import torch

from lightning_tasks.foundations.gan_losses import GanLosses, ring, share_inside


def test_the_share_inside_is_that_of_the_ring_and_of_nothing():
    points = ring(4000, torch.Generator().manual_seed(0))
    assert share_inside(points) == pytest.approx(1 - 0.0111, abs=0.006), "beyond 3 sigma in the plane: exp(-9 / 2)"
    assert share_inside(torch.zeros(10, 2)) == 0


def test_samples_get_better_and_the_answer_shows_both_sides():
    answer = GanLosses(epochs=10, seed=1).answer()
    assert all(check.holds for check in answer.checks)
    (table,) = answer.tables
    assert [row[0] for row in table.rows] == [1, 2, 5, 10]
    assert set(answer.figures) == {"losses_and_quality", "samples"}
    first, last = table.rows[0], table.rows[-1]
    assert last[3] < first[3], "energy distance"


def test_wrong_epochs():
    with pytest.raises(ValueError, match="epochs=9: need 10 to 1000"):
        GanLosses(epochs=9)
