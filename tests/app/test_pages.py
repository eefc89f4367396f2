"""Pages are self-contained and escape what files say; curves have a panel for each metric of training."""

import base64
import html
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from lightning_tasks.app import main
from lightning_tasks.app.messages import SAYS_NOTHING
from lightning_tasks.app.pages.exercise import write_animation
from lightning_tasks.app.pages.run import write_report
from lightning_tasks.problems.exercise import Scene
from lightning_tasks.runs.directory import RunDir
from tests.conftest import ROOT, results

EVIL = "<script>alert('&')</script>" + "w" * 150  # to be escaped, and wider than a phone
KEPT = ("kind", "monitor", "headline", "status")
QUIET = ("--data", "tests.toys.ToyDataModule", "--draws", "3", "--trainer.enable_progress_bar", "false",
         "--trainer.enable_model_summary", "false")  # fmt: skip
WORDS = ("--model", "tests.toys.ToySequence", "--trainer.max_epochs", "1", "--figures", "none", *QUIET)
PICTURES = ("--model", "ImageClassifier", "--model.net", "cnn", "--model.in_channels", "1",
            "--model.class_names", "[dark,light]", "--model.net_args", "{image_size: 12, filters: 2, neurons: 4}",
            "--trainer.max_epochs", "2", *QUIET)  # fmt: skip


