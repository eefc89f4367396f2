"""On CPUs only the chosen samples are worked on; on GPUs all are, and the change of the others is thrown away.

Both forms draw from one distribution, though not the same numbers.
"""

import pytest
import torch

from datamodules.augment.base import OPS, Draw
from tests.datamodules.augment.batches import NO_MASK, PLAIN, entry, make_batch, run

P, COUNT = 0.3, 1500


def forms(name, batch, seed):
    """The batch as changed by each form, the same samples chosen in both."""
    op = OPS[name]
    arguments = {key: value for key, value in op.arguments().items() if key != "p"}
    chosen = torch.rand(len(batch["image"]), generator=torch.Generator().manual_seed(99)) < P
    some = op.of_rows(
        batch, Draw(torch.Generator().manual_seed(seed), batch["image"]), chosen.nonzero()[:, 0], arguments
    )
    every = op.of_all(batch, Draw(torch.Generator().manual_seed(seed + 1), batch["image"]), chosen, arguments)
    return chosen, some, every


@pytest.mark.parametrize("name", PLAIN)
def test_both_forms_have_the_same_moments(name):
    # a ramp, so that it matters where pixels go; darker and with less contrast than random ones, so that light matters
    batch = make_batch(size=(12, 12), count=COUNT)
    ramp = torch.linspace(0.1, 0.6, 12 * 12).view(12, 12)
    batch["image"] = batch["image"] * 0.3 + ramp
    batch["mask"] = (ramp * 8).long().expand(COUNT, 12, 12).contiguous()
    if name in NO_MASK:
        del batch["mask"]
    chosen, some, every = forms(name, batch, seed=0)
    measures = {
        "mean": lambda out: out["image"].mean((2, 3)),  # (B, C)
        "variance": lambda out: out["image"].var((2, 3)),
        "left to right": lambda out: (out["image"] * torch.linspace(-1, 1, 12)).mean((2, 3)),
        "changed": lambda out: (out["image"] != batch["image"]).flatten(1).any(1, keepdim=True).float(),
        "mask": lambda out: out["mask"].float().mean((1, 2))[:, None] if "mask" in out else torch.zeros(COUNT, 1),
    }
    for key in ("image", "mask"):
        assert key not in batch or torch.equal(some[key][~chosen], every[key][~chosen])
    for what, measure in measures.items():
        first, second = measure(some), measure(every)
        one, two = first[chosen], second[chosen]
        error = ((one.var(0) + two.var(0)) / len(one)).sqrt()  # of the difference of two means
        assert ((one.mean(0) - two.mean(0)).abs() <= 4 * error + 1e-6).all(), what
    same_spread = some["image"][chosen].std() / every["image"][chosen].std()
    assert abs(same_spread - 1) < 0.05


@pytest.mark.parametrize("name", PLAIN)
def test_samples_that_are_not_chosen_stay_and_an_empty_choice_works(name):
    batch = make_batch(count=8)
    if name in NO_MASK:
        del batch["mask"]
    chosen, some, _ = forms(name, batch, seed=3)
    assert 0 < chosen.sum() < 8
    assert all(torch.equal(some[key][~chosen], batch[key][~chosen]) for key in ("image", "mask") if key in batch)
    none = OPS[name].of_rows(batch, Draw(torch.Generator(), batch["image"]), torch.tensor([], dtype=torch.long), {})
    assert none is not batch and all(none[key] is batch[key] for key in batch)


@pytest.mark.parametrize("name", PLAIN)
def test_the_share_of_changed_samples_is_p_and_a_sure_change_is_the_same_in_both_forms(name):
    batch = make_batch(size=(8, 8), count=800)
    if name in NO_MASK:
        del batch["mask"]
    share = {}
    for p in (0.25, 1.0):
        out = run([entry(name, p=p)], batch)
        share[p] = (out["image"] != batch["image"]).flatten(1).any(1).float().mean().item()
        again = run([entry(name, p=p)], batch)
        assert torch.equal(out["image"], again["image"])
    expected = 0.25 * share[1.0]  # some changes leave a sample as it is: a turn by 0 degrees
    assert abs(share[0.25] - expected) < 4 * (expected * (1 - expected) / 800) ** 0.5
    op, generator = OPS[name], torch.Generator().manual_seed(0)
    arguments = {key: value for key, value in op.arguments().items() if key != "p"}
    every = op.of_all(batch, Draw(generator, batch["image"]), torch.ones(800, dtype=torch.bool), arguments)
    assert torch.equal(every["image"], run([entry(name, p=1.0)], batch)["image"])
