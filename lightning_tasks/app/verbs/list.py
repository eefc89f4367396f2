"""``list``: what can be trained, with which data, how long it takes and what comes out, from the heads of configs."""

import json
import shutil
import textwrap
from argparse import Namespace
from typing import Any

from lightning_tasks.app.headers import Header, data_state, data_text, headers
from lightning_tasks.common.call import CALL
from lightning_tasks.common.choices import nearest
from lightning_tasks.foundations import EXERCISES

HEAD = ("configuration", "assignment", "data", "takes", "expected")


def run(options: Namespace, rest: list[str]) -> None:
    """``list [NAME] [--json] [--data.root FOLDER]``."""
    if rest:
        raise ValueError(f"list has no option {rest[0]!r}. `{CALL} list --help` tells the options.")
    known = headers()
    if options.name is None:
        rows = [facts(header, options.root) for header in known]
        exercises = {name: title for name, (_, _, title) in EXERCISES.items()}
        if options.json:
            print(json.dumps({"configurations": rows, "exercises": exercises}, indent=2))
            return
        show_table([row for row in rows if row["config"].count("/") == 1])
        others = sum(row["config"].count("/") > 1 for row in rows)
        print(f"\nComputed exercises: {', '.join(exercises)}; {CALL} exercise NAME.")
        print(f"{others} variants, sweeps and searches stand with their task: {CALL} list NAME, such as list mars.")
        return
    chosen = named(known, options.name)
    if options.json:
        print(json.dumps([facts(header, options.root) for header in chosen], indent=2))
        return
    for header in chosen:
        show(header, options.root)


def named(known: list[Header], name: str) -> list[Header]:
    """Those whose file's name holds ``name``, or whose title names the assignment.

    Raises:
        ValueError: There is none; with the nearest name, or the way to an exercise.
    """
    word = name.removeprefix("configs/").removesuffix(".yaml")
    exact = [header for header in known if word in (header.name, header.path[8:-5])]
    chosen = [header for header in known if word.lower() in header.name or word.upper() in header.assignments]
    if exact or chosen:
        return list({header.path: header for header in [*exact, *chosen]}.values())
    if word.upper() in EXERCISES:
        raise ValueError(f"{word.upper()} is computed, not trained: {CALL} exercise {word.upper()}.")
    near = nearest(word, [header.name for header in known])
    raise ValueError(f"list {name}: no configuration of this name.{near} `{CALL} list` has all of them.")


def facts(header: Header, root: str | None) -> dict[str, Any]:
    """Of one configuration, as plain values."""
    return {
        "config": header.path,
        "title": header.title,
        "assignments": header.assignments,
        "data": data_state(header, root),
        "needs": data_text(header),
        "takes": header.takes,
        "expected": header.of("Expect"),
        "commands": [command for _, command in header.commands],
    }


def show_table(rows: list[dict[str, Any]]) -> None:
    """A line for each, cut to the width of the terminal."""
    cells = [HEAD] + [
        (row["config"].removeprefix("configs/").removesuffix(".yaml"), ", ".join(row["assignments"]), row["data"],
         row["takes"], row["expected"]) for row in rows
    ]  # fmt: skip
    widths = [min(24, max(len(row[i]) for row in cells)) for i in range(4)]
    whole = shutil.get_terminal_size((120, 24)).columns
    for row in cells:
        left = "  ".join(f"{textwrap.shorten(text, w, placeholder='…') if len(text) > w else text:{w}}"
                         for text, w in zip(row, widths, strict=False))  # fmt: skip
        room = max(20, whole - len(left) - 2)
        text = row[4] if len(row[4]) <= room else row[4][: room - 1].rstrip() + "…"
        print(f"{left}  {text}".rstrip())


def show(header: Header, root: str | None) -> None:
    """All that its head says."""
    room = max(60, shutil.get_terminal_size((120, 24)).columns)
    print(textwrap.fill(f"{header.path}: {header.title}", room))
    state = {"there": "there", "made": "none needed, it is made", "missing": f"missing in {root}",
             "simulated": "not there, a simulated set takes its place"}[data_state(header, root)]  # fmt: skip
    lines = [("Data", f"{state}. {data_text(header)}"), *((key, text) for key, text in header.lines if key != "Data")]
    width = max(len(key) for key, _ in lines) + 2
    for key, text in lines:
        if text.startswith(f"{CALL} "):  # to be copied: in one line
            print(f"  {key + ':':{width}}{text}")
        else:
            begin = f"  {key + ':':{width}}"
            print(textwrap.fill(text, room, initial_indent=begin, subsequent_indent=" " * len(begin)))
    print()
