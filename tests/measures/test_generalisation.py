"""Under- and overfitting told from scores, on curves that are made up."""

import math

import numpy as np
import pytest

from lightning_tasks.measures.generalisation import NEITHER, OVERFITTED, UNDERFITTED, generalisation


def labels(train, held_out, **options):
    return [generalisation(a, b, reachable=0.9, **options) for a, b in zip(train, held_out, strict=True)]


def test_a_long_training_goes_from_underfitted_over_neither_to_overfitted():
    epochs = np.arange(1, 41)
    train = 1 - 0.6 * np.exp(-epochs / 8)  # rises to 1
    held_out = np.minimum(train, 0.93 - 0.004 * np.maximum(epochs - 20, 0))  # stands, then falls
    found = labels(train, held_out)
    changes = [found[0], *(b for a, b in zip(found, found[1:], strict=False) if a != b)]
    assert changes == [UNDERFITTED, NEITHER, OVERFITTED]


def test_a_network_that_is_too_small_is_underfitted_at_each_epoch_whatever_its_gap():
    train = np.linspace(0.3, 0.8, 20)
    assert set(labels(train, train)) == set(labels(train, train - 0.2)) == {UNDERFITTED}


def test_limits_belong_to_what_is_accepted():
    assert generalisation(0.9, 0.65, 0.9, 0.25) == NEITHER and generalisation(0.9, 0.64, 0.9, 0.25) == OVERFITTED
    assert generalisation(0.95, 0.97, 0.9, 0) == NEITHER  # better on held-out data is no fault
    for args in ((math.nan, 0.5, 0.9), (0.5, math.nan, 0.9), (0.5, 0.5, math.inf), (0.5, 0.5, 0.9, -0.1)):
        with pytest.raises(ValueError, match="need finite scores and a gap of 0 or more"):
            generalisation(*args)
