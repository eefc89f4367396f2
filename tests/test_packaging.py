"""An installed wheel holds everything that the application needs, its configs among it."""

import os
import shutil
import subprocess
import sys
import zipfile

import pytest

from tests.conftest import ROOT


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with the content of the wheel, as in site-packages."""
    folder = tmp_path_factory.mktemp("wheel")
    kept = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in ("lightning_tasks", "datamodules", "configs"):  # a copy: building leaves files beside the sources
        shutil.copytree(ROOT / name, folder / "source" / name, ignore=kept)
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / "source")
    options = ("--no-deps", "--no-build-isolation", "--no-index", "-q", "-w", str(folder))
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(folder / "source")], check=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        file.extractall(folder / "installed")
    return folder / "installed"


def test_the_wheel_holds_all_modules_configs_and_templates_and_nothing_beside(installed):
    packages = {
        str(p.relative_to(ROOT))
        for name in ("lightning_tasks", "datamodules")
        for p in (ROOT / name).rglob("*")
        if p.is_file() and "__pycache__" not in p.parts
    }
    configs = {f"lightning_tasks/{p.relative_to(ROOT)}" for p in (ROOT / "configs").rglob("*.yaml")}
    found = {str(p.relative_to(installed)) for p in installed.rglob("*") if p.is_file()}
    assert {p for p in found if ".dist-info/" not in p} == packages | configs


@pytest.mark.slow
def test_an_installed_wheel_runs_from_an_empty_folder(installed, tmp_path):
    config = ("--config", "configs/variants/mnist_mlp.yaml", "--data.source", "simulated")
    command = [sys.executable, "-m", "lightning_tasks", "fit", *config, "--trainer.fast_dev_run", "true"]
    env = {**os.environ, "PYTHONPATH": str(installed)}
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "max_steps=1" in done.stdout + done.stderr and not list(tmp_path.iterdir())


@pytest.mark.parametrize("args", [("list", "mars"), ("--help",)])
def test_an_installed_wheel_names_the_command_that_it_brings(installed, args):
    env = {**os.environ, "PYTHONPATH": str(installed)}
    command = [sys.executable, "-m", "lightning_tasks", *args]
    shown = subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout
    assert "lightning-tasks " in shown and "cli.py" not in shown
