"""Folders of simulated files: one for each set of arguments, and none stays of a process that was killed."""

import subprocess
import sys
import tempfile
from pathlib import Path

from datamodules.simulate.scratch import scratch_folder
from tests.conftest import ROOT

KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from datamodules.simulate.scratch import scratch_folder
print(scratch_folder(lambda folder, seed: (folder / "a").write_bytes(bytes(1000)), 0), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def write(folder, seed, text="x"):
    (folder / "a.txt").write_text(f"{text}{seed}")


def test_folders_are_made_once_and_those_of_killed_processes_are_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    env = {"TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", KILLED, str(ROOT)], capture_output=True, text=True, env=env)
    left = Path(done.stdout.strip())
    assert done.returncode < 0 and (left / "a").is_file()
    one, other = scratch_folder(write, 101), scratch_folder(write, 102, text="y")
    assert (one / "a.txt").read_text() == "x101" and (other / "a.txt").read_text() == "y102"
    assert scratch_folder(write, 101) == one and not left.exists()
