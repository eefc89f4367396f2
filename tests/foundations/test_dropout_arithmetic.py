"""Dropout by hand against torch."""

import numpy as np
import pytest
import torch

from lightning_tasks.foundations.dropout_arithmetic import MASK, OUTPUTS, DropoutArithmetic, dropout


@pytest.mark.parametrize("keep", [0.2, 0.5, 0.9])
def test_inverted_dropout_is_that_of_torch_with_its_mask(keep):
    torch.manual_seed(0)
    x = torch.randn(6, 7, dtype=torch.float64)
    out = torch.nn.functional.dropout(x, 1 - keep)
    mask = (out != 0).numpy()
    assert 0 < mask.sum() < mask.size
    np.testing.assert_allclose(dropout(x.numpy(), keep, mask, inverted=True), out, rtol=1e-12)


def test_both_forms_differ_by_the_scale_alone():
    for mask in (MASK, None):
        np.testing.assert_allclose(dropout(OUTPUTS, 0.25, mask, True) * 0.25, dropout(OUTPUTS, 0.25, mask))


def test_another_probability_of_keeping_keeps_the_checks():
    for keep in (0.01, 0.8, 1.0):
        answer = DropoutArithmetic(keep=keep).answer()
        assert all(check.holds for check in answer.checks), [c for c in answer.checks if not c.holds]


def test_wrong_probabilities_and_masks_are_errors():
    for keep in (0, 1.5):
        with pytest.raises(ValueError, match="at most 1"):
            DropoutArithmetic(keep=keep)
    for mask in (MASK[:2], 2 * MASK):
        with pytest.raises(ValueError, match="zeros and ones of the same shape"):
            dropout(OUTPUTS, 0.5, mask)
    with pytest.raises(ValueError, match="need two or more"):
        DropoutArithmetic(draws=1)
