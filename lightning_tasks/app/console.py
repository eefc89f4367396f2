"""What a person reads after an evaluation: the headline, what belongs to it, and a verdict beside the baselines."""

import math
import shutil
from typing import Any

from .messages import SAYS_NOTHING, SIMULATED
from .pages.cautions import cautions
from .pages.render import absent, first, interval, number, value_of

MOST = 8  # metrics on the terminal; results.json and the report have all
# Not printed twice: the first where it is equal to the second, which is so by how both are computed.
TWINS = {"loss": "nll", "balanced_acc": "acc"}
BOUNDS = ("best possible", "the source itself")  # among the baselines, what knows how the data was made
Scores = dict[str, dict[str, Any]]
Baselines = dict[str, dict[str, float]]


def direction(task: Any) -> str:
    """``min`` or ``max``: how the headline of a task is to be. One that is not monitored (R^2) is to be large."""
    return task.mode if task.headline_metric == task.monitor.split("/", 1)[-1] else "max"


def print_scores(scores: Scores, headline: str, mode: str, baselines: Baselines | None = None) -> None:
    """Print the table and its verdict.

    Args:
        scores: ``part/name`` -> value, n and perhaps low and high, as results files hold them.
        headline: Name without its part.
        mode: ``min`` or ``max``, of the headline.
        baselines: Name -> metrics, those that need no network; None says nothing of them.
    """
    print("\n".join(table(scores, headline, mode, baselines or {})))
    without: dict[str, list[str]] = {}
    for name, score in scores.items():
        if reason := absent(score, name):
            without.setdefault(reason, []).append(name)
    for reason, names in without.items():
        print(f"  {reason}: {', '.join(names)}")
    for sentence in cautions(chosen(scores, headline)):  # of what is shown
        print(f"  {sentence}")
    key = next((name for name in scores if name.split("/", 1)[-1] == headline), None)
    if key is not None:
        print(verdict(key, scores[key], mode, baselines))


def table(scores: Scores, headline: str, mode: str, baselines: Baselines) -> list[str]:
    """The headline, marked and first, and the other metrics of all samples; of the baselines as many as find room."""
    shown = chosen(scores, headline)
    width = max([len(name) for name in shown] + [6])
    lines = [f"  {'metric':{width}}  {'value':>9}  {'95 % interval':>23}  {'n':>7}"]
    names = ranked(baselines, headline, mode)
    while len(names) > 1 and len(lines[0]) + sum(len(name) + 2 for name in names) > terminal_width():
        names.pop()
    lines[0] += "".join(f"  {name}" for name in names)
    for name, score in shown.items():
        plain = name.split("/", 1)[-1]
        beside = "".join(f"  {_cell(baselines[b].get(plain)):>{len(b)}}" for b in names)
        mark = "*" if plain == headline else " "
        line = f"{mark} {name:{width}}  {value_of(score):>9}  {interval(score, name):>23}  {score['n']:7d}{beside}"
        lines.append(line.rstrip())
    return lines


def terminal_width() -> int:
    """Columns of the terminal; 100 where output goes elsewhere."""
    return shutil.get_terminal_size((100, 24)).columns


def chosen(scores: Scores, headline: str) -> Scores:
    """The metrics of the terminal: the headline, then those of all samples, without what is equal to another one."""
    whole: dict[str, int] = {}  # samples of each part
    for name, score in scores.items():
        part = name.rpartition("/")[0]
        whole[part] = max(whole.get(part, 0), score["n"])
    left = {}
    for name, score in first(scores, headline).items():
        part, _, plain = name.rpartition("/")
        twin = scores.get(f"{part}/{TWINS[plain]}") if plain in TWINS else None
        equal = twin is not None and _equal(score["value"], twin["value"])
        if plain == headline or (score["n"] == whole[part] and not equal and len(left) < MOST):
            left[name] = score
    return left


def ranked(baselines: Baselines, headline: str, mode: str) -> list[str]:
    """Names of the baselines, the best by the headline first; those without it, and bounds, last."""

    def rank(name: str) -> tuple[bool, float]:
        value = baselines[name].get(headline)
        missing = value is None or not math.isfinite(value) or is_bound(name)
        return missing, 0.0 if missing else value if mode == "min" else -value

    return sorted(baselines, key=rank)


def is_bound(name: str) -> bool:
    """Whether a baseline is the best that can be reached: it knows how the data was made."""
    return name.startswith(BOUNDS)


