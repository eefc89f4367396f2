"""TAB offers what may come next, in each shell, without torch and at once."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

CODE = """
import sys, time
sys.modules |= dict.fromkeys(["torch", "numpy", "pandas"])
from lightning_tasks.app import main
try:
    main()
finally:
    assert time.process_time() < 0.5
"""


def offered(*words: str, shell: str = "bash") -> list[str]:
    """What is offered for the last word of a line, as argcomplete's shell function asks for it."""
    line, said = " ".join(["lightning-tasks", *words]), Path("offered.txt")
    asked = {"_ARGCOMPLETE": "1", "_ARGCOMPLETE_SHELL": shell, "_ARGCOMPLETE_IFS": "\n", "COMP_LINE": line,
             "COMP_POINT": str(len(line)), "COMP_TYPE": "9", "_ARGCOMPLETE_STDOUT_FILENAME": str(said),
             "PYTHONPATH": str(ROOT)}  # fmt: skip
    done = subprocess.run([sys.executable, "-c", CODE], env=asked, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [word.strip() for word in said.read_text().split("\n")]


def test_options_files_classes_and_runs_are_offered():
    assert offered("fit", "--config", "configs/mars") == ["configs/mars_unet.yaml"]
    assert offered("fit", "--model", "Mars") == ["MarsTask"]
    run = Path("runs/isic/default")
    run.mkdir(parents=True)
    (run / "config.yaml").touch()
    assert offered("export", "--run", "runs/i") == [str(run)]
    assert offered("export", "--format", "") == ["onnx", "torch"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_commands_are_offered_in_each_shell(shell):
    words = [word.split("\t")[0].split(":")[0] for word in offered("ex", shell=shell)]
    assert words == ["explain", "export", "exercise"]


def test_the_shells_get_a_script_that_asks_the_installed_command():
    import argcomplete

    for shell in ("bash", "zsh", "fish"):
        assert "lightning-tasks" in argcomplete.shellcode(["lightning-tasks"], shell=shell)
