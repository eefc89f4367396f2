"""The parser of a verb, and the types of its options."""

from argparse import ArgumentParser, ArgumentTypeError
from typing import NoReturn

from lightning_tasks.runs.directory import NAME, is_name

SAMPLERS = ("tpe", "random", "reinforce")


class Parser(ArgumentParser):
    """A verb's parser, whose errors are those of the application.

    Raises:
        ValueError: An option is missing or has a wrong value.
    """

    def __init__(self, verb: str, description: str, add_help: bool = True) -> None:
        super().__init__(f"cli.py {verb}", description=description, allow_abbrev=False, add_help=add_help)

    def error(self, message: str) -> NoReturn:
        """Raise instead of leaving the process with the usage page."""
        raise ValueError(f"{message}. `{self.prog} --help` tells the options.")


def one_or_more(text: str) -> int:
    """A whole number from 1 on."""
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text}: need 1 or more")
    return int(text)


def run_name(text: str) -> str:
    """A name of what is written to a folder."""
    if not is_name(text):
        raise ArgumentTypeError(f"{text!r}: {NAME}")
    return text


def seed_list(text: str) -> list[int]:
    """``0,1,2`` -> [0, 1, 2]."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() for part in parts) or len(set(map(int, parts))) < len(parts):
        raise ArgumentTypeError(f"{text}: expected different whole numbers such as 0,1,2")
    return [int(part) for part in parts]


def sampler_list(text: str) -> list[str]:
    """``random,tpe`` -> ["random", "tpe"]; ``none`` -> []."""
    parts = [] if text == "none" else [part.strip() for part in text.split(",")]
    if not set(parts) <= set(SAMPLERS) or len(set(parts)) < len(parts):
        raise ArgumentTypeError(f"{text}: expected none, or different ones of {', '.join(SAMPLERS)}")
    return parts
