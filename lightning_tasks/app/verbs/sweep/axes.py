"""What a sweep compares: grids and named variants become combinations of settings."""

import re
from dataclasses import dataclass
from itertools import product
from typing import Any

import yaml

from lightning_tasks.app.options import as_text

MAX_NAME = 100  # characters of a directory's name; file systems allow 255 bytes


@dataclass
class Combination:
    """One of the things compared.

    Args:
        slug: Name of its directory.
        shown: Column -> value, as tables show it.
        settings: Dotted key -> value.
        config: Configuration of its own, or None.
    """

    slug: str
    shown: dict[str, Any]
    settings: dict[str, Any]
    config: str | None = None


def combinations(grid: dict[str, list], variants: dict[str, dict | None]) -> list[Combination]:
    """Every variant with every point of the grid; without variants the grid alone.

    Raises:
        ValueError: Two of them would have the same name, or a variant's name cannot be a directory's.
    """
    names = short_names(list(grid))
    by_slug: dict[str, Combination] = {}
    for variant, settings in (variants or {"": {}}).items():
        if variants and not re.fullmatch(r"[\w.+-]+", str(variant)):
            raise ValueError(f"variant {variant!r}: use letters, digits, '_', '.', '+' and '-' in its name.")
        settings = dict(settings or {})
        config = settings.pop("config", None)
        for values in product(*grid.values()):
            point = dict(zip(names, values, strict=True))
            parts = [*([str(variant)] if variants else []), *(f"{k}={as_text(v)}" for k, v in point.items())]
            slug = re.sub(r"[^\w.=+-]+", "_", re.sub(r"[][{}()'\" ]", "", ",".join(parts)))
            if len(slug) > MAX_NAME:
                raise ValueError(f"{slug[:60]}...: too long for a directory's name. Use variants, which have names.")
            if slug in by_slug:
                raise ValueError(f"two combinations are named {slug}. Give each value once.")
            shown = ({"variant": str(variant)} if variants else {}) | point
            by_slug[slug] = Combination(slug, shown, settings | dict(zip(grid, values, strict=True)), config)
    return list(by_slug.values())


def short_names(keys: list[str]) -> list[str]:
    """Last part of each dotted key, or the whole where that is not unique."""
    last = [key.rsplit(".", 1)[-1] for key in keys]
    return [key if last.count(name) > 1 else name for key, name in zip(keys, last, strict=True)]


def parse_grid(text: str) -> tuple[str, list[Any]]:
    """``model.lr=0.1,null,[1,2]`` -> ("model.lr", [0.1, None, [1, 2]]).

    Raises:
        ValueError: No key, no value, or a value that is no YAML.
    """
    key, _, values = text.partition("=")
    if not key or not values:
        raise ValueError(f"--grid {text}: expected KEY=VALUE,VALUE, such as model.lr=0.01,0.1.")
    if "" in (parts := split(values)):
        raise ValueError(f"--grid {text}: a value between or after the commas is missing.")
    return key.removeprefix("--"), [parse_value(part, text) for part in parts]


def parse_grids(texts: list[str]) -> dict[str, list[Any]]:
    """Several ``parse_grid`` as one grid.

    Raises:
        ValueError: A key stands twice.
    """
    grid: dict[str, list[Any]] = {}
    for text in texts:
        key, values = parse_grid(text)
        if key in grid:
            raise ValueError(f"--grid {key} is given twice. Give all its values at once: {key}=VALUE,VALUE.")
        grid[key] = values
    return grid


def parse_value(part: str, text: str) -> Any:
    """One value as YAML."""
    try:
        return number_of(yaml.safe_load(part))
    except yaml.YAMLError:
        raise ValueError(f"--grid {text}: {part!r} is no value in YAML. Are brackets and quotes closed?") from None


def split(text: str) -> list[str]:
    """Parts between commas that stand outside brackets, braces and quotes."""
    parts, depth, quote = [""], 0, ""
    for letter in text:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter in "[{(":
            depth += 1
        elif letter in "]})":
            depth -= 1
        elif letter == "," and depth == 0:
            parts.append("")
            continue
        parts[-1] += letter
    return [part.strip() for part in parts]


def number_of(value: Any) -> Any:
    """``1e-4``, which plain YAML readers take for text, as a number; anything else as it is."""
    if isinstance(value, str) and re.fullmatch(r"[+-]?\d+(\.\d*)?[eE][+-]?\d+", value):
        return float(value)
    return value


def as_args(values: dict[str, Any]) -> list[str]:
    """``{"model.lr": 0.1}`` -> ["--model.lr", "0.1"]."""
    return [part for key, value in values.items() for part in (f"--{key}", as_text(number_of(value)))]


def clash(args: list[str], keys: set[str]) -> tuple[str, str] | None:
    """An argument that sets one of ``keys``, a part of it, or what it is part of; and that key."""
    for arg in args:
        option = arg[2:].split("=")[0] if arg.startswith("--") else ""
        for key in sorted(keys) if option not in ("", "model", "data") else ():  # these name classes
            if f"{option}.".startswith(f"{key}.") or f"{key}.".startswith(f"{option}."):
                return f"--{option}", key
    return None
