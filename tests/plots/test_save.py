"""A figure is drawn once: file, TensorBoard and page hold the same PNG."""

import io

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.tensorboard import SummaryWriter

from lightning_tasks.plots.save import png_of, save_figure
from lightning_tasks.plots.style import DPI
from lightning_tasks.plots.tensorboard import add_png


class Counted(Artist):
    """Counts how often it is drawn."""

    count = 0

    def draw(self, renderer):
        self.count += 1


def test_a_figure_is_drawn_once_and_tensorboard_holds_the_bytes_of_the_file(tmp_path):
    figure = Figure(figsize=(3, 2), layout="constrained")
    figure.subplots().plot([1, 3, 2])
    counted = figure.add_artist(Counted())
    png = save_figure(figure, tmp_path / "figures" / "curve.png")
    with SummaryWriter(str(tmp_path)) as writer:
        add_png(writer, "val/curve", png, 7)
    assert counted.count == 1
    (event,) = EventAccumulator(str(tmp_path)).Reload().Images("val/curve")
    assert event.encoded_image_string == (tmp_path / "figures" / "curve.png").read_bytes() == png
    assert (event.step, event.width, event.height) == (7, 3 * DPI, 2 * DPI)
    assert Image.open(io.BytesIO(png)).size == (3 * DPI, 2 * DPI)


def test_pixels_are_those_of_matplotlibs_own_file():
    figure = Figure(figsize=(3, 2), layout="constrained")
    figure.subplots().plot([1, 3, 2])
    own = io.BytesIO()
    figure.savefig(own, dpi=DPI)
    expected = np.asarray(Image.open(own).convert("RGB"))
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(png_of(figure)))), expected)
