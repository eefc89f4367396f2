"""The last lines of a verb that reads a run: whether the data was simulated, where the results are, what is next."""

from pathlib import Path

import pytest

from lightning_tasks.app.console import next_steps
from lightning_tasks.app.messages import SAYS_NOTHING
from lightning_tasks.runs.data_record import same_source
from tests.conftest import ROOT, results
from tests.small_fits import QUIET
from tests.toys import ToySequence

PLAIN = ("--draws", 0, "--baselines", "false", "--figures", "none", "--trainer.max_epochs", 1, *QUIET)
BAYES = "runs/headlines_naive_bayes/default"
OTHER = ("--data.batch_size", 16)
READERS = {  # verb -> its options, what its last line says
    "calibrate": (("--draws", 0), f"Next: predict, export --run {BAYES} use the calibration; so does ensemble."),
    "explain": (("--count", 1), f"Next: explain --run {BAYES} --ids ID looks at samples of your choice."),
    "calibrate, changed": (
        ("--draws", 0, *OTHER),
        f"Next: predict, export --run {BAYES} --data.batch_size 16 use the calibration; so does ensemble.",
    ),
    "explain, of another part": (
        ("--count", 1, "--part", "val", *OTHER),
        f"Next: explain --run {BAYES} --data.batch_size 16 --part val --ids ID looks at samples of your choice.",
    ),
    "predict": ((), f"Next: export --run {BAYES} writes the network for other programs."),
    "export": (("--format", "torch", "--samples", 8), "Next: the card has the lines that load the file."),
}


@pytest.fixture(scope="module")
def bayes(tmp_path_factory):
    """A folder with a run on simulated headlines."""
    from lightning_tasks.app import main

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home := tmp_path_factory.mktemp("bayes"))
        config = str(ROOT / "configs/headlines_naive_bayes.yaml")
        main(["fit", "--config", config, "--data.source", "simulated", *map(str, PLAIN)])
    return home


@pytest.mark.parametrize("verb", READERS)
def test_verbs_that_read_a_run_say_that_its_data_was_simulated_and_what_is_next(bayes, cli, monkeypatch, capsys, verb):
    options, last = READERS[verb]
    monkeypatch.chdir(bayes)
    cli(verb.partition(",")[0], "--run", BAYES, *options)
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == last and lines[-4:].count(SAYS_NOTHING) == 1, lines[-4:]


def test_samples_too(toy, cli, capsys):
    run = toy("ToyGan", "--trainer.max_epochs", 1)
    capsys.readouterr()
    cli("sample", "--run", run, "-n", 4)
    simulated, _, last = capsys.readouterr().out.splitlines()
    assert simulated == SAYS_NOTHING and last == f"Next: sample --run {run} --seed 1 makes others."


def test_a_submission_of_simulated_data_says_so(cli, capsys):
    cli("fit", "--model", "tests.toys.ToyNearestMean", "--data", "tests.app.verbs.test_ensemble.Unlabelled", *PLAIN)
    run = Path("runs/ToyNearestMean/default")
    cli("predict", "--run", run)
    assert "Next: export --run" in capsys.readouterr().out, "of simulated data nothing is submitted unasked"
    cli("submit", "--run", run, "--allow-simulated")
    assert SAYS_NOTHING in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(
    "submits, source, parts, told",
    [("table", "real", {"predict": 9}, True), ("table", "real", {"test": 9}, False), ("code", "real", {}, True),
     ("code", "simulated", {}, False), ("table", "simulated", {"predict": 9}, False), (None, "real", {}, False)],
)  # fmt: skip
def test_submit_comes_next_where_it_would_work(submits, source, parts, told):
    task = ToySequence()
    task.submits = submits
    words = next_steps(task, "test", "runs/a/b", {"data_source": source, "sizes": parts})
    assert words == f"calibrate, {'submit, ' * told}predict --run runs/a/b."


def test_of_real_data_nothing_is_said_and_of_weights_by_themselves_nothing_is_next(cli, capsys, tmp_path):
    cli("fit", "--config", ROOT / "configs/binary_regression.yaml", "--data", "TumoursDataModule", *PLAIN)
    run = Path("runs/binary_regression/default")
    cli("predict", "--run", run)
    assert "SIMULATED" not in (out := capsys.readouterr().out) and f"Next: export --run {run}" in out
    (tmp_path / "alone").mkdir()
    (run / "checkpoints/best.ckpt").rename("alone/x.ckpt")
    cli("predict", "--config", run / "config.yaml", "--ckpt_path", "alone/x.ckpt")
    assert capsys.readouterr().out.splitlines()[-1].startswith("Wrote alone/predictions_")


MADE = ("--config", ROOT / "configs/ring_gan.yaml", "--data.n_train", 64, "--data.n_test", 32, "--needs", "{}",
        "--trainer.max_epochs", 1, "--draws", 0, "--figures", "none", *QUIET)  # fmt: skip


def test_of_data_that_is_made_no_verb_says_that_it_counts_for_nothing_and_earlier_runs_of_it_go_on(cli, capsys):
    cli("fit", *MADE)
    run = Path("runs/ring_gan/default")
    assert "Test part, made data" in capsys.readouterr().out
    for name in ("data.json", "results.json"):  # earlier versions called it simulated
        text = (run / name).read_text()
        assert '"data_source": "made"' in text
        (run / name).write_text(text.replace('"data_source": "made"', '"data_source": "simulated"'))
    cli("fit", *MADE, "--trainer.max_epochs", 2, "--resume")
    assert results(run)["data_source"] == "made"
    assert not same_source("real", "made") and not same_source("simulated", "real")
    cli("inspect", *MADE[:6], "--tsne", 0)
    cli("sample", "--run", run)
    with pytest.raises(SystemExit):
        cli("submit", "--run", run)
    text = capsys.readouterr()
    assert "SIMULATED" not in text.out and "Made data, " in text.out and "has no submission format" in text.err
    for page in (run / "report.html", run / "../inspect/report.html"):
        assert "made data" in page.read_text() and "simulated" not in page.read_text().lower()


def test_a_report_says_how_runs_are_put_side_by_side(toy, cli, capsys):
    run = toy("ToySequence", "--trainer.max_epochs", 1)
    cli("report", "--run", run)
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2:] == [
        f"Wrote {run}/report.html",
        f"Next: report --runs {run} OTHER puts it beside another.",
    ]