def verdict(name: str, score: dict[str, Any], mode: str, baselines: Baselines | None) -> str:
    """One line: the headline with its interval, and where it stands beside the best baseline.

    Above (or below) the baseline is a network whose interval lies wholly on that side of it; without an interval the
    value decides.
    """
    headline = name.split("/", 1)[-1]
    span = f", {interval(score)}" if "low" in score else ""
    better = ", lower is better" if mode == "min" else ""
    value = f"Verdict: {name} {number(score['value'])} (n = {score['n']}{span}{better})"
    if not baselines:
        return f"{value}."
    best = next(iter(ranked(baselines, headline, mode)), None)
    base = None if best is None or is_bound(best) else baselines[best].get(headline)
    if base is None or not math.isfinite(base):
        return f"{value}; no baseline has this metric."
    if score["value"] is None or not math.isfinite(score["value"]):
        return f"{value}: no value to compare with {best}, {number(base)}."
    ranks = "ranks " if mode == "min" else ""  # a low value stands above
    return f"{value}: {ranks}{standing(score, base, mode)} the best baseline, {best}, {number(base)}."


def verdict_of(results: dict[str, Any]) -> str | None:
    """The verdict of a ``results.json``; None of an earlier version, which has no ``headline_mode``."""
    key = next((name for name in results["metrics"] if name.split("/", 1)[-1] == results["headline"]), None)
    if key is None or "headline_mode" not in results:
        return None
    return verdict(key, results["metrics"][key], results["headline_mode"], results["baselines"])


def standing(score: dict[str, Any], base: float, mode: str) -> str:
    """``above``, ``not above`` or ``below``: where a score ranks beside that of a baseline."""
    sign = -1 if mode == "min" else 1
    value = score["value"]
    ends = [sign * (bound - base) for bound in (score.get("low", value), score.get("high", value))]
    return "above" if min(ends) > 0 else "below" if max(ends) < 0 else "not above"


def print_notes(notes: list[str], is_simulated: bool) -> None:
    """Notes of the data, with one short line in place of the long one about simulated data."""
    for note in notes:
        if not note.startswith(SIMULATED):
            print(f"note: {note}")
    if is_simulated:
        print(SAYS_NOTHING)


def calibration_words(is_calibrated: bool | None) -> str:
    """What follows the source of scores: ``, not calibrated``; nothing of scores that have no probabilities."""
    return "" if is_calibrated is None else ", calibrated" if is_calibrated else ", not calibrated"


def source_words(task: Any, data: Any, part: str) -> str:
    """Where the scores of a network as it was trained come from: part, kind of data, views of a sample."""
    views = views_of(task.hparams)
    averaged = "" if views == "none" else f", means over {views} (an epoch's validation shows one view)"
    kind = f"{data.part_kind[part].capitalize()}, {data.data_source} data"
    return f"{kind}{calibration_words(is_calibrated(task))}{averaged}"


def views_of(hparams: dict[str, Any]) -> str:
    """What predictions are averaged over: flips, scales, or ``none``."""
    flips, scales = hparams.get("tta", "none"), hparams.get("tta_scales")
    if scales is None:
        return flips
    return f"{flips}, ".removeprefix("none, ") + f"scales {', '.join(f'{scale:g}' for scale in scales)}"


def is_calibrated(task: Any) -> bool | None:
    """Of scores of networks as they were trained: False, or None where there is nothing to calibrate."""
    return None if "calibrate" in task.refuses else False


def next_steps(task: Any, part: str, where: str, record: dict[str, Any]) -> str:
    """Commands that go on from here. ``record``: ``data_source`` and ``sizes`` of the data."""
    if part == "val":
        return f"test --run {where} scores the test part."
    verbs = [verb for verb in ("calibrate", "explain") if verb not in task.refuses]
    verbs += ["sample"] if task.generates is not None else []
    verbs += ["submit"] if can_submit(task, record["data_source"], record["sizes"]) else []
    return f"{', '.join([*verbs, 'predict'])} --run {where}."


def can_submit(task: Any, data_source: str, sizes: dict[str, int]) -> bool:
    """Whether ``submit`` has a format, real data, and where it writes predictions an unlabelled part."""
    has_format = task.submits == "code" or (task.submits == "table" and "predict" in sizes)
    return has_format and data_source != "simulated"


def _equal(a: float | None, b: float | None) -> bool:
    return a is not None and b is not None and math.isclose(a, b, rel_tol=1e-5, abs_tol=1e-9)


def _cell(value: float | None) -> str:
    return "" if value is None else number(value)
