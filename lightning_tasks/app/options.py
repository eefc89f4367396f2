"""Options of the verbs. No torch here: help and what is missing should not wait for it.

What a verb's parser does not know it hands on: to ``fit``, or as overrides of a run's configuration.
"""

import json
from argparse import Namespace
from pathlib import Path
from typing import Any

from .formats import SUBMITTED
from .parser import SAMPLERS, Parser, one_or_more, run_name, sampler_list, seed_list

PRUNERS = ("median", "hyperband", "none")


def parse(verb: str, args: list[str]) -> tuple[Namespace, list[str]]:
    """Options of a verb and the arguments that are not its own; ``options.given`` keeps all of them.

    Raises:
        SystemExit: With status 0 after ``--help``.
        ValueError: See ``Parser``.
    """
    options, rest = PARSERS[verb]().parse_known_args(args)
    options.given = args
    return options, rest


def refuse(fit_args: list[str], ours: dict[str, str]) -> None:
    """Raise a ValueError where an argument of ``fit`` is one that the verb sets.

    Args:
        fit_args: Arguments that ``fit`` gets.
        ours: Argument -> message.
    """
    for arg in fit_args:
        if (message := ours.get(arg.split("=")[0])) is not None:
            raise ValueError(message)


def as_text(value: Any) -> str:
    """A value as the command line takes it: JSON, which is YAML, and text as it is."""
    return value if isinstance(value, str) else json.dumps(value)


def kfold() -> Parser:
    """Options of ``kfold``."""
    parser = Parser(
        "kfold",
        "Train every fold, then pool the out-of-fold predictions. A second call runs what is missing. "
        "All options of fit may follow.",
    )
    add = parser.add_argument
    add("--folds", type=int, help="number of folds or bags; default: data.folds of the config")
    add("--fold", type=int, help="run only this fold, from 0: a cluster job")
    add("--jobs", type=one_or_more, help="processes that train folds side by side; default: one after another")
    add("--bootstrap", action="store_true", help="bags drawn with replacement instead of folds")
    add("--name", type=run_name, help="name within the experiment; default: kfold, or bags with --bootstrap")
    add("--overwrite", action="store_true", help="train the folds anew")
    return parser


def sweep() -> Parser:
    """Options of ``sweep``."""
    parser = Parser(
        "sweep",
        "Train every combination with every seed; a second call runs what is missing. Table (sweep.csv, sweep.md) of "
        "mean and sd, and a figure. All options of fit may follow, for all runs.",
    )
    add = parser.add_argument
    add("--config", action="append", default=[], help="configuration of the task")
    add("--sweep", help="YAML file with config, grid, variants, seeds, metrics: configs/sweeps/*.yaml")
    add("--grid", action="append", default=[], help="key=value,value,...; several give every combination")
    add("--seeds", type=seed_list, help="seeds of the runs; default: 0,1,2")
    add("--jobs", type=one_or_more, help="processes side by side; default: one after another")
    add("--name", type=run_name, help="name within the experiment; default: the sweep file's, or sweep")
    add("--metric", action="append", help="metric of table and figure, several if repeated; default: the headline")
    add("--overwrite", action="store_true", help="train anew what was trained before")
    return parser


def tune() -> Parser:
    """Options of ``tune``."""
    parser = Parser(
        "tune",
        "Search hyperparameters on the validation part, then train the winners and the configuration as it stands "
        "with fresh seeds and test each once. A second call runs the missing trials; processes and machines that see "
        "the same folder share them. All options of fit may follow.",
    )
    add = parser.add_argument
    add("--config", action="append", help="configuration to tune; default: the one the space names")
    add("--space", required=True, help="YAML file of ranges: configs/tune/*.yaml")
    add("--trials", type=one_or_more, default=20, help="trials of each search; default: 20")
    add("--metric", help="metric of validation; default: the one that chooses the checkpoint")
    add("--mode", choices=("min", "max"), help="needed with a --metric that does not choose the checkpoint")
    add("--sampler", choices=SAMPLERS, default="tpe", help="default: tpe; reinforce is a learning controller")
    add("--pruner", choices=PRUNERS, default="median", help="default: median")
    controls = "searches of the same budget beside it: random, tpe, reinforce, several by commas, or none"
    add("--control", type=sampler_list, default=["random"], help=f"{controls}; default: random")
    add("--study", type=run_name, default="tune", help="name within the experiment; default: tune")
    add("--seeds", type=seed_list, help="seeds of the final runs; default: the three after the seed of the search")
    add("--jobs", type=one_or_more, help="processes side by side; default: trials one after another")
    add("--timeout", type=float, help="no trial begins after so many seconds; the control gets as many trials")
    add("--only", choices=SAMPLERS, help="only trials of this search, nothing else: a cluster job")
    return parser


