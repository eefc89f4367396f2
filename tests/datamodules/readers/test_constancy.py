"""The colour of the light goes, and that of the picture stays."""

import numpy as np
import pytest
from PIL import Image

from datamodules.readers.constancy import CONSTANCY, POWER, shades_of_gray


def test_a_picture_under_coloured_light_comes_back_to_that_under_white_light():
    rng = np.random.default_rng(0)
    scene = rng.uniform(0.1, 0.6, (32, 32, 1)) * rng.uniform(0.9, 1.1, (32, 32, 3))
    gains = np.array([1.3, 1.0, 0.7])
    pictures = [Image.fromarray((255 * (scene * gain).clip(0, 1)).round().astype(np.uint8)) for gain in (1, gains)]
    white, tinted = (np.asarray(shades_of_gray(picture), float) for picture in pictures)
    assert np.abs(np.asarray(pictures[0], float) - np.asarray(pictures[1], float)).mean() > 15
    assert np.abs(white - tinted).mean() < 2
    norms = (tinted**POWER).mean((0, 1)) ** (1 / POWER)
    assert norms == pytest.approx(norms.mean(), rel=0.01)


def test_black_stays_black_and_other_modes_are_read():
    assert not np.asarray(shades_of_gray(Image.new("RGB", (4, 4)))).any()
    assert shades_of_gray(Image.new("L", (4, 4), 100)).mode == "RGB" and set(CONSTANCY) == {"none", "shades_of_gray"}
