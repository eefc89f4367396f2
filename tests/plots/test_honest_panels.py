"""Panels that show what is there: no stretch twice, no line under another, a key to what colours mean."""

import pytest
import torch

from lightning_tasks.plots.calibration import risk_figure
from lightning_tasks.plots.forecast import DAYS, days_figure
from lightning_tasks.plots.language import attention_figure
from lightning_tasks.plots.words import Line, words_figure


@pytest.mark.parametrize("days, starts", [(10, [0]), (DAYS, [0]), (20, [0, DAYS]), (100, [0, 43])])
def test_stretches_of_a_forecast_do_not_overlap(days, starts):
    target = torch.arange(days)[:, None].expand(days, 24).float()
    figure = days_figure(target[..., None].repeat(1, 1, 3), target, [0.1, 0.9])
    truths = [next(line for line in axis.lines if line.get_label() == "truth") for axis in figure.axes]
    assert [line.get_ydata()[0] for line in truths] == starts
    assert len(figure.legends) == 1, "above the panels, over no line"


def test_equal_risks_are_one_line_that_says_so():
    kept, risk = torch.linspace(0.1, 1, 10), torch.linspace(0, 0.3, 10)
    (axis,) = risk_figure((kept, risk), (kept, risk + 1e-12)).axes
    assert [line.get_label() for line in axis.lines] == ["before and after: the order of the samples is the same"]
    (axis,) = risk_figure((kept, risk), (kept, risk + 0.1)).axes
    assert [line.get_label() for line in axis.lines] == ["before", "after"]


@pytest.mark.parametrize("weights, key", [([1.0, -0.5], "blue against the class"), ([1.0, 0.5], "among those of its")])
def test_words_have_a_key_to_their_colours(weights, key):
    (axis,) = words_figure([Line("a", ["good", "bad"], weights)]).axes
    assert key in axis.texts[0].get_text() and ("blue" in axis.texts[0].get_text()) == (min(weights) < 0)


def test_attention_is_the_darker_the_more_as_its_caption_says():
    figure = attention_figure(torch.eye(5)[None, None], list("abcde"))
    (image,) = figure.axes[0].images
    faint, strong = (sum(image.cmap(image.norm(weight))[:3]) for weight in (0.0, 1.0))
    assert faint > strong and len(figure.axes) == 2, "with a scale beside it"
