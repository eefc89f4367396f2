"""A file of a run that is cut, empty or of another kind is one error that names it; a page of it is left as it was."""

import json
from pathlib import Path

import pytest

from lightning_tasks.common.json_files import read_json

RUN = Path("runs/ToySequence/a")
PAIR = ("--runs", RUN, RUN.with_name("b"), "--draws", 2)
CASES = {  # file -> content -> verbs that read it
    "results.json": (
        {"cut": "cannot be read", '{"x": 1}': "has no key", "[1]": "expected keys and values"},
        (("report", "--run", RUN), ("report", *PAIR), ("ensemble", *PAIR), ("calibrate", "--run", RUN),
         ("export", "--run", RUN, "--format", "torch")),
    ),
    "calibration.json": (
        {"cut": "cannot be read", '{"x": 1}': "has no key"},
        (("report", "--run", RUN), ("ensemble", *PAIR),
         ("predict", "--config", RUN / "config.yaml", "--ckpt_path", RUN / "checkpoints/best.ckpt")),
    ),
    "test_rows.npz": (
        dict.fromkeys(("cut", "", "{}", "\N{LATIN SMALL LETTER U WITH DIAERESIS}"), "is no whole file of rows"),
        (("report", *PAIR),),
    ),
    "metrics.csv": ({"": "is no table of epochs"}, (("report", "--run", RUN), ("report", *PAIR))),
    "figures/calibration_risk.png": (dict.fromkeys(("cut", ""), "is no whole PNG file"), (("report", "--run", RUN),)),
}  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Two runs, one of them calibrated."""
    from lightning_tasks.app import main

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder := tmp_path_factory.mktemp("home"))
        for name in ("a", "b"):
            main(["fit", "--model", "tests.toys.ToySequence", "--data", "tests.toys.ToyDataModule", "--draws", "2",
                  "--trainer.max_epochs", "2", "--trainer.enable_progress_bar", "false", "--name", name])  # fmt: skip
        main(["calibrate", "--run", str(RUN), "--draws", "2"])
    return folder


@pytest.mark.parametrize("file", CASES)
def test_a_damaged_file_is_named(home, cli, monkeypatch, capsys, file):
    monkeypatch.chdir(home)
    path, page = RUN / file, (RUN / "report.html").read_bytes()
    whole = path.read_bytes()
    contents, verbs = CASES[file]
    try:
        for content, message in contents.items():
            path.write_bytes(whole[: len(whole) // 2] if content == "cut" else content.encode())
            for verb in verbs:
                with pytest.raises(SystemExit):
                    cli(*verb)
                error = capsys.readouterr().err.splitlines()[-1]
                assert str(path) in error and message in error and "unsafely" not in error, (content, verb)
    finally:
        path.write_bytes(whole)
    assert (RUN / "report.html").read_bytes() == page


def test_a_key_that_is_there_is_given_and_templates_may_ask_for_others():
    Path("a.json").write_text(json.dumps({"kind": "kfold"}))
    found = read_json(Path("a.json"))
    assert found["kind"] == "kfold" and found == {"kind": "kfold"} and found.get("folds") is None
    with pytest.raises(KeyError, match="a.json has no key 'folds'"):
        found["folds"]
