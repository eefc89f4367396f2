"""Matrices as images with their numbers."""

import numpy as np
import pytest

from lightning_tasks.plots.matrices import matrices_figure


def test_each_number_stands_in_its_cell_and_empty_places_are_blank():
    first, second = np.array([[1.0, -2.0], [0.0, 0.25]]), np.zeros((1, 3))
    figure = matrices_figure({"a": first, "b": second, "c": second, "d": first}, columns=3)
    axes = figure.axes
    assert len(axes) == 6 and [axis.get_title() for axis in axes] == ["a", "b", "c", "d", "", ""]
    texts = {text.get_position(): text.get_text() for text in axes[0].texts}
    assert texts == {(0, 0): "1", (1, 0): "-2", (0, 1): "0", (1, 1): "0.25"}
    low, high = axes[0].images[0].get_clim()
    assert low == -high < 0 and axes[1].images[0].get_clim()[1] > 0  # zeros have a scale, too


def test_other_shapes_are_errors():
    for wrong in ({}, {"a": np.ones(3)}, {"a": np.ones((0, 2))}):
        with pytest.raises(ValueError, match=r"need matrices \(H, W\), not empty"):
            matrices_figure(wrong)
