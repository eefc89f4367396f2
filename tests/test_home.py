"""Files around the code: valid, in step with pyproject.toml, and with commands that parse."""

import json
import re
import shlex
import subprocess
import tomllib

import pytest
import yaml

from tests.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
YAML = [*sorted((ROOT / ".github").rglob("*.yml")), ROOT / ".pre-commit-config.yaml", ROOT / "CITATION.cff"]
SCRIPTS = sorted(path for path in (ROOT / "examples").rglob("*") if path.suffix in (".sh", ".sbatch"))
TEXTS = [*YAML, *SCRIPTS, *ROOT.glob("*.md"), ROOT / "Dockerfile", ROOT / ".devcontainer/devcontainer.json"]


@pytest.mark.parametrize("path", YAML, ids=lambda path: path.name)
def test_yaml_is_valid(path):
    assert isinstance(yaml.safe_load(path.read_text()), dict)


def test_workflows_have_jobs_whose_steps_do_something():
    paths = [path for path in YAML if path.parent.name == "workflows"]
    assert {path.stem for path in paths} == {"tests", "docs", "release"}
    for path in paths:
        content = yaml.safe_load(path.read_text())
        assert set(content) >= {"name", True, "permissions", "jobs"}  # YAML 1.1 reads `on` as true
        for job in content["jobs"].values():
            assert all(("run" in step) != ("uses" in step) for step in job["steps"]) and job["runs-on"]
    matrix = yaml.safe_load((ROOT / ".github/workflows/tests.yml").read_text())["jobs"]["tests"]["strategy"]["matrix"]
    rows = {row["versions"]: row for row in matrix["include"]}
    assert PROJECT["requires-python"] == f">={rows['lowest']['python']}" and set(rows) == {"lowest", "fixed", "newest"}


def test_issue_forms_have_fields_with_names_of_their_own():
    for path in (ROOT / ".github/ISSUE_TEMPLATE").glob("[!c]*.yml"):
        form = yaml.safe_load(path.read_text())
        ids = [field["id"] for field in form["body"]]
        assert form["name"] and form["description"] and len(ids) == len(set(ids))
        assert all(field["attributes"]["label"] for field in form["body"])


def test_citation_and_licence_are_those_of_the_project():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert (cited["version"], cited["license"]) == (PROJECT["version"], PROJECT["license"])
    assert [author["name"] for author in cited["authors"]] == ["The Lightning Tasks developers"]
    assert "Apache License" in (ROOT / "LICENSE").read_text()


def test_the_dev_container_and_the_image_use_files_that_are_there():
    json.loads((ROOT / ".devcontainer/devcontainer.json").read_text())
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    copied = [word for line in lines if line.startswith("COPY") for word in line.split()[1:-1]]
    assert copied and all((ROOT / name).exists() for name in copied)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_bash_and_their_commands_parse(path):
    from lightning_tasks.app.main import checked_arguments
    from lightning_tasks.app.options import parse
    from lightning_tasks.app.preflight import preflight

    subprocess.run(["bash", "-n", str(path)], check=True)
    text = path.read_text().replace("\\\n", " ")
    stands_for = {
        '"$SLURM_ARRAY_TASK_ID"': "0",
        '"${resume[@]}"': "",
        '"$config"': "configs/blood_cells.yaml",
        '"$@"': "",
    }
    for variable, value in stands_for.items():
        text = text.replace(variable, value)
    commands = re.findall(r"(?:cli\.py|-m lightning_tasks) (\w+ [^\n#;]+)", text)
    assert commands
    for command in commands:
        verb, *args = shlex.split(command)
        if verb == "kfold":
            options, rest = parse(verb, preflight(args))
            assert options.folds == 5 and rest[0] == "--config"
        elif "--run" in args:  # of a run that is not there yet
            assert str(parse(verb, args)[0].run).startswith("$fold")
        else:
            assert checked_arguments(verb, args)


def test_no_address_is_invented():
    for path in TEXTS:
        text = path.read_text()
        assert not re.search(r"[\w.]+@[\w-]+\.[a-z]{2,}", text), path
        assert not re.search(r"https?://", text), path
