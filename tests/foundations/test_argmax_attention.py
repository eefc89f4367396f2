"""The exercise on argmax attention; its values are checked by the verb's own test."""

import pytest
import torch

from lightning_tasks.foundations.argmax_attention import (
    ArgmaxAttention,
    argmax_attention,
    gradients,
    soft_attention,
)


def test_the_limit_of_low_temperatures_is_argmax_for_any_numbers():
    torch.manual_seed(0)
    for _ in range(5):
        q, k, v = torch.randn(3), torch.randn(4, 3), torch.randn(4, 2)
        torch.testing.assert_close(soft_attention(q, k, v, 1e-4), argmax_attention(q, k, v))
        by = gradients(argmax_attention, q, k, v)
        assert not by["q"].any() and not by["K"].any() and (by["V"] != 0).any(1).sum() == 1
        assert all(g.any() for g in gradients(soft_attention, q, k, v).values())


def test_a_temperature_of_nothing_is_an_error():
    with pytest.raises(ValueError, match="need more than 0"):
        ArgmaxAttention(temperature=0)


def test_checks_hold_at_any_temperature():
    assert all(check.holds for check in ArgmaxAttention(temperature=100.0).answer().checks)
