"""Fuzzy C-means: shares, fixed points, the coefficient, files."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lightning_tasks.foundations.fuzzy_c_means import (
    FuzzyCMeans,
    centres_of,
    fuzzy_c_means,
    loss_of,
    memberships,
    partition_coefficient,
    simulated,
)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 999), st.integers(2, 5), st.floats(1.1, 4))
def test_shares_are_the_definition_and_each_half_step_lowers_the_loss(seed, clusters, m):
    rng = np.random.default_rng(seed)
    x, centres = rng.normal(size=(20, 2)), rng.normal(size=(clusters, 2))
    shares = memberships(x, centres, m)
    distance = np.linalg.norm(x[:, None] - centres, axis=2)
    for i in range(20):
        for c in range(clusters):
            definition = 1 / sum((distance[i, c] / distance[i, k]) ** (2 / (m - 1)) for k in range(clusters))
            assert shares[i, c] == pytest.approx(definition, rel=1e-6, abs=1e-12)
    any_shares = rng.dirichlet(np.ones(clusters), 20)
    assert loss_of(x, shares, centres, m) <= loss_of(x, any_shares, centres, m) + 1e-9
    best = centres_of(x, any_shares, m)
    assert loss_of(x, any_shares, best, m) <= loss_of(x, any_shares, centres, m) + 1e-9


def test_a_point_on_a_centre_belongs_to_it_alone():
    assert memberships(np.array([[1.0, 2.0]]), np.array([[0.0, 0.0], [1.0, 2.0]]), 2.0).tolist() == [[0.0, 1.0]]


def test_the_coefficient_has_its_limits_and_refuses_what_is_no_share():
    assert partition_coefficient(np.full((5, 4), 0.25)) == pytest.approx(0.25)
    assert partition_coefficient(np.eye(3)) == 1
    for shares in (np.full((2, 2), 0.6), np.array([[1.5, -0.5]]), np.zeros((0, 2))):
        with pytest.raises(ValueError, match="that sum to one"):
            partition_coefficient(shares)


def test_clusters_that_lie_apart_are_counted_and_recovered():
    for true in (2, 4):
        x, label = simulated(true, 80, 0.3, 1)
        best = max(range(2, 7), key=lambda c: partition_coefficient(fuzzy_c_means(x, c, 2.0, 0)[0]))
        assert best == true
        mine = fuzzy_c_means(x, true, 2.0, 0)[0].argmax(1)
        assert len({(a, b) for a, b in zip(mine, label, strict=True)}) == true


def test_a_file_is_read_and_wrong_ones_are_errors(tmp_path):
    x, _ = simulated(2, 40, 0.5, 0)
    good = tmp_path / "data.csv"
    good.write_text("X,Y,Class\n" + "".join(f"{a},{b},0\n" for a, b in x * 1000))
    answer = FuzzyCMeans(csv=good).answer()
    assert "points of the file (m = 2) the coefficient is largest at C = 2" in answer.text
    assert all(check.holds for check in answer.checks), [c for c in answer.checks if not c.holds]
    for text, message in (
        ("X,Z\n1,2\n", "has no column Y. Columns: X, Z"),
        ("X,Y\n1,2\n", "1 different points, 0 cells that are no number; need 20"),
        ("X,Y\n" + "1,a\n" * 12, "12 different points, 12 cells"),
        ("X,Y\n" + "1,2\n" * 99, "1 different points, 0 cells"),
        ("", "wrong.csv is no table"),
    ):
        (wrong := tmp_path / "wrong.csv").write_text(text)
        with pytest.raises(ValueError, match=message):
            FuzzyCMeans(csv=wrong)
    with pytest.raises(ValueError, match="name a CSV file"):
        FuzzyCMeans(csv=tmp_path / "none.csv")
    for options in ({"true": 1}, {"points": 19}, {"fuzzifier": 1.0}, {"fuzzifier": 51.0}):
        with pytest.raises(ValueError, match="need 2 to 10 clusters"):
            FuzzyCMeans(**options)
    with pytest.raises(ValueError, match="2 to N"):
        fuzzy_c_means(x, 41, 2.0, 0)
