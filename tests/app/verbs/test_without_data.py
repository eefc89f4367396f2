"""Several fits of one command: data that is not there is told once, and costs no run that stands there."""

import pytest

TOY = ("--model", "tests.toys.ToySequence", "--data", "tests.toys.ToyDataModule", "--draws", "0",
       "--trainer.max_epochs", "1", "--trainer.enable_progress_bar", "false")  # fmt: skip
VERBS = {"kfold": ("kfold", *TOY, "--folds", 2), "sweep": ("sweep", *TOY, "--seeds", "4,5")}


@pytest.mark.parametrize("verb", VERBS)
def test_data_that_is_not_there_is_one_error_and_not_one_a_run(tmp_path, cli, capsys, verb):
    (tmp_path / "empty").mkdir()
    with pytest.raises(SystemExit):
        cli(*VERBS[verb], "--data.root", "empty")
    out, err = capsys.readouterr()
    assert err.count("Looked for toy.npz in empty") == 1 and "2 of 2" not in out and "FAILED" not in out


@pytest.mark.parametrize("verb", VERBS)
def test_overwrite_removes_nothing_where_there_is_no_data_to_train_on(tmp_path, cli, capsys, verb):
    cli(*VERBS[verb])
    (tmp_path / "empty").mkdir()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(SystemExit):
        cli(*VERBS[verb], "--overwrite", "--data.root", "empty")
    assert "Looked for toy.npz in empty" in capsys.readouterr().err and sorted(tmp_path.rglob("*")) == before
