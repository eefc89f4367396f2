"""One to three lines for a person: what is wrong, the nearest valid name, the remedy."""

import inspect
import os
import re
from importlib import import_module
from pathlib import Path

from datamodules.readers.wording import short
from lightning_tasks.common.atomic import FULL
from lightning_tasks.common.choices import nearest
from lightning_tasks.common.json_files import MissingKey

from .synonyms import key_for

MAX_LINES = 3


def describe(error: BaseException) -> str:
    """The message a user reads: that of the innermost error, because jsonargparse wraps what a class raised."""
    while error.__cause__ is not None and str(error.__cause__):
        error = error.__cause__
    text = str(error) or type(error).__name__
    if isinstance(error, OSError) and error.errno in FULL:  # of a library: our own files name themselves
        text = (
            f"{error.filename or 'A file'} could not be written: {error.strerror}. Make room, and go on with --resume."
        )
    if isinstance(error, KeyError) and not isinstance(error, MissingKey):
        text = f"missing key {text}"
    text = text.replace(f"{Path.cwd()}{os.sep}", "")  # paths relative to where the user stands
    lines = [re.sub(r"\s+", " ", line).strip() for line in text.splitlines()]
    return "\n".join([line for line in lines if line][:MAX_LINES])


def explain(message: str, options: list[str]) -> str:
    """Turn a message of the parser, up to 59 lines long, into one sentence.

    Args:
        message: What jsonargparse or argparse said.
        options: Valid option names of the command, such as ``trainer.max_epochs``.
    """
    key = match[1] if (match := re.search(r'Parser key "([^"]+)"', message)) else ""
    if match := re.search(r"class_path '([^']+)':\s+Option '([^']+)' is not accepted", message):
        return unknown_option(match[2], class_options(match[1]), match[1].rsplit(".", 1)[-1])
    if match := re.search(r"[Uu]nrecognized arguments: --([\w.-]+)", message):
        return unknown_option(match[1], options, "this command")
    if match := re.search(r"[Uu]nrecognized arguments: (.+)", message):
        return f"{short(match[1])!r} belongs to no option: what stands before it takes no value, or -- is missing."
    if match := re.search(r"Option '([^']+)' is not accepted", message):
        return unknown_option(match[1], options, "this command")
    if match := re.search(r"Expected a dot import path string: (\S+)", message):
        return f"{key}={short(match[1])!r}: no such class.{nearest(match[1], class_names(key))}"
    if match := re.search(r"""Parser key "([^"]+)":\s+Expected an? (.+?)\. Got value: (.*)""", message):
        prefix = f"{key}." if key and match[1] != key else ""
        return f"{prefix}{match[1]}={short(match[3])!r}: expected {plain(match[2])}."
    if match := re.search(r"Given value: (.*)", message):
        inner = re.findall(r'Parser key "([^"]+)"', message[: match.start()])[1:2]  # of a class: data, then augment
        key = ".".join([key, *(name for name in inner if name != key)])
        expected = [plain(t) for t in re.findall(r"Expected an? (.+)", message) if "NoneType" not in t]
        return f"{key}={short(match[1])!r}: expected {' or '.join(expected) or 'another value'}."
    return message


def unknown_option(name: str, options: list[str], where: str) -> str:
    """Name the key that other tools mean by the word, or the nearest options; and all of them where they are few."""
    if name == "run":
        return f"{where} reads no run: give --config RUN/config.yaml."
    if key := key_for(name):
        return f"{where} has no option {name!r}. Did you mean --{key}?"
    known = f" Options: {', '.join(options)}." if 0 < len(options) <= 40 else ""
    return f"{where} has no option {name!r}.{nearest(name, options)}{known}"


def class_options(class_path: str) -> list[str]:
    """Names of all constructor arguments of a class, its own first."""
    module, name = class_path.rsplit(".", 1)
    names: dict[str, None] = {}
    for cls in getattr(import_module(module), name).__mro__:
        if not cls.__module__.startswith(("lightning_tasks", "datamodules")):
            continue
        for parameter in inspect.signature(cls.__init__).parameters.values():
            if parameter.name != "self" and parameter.kind is not parameter.VAR_KEYWORD:
                names[parameter.name] = None
    return list(names)


def class_names(key: str) -> list[str]:
    """Bare class names that may stand under ``model`` or ``data``."""
    return list(import_module("datamodules" if key == "data" else "lightning_tasks").__all__)


def plain(type_text: str) -> str:
    """``<class 'float'>`` -> ``float``; ``typing.Literal['a', 'b']`` -> ``'a', 'b'``."""
    type_text = re.sub(r"<class '([\w.]+)'>", r"\1", type_text)
    return re.sub(r"typing\.Literal\[(.*)\]", r"\1", type_text)


def check_types(where: str, content: dict, types: dict[str, type]) -> None:
    """Raise a ValueError where a key of a YAML file holds something else than a mapping, list or text it should."""
    type_names = {dict: "a mapping", list: "a list", str: "text", float: "a number such as 0.01"}
    for key, value in content.items():
        if value is not None and not isinstance(value, types[key]):
            raise ValueError(f"{where}: {key} must be {type_names[types[key]]}; it is {value!r}.")
