"""``exercise NAME``: a computed foundation: tables, figures, a page, and each value beside the expected one."""

import json
import math
from argparse import ArgumentError, Namespace
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentParser

import datamodules
from lightning_tasks.app.errors import explain
from lightning_tasks.app.headers import headers
from lightning_tasks.app.pages.exercise import cell, write_animation, write_exercise_report
from lightning_tasks.app.places import as_shown
from lightning_tasks.app.preflight import check_class
from lightning_tasks.common.atomic import write_atomic
from lightning_tasks.common.call import CALL
from lightning_tasks.common.choices import nearest
from lightning_tasks.foundations import EXERCISES, exercise_class, exercise_title
from lightning_tasks.plots.save import save_figure
from lightning_tasks.problems.exercise import Answer, Check, Exercise, Table
from lightning_tasks.runs.directory import new_folder
from lightning_tasks.runs.kinds import check_place
from lightning_tasks.runs.results import clean_json


def run(options: Namespace, exercise_args: list[str]) -> None:
    """``exercise`` lists all; ``exercise NAME [options of its own] [--runs DIR] [--data.root DATA]`` answers one."""
    name = options.name
    if name is None:
        print("usage: cli.py exercise NAME [its options]; exercise NAME --help tells them\n")
        for known in EXERCISES:
            print(f"  {known:5} {exercise_title(known)}")
        return
    if name not in EXERCISES:
        raise ValueError(
            trained(name)
            or f"exercise {name!r} is unknown.{nearest(name, list(EXERCISES))} Known: {', '.join(EXERCISES)}."
        )
    cls = exercise_class(name)
    parser = ArgumentParser(
        prog=f"cli.py exercise {name}", description=cls.question, exit_on_error=False, allow_abbrev=False
    )
    parser.add_class_arguments(cls, as_group=False)
    try:
        arguments = parser.parse_args(exercise_args).as_dict()
    except ArgumentError as error:
        raise ValueError(explain(str(error), [a.dest for a in parser._actions if a.dest != "help"])) from None
    for option, value in arguments.items():
        numbers = value if isinstance(value, (list, tuple)) else [value]
        if any(isinstance(number, float) and not math.isfinite(number) for number in numbers):
            raise ValueError(f"{option}={value}: need a finite number.")
        if option in ("seed", "seeds") and min(numbers, default=0) < 0:
            raise ValueError(f"{option}={value}: need 0 or more.")
    folder = options.runs / "exercises" / name
    exercise = cls(**arguments)
    check_place(folder, "exercise", option="--runs")
    data = read_data(name, exercise, options)
    answer = exercise.answer()
    with new_folder(folder, "exercise", overwrite=True):  # it is computed in seconds: there is nothing to lose
        results = write(folder, name, exercise, answer, arguments | data)
    show(name, exercise, answer)
    print(f"Report: {as_shown(folder / 'report.html')}")
    if wrong := [check["name"] for check in results["checks"] if not check["holds"]]:
        raise ValueError(f"{len(wrong)} of {len(answer.checks)} values differ from what they should be: {wrong[0]}.")


def trained(name: str) -> str:
    """Where an assignment is a configuration and no exercise: which, and its command; else nothing."""
    chosen = [] if name.upper() in EXERCISES else [h for h in headers() if name.upper() in h.assignments]
    if not chosen:
        return ""
    more = f" ({len(chosen) - 1} more: {CALL} list {name.upper()})" if len(chosen) > 1 else ""
    return f"{name.upper()} is trained, not computed: {chosen[0].of('Run')}{more}."


def read_data(name: str, exercise: Exercise, options: Namespace) -> dict[str, Any]:
    """Hand an exercise the parts of its data module.

    Returns:
        What was read: name of the data module and where it comes from; nothing where nothing is read.

    Raises:
        ValueError: Data for an exercise that reads none, or an unknown data module.
    """
    if exercise.reads is None:
        if options.root or options.data:
            raise ValueError(f"exercise {name} reads no data: leave --data and --data.root away.")
        return {}
    chosen = options.data or exercise.reads
    check_class("data", chosen)
    module = getattr(datamodules, chosen)(**({"root": options.root} if options.root else {}))
    module.prepare_data()
    module.setup("fit")
    exercise.read(module.arrays("train"), module.arrays("test"))
    return {"data": chosen, "data_source": module.data_source}


def write(folder: Path, name: str, exercise: Exercise, answer: Answer, options: dict[str, Any]) -> dict[str, Any]:
    """Write ``results.json``, ``figures/*.png``, ``report.html`` and, where there are scenes, ``animation.html``."""
    results = clean_json(
        {
            "kind": "exercise",
            "name": name,
            "title": exercise_title(name),
            "question": exercise.question,
            "options": options,
            "text": answer.text,
            "tables": [vars(table) for table in answer.tables],
            "checks": [{**vars(check), "holds": check.holds} for check in answer.checks],
        }
    )
    for title, figure in answer.figures.items():
        save_figure(figure, folder / "figures" / f"{title}.png")
    write_atomic(folder / "results.json", json.dumps(results, indent=2) + "\n")
    if answer.scenes:
        write_animation(folder / "animation.html", f"{name}: {results['title']}", answer.scenes)
    write_exercise_report(folder)
    return results


def show(name: str, exercise: Exercise, answer: Answer) -> None:
    """Question, answer, tables and checks on the terminal."""
    print(f"{exercise_title(name)}\n\n{exercise.question}\n\n{answer.text}\n")
    for table in answer.tables:
        print("\n".join(lines_of(table)) + "\n")
    rows = [[check.name, check.found, check.expected, word(check)] for check in answer.checks]
    print("\n".join(lines_of(Table("Values", ["value", "found", "expected", ""], rows))))


def word(check: Check) -> str:
    """Whether a value is right."""
    return "ok" if check.holds else "DIFFERS"


def lines_of(table: Table) -> list[str]:
    """A table as aligned text."""
    cells = [table.columns, *([cell(value) for value in row] for row in table.rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(table.columns))]
    return [table.title, *("  ".join(c.rjust(w) for c, w in zip(row, widths, strict=True)) for row in cells)]
