"""The documentation site and its figures: one command for all, a gallery that matches its commands, a strict build."""

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from PIL import Image

import datamodules
import lightning_tasks
from tests.conftest import ROOT

DOCS = ROOT / "docs"
COMMAND = "-W --keep-going -j auto docs build/docs"


@pytest.fixture
def gallery(monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS))
    return import_module("gallery")


@pytest.mark.parametrize("name", [".ci/run", ".github/workflows/docs.yml", "README.md", "CONTRIBUTING.md"])
def test_one_command_builds_the_site(name):
    assert re.search(rf"python -m sphinx (-q )?{COMMAND}", (ROOT / name).read_text())


def test_every_section_of_the_gallery_makes_its_picture(gallery):
    entries = gallery.entries((DOCS / "gallery.md").read_text())
    assert 12 <= len(entries) <= 16
    for entry in entries:
        name = Path(entry.source).parts[2]
        assert entry.picture.is_file() and (name == "latest" or name in entry.commands[0]), entry.picture.name


def test_a_section_without_a_file_is_named(gallery):
    with pytest.raises(ValueError, match="'Lone'"):
        gallery.entries("# Gallery\n\n## Lone\n\n    python cli.py exercise G6\n")


def test_commands_of_the_gallery_take_real_or_simulated_data(gallery):
    command = "fit --config configs/gas_lstm.yaml --data.root FOLDER"
    assert gallery.arguments(command, Path("/data"))[-2:] == ["--data.root", "/data"]
    assert gallery.arguments(command, None)[-2:] == ["--data.source", "simulated"]


def test_figures_are_small():
    sizes = {path.name: path.stat().st_size for path in (DOCS / "figures").glob("*.png")}
    assert sizes["overview.png"] <= 400 * 1024 and sum(sizes.values()) <= 1.5 * 2**20
    text = "".join(path.read_text() for path in [*DOCS.rglob("*.md"), ROOT / "README.md"])
    assert [name for name in sizes if f"figures/{name}" not in text] == []


def test_a_picture_loses_its_margin_and_its_size(gallery):
    picture = Image.new("RGB", (3000, 1000), "white")
    picture.paste("navy", (500, 200, 2500, 800))
    reduced = gallery.reduce(picture).convert("RGB")
    assert reduced.size == (900, 284) and reduced.getpixel((9, 9)) == (255, 255, 255)
    assert reduced.getpixel((10, 10)) == (0, 0, 128)


def build(source, out):
    """Exit status and messages of a strict build."""
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", str(source), str(out)],
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stderr


@pytest.mark.docs
def test_the_site_builds_and_has_every_public_class(tmp_path):
    from sphinx.util.inventory import InventoryFile

    status, messages = build(DOCS, tmp_path / "site")
    assert status == 0, messages
    with (tmp_path / "site" / "objects.inv").open("rb") as file:
        names = InventoryFile.load(file, "", lambda base, path: path)["py:class"]
    for package in (lightning_tasks, datamodules):
        for name, module in package.EXPORTS.items():
            assert f"{package.__name__}.{module}.{name}" in names


@pytest.mark.docs
@pytest.mark.parametrize(
    "line",
    [
        "[a page](nowhere.md)",
        "[a heading](#nowhere)",
        "![a picture](figures/nowhere.png)",
        "{py:class}`datamodules.Nowhere`",
    ],
)
def test_what_leads_nowhere_fails_the_build(tmp_path, line):
    conf = f"__file__ = {str(DOCS / 'conf.py')!r}\nexec(open(__file__).read())\napidoc_modules = []\n"
    (tmp_path / "conf.py").write_text(conf)
    (tmp_path / "index.md").write_text(f"# Start\n\n{line}\n")
    status, messages = build(tmp_path, tmp_path / "site")
    assert status == 1 and "nowhere" in messages.lower()
