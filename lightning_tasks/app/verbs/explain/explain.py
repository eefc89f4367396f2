"""``explain``: why a classifier says what it says, for its most confident right and wrong predictions."""

import json
import shlex
from argparse import Namespace
from typing import Any

from lightning_tasks.app.console import print_notes
from lightning_tasks.app.members import load_run, require, rows_of_part
from lightning_tasks.app.pages.run import write_report
from lightning_tasks.app.places import as_shown
from lightning_tasks.common.atomic import write_atomic
from lightning_tasks.plots.tensorboard import publish
from lightning_tasks.runs.calibration import weights_digest

from . import pictures, words
from .chosen import chosen_samples, positive_class, rule_of, threshold_of

NAME = "explain.json"
DEFAULTS = {"pictures": {"layer": None, "draws": 16}, "text": {"remove": 3}}  # options of each kind
SHOWS = {"pictures": pictures.explain, "text": words.explain}  # by ``Task.explains``


def run(options: Namespace, overrides: list[str]) -> None:
    """``explain --run R [--count N] [--ids A B] [--positive CLASS] [--part val|test|predict] ...`` and overrides."""
    loaded = load_run(options.run, overrides)
    require(loaded.task, "explain")
    check_options(options, loaded.task)
    if options.part not in loaded.data.parts:
        raise ValueError(
            "--part predict: this data has no unlabelled part. Of your own pictures or texts: --data.predict PLACE."
        )
    rows = rows_of_part(loaded, options.part)
    threshold = threshold_of(loaded.task.class_names, rows, options)
    samples = chosen_samples(loaded, rows, options, threshold)
    shown, figures = SHOWS[loaded.task.explains](loaded, samples, options)
    for old in loaded.dir.figures.glob("explain_*.png"):
        old.unlink()
    publish(loaded.dir.path, {f"explain/{name}": figure for name, figure in figures.items()})
    rule = rule_of(loaded.task.class_names, options, threshold)
    note = {
        "part": options.part,
        "weights_sha256": weights_digest(loaded.dir.best),
        "shows": loaded.task.explains,
        "rule": rule,
    }
    write_atomic(loaded.dir.path / NAME, json.dumps(note | shown, indent=2) + "\n")
    write_report(loaded.dir)
    if rule:
        print(rule)
    for name, group in shown["groups"].items():
        print(f"{name.replace('_', ' ')}: {', '.join(map(in_words, group)) or 'none'}")
    is_calibrated = loaded.task.calibration is not None
    print("Probabilities: " + ("recalibrated by calibration.json." if is_calibrated else "not calibrated."))
    for line in shown.get("summary", ()):
        print(line)
    print_notes([], loaded.data.data_source == "simulated")
    files = f"{as_shown(loaded.dir.figures)}/explain_*.png and {as_shown(loaded.dir.path / NAME)}"
    print(f"Wrote {files}. Report: {as_shown(loaded.dir.report)}")
    again = shlex.join(
        [as_shown(loaded.dir.path), *overrides, *([] if options.part == "test" else ["--part", options.part])]
    )
    print(f"Next: explain --run {again} --ids ID looks at samples of your choice.")


def check_options(options: Namespace, task: Any) -> None:
    """Refuse what has no effect on this run; give the others their defaults.

    Raises:
        ValueError: An option for pictures of a run that reads text, or the other way round; a threshold that is no
            probability, or without a positive class.
    """
    for kind, defaults in DEFAULTS.items():
        for name, default in defaults.items():
            if getattr(options, name) is None:
                setattr(options, name, default)
            elif kind != task.explains:
                raise ValueError(f"--{name} is for {kind}; {type(task).__name__} reads {task.explains}.")
    if options.threshold is None:
        return
    if not 0 <= options.threshold <= 1:
        raise ValueError(f"--threshold {options.threshold:g}: need a probability, from 0 to 1.")
    why = ""
    if options.ids:
        why = "with --ids none are chosen"
    elif options.part == "predict":
        why = "of --part predict no truth is known"
    elif positive_class(task.class_names, options.positive) is None:
        why = "name the class by --positive"
    if why:
        raise ValueError(f"--threshold chooses samples that count as positive: {why}.")


def in_words(sample: dict) -> str:
    """``17 (truth cat; dog 0.930, cat 0.070)``: id, true class if known, and the probabilities it has."""
    probs = ", ".join(f"{key[5:]} {value:.3f}" for key, value in sample.items() if key.startswith("prob_"))
    truth = "" if sample["truth"] is None else f"truth {sample['truth']}; "
    return f"{sample['id']} ({truth}{probs})"