def hostile(value: Any, key: str = "") -> Any:
    """The same with each text replaced."""
    if isinstance(value, dict):
        return {k: hostile(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [hostile(v, key) for v in value]
    return EVIL if isinstance(value, str) and key not in KEPT else value


def check_page(page: str) -> None:
    """What can be said of a page without a browser."""
    assert page.startswith("<!doctype html>") and "width=device-width" in page and "<script" not in page
    assert "prefers-color-scheme: dark" in page and 'content="light dark"' in page
    images = re.findall(r"<img[^>]*>", page)
    assert all(re.search(r'alt="[A-Z][^"]{15,}"', image) and 'src="data:image/png' in image for image in images)
    assert all(re.search(r'width="\d+" height="\d+"', image) for image in images), "the page jumps while it loads"
    assert page.count("<table") == page.count('<div class="box"><table'), "a table that is wider than the page"
    headings = re.findall(r"<(?:h\d|figcaption><b)>([^<]*)", page)
    assert not [text for text in headings if re.match(r"[a-z]+_|Figure of", text)], "a file's name as a title"
    assert page.count("<figure") == page.count("<figcaption")
    folded = "".join(re.findall(r"<details>.*?</details>", page, re.DOTALL))
    for secret in (r"[0-9a-f]{64}", "class_path:"):  # fingerprints, configuration
        assert len(re.findall(secret, page)) == len(re.findall(secret, folded)), secret


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Kind of page -> the folder of one; a run that was calibrated and explained."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("pages"))
        fit, pictures, words = (
            ("fit", *PICTURES),
            Path("runs/ImageClassifier").resolve(),
            Path("runs/ToySequence").resolve(),
        )
        main([*fit])
        shutil.copy(pictures / "default" / "report.html", pictures / "default" / "of_fit.html")
        main(["calibrate", "--run", f"{pictures}/default", "--draws", "3"])
        main(["explain", "--run", f"{pictures}/default", "--count", "1"])
        main(["kfold", *WORDS, "--folds", "2"])
        main(["ensemble", "--runs", f"{words}/kfold/fold_0", f"{words}/kfold/fold_1", "--draws", "3"])
        main(["inspect", *PICTURES, "--tsne", "0"])
        main(["sweep", *WORDS, "--grid", "model.width=2,4", "--seeds", "0"])
        main(["exercise", "G14"])
        main(["report", "--runs", f"{words}/kfold", f"{words}/kfold/fold_0", str(pictures / "default"), "--draws", "3"])
        made = {kind: words / kind for kind in ("kfold", "sweep")} | {"tune": tuning_of(words / "sweep")}
        made |= {"run": pictures / "default", "inspect": pictures / "inspect"}
        made |= {"comparison": Path("runs/comparison").resolve()}
        yield made | {"ensemble": words / "kfold" / "ensemble", "exercise": Path("runs/exercises/G14").resolve()}


def tuning_of(sweep: Path) -> Path:
    """A folder of ``tune`` whose final runs are those of a sweep; real ones take many fits."""
    folder = sweep.parent / "tune"
    shutil.copytree(sweep, folder / "final")
    (folder / "figures").mkdir()
    for name in ("history", "effects", "importance"):
        shutil.copy(sweep / "sweep.png", folder / "figures" / f"{name}.png")
    final = json.loads((sweep / "results.json").read_text())
    for combo, name in zip(final["combinations"], ("tpe", "by hand"), strict=True):
        combo["shown"] = {"configuration": name}
    best = {"params": {"model.lr": 0.1, "model.width": 4}, "value": 0.5, "trial": 0, "parameters": 1234}
    search = {"trials": 1, "complete": 1, "pruned": 0, "failed": 0, "epochs": 1, "seconds": 1.0, "best": best}
    found = {"kind": "tune", "name": "tune", "experiment": "ToySequence", "metric": "val/acc", "notes": [],
             "searches": {"tpe": search, "random": search}, "importance": {"model.lr": 0.7},
             "data_source": final["data_source"], "final": final}  # fmt: skip
    (folder / "results.json").write_text(json.dumps(found))
    main(["report", "--run", str(folder)])
    return folder


@pytest.fixture(scope="module")
def spoilt(folders, tmp_path_factory):
    """The same, with markup and long words in place of each text."""
    made = {}
    for kind, folder in folders.items():
        made[kind] = tmp_path_factory.mktemp("spoilt") / "x"
        shutil.copytree(folder, made[kind])
        for path in [*made[kind].glob("*.json"), *made[kind].glob("final/results.json")]:
            content = json.loads(path.read_text())
            path.write_text(json.dumps(hostile(content) | ({"notes": [EVIL]} if "notes" in content else {})))
        main(["report", "--run", str(made[kind])])
    return made


def page_of(folder: Path) -> str:
    return (folder / "report.html").read_text()


def test_pages_of_all_kinds_hold_what_can_be_said_without_a_browser(folders):
    for kind, folder in folders.items():
        page = page_of(folder)
        check_page(page)
        assert "<figure" in page or kind == "ensemble"  # which draws nothing
        assert "<details>" in page
    page = page_of(folders["run"])
    for title in ("Confusion matrix, test part", "Samples, train part", "Reliability diagram", "Surest "):
        assert f"<figcaption><b>{title}" in page
    assert page.index("Verdict: ") < page.index("<table") and "over the epochs, of which" in page


@pytest.mark.parametrize("kind", ["run", "kfold", "sweep", "ensemble"])
@pytest.mark.parametrize("source", ["simulated", "real"])
def test_a_page_says_that_its_data_is_simulated_also_where_that_was_asked_for(folders, tmp_path, kind, source):
    folder = tmp_path / "x"
    shutil.copytree(folders[kind], folder)
    content = json.loads((folder / "results.json").read_text())
    (folder / "results.json").write_text(json.dumps(content | {"notes": [], "data_source": source}))
    main(["report", "--run", str(folder)])
    assert page_of(folder).count(SAYS_NOTHING) == (source == "simulated")


def test_tensorboard_shows_the_figures_of_the_report(folders):
    for kind in ("run", "kfold", "inspect", "sweep"):  # an exercise is computed, and imports no torch for its pictures
        shown = {}
        for events in folders[kind].glob("events.out.tfevents*"):
            found = EventAccumulator(str(events)).Reload()
            shown |= {tag.replace("/", "_"): found.Images(tag)[-1] for tag in found.Tags()["images"]}
            epochs = [e.value for e in found.Scalars("epoch")] if "epoch" in found.Tags()["scalars"] else []
            assert all(epoch.is_integer() for epoch in epochs)
        files = [*(folders[kind] / "figures").glob("*.png"), *folders[kind].glob("*.png")]
        assert files
        for path in files:
            assert shown[path.stem].encoded_image_string == path.read_bytes(), path
            assert base64.b64encode(path.read_bytes()).decode() in page_of(folders[kind]), path


def test_pages_of_hostile_files_are_harmless(spoilt):
    for kind, folder in spoilt.items():
        page = page_of(folder)
        check_page(page)
        assert '<p class="warn">&lt;script&gt;' in page or kind == "exercise"  # which has no notes
        assert "&lt;script&gt;" in page


BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
         "--disable-background-networking", "--disable-component-update", "--allow-file-access-from-files",
         "--virtual-time-budget=60000", "--dump-dom")  # fmt: skip
MEASURE = """<!doctype html>{frames}<pre></pre><script>
onload = () => {{
  const pages = [...document.querySelectorAll("iframe")].map(frame => {{
    const page = frame.contentDocument, wide = [...page.body.querySelectorAll("*")].filter(
      e => !e.closest(".box table, .zoom img, details:not([open])") && e.getBoundingClientRect().right > frame.width);
    return {{name: frame.name, width: +frame.width, height: page.documentElement.scrollHeight,
             reach: page.documentElement.scrollWidth, wide: wide.map(e => e.outerHTML.slice(0, 80)),
             small: [...page.querySelectorAll(".zoom img")].filter(e => e.width < e.naturalWidth).length}};
  }});
  document.querySelector("pre").textContent = "mea" + "sured" + JSON.stringify(pages) + "mea" + "sured";
}};
</script>"""


@pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed, in which pages could be measured")
def test_nothing_is_wider_than_a_phone_or_a_window(folders, spoilt, tmp_path):
    scene = Scene("long " * 20, (-1, 1, -1, 1), np.eye(4), {"w" * 60: np.zeros((3, 2)), "momentum": np.ones((2, 2))})
    write_animation(tmp_path / "animation.html", "Paths", [scene] * 3)
    pages = {"animation": tmp_path / "animation.html", "a fit": folders["run"] / "of_fit.html"}
    pages |= {kind: folder / "report.html" for kind, folder in folders.items()}
    for kind, folder in spoilt.items():  # with all that is folded away
        pages[f"spoilt {kind}"] = folder / "open.html"
        pages[f"spoilt {kind}"].write_text(page_of(folder).replace("<details", "<details open"))
    pages["tapped"] = folders["run"] / "tapped.html"
    pages["tapped"].write_text(
        page_of(folders["run"]).replace('<input type="checkbox"', '<input checked type="checkbox"')
    )
    frames = [f'<iframe name="{name}" src="{path.as_uri()}" width="{width}" height="844"></iframe>'
              for name, path in pages.items() for width in (390, 1280)]  # fmt: skip
    (tmp_path / "all.html").write_text(MEASURE.format(frames="".join(frames)))
    command = [BROWSER, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", (tmp_path / "all.html").as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    measured = json.loads(html.unescape(done.stdout.split("measured")[-2]))
    assert len(measured) == len(frames)
    for page in measured:
        assert page["reach"] <= page["width"] and not page["wide"], page
    phone = {page["name"]: page for page in measured if page["width"] == 390}
    assert 844 < phone["a fit"]["height"] < phone["run"]["height"] <= 6 * 844  # which was calibrated and explained
    assert phone["run"]["small"] > 5 and phone["tapped"]["small"] == 0  # each figure can be seen as large as it is


@pytest.fixture
def run(toy):
    return RunDir(toy("ToySequence", "--trainer.max_epochs", 2))


def test_a_run_that_was_calibrated_elsewhere_is_harmless(run):
    found = results(run.path)
    found |= {"baselines": {EVIL: {"acc": 0.5}}, "panels": {EVIL: ["train/loss"]}}
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
    assert "model: &lt;script&gt;" in page and "0.0000 to -" in page
    assert "<h2>Calibration</h2>" in page and "<h2>Explanations</h2>" in page


@pytest.mark.parametrize("count", ["n", "units"])
def test_a_count_that_is_a_tag_is_escaped_or_refused(run, cli, capsys, count):
    found = results(run.path)
    found["metrics"]["test/acc"][count] = EVIL
    run.results.write_text(json.dumps(found))
    run.report.unlink()
    try:
        cli("report", "--run", run.path)
        assert EVIL not in run.report.read_text()
    except SystemExit:
        assert "is not as this version writes it" in capsys.readouterr().err and not run.report.exists()


def test_the_headline_stands_first_and_bold(run):
    def rows():
        return re.findall(r"<tr([^>]*)><td>(test/[^<]+)</td>", write_report(run).read_text())

    found = results(run.path)
    names = [name for _, name in rows()]
    short, every = names[: -len(found["metrics"])], names[-len(found["metrics"]) :]  # open, and folded away
    assert short[0] == every[0] == "test/acc" and set(every) == set(found["metrics"]) and len(short) < len(every)
    assert [name for mark, name in rows() if mark == ' class="headline"'] == ["test/acc"] * 2
    run.results.write_text(json.dumps(found | {"headline": "loss"}))
    assert [name for mark, name in rows() if mark == ' class="headline"'] == ["test/loss"] * 2
    assert rows()[0][1] == "test/loss"


def test_a_report_is_written_without_torch(run):
    code = "import sys\nfrom lightning_tasks.app import main\nmain(sys.argv[1:])\nprint('torch' in sys.modules)"
    command = [sys.executable, "-c", code, "report", "--run", str(run.path)]
    done = subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT)})
    assert "report.html\n" in done.stdout and done.stdout.endswith("\nFalse\n"), done.stderr
