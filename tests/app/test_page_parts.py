"""Parts of pages: panels of curves, figures, captions, Markdown, tables."""

import struct

import pytest

from lightning_tasks.app.pages.captions import INSPECTED, RUN, Caption, caption_of, title_of_text
from lightning_tasks.app.pages.curves import curves_of, draw
from lightning_tasks.app.pages.render import ENVIRONMENT, Picture, facts, mean_sd, number
from lightning_tasks.app.pages.texts import blocks_of
from lightning_tasks.common.tables import read_metrics, write_csv
from lightning_tasks.plots.panels import default_panels, with_always
from lightning_tasks.plots.words import Line, words_as_markdown

# ---- curves ---------------------------------------------------------------------------------------------------


def test_panels_are_the_metrics_of_training_with_their_twins_the_monitor_and_the_rate():
    names = ["epoch", "val/loss", "val/acc", "val/nll", *(f"val/recall_{k}" for k in range(60)), "train/loss",
             "train/clean_acc", "train/clean_loss", "train/critic", "train/lr"]  # fmt: skip
    panels = default_panels(names)
    assert panels == {
        "loss": ["train/loss", "train/clean_loss", "val/loss"],
        "acc": ["train/clean_acc", "val/acc"],
        "critic": ["train/critic"],
    }
    whole = with_always(panels, names, "val/nll")
    assert whole == panels | {"nll": ["val/nll"], "learning rate": ["train/lr"]}
    assert with_always(panels, names, "val/acc") == panels | {"learning rate": ["train/lr"]}


@pytest.mark.parametrize("epochs", [2, 3, 7, 40])
def test_a_panel_has_whole_epochs_and_the_best_one(epochs):
    history = [{"epoch": e, "train/loss": 1.0 / (e + 1), "val/loss": 0.5} for e in range(epochs)]
    (axis,) = draw(history, "loss", ["train/loss", "val/loss"], best_epoch=1).axes
    ticks = [t for t in axis.get_xticks() if 1 <= t <= epochs]
    assert len(ticks) > 1 and all(float(t).is_integer() for t in ticks)
    first, second, best = axis.lines
    assert list(first.get_ydata())[:2] == [1.0, 0.5] and list(best.get_xdata()) == [1, 1]
    assert list(first.get_xdata()) == list(range(1, epochs + 1)), "as on the terminal"


def test_panels_of_a_run_are_drawn_as_it_names_them_then_what_it_leaves_out():
    history = [{"epoch": e, "train/loss": 1.0, "val/acc": 0.5, "val/f1": 0.5, "train/lr": 0.1} for e in range(2)]
    found = {
        "monitor": "val/acc",
        "best_epoch": 0,
        "panels": {"all scores": ["val/acc", "val/f1"], "absent": ["val/x"]},
    }
    assert [curve.alt for curve in curves_of(history, found)] == [
        "Curve of all scores. val/acc, val/f1 over the epochs, of which 1 is the best.",
        "Curve of loss. train/loss over the epochs, of which 1 is the best.",
        "Curve of learning rate. train/lr over the epochs, of which 1 is the best.",
    ]
    assert curves_of(history[:1], found) == []  # one epoch is no curve


def test_the_best_epoch_of_the_settings_counts_from_one_as_that_of_the_curve():
    assert facts({"best_epoch": 0, "epochs": 1, "metrics": {}}) == {"best_epoch": 1, "epochs": 1}


# ---- figures --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "kind"), [((700, 300), None), ((1074, 879), "large"), ((1320, 376), "wide"), ((600, 1200), None)]
)
def test_a_figure_that_a_phone_shows_small_gets_more_of_a_row_and_says_that_a_tap_helps(size, kind):
    picture = Picture("Masks", "", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + struct.pack(">II", *size))
    page = ENVIRONMENT.get_template("parts.html").module.gallery([picture])
    assert (f'<figure class="{kind}">' if kind else "<figure>") in page
    assert ("Tap it for its full size" in page) == bool(kind)


# ---- words ----------------------------------------------------------------------------------------------------


def test_names_of_figures_and_texts_in_words():
    assert caption_of("test_error_over_k", RUN).title == "Error over k, test part"
    assert caption_of("explain_true_positives", RUN).title == "Surest true positives"
    assert caption_of("map", INSPECTED).title == "Map of the samples"
    assert caption_of("oof_of_a_new_task", RUN) == Caption("Of a new task, out of fold", "")
    assert title_of_text("test_nearest_words") == "Nearest words, test part"


def test_markdown_is_read_in_tables_and_lines():
    table = "| a | b |\n|---|---|\n| 1 |  |\n| 2 | x \\ y |\n| \\| | \\*\\* |"
    first, second, third = blocks_of(f"Before\n\n{table}\n\n    after: a | **b**\n        \n      c\n")
    assert first.text == "Before" and third.kind == "lines" and third.text == "after: a | **b**\n    \n  c"
    assert second.head == ["a", "b"] and second.rows == [["1", ""], ["2", "x \\ y"], ["|", "**"]]
    (broken,) = blocks_of("| a | b |\n|---|---|\n| a | b | c |")  # a bar within a cell: shown as it is
    assert broken.text.endswith("| a | b | c |") and not broken.head


def test_marks_of_markdown_are_read_and_those_of_the_data_shown():
    title, words = blocks_of("### As\\_it is\n\nA **b\\*\\*c** d\n**e**")
    assert (title.kind, title.text) == ("title", "As_it is")
    assert words.pieces == [("A ", False), ("b**c", True), (" d\n", False), ("e", True)]
    line = Line("truth *: good", ["very", "**", "<b>", "#|"], [0.1, 0.9, 0.5, 0.2])
    title, words, rest = blocks_of(words_as_markdown([line], bold=1))
    assert title.text == line.title and [text for text, bold in words.pieces if bold] == ["**(90%)"]
    assert words.text == "very(10%) **(90%) <b>(50%) #|(20%)" and rest.text == "Largest: ** 0.900"


# ---- tables ---------------------------------------------------------------------------------------------------


def test_metrics_survive_the_file(tmp_path):
    rows = [
        {"epoch": 0, "step": 7, "val/a": 0.1 + 0.2},
        {"epoch": 1, "step": 14, "val/a": 1e-17, "val/b": float("inf")},
    ]
    write_csv(tmp_path / "m.csv", rows)
    assert read_metrics(tmp_path / "m.csv") == rows and read_metrics(tmp_path / "none.csv") == []
    text = "epoch,step,val/a,val/b\n0,7,0.30000000000000004,\n1,14,1e-17,inf\n"
    assert (tmp_path / "m.csv").read_text() == text
    write_csv(tmp_path / "n.csv", [{"a": None, "b": float("nan"), "c": "x,\n"}])
    assert (tmp_path / "n.csv").read_text() == 'a,b,c\n,nan,"x,\n"\n'


def test_counts_stand_without_decimals():
    assert [number(value) for value in (0.5, 1.0, 71.0, 14977218.0, 26.5, None)] == [
        "0.5000", "1.0000", "71", "14,977,218", "26.5000", "-"
    ]  # fmt: skip
    assert mean_sd({"mean": 226.0, "sd": None}) == "226" and mean_sd({"mean": 0.5, "sd": 0.1}) == "0.5000 ± 0.1000"
