"""Commands in the documents parse, and every config is in the documents; ``test_commands`` runs them."""

import json
import re
import shlex

import pytest
import yaml

from lightning_tasks.app.headers import header_of, headers
from tests.conftest import ROOT

PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "configs").rglob("*.yaml")),
]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
WIDTH = 120


def text_of(page):
    """Text in which a command that goes on in the next line (of a comment) is one line."""
    text = page.read_text(encoding="utf-8")
    if page.suffix == ".ipynb":
        text = "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])
    return re.sub(r"\\\n#? *", "", text)


def commands_of(pages):
    """Arguments of the commands that stand in pages or notebooks, each once."""
    pattern = r"python (?:cli\.py|-m lightning_tasks) ([^`\n#&]+)"
    return {m.strip() for page in pages for m in re.findall(pattern, text_of(page))}


IN_DOCUMENTS = commands_of(PAGES)
COMMANDS = sorted(IN_DOCUMENTS | commands_of(NOTEBOOKS))


def words_of(command):
    """Arguments of a command that a reader can give as they stand; None where a part is to be filled in."""
    args = shlex.split(command)
    return None if "COMMAND" in args or "<" in command or args[0] == "--help" else args


@pytest.fixture(scope="module")
def parse_with():
    """``parse_with(args)``, with one parser for all commands of a kind: to build it takes longer than to parse."""
    from lightning_tasks.app.cli import Plan, TaskCLI

    plans = {}

    def parse(args):
        if args[0] not in plans:
            plans[args[0]] = plan = Plan.__new__(Plan)  # builds nothing, of any command
            TaskCLI.__init__(plan, [args[0], "--config", str(ROOT / "configs/mnist_cnn.yaml")])
        plans[args[0]].parse_arguments(plans[args[0]].parser, args)

    return parse


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_in_the_documents_parse(command, monkeypatch, tmp_path, parse_with):
    from lightning_tasks.app.main import LIGHTNING, VERBS, checked_arguments
    from lightning_tasks.app.options import parse
    from lightning_tasks.app.preflight import preflight

    if (args := words_of(command)) is None:
        return
    # Runs and checkpoints of the documents are those of a reader.
    (weights := tmp_path / "checkpoints" / "best.ckpt").parent.mkdir()
    weights.touch()
    named = [arg.split("/")[1] for arg in args if arg.startswith("runs/") and "/" in arg]
    places = [ROOT / f"configs/{folder}{name}.yaml" for name in (*named, "mars_unet") for folder in ("", "variants/")]
    config = next(path for path in places if path.is_file()).read_text(encoding="utf-8")
    (tmp_path / "config.yaml").write_text(config, encoding="utf-8")
    args = [arg if not arg.startswith("runs/") else str(weights if arg.endswith(".ckpt") else tmp_path)
            for arg in args]  # fmt: skip
    assert args[0] in (*LIGHTNING, *VERBS)
    monkeypatch.chdir(ROOT)
    if args[0] in LIGHTNING:
        parse_with([args[0], *checked_arguments(args[0], args[1:])])
    else:
        parse(args[0], preflight(args[1:]))


def test_a_wrong_key_is_told_by_the_parser_that_was_used_before(parse_with, monkeypatch):
    monkeypatch.chdir(ROOT)
    for _ in range(2):
        with pytest.raises(ValueError, match="Did you mean 'lr'"):
            parse_with(["fit", "--config", "configs/mnist_cnn.yaml", "--model.lrr", "1"])
        parse_with(["fit", "--config", "configs/mnist_cnn.yaml", "--model.lr", "1"])


def test_every_config_is_in_the_documents():
    text = " ".join(p.read_text() for p in PAGES if p.suffix == ".md")
    names = [
        p.stem
        for p in [*(ROOT / "configs").glob("*.yaml"), *(ROOT / "configs/variants").glob("*.yaml")]
        if not p.name.startswith("_")
    ]
    assert [n for n in names if n not in text] == []


def test_the_table_of_tasks_says_how_long_what_has_a_time_takes():
    table = text_of(ROOT / "README.md").split("<!-- tasks -->")[1].split("<!-- end")[0].strip().splitlines()
    head, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in table)
    assert head[-1] == "time" and {len(row) for row in rows} == {len(head)}
    for *_, command, _, _, _, time in rows:
        if found := re.search(r"configs/[\w/]+\.yaml", command):
            assert not time or header_of(found[0]).takes, f"{command}: its head says no time"
            assert time or found[0].count("/") > 1, f"{command}: its row says no time"


def test_epochs_of_a_score_are_those_of_its_command():
    """What stands beside a command is what the command reaches, without a flag that is told elsewhere."""
    rows = text_of(ROOT / "README.md").split("<!-- tasks -->")[1].split("<!-- end")[0].splitlines()
    told = [(match[0], row) for row in rows if (match := re.search(r"configs/[\w/]+\.yaml", row))]
    told += [(header.path, f"{header.of('Expect')} {header.of('Takes')}") for header in headers()]
    wrong = [
        f"{path}: {epochs} epochs told, {of_config}"
        for path, text in told
        for epochs in re.findall(r"(\d+) epochs\b", text)
        if (of_config := yaml.safe_load((ROOT / path).read_text()).get("trainer", {}).get("max_epochs"))
        not in (None, int(epochs))
    ]
    assert wrong == []


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
