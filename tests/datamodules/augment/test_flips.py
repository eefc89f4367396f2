"""Which mirror images a policy shows."""

import pytest

from datamodules.augment.flips import flips_shown

POLICIES = {
    "none": [[], ["blur"], [{"hflip": {"p": 0}}], [{"affine": {"degrees": 180}}]],
    "hflip": [["hflip", {"affine": {"degrees": 15}}], ["HorizontalFlip"], ["hflip", {"gridmask": {"degrees": 180}}]],
    "vflip": [[{"vflip": {"p": 0.3}}, {"mixup": None}], ["VerticalFlip"]],
    "flips": [
        ["hflip", "vflip"],
        ["hflip", "rot90"],
        ["D4"],
        ["hflip", {"rotate": {"degrees": [-180, 180]}}],
        ["VerticalFlip", {"Affine": {"rotate": [-180, 180]}}],
        ["hflip", {"affine": {"degrees": 180}}],
        ["hflip", {"SafeRotate": {"limit": 180}}],
    ],
}


@pytest.mark.parametrize(("name", "policy"), [(name, policy) for name, many in POLICIES.items() for policy in many])
def test_two_of_both_flips_and_half_a_turn_give_all_views(name, policy):
    assert flips_shown(policy) == name
