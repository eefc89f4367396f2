"""When a fit draws: during it and after it, after its test alone, or never; what is compared or pooled draws last."""

import base64
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from lightning_tasks.app.pages.comparison import tuned_verdict
from tests.conftest import results
from tests.toys import ToySequence

DRAWN: list[str] = []


class Drawn(ToySequence):
    """A toy that notes what it is asked to draw."""

    def _note(self, what):
        DRAWN.append(what)
        return {what: Figure(figsize=(1, 1))}

    def figures(self, batch, out):
        return self._note("batch")

    def figures_of_training(self, batch):
        return self._note("training")

    def figures_of_rows(self, rows):
        return self._note("rows")


TOY = ("--model", "tests.app.test_figures.Drawn", "--data", "tests.toys.ToyDataModule", "--draws", 0,
       "--trainer.enable_progress_bar", "false", "--trainer.enable_model_summary", "false")  # fmt: skip
RUN = Path("runs/Drawn/default")
LAST = {"test_batch", "test_rows"}


@pytest.fixture(autouse=True)
def _nothing_drawn():
    DRAWN.clear()


def files(run=RUN):
    return {p.stem for p in (run / "figures").glob("*.png")}


def shown(run=RUN):
    """Tag -> steps of the figures in TensorBoard."""
    steps: dict[str, list[int]] = {}
    for events in run.glob("events.out.tfevents*"):
        found = EventAccumulator(str(events)).Reload()
        for tag in found.Tags()["images"]:
            steps.setdefault(tag, []).extend(event.step for event in found.Images(tag))
    return {tag: sorted(at) for tag, at in steps.items()}


def test_a_fit_draws_its_first_batch_a_few_epochs_and_its_test(cli):
    cli("fit", *TOY, "--trainer.max_epochs", 4, "--data.batch_size", 40)
    assert files() == LAST | {"train_training"}
    during = [2, 6, 8]  # steps after epochs 1, 3 and the last, of 2 steps each
    assert shown() == {"train/training": [1], "val/batch": during, "val/rows": during, "test/batch": [8],
                       "test/rows": [8]}  # fmt: skip


def test_last_draws_the_test_alone_and_none_nothing_with_the_same_scores(cli):
    scores = []
    for how, expected in (("all", LAST | {"train_training"}), ("last", LAST), ("none", set())):
        cli("fit", *TOY, "--trainer.max_epochs", 2, "--figures", how, "--name", how)
        run = Path("runs/Drawn") / how
        assert files(run) == expected and {tag.replace("/", "_") for tag in shown(run)} >= expected
        if how != "all":
            assert {tag.replace("/", "_") for tag in shown(run)} == expected
        scores.append(results(run)["metrics"])
    assert scores[0] == scores[1] == scores[2] and DRAWN[-2:] == ["batch", "rows"]


def test_folds_and_sweeps_draw_their_test_alone_unless_told_otherwise(cli):
    few = ("--trainer.max_epochs", 1)
    cli("kfold", *TOY, *few, "--folds", 2)
    for fold in range(2):
        assert files(Path(f"runs/Drawn/kfold/fold_{fold}")) == LAST
    cli("sweep", *TOY, *few, "--seeds", "0", "--grid", "model.width=2,4")
    assert files(Path("runs/Drawn/sweep/width=2/seed_0")) == LAST
    cli("kfold", *TOY, *few, "--folds", 2, "--figures", "none")  # finished before: figures change no result
    assert files(Path("runs/Drawn/kfold/fold_0")) == LAST
    cli("kfold", *TOY, *few, "--folds", 2, "--figures", "all", "--name", "told")
    assert files(Path("runs/Drawn/told/fold_1")) == LAST | {"train_training"}


def test_trials_of_a_search_draw_nothing(cli, capsys):
    Path("space.yaml").write_text("space: {model.lr: {type: float, low: 1e-3, high: 0.5}}\n")
    args = ("--trainer.max_epochs", 2, "--space", "space.yaml", "--trials", 2, "--control", "none")
    cli("tune", *TOY, *args, "--only", "tpe")
    assert not DRAWN and not list(Path("runs").rglob("*.png"))
    cli("tune", *TOY, *args, "--seeds", "1")  # the winner and the configuration by hand, tested once each
    assert DRAWN == ["batch", "rows"] * 2
    study = Path("runs/Drawn/tune")
    (line, _) = tuned_verdict(results(study)["final"])
    page = (study / "report.html").read_text()
    assert "the configuration by hand" in line and line in capsys.readouterr().out
    assert line in page and line in (study / "tune.md").read_text()
    (events,) = study.glob("events.out.tfevents*")
    found = EventAccumulator(str(events)).Reload()
    assert {"history", "effects"} <= set(found.Tags()["images"])
    for tag in found.Tags()["images"]:
        assert base64.b64encode(found.Images(tag)[0].encoded_image_string).decode() in page, tag


def test_an_unknown_choice_is_refused(cli, capsys):
    with pytest.raises(SystemExit):
        cli("fit", *TOY, "--figures", "some")
    assert "figures" in capsys.readouterr().err