def ensemble() -> Parser:
    """Options of ``ensemble``."""
    parser = Parser("ensemble", "Score averaged members beside each member.")
    add = parser.add_argument
    add("--runs", nargs="+", required=True, type=Path, help="run or k-fold directories")
    add("--fit-weights", action="store_true", help="weights fitted on validation predictions (NLL)")
    add("--name", type=run_name, default="ensemble", help="name within the experiment of the first run")
    add("--overwrite", action="store_true", help="replace the ensemble of this name")
    add("--draws", type=int, default=200, help="bootstrap draws for intervals; 0 for none")
    return parser


def inspect() -> Parser:
    """Options of ``inspect``."""
    parser = Parser("inspect", "Report on a data set before its own cleaning. All options of fit may follow.")
    add = parser.add_argument
    add("--distance", type=int, default=4, help="bits by which near duplicates may differ, of 64")
    add("--features", choices=["pixels"], default="pixels", help="features of the t-SNE map")
    add("--run", help="take the features of this run's network instead")
    add("--tsne", type=int, default=3000, help="samples on the t-SNE map; 0 for no map")
    add("--seed", type=int, default=0, help="seed of the sample and of the map")
    add("--name", type=run_name, default="inspect", help="name within the experiment")
    add("--overwrite", action="store_true", help="replace the report of this name")
    return parser


def submit() -> Parser:
    """Options of ``submit``."""
    formats = "; ".join(f"{task}: {what}" for task, what in SUBMITTED.items())
    parser = Parser(
        "submit",
        "Write the assignment's submission file. The folds of a k-fold directory are averaged. "
        f"Tasks with a format: {formats}.",
    )
    add = parser.add_argument
    add("--run", required=True, type=Path, help="run or k-fold directory, such as runs/mars_unet/latest")
    add("--out", type=Path, help="file to write; default: submission.csv (or .zip) in the directory")
    add("--tta", action="store_true", help="average over the flips that training shows")
    add("--average", default="prob", help="of members: prob, or rank, for scores that only rank")
    add("--allow-simulated", action="store_true", help="write even though the data is simulated")
    return parser


def calibrate() -> Parser:
    """Options of ``calibrate``."""
    parser = Parser(
        "calibrate",
        "Fit temperature, vector scaling or isotonic regression on the validation part of a run and score it before "
        "and after on the test part. submit, predict and ensemble then use it.",
    )
    add = parser.add_argument
    add("--run", required=True, help="run directory, such as runs/lenet_birds_cats/latest")
    add("--method", default="temperature", help="temperature, vector or isotonic; default: temperature")
    add("--part", default="val", help="part to fit on: val, and nothing else")
    add("--draws", type=int, default=200, help="bootstrap draws of the intervals; 0 for none")
    return parser


def explain() -> Parser:
    """Options of ``explain``."""
    parser = Parser(
        "explain",
        "Show what a classifier looks at in its most confident true and false positives and negatives, or right and "
        "wrong predictions where there are more than two classes. In pictures: Grad-CAM, saliency and SmoothGrad. In "
        "texts: weights of words, and what happens to the prediction without the highest ones.",
    )
    add = parser.add_argument
    add("--run", required=True, help="run directory, such as runs/isic/latest")
    add("--part", choices=["test", "val", "predict"], default="test", help="samples to choose from; predict: no labels")
    add("--count", type=one_or_more, default=4, help="samples of each kind")
    add("--ids", nargs="+", help="explain these samples instead, by id")
    add("--positive", help="class taken as positive; default: the second of two")
    above = "probability above which a sample counts as positive; default: as many lie above it as are positive"
    add("--threshold", type=float, help=above)
    add("--layer", help="of pictures: module whose feature map Grad-CAM reads; default: the last one")
    add("--draws", type=one_or_more, help="of pictures: noisy copies of SmoothGrad; default: 16")
    add("--remove", type=one_or_more, help="of texts: words of most weight that are taken out to see; default: 3")
    return parser


