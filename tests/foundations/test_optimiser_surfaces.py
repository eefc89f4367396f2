"""Surfaces and their gradients, paths by name, and the page that plays them."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from lightning_tasks.app.pages.exercise import on_canvas, write_animation
from lightning_tasks.foundations.optimiser_surfaces import (
    NEAR,
    SURFACES,
    Comparison,
    arrival,
    formula_checks,
    merit,
    walk_by_name,
)


@pytest.mark.parametrize("surface", SURFACES, ids=lambda s: s.name)
def test_gradients_are_differences_of_the_values_and_minima_have_none(surface):
    rng = np.random.default_rng(0)
    for w in rng.uniform(-1.5, 1.5, (5, 2)):
        slope = [(surface.value(w + e) - surface.value(w - e)) / 2e-6 for e in 1e-6 * np.eye(2)]
        np.testing.assert_allclose(surface.gradient(w), slope, atol=1e-6)
    for minimum in surface.minima:
        assert np.allclose(surface.gradient(np.array(minimum)), 0)
        assert all(surface.value(np.array(minimum)) <= surface.value(np.array(minimum) + e) for e in 0.01 * np.eye(2))


def test_formulas_hold_and_noise_is_the_same_for_all():
    assert all(check.holds for check in formula_checks())
    noise = SURFACES[3]
    first = [walk_by_name(noise, "momentum", lr, 1, seed=3, momentum=0.0)[1] for lr in (0.1, 0.2)]
    start = np.array(noise.start)
    np.testing.assert_allclose((first[1] - start) / 2, first[0] - start)
    assert not np.allclose(first[0], walk_by_name(noise, "momentum", 0.1, 1, seed=4, momentum=0.0)[1])


def test_a_path_arrives_where_it_stays_and_merits_rank():
    ravine = SURFACES[1]
    path = np.array([[1.0, 0], [0, 0], [1, 0], [0.05, 0], [0, 0]])
    assert arrival(ravine, path) == 3 and merit(ravine, path) == 3
    assert arrival(ravine, path[:3]) is None and merit(ravine, path[:3]) == 4
    assert merit(ravine, np.array([[1.0, 0], [np.nan, 0]])) == np.inf and NEAR == 0.1


def test_unknown_optimisers_are_an_error_with_the_nearest_name():
    with pytest.raises(ValueError, match="optimizer='lionn' is unknown. Did you mean 'lion'"):
        Comparison(("lionn",))


def test_the_page_plays_every_path_and_its_script_is_valid(tmp_path):
    scenes = [s for s in Comparison(()).scenes() if s.title in ("saddle", "noise")]
    page = write_animation(tmp_path / "animation.html", "G6 <b>", scenes).read_text()
    assert "G6 &lt;b&gt;" in page and "http" not in re.sub(r"[A-Za-z0-9+/]{80,}", "", page)
    script = page.split("<script>")[1].split("</script>")[0]
    played = json.loads(re.search(r"const scenes = (\[.*?\]), colors = ", script, re.S)[1])
    assert [s["title"] for s in played] == ["saddle", "noise"] and len(played[0]["paths"]) == 6
    x, y = played[0]["paths"]["SGD"][0]
    assert (x, y) == pytest.approx((2.5 / 3, 0.5), abs=1e-3), "the start, as shares of the picture"
    if node := shutil.which("node"):
        Path("script.js").write_text(script)
        subprocess.run([node, "--check", "script.js"], check=True)
    assert on_canvas(np.array([[0, 0], [np.inf, 0], [1, 1]]), (0, 1, 0, 1)) == [[0, 1]]
