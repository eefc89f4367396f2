"""Pages are self-contained and escape what files say; curves have a panel for each metric of training."""

import json
import re
import subprocess
import sys
from typing import Any

import pytest
from matplotlib.ticker import MaxNLocator

from lightning_tasks.app.pages.curves import curves_of, default_panels, draw, with_always
from lightning_tasks.app.pages.render import part_and_name
from lightning_tasks.app.pages.run import write_report
from lightning_tasks.common.tables import read_metrics, write_csv
from lightning_tasks.runs.directory import RunDir
from tests.conftest import ROOT, results

EVIL = "<script>alert('&')</script>"
KEPT = ("kind", "monitor", "headline", "status")
TOY = ("--model", "tests.toys.ToySequence", "--data", "tests.toys.ToyDataModule", "--draws", "3",
       "--trainer.enable_progress_bar", "false", "--trainer.max_epochs", "2")  # fmt: skip


def hostile(value: Any, key: str = "") -> Any:
    """The same with each text replaced."""
    if isinstance(value, dict):
        return {k: hostile(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [hostile(v, key) for v in value]
    return EVIL if isinstance(value, str) and key not in KEPT else value


def check_page(page: str) -> None:
    assert page.startswith("<!doctype html>") and "width=device-width" in page and "<script" not in page
    images = re.findall(r"<img[^>]*>", page)
    assert all(re.search(r'alt="[A-Z][^"]{15,}"', image) and 'src="data:image/png' in image for image in images)
    assert page.count("<table") == page.count('<div class="box"><table'), "a table that is wider than the page"
    assert not re.search(r"<h\d>[a-z]+_", page), "a file's name as a title"


@pytest.fixture
def run(toy):
    return RunDir(toy("ToySequence", "--trainer.max_epochs", 2))


def test_a_page_of_a_run_with_hostile_files_is_harmless(run):
    found = results(run.path)
    found |= {"notes": [EVIL], "baselines": {EVIL: {"acc": 0.5}}, "panels": {EVIL: ["train/loss"]}}
    found["metrics"][f"test/{EVIL}"] = {"value": None, "n": 1, "units": 1}
    run.results.write_text(json.dumps(hostile(found)))
    run.config.write_text(f"model: {EVIL}")
    (run.path / "report_calibration.html").write_text("<script>old()</script>")
    change = {"value": 0.1, "low": 0.0, "high": None}
    calibration = {"method": EVIL, "map": {}, "fitted_on": EVIL, "n_fitted": 3, "scored_on": EVIL, "n_scored": 3,
                   "changed_predictions": 1, "ece_of_perfect": [0.1, 0.2], "warnings": [EVIL],
                   "scores": {EVIL: {"before": change, "after": change, "change": change}}}  # fmt: skip
    (run.path / "calibration.json").write_text(json.dumps(calibration))
    sample = {"id": EVIL, "truth": EVIL, f"prob_{EVIL}": 0.5}
    explained = {"part": EVIL, "shows": EVIL, "layer": EVIL, "groups": {EVIL: [sample]}}
    (run.path / "explain.json").write_text(json.dumps(explained))
    page = write_report(run).read_text()
    check_page(page)
    assert page.count("&lt;script&gt;") > 20 and "old()" not in page
    assert '<p class="warn">&lt;script&gt;' in page and "model: &lt;script&gt;" in page
    assert "<h2>Calibration</h2>" in page and "<h2>Explanations</h2>" in page and "0.0000 to -" in page


@pytest.mark.parametrize("kind", ["kfold", "ensemble", "inspect", "sweep"])
def test_pages_of_verbs_are_harmless_too(cli, toy, tmp_path, kind):
    if kind == "ensemble":
        one, two = (toy("ToySequence", "--trainer.max_epochs", 1, name=name) for name in ("a", "b"))
        cli("ensemble", "--runs", one, two, "--draws", 3)
    options = {"kfold": ("--folds", 2), "inspect": ("--tsne", 0), "sweep": ("--grid", "model.width=2,4", "--seeds", 0)}
    if kind in options:
        cli(kind, *TOY, *options[kind])
    folder = tmp_path / f"runs/ToySequence/{kind}"
    check_page((folder / "report.html").read_text())
    path = folder / ("inspect.json" if kind == "inspect" else "results.json")
    found = hostile(json.loads(path.read_text())) | {"notes": [EVIL]}
    path.write_text(json.dumps(found))
    cli("report", "--run", folder)
    page = (folder / "report.html").read_text()
    check_page(page)
    assert '<p class="warn">&lt;script&gt;' in page


def test_the_headline_stands_first_and_bold(run):
    def rows():
        return re.findall(r"<tr([^>]*)><td>(test/[^<]+)</td>", write_report(run).read_text())

    found = results(run.path)
    assert rows()[0] == (' class="headline"', "test/acc") and [r[0] for r in rows()[1:]] == [""] * (len(rows()) - 1)
    run.results.write_text(json.dumps(found | {"headline": "loss"}))
    assert rows()[0] == (' class="headline"', "test/loss") and len(rows()) == len(found["metrics"])


def test_a_report_is_written_without_torch(run):
    code = "import sys\nfrom lightning_tasks.app import main\nmain(sys.argv[1:])\nprint('torch' in sys.modules)"
    command = [sys.executable, "-c", code, "report", "--run", str(run.path)]
    done = subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT)})
    assert done.stdout.endswith("report.html\nFalse\n"), done.stderr


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


def test_the_figure_has_three_panels_a_row_whole_epochs_and_the_best_one():
    history = [{"epoch": e, "train/loss": 1.0 / (e + 1), "val/loss": 0.5} for e in range(3)]
    figure = draw(history, {str(i): ["train/loss", "val/loss"] for i in range(4)}, best_epoch=1)
    assert len(figure.axes) == 6 and [a.get_visible() for a in figure.axes] == [True] * 4 + [False] * 2
    for axis in figure.axes[:4]:
        assert isinstance(axis.xaxis.get_major_locator(), MaxNLocator) and all(
            float(t).is_integer() for t in axis.get_xticks()
        )
        first, second, best = axis.lines
        assert list(first.get_ydata()) == [1.0, 0.5, 1 / 3] and list(best.get_xdata()) == [1, 1]


def test_panels_of_a_run_are_drawn_as_it_names_them_then_what_it_leaves_out():
    history = [{"epoch": e, "train/loss": 1.0, "val/acc": 0.5, "val/f1": 0.5, "train/lr": 0.1} for e in range(2)]
    found = {
        "monitor": "val/acc",
        "best_epoch": 1,
        "panels": {"all scores": ["val/acc", "val/f1"], "absent": ["val/x"]},
    }
    alt = curves_of(history, found).alt
    assert alt == (
        "Curves over the epochs, of which 1 is the best: all scores (val/acc, val/f1); loss (train/loss); "
        "learning rate (train/lr)."
    )
    assert curves_of(history[:1], found) is None  # one epoch is no curve


def test_names_of_figures_in_words():
    assert part_and_name("test_error_over_k") == ("test", "error over k")
    assert part_and_name("explain_true_positives") == ("explain", "true positives") and part_and_name("map") == (
        "",
        "map",
    )


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
