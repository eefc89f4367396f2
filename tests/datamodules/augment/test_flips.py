"""Which operations turn the picture itself by half a turn, and which turn something in it."""

import pytest

from datamodules.augment.flips import flips_shown

HALF = {"degrees": 180}


@pytest.mark.parametrize(
    ("turned", "views"),
    [({"gridmask": HALF}, "hflip"), ({"gridmask": {"degrees": [-180, 180]}}, "hflip"), ({"affine": HALF}, "flips"),
     ({"rotate": HALF}, "flips"), ({"Affine": {"rotate": 180}}, "flips"), ({"SafeRotate": {"limit": 180}}, "flips")],
)  # fmt: skip
def test_only_what_turns_the_picture_shows_half_a_turn(turned, views):
    assert flips_shown(["hflip", turned]) == views