def sample() -> Parser:
    """Options of ``sample``."""
    parser = Parser(
        "sample",
        "Make samples with a generative run: text (samples.txt), pictures or points (samples.npz and a figure). "
        "The first samples of a seed are the same however many are made.",
    )
    add = parser.add_argument
    add("--run", required=True, help="run directory, such as runs/char_lstm/latest")
    add("-n", type=one_or_more, default=4, help="samples; default: 4")
    add("--seed", type=int, default=0, help="seed of the samples; default: 0")
    add("--class", dest="label", help="of pictures and points: samples of this class, where a run was told classes")
    add("--prompt", help="of text: what it begins with; default: a new line")
    add("--temperature", type=float, help="of text: below 1 safer, above 1 wilder, 0 the most probable; default: 1")
    add("--top-p", type=float, help="of text: choose among as few tokens as have this probability; default: 1, all")
    add("--length", type=one_or_more, help="of text: tokens after the prompt; default: 300")
    return parser


def export() -> Parser:
    """Options of ``export``."""
    parser = Parser(
        "export",
        "Write a run, or the mean of several (of the folds of a k-fold directory, say), as one file that other "
        "programs run, checked against the run, with a model card. A run's own configuration may be overridden.",
    )
    add = parser.add_argument
    add("--run", nargs="+", required=True, type=Path, help="run or k-fold directories, such as runs/mnist_cnn/latest")
    add("--format", choices=("onnx", "torch"), default="onnx", help="default: onnx; torch is torch.export")
    add("--out", type=Path, help="file to write; default: export/model.onnx (or .pt2) in the directory")
    add("--samples", type=one_or_more, default=256, help="samples of the check; default: 256")
    return parser


def words() -> Parser:
    """Options of ``words``."""
    parser = Parser("words", "Look up the word vectors of a run: any task with an embedding of words.")
    add = parser.add_argument
    add("--run", required=True, help="run directory, such as runs/word2vec/latest")
    add("--closest", metavar="WORD", help="words nearest to this one, by cosine and by Euclidean distance")
    add("--analogy", nargs=3, metavar="WORD", help="man king woman: words nearest to king - man + woman, without these")
    add("--vector", metavar="WORD", help="the vector of this word")
    add("-n", type=one_or_more, default=10, help="how many words; default: 10")
    return parser


def layers() -> Parser:
    """Options of ``layers``; all others go to ``fit``."""
    parser = Parser(
        "layers",
        "Show a configuration's network layer by layer: size of the output, receptive field, parameters and "
        "multiply-adds of one sample.",
    )
    parser.add_argument("--size", type=one_or_more, help="side of the pictures; default: that of the data")
    return parser


def list_() -> Parser:
    """Options of ``list``."""
    parser = Parser(
        "list",
        "Show all tasks with their data, expected time and score, as the heads of the configurations say it. Data is "
        "there, made by the task itself, simulated in place of what is not there, or missing in a named folder.",
    )
    add = parser.add_argument
    add("name", nargs="?", help="part of a configuration's name, or an assignment such as A1: its details and commands")
    add("--json", action="store_true", help="as JSON, for programs")
    add("--data.root", dest="root", help="folder of the data; default: data")
    return parser


def exercise() -> Parser:
    """Options of ``exercise``; those of a single exercise are its own, ``--help`` too."""
    parser = Parser("exercise", "Compute an exercise of a sheet.", add_help=False)
    parser.add_argument("name", nargs="?", help="exercise, such as G14; without one all are listed")
    add = parser.add_argument
    add("--runs", default="runs", type=Path, help="folder of all runs")
    add("--data.root", dest="root", help="of exercises that read pictures: folder of the data; default: data")
    add("--data", help="of these: data module in place of the exercise's own, such as MNISTDataModule")
    return parser


def report() -> Parser:
    """Options of ``report``."""
    parser = Parser("report", "Write report.html of a run, of what a verb made of several, or of runs side by side.")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--run", help="run directory, such as runs/mars_unet/latest")
    several = "runs, k-fold directories or sweeps; the first is compared with each other one, paired where it can be"
    which.add_argument("--runs", nargs="+", type=Path, help=several)
    parser.add_argument("--name", type=run_name, default="comparison", help="of --runs: folder beside them")
    parser.add_argument("--draws", type=int, default=200, help="of --runs: bootstrap draws of intervals; 0 for none")
    return parser


PARSERS = {
    "list": list_,
    "kfold": kfold,
    "sweep": sweep,
    "tune": tune,
    "ensemble": ensemble,
    "inspect": inspect,
    "submit": submit,
    "calibrate": calibrate,
    "explain": explain,
    "sample": sample,
    "export": export,
    "words": words,
    "layers": layers,
    "exercise": exercise,
    "report": report,
}
