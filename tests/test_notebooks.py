"""Notebooks: valid, without outputs, and (marked docs) each runs from its first cell to its last, with short fits."""

import ast
import json
import re
import subprocess
import sys

import pytest

from tests.conftest import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
IDS = [path.stem for path in NOTEBOOKS]
LINE = re.compile(r"^(\s*)[!%](.+)$", re.M)  # what Jupyter gives to a shell, or a command of its own


def cells(path):
    """Python of each code cell; a line for the shell is a call of ``shell``."""
    content = json.loads(path.read_text(encoding="utf-8"))
    return [LINE.sub(lambda m: f"{m[1]}shell({m[2]!r})", "".join(cell["source"]).replace("\\\n", ""))
            for cell in content["cells"] if cell["cell_type"] == "code"]  # fmt: skip


def test_there_is_one_for_each_kind_of_problem_and_the_page_lists_them():
    assert IDS == ["classification", "closed_form", "generative", "language_models", "reconstruction", "segmentation",
                   "series", "tables_and_pictures", "text", "word_vectors"]  # fmt: skip
    page = (ROOT / "docs" / "notebooks.md").read_text()
    assert sorted(re.findall(r"notebooks/(\w+)\.ipynb", page)) == IDS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=IDS)
def test_a_notebook_is_valid_and_holds_no_output(path):
    content = json.loads(path.read_text(encoding="utf-8"))
    assert (content["nbformat"], content["nbformat_minor"]) == (4, 5)
    for cell in content["cells"]:
        code = {"execution_count", "outputs"} if cell["cell_type"] == "code" else set()
        assert set(cell) == {"cell_type", "id", "metadata", "source"} | code and cell["metadata"] == {}
        assert not cell.get("outputs") and cell.get("execution_count") is None
    assert len({cell["id"] for cell in content["cells"]}) == len(content["cells"])
    assert content["cells"][0]["source"][0].startswith("# ")
    for cell in cells(path):
        ast.parse(cell)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=IDS)
def test_the_first_cell_installs_what_is_missing(path):
    first = cells(path)[0]
    assert 'find_spec("lightning_tasks") is None' in first and "shell('pip install -q {SOURCE}')" in first


@pytest.mark.docs
@pytest.mark.parametrize("path", NOTEBOOKS, ids=IDS)
def test_a_notebook_runs_with_one_epoch_a_fit(path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))

    def shell(line):
        assert line.startswith("python -m lightning_tasks "), line
        line = re.sub(r"(?<=--trainer.max_epochs )\d+", "1", line)
        subprocess.run([sys.executable, *line.split()[1:]], check=True)

    names = {"shell": shell}
    for cell in cells(path):
        exec(compile(cell, path.name, "exec"), names)
