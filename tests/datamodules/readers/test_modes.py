"""Pictures of every mode as RGB bytes."""

import io

import numpy as np
import pytest
from PIL import Image

from datamodules.readers.modes import as_rgb
from datamodules.readers.pictures import decode

RAMP = np.tile(np.arange(64, dtype=np.uint8) * 4, (64, 1))


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    "image",
    [
        Image.fromarray(RAMP),
        Image.fromarray(RAMP.astype(np.uint16) * 257),
        Image.fromarray(RAMP).convert("P"),
        Image.fromarray(np.dstack([RAMP, np.full_like(RAMP, 255)]), "LA"),
    ],
    ids=["gray", "16 bit", "palette", "alpha"],
)
def test_a_ramp_is_a_ramp_in_every_mode(image):
    picture = decode(encoded(image), 64)
    for channel in range(3):
        np.testing.assert_array_equal(picture[..., channel], RAMP)


def test_floating_point_by_its_range():
    for scale in (1 / 255, 1.0):
        picture = as_rgb(Image.fromarray(RAMP.astype(np.float32) * np.float32(scale)))
        np.testing.assert_allclose(np.asarray(picture)[..., 0], RAMP, atol=1)
    for values, message in (
        (RAMP.astype(np.float32) - 5, "values from -5"),
        (RAMP.astype(np.float32) * 9, "up to 2268"),
    ):
        with pytest.raises(ValueError, match=message):
            as_rgb(Image.fromarray(values))
    with pytest.raises(ValueError, match="values from -1 to"):
        as_rgb(Image.fromarray(RAMP.astype(np.int32) - 1))


def test_transparency_is_laid_on_white():
    rgba = np.zeros((4, 4, 4), np.uint8)
    rgba[..., 0], rgba[..., 2] = 255, 255
    rgba[:2, :, 3] = 255
    picture = np.asarray(as_rgb(Image.fromarray(rgba)))
    assert (picture[:2] == (255, 0, 255)).all() and (picture[2:] == 255).all()
    palette = Image.fromarray(np.array([[0, 1]], np.uint8), "P")
    palette.putpalette([255, 0, 0, 0, 0, 255])
    with Image.open(io.BytesIO(encoded(palette, transparency=1))) as read:
        assert np.asarray(as_rgb(read)).tolist() == [[[255, 0, 0], [255, 255, 255]]]


def test_the_turn_that_a_camera_wrote_is_applied():
    upright = np.zeros((8, 16, 3), np.uint8)
    upright[:4] = (255, 0, 0)  # red above
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    with Image.open(io.BytesIO(encoded(Image.fromarray(upright[::-1, ::-1]), exif=exif))) as read:
        np.testing.assert_array_equal(np.asarray(as_rgb(read)), upright)


def test_cmyk_is_seen_as_printed():
    cmyk = Image.new("CMYK", (8, 8), (255, 0, 0, 0))
    red, green, blue = decode(encoded(cmyk, "JPEG"), 8)[4, 4].tolist()
    assert red < 40 and green > 150 and blue > 200, "cyan"
