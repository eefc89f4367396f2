"""Every command of the documents runs, in a short version: a few samples of simulated data and an epoch at most.

What takes seconds each is marked docs. A command that reads a run gets one: that of the documents' own command of this
name, else of the plain fit of the configuration. It is trained once for all commands that read it.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch

from lightning_tasks.runs.directory import RunDir
from tests.conftest import ROOT
from tests.test_configs import SMALLEST
from tests.test_docs import IN_DOCUMENTS, words_of

# bf16 is slower than float32 on many CPUs
LITTLE = ("--data.source", "simulated", "--data.limit", "64", "--trainer.precision", "32-true")
TRY = (*LITTLE, "--trainer.fast_dev_run", "true")
EPOCH = ("--trainer.max_epochs", "1", "--trainer.limit_train_batches", "2", "--trainer.enable_progress_bar", "false",
         "--draws", "3", "--baselines", "false", "--figures", "none")  # fmt: skip
SHORT = {  # what stands in place of a command's own options of these names
    "fit": TRY,
    "sweep": (*TRY, "--seeds", "0"),
    "kfold": (*LITTLE, *EPOCH, "--folds", "2"),
    "tune": (*LITTLE, *EPOCH, "--trials", "2", "--seeds", "1"),
    "inspect": LITTLE,
    "test": LITTLE,
    "submit": ("--allow-simulated",),
    "calibrate": ("--draws", "3"),
    "explain": ("--count", "1"),
    "export": ("--samples", "8"),
    "exercise G17": ("--sizes", "[30,60]", "--rows", "[30]", "--side", "12", "--steps", "20", "--seeds", "[0]"),
    "exercise G18": ("--samples", "60", "--side", "12", "--steps", "20", "--budget", "20000", "--seeds", "[0]"),
    "exercise G19": ("--samples", "60", "--side", "12", "--steps", "20", "--seeds", "[0]"),
}
SIZES = {"rotation": ("--grid", "data.train_size=20")}  # sweeps over numbers of samples -> those that LITTLE has
RUN = re.compile(r"^runs/(\w+)/(\w+)")
NAMES = {"fit": "default", "kfold": "kfold", "sweep": "sweep"}  # of what a command makes, where it gives none
MADE_BY = {"fit": (), "sweep": ("--seeds", "0,1")}  # runs that other commands read
GLOVE = "data/text/glove.6B.50d.txt"  # where a sweep of ours looks for vectors
CONFIGS = {p.stem: p for folder in ("configs/variants", "configs") for p in (ROOT / folder).glob("*.yaml")}
WORDS = {  # experiment -> what its simulated texts have in place of words of real ones
    "char_lstm": {"ROMEO:": "abc"},
    "toxic_lstm": {"man": "the", "king": "of", "woman": "and"},
    "word2vec": {"market": "b00", "WORD": "b00", "man": "citylike0", "king": "landlike0", "woman": "citylike1"},
}


def shortened(args, short):
    """A command with the options of ``short`` in place of its own."""
    kept, option = [], ""
    dropped = {"--data.root", *(arg for arg in short if arg.startswith("--"))}
    for arg in args:
        option = arg if arg.startswith("-") else option
        if option not in dropped:
            kept.append(arg)
    return [*kept, *short]


def value_of(args, option):
    """What a command gives for an option."""
    return args[args.index(option) + 1] if option in args else None


def in_short(command):
    """Arguments that run a command of the documents in its short version; None where a part is to be filled in."""
    args = words_of(command)
    if args is None or {"NAME", "TASK", "RUN"} & set(args):
        return None
    for experiment, words in WORDS.items():
        if any(arg.startswith(f"runs/{experiment}/") for arg in args):
            args = [words.get(arg, arg) for arg in args]
    if "--data.train_size" in args:
        args[args.index("--data.train_size") + 1] = "20"  # of LITTLE
    if "--resume" in args:
        return shortened(args, (*LITTLE, *EPOCH))
    if (fold := value_of(args, "--fold")) and args[0] == "kfold":
        return shortened(args, (*LITTLE, *EPOCH, "--folds", str(max(2, int(fold) + 1))))
    smallest = () if args[0] == "fit" else SMALLEST.get(Path(value_of(args, "--config") or "").stem, ())
    sizes = SIZES.get(Path(value_of(args, "--sweep") or "").stem, ())
    return shortened(args, (*SHORT.get(" ".join(args[:2]), SHORT.get(args[0], ())), *smallest, *sizes))


SHORTENED = sorted({shlex.join(args) for command in IN_DOCUMENTS if (args := in_short(command))})
CHEAP = [c for c in SHORTENED if re.match(r"exercise G(13|20) --|list|exercise G13$", c)]


def command_that_makes(experiment, name):
    """Arguments that train the run which a command reads."""
    config = CONFIGS[experiment].relative_to(ROOT).as_posix()
    for args in map(words_of, sorted(IN_DOCUMENTS)):
        if not args or args[0] not in NAMES or "--resume" in args or value_of(args, "--config") != config:
            continue
        if name == (value_of(args, "--name") or NAMES[args[0]]):
            return args
    return ["fit", "--config", config, "--name", name]


def made_by(verb, folder):
    """Options of the command that makes a folder: two folds, or as many as the documents read of any of its name."""
    name = Path(folder).name  # folds of one name may be averaged
    read = (int(fold) for command in IN_DOCUMENTS for fold in re.findall(rf"/{name}/fold_(\d)", command))
    return ("--folds", str(max([1, *read]) + 1)) if verb == "kfold" else MADE_BY[verb]


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """``reader(experiment, name)``: the folder of a run as one who followed the documents would have it."""
    from lightning_tasks.app import main

    home = tmp_path_factory.mktemp("reader")

    def path_of(experiment, name):
        path = home / "runs" / experiment / name
        if not path.exists():
            args = command_that_makes(experiment, name)
            with pytest.MonkeyPatch.context() as patch:
                patch.chdir(home)
                write_files(args)
                made = (*made_by(args[0], path.relative_to(home).as_posix()), *SMALLEST.get(experiment, ()))
                main(shortened(shortened(args, (*LITTLE, *EPOCH)), made))
        return path

    return path_of


def lay_out(args, reader):
    """Put the runs and files that a command reads where it looks for them."""
    wanted = dict.fromkeys(found.groups() for arg in args if (found := RUN.match(arg)))
    if "--resume" in args:
        wanted[Path(value_of(args, "--config")).stem, value_of(args, "--name")] = None
    for experiment, name in wanted:
        target = Path("runs", experiment, "default" if name == "latest" else name)
        shutil.copytree(reader(experiment, target.name), target)
        if name == "latest":
            RunDir(target).mark_latest()
    write_files(args)


def write_files(args):
    """Vectors and weights that a command reads, small or random."""
    vectors = "".join(f"{word} {'0.1 ' * 49}{k}\n" for k, word in enumerate(("the", "of", "b00")))
    if (sweep := value_of(args, "--sweep")) and GLOVE in (ROOT / sweep).read_text():
        Path(GLOVE).parent.mkdir(parents=True)
        Path(GLOVE).write_text(vectors)
    for i, arg in enumerate(args):
        if arg == "FILE" or arg.startswith("FOLDER/"):
            args[i] = "vectors.txt"
            Path(args[i]).write_text(vectors)
        if arg == "tf_efficientnet_lite0_imagenet.pth":
            import timm

            torch.save(timm.create_model("tf_efficientnet_lite0").state_dict(), arg)


def run(cli, reader, command):
    lay_out(args := shlex.split(command), reader)
    with pytest.raises(SystemExit, match="^0$") if "--help" in args else nullcontext():
        cli(*args)


@pytest.mark.parametrize("command", CHEAP, ids=str)
def test_cheap_commands_run(cli, command):
    run(cli, None, command)


@pytest.mark.docs
@pytest.mark.parametrize("command", [c for c in SHORTENED if c not in CHEAP], ids=str)
def test_commands_run_in_a_short_version(cli, reader, command):
    run(cli, reader, command)


def test_only_what_is_to_be_filled_in_is_not_run():
    assert sorted(c for c in IN_DOCUMENTS if in_short(c) is None) == ["--help", "exercise NAME"]


PATHS = {  # configuration -> lines that its path to a submission ends with
    "isic": "predictions of the mean of 5 members",
    "blood_cells": "code and weights of the mean of 5 members",
}


@pytest.mark.docs
@pytest.mark.parametrize("config", PATHS)
def test_the_whole_path_of_a_competitor_ends_with_a_submission(config, tmp_path):
    """A new process for each step, as its user has; the second call takes what is there."""
    (tmp_path / "cli.py").symlink_to(ROOT / "cli.py")
    search = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", ROOT / "examples/competition.sh", f"configs/{config}.yaml", *LITTLE, *EPOCH],
        env=os.environ | {"PATH": search}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert PATHS[config] in done.stdout and "--model.tta flips use the calibration" in done.stdout
    steps = [line.split("\t")[1].split()[2] for line in Path("runs", config, "steps.tsv").read_text().splitlines()]
    assert steps == ["inspect", "kfold", *["calibrate"] * 5, "explain", "submit"]
