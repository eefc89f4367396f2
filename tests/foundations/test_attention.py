"""Attention by hand against torch, in double precision."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lightning_tasks.foundations.attention import attention, attention_gradients, attention_weights

SMALL = st.integers(1, 5)


@settings(max_examples=50, deadline=None)
@given(
    SMALL, SMALL, SMALL, SMALL, st.sampled_from([(), (2,), (2, 3)]), st.booleans(), st.booleans(), st.integers(0, 99)
)
def test_output_and_gradients_are_those_of_torch(queries, keys, size, width, front, masked, scaled, seed):
    rng = np.random.default_rng(seed)
    q, k, v = (rng.normal(size=(*front, *s)) for s in ((queries, size), (keys, size), (keys, width)))
    mask = None
    if masked:
        mask = rng.random((*front, queries, keys)) < 0.5
        mask[..., 0] |= ~mask.any(-1)  # each query may look somewhere
    leaves = [torch.tensor(x, requires_grad=True) for x in (q, k, v)]
    out = torch.nn.functional.scaled_dot_product_attention(
        *leaves, attn_mask=None if mask is None else torch.tensor(mask), scale=None if scaled else 1.0
    )
    upstream = rng.normal(size=out.shape)
    expected = torch.autograd.grad(out, leaves, torch.tensor(upstream))
    np.testing.assert_allclose(attention(q, k, v, mask, scaled), out.detach(), atol=1e-10)
    for ours, reference in zip(attention_gradients(q, k, v, upstream, mask, scaled), expected, strict=True):
        np.testing.assert_allclose(ours, reference, atol=1e-10)
    weights = attention_weights(q, k, mask, scaled)
    np.testing.assert_allclose(weights.sum(-1), 1)
    assert mask is None or (weights[~mask] == 0).all()


def test_a_hidden_key_gets_no_gradient_and_large_scores_do_not_overflow():
    rng = np.random.default_rng(0)
    q, k, v = (1e3 * rng.normal(size=(3, 4)) for _ in range(3))
    mask = np.array([[True, True, False]] * 3)
    _, by_k, by_v = attention_gradients(q, k, v, np.ones((3, 4)), mask)
    assert not by_k[2].any() and not by_v[2].any() and np.isfinite(attention(q, k, v)).all()


def test_shapes_that_do_not_fit_are_errors():
    q, k, v = np.ones((2, 3)), np.ones((4, 3)), np.ones((4, 5))
    for make, message in (
        (lambda: attention(q[:, :2], k, v), r"need \(\.\.\., Q, E\) and \(\.\.\., M, E\)"),
        (lambda: attention(q, k[:0], v[:0]), "with one key or more"),
        (lambda: attention(q, k, v[:3]), "a value for each key"),
        (lambda: attention(q, k, v, np.ones((2, 4))), r"mask float64 \(2, 4\): need bool \(2, 4\)"),
        (lambda: attention(q, k, v, np.ones((4, 4), bool)), r"need bool \(2, 4\)"),
        (lambda: attention(q, k, v, np.zeros((2, 4), bool)), "let it look at one"),
        (
            lambda: attention_gradients(q, k, v, np.ones((2, 4))),
            r"upstream \(2, 4\): the output of the layer is \(2, 5\)",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            make()
