"""Search spaces in YAML: what ``tune`` may change, and within which limits."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning_tasks.app.errors import check_types
from lightning_tasks.app.options import as_text
from lightning_tasks.app.places import config_of
from lightning_tasks.app.preflight import read_yaml
from lightning_tasks.app.verbs.sweep.axes import number_of
from lightning_tasks.common.choices import nearest

if TYPE_CHECKING:
    from optuna.trial import Trial

FILE_TYPES = {"config": str, "fixed": dict, "search": dict, "space": dict, "penalty": float}
FILE_KEYS = tuple(FILE_TYPES)
RANGE = ("type", "low", "high", "step", "log")
KEYS = {"int": RANGE, "float": RANGE, "categorical": ("type", "choices")}


@dataclass
class Space:
    """A file of ``configs/tune``.

    Args:
        config: Configuration that is tuned, or None; as it stands it is the one made by hand.
        fixed: Settings of every tuned configuration beside the searched ones.
        search: Settings of the trials alone, such as fewer epochs; the command line beats them.
        ranges: Dotted key -> ``{type, low, high, step, log}`` or ``{type: categorical, choices}``.
        penalty: What a tenfold number of parameters costs, in units of the metric.
    """

    config: str | None
    fixed: dict[str, Any]
    search: dict[str, Any]
    ranges: dict[str, dict[str, Any]]
    penalty: float = 0.0

    def suggest(self, trial: "Trial") -> dict[str, Any]:
        """Values of one trial."""
        values = {}
        for key, r in self.ranges.items():
            if r["type"] == "categorical":
                values[key] = trial.suggest_categorical(key, [scalar(choice) for choice in r["choices"]])
            else:
                suggest = trial.suggest_int if r["type"] == "int" else trial.suggest_float
                values[key] = suggest(key, r["low"], r["high"], **{k: r[k] for k in ("step", "log") if k in r})
        return values

    def samples(self) -> list[dict[str, Any]]:
        """Settings that hold every limit and every choice at least once: to be parsed before the search."""
        values = {
            k: r["choices"] if r["type"] == "categorical" else [r["low"], r["high"]] for k, r in self.ranges.items()
        }
        count = max(map(len, values.values()))
        return [{key: scalar(v[i % len(v)]) for key, v in values.items()} for i in range(count)]


def scalar(choice: Any) -> Any:
    """Lists and mappings as JSON text, because a study keeps numbers and text only."""
    return as_text(choice) if isinstance(choice, (list, dict)) else choice


def read_space(path: Path) -> Space:
    """Read and check a search space.

    Raises:
        FileNotFoundError: No such file.
        ValueError: No YAML, an unknown key or type, or a range that is empty or a single value.
    """
    content = read_yaml(path)
    if not isinstance(content, dict) or not content.get("space"):
        raise ValueError(f"{path}: expected a mapping with the key 'space', which holds a range for each setting.")
    for key in content:
        if key not in FILE_KEYS:
            raise ValueError(f"{path}: unknown key {key!r}.{nearest(key, list(FILE_KEYS))}")
    check_types(str(path), content, FILE_TYPES)
    ranges = {key: checked(f"{path}: space.{key}", r) for key, r in content["space"].items()}
    config = str(config_of(path, content["config"])) if "config" in content else None
    if (penalty := content.get("penalty", 0)) < 0:
        raise ValueError(f"{path}: penalty={penalty}: need 0 or more.")
    return Space(config, content.get("fixed") or {}, content.get("search") or {}, ranges, penalty)


def checked(where: str, spec: Any) -> dict[str, Any]:
    """One range, with ``1e-4`` as a number.

    Raises:
        ValueError: See ``read_space``.
    """
    kind = spec.get("type") if isinstance(spec, dict) else None
    if kind not in KEYS:
        raise ValueError(f"{where}: type={kind!r}: choose int, float or categorical.")
    for key in spec:
        if key not in KEYS[kind]:
            raise ValueError(f"{where}: {kind} has no key {key!r}.{nearest(key, list(KEYS[kind]))}")
    r = {key: number_of(value) for key, value in spec.items()}
    if kind == "categorical":
        if not isinstance(r.get("choices"), list) or len(r["choices"]) < 2:
            raise ValueError(f"{where}: choices must be a list of two or more values.")
        return r
    numbers = int if kind == "int" else (int, float)
    for key in ("low", "high"):
        if not isinstance(r.get(key), numbers) or isinstance(r.get(key), bool):
            raise ValueError(
                f"{where}: {key}={r.get(key)!r}: expected {'a whole number' if kind == 'int' else 'a number'}."
            )
    if r["low"] >= r["high"]:
        raise ValueError(
            f"{where}: low={r['low']}, high={r['high']}: nothing to search. A fixed value goes to 'fixed'."
        )
    if "step" in r and not (isinstance(r["step"], numbers) and r["step"] > 0):
        raise ValueError(f"{where}: step={r['step']!r}: need more than 0.")
    if r.get("log") and (r["low"] <= 0 or "step" in r):
        raise ValueError(f"{where}: log needs low above 0 and no step.")
    return r
