"""Commands in the documents parse, and every config is in the documents."""

import re
import shlex

import pytest

from lightning_tasks.app import main
from tests.conftest import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "configs").rglob("*.yaml"))]
WIDTH = 120


def text_of(page):
    """Text in which a command that goes on in the next line (of a comment) is one line."""
    return re.sub(r"\\\n#? *", "", page.read_text())


COMMANDS = sorted({m.strip() for p in PAGES for m in re.findall(r"python cli\.py ([^`\n#&]+)", text_of(p))})


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_in_the_documents_parse(command, monkeypatch, tmp_path):
    from lightning_tasks.app.cli import TaskCLI
    from lightning_tasks.app.main import LIGHTNING, VERBS
    from lightning_tasks.app.options import parse
    from lightning_tasks.app.preflight import preflight

    (weights := tmp_path / "best.ckpt").touch()  # runs and checkpoints of the documents are those of a reader
    args = [arg if not arg.startswith("runs/") else str(weights if arg.endswith(".ckpt") else tmp_path)
            for arg in shlex.split(command)]  # fmt: skip
    if "COMMAND" in args or "<" in command or args[0] == "--help":
        return
    assert args[0] in (*LIGHTNING, *VERBS)
    monkeypatch.chdir(ROOT)
    if args[0] in LIGHTNING:
        for step in ("before_instantiate_classes", "instantiate_classes", "_run_subcommand"):
            monkeypatch.setattr(TaskCLI, step, lambda self, *args: None)
        main(args)
    else:
        parse(args[0], preflight(args[1:]))


def test_every_config_is_in_the_documents():
    text = " ".join(p.read_text() for p in PAGES if p.suffix == ".md")
    names = [
        p.stem
        for p in [*(ROOT / "configs").glob("*.yaml"), *(ROOT / "configs/variants").glob("*.yaml")]
        if not p.name.startswith("_")
    ]
    assert [n for n in names if n not in text] == []


def test_links_between_documents_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_lines_of_documents_and_configs_fit_a_screen():
    long = [
        f"{page.relative_to(ROOT)}:{number}"
        for page in PAGES
        for number, line in enumerate(page.read_text().splitlines(), 1)
        if len(line) > WIDTH and not line.startswith("|")  # a row of a table cannot be broken
    ]
    assert long == []
