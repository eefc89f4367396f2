"""The HTML page of a sweep or a tuning: its tables and figures, and the way to the report of each run."""

import math
from pathlib import Path
from typing import Any

from lightning_tasks.app.console import calibration_words, standing, verdict
from lightning_tasks.app.options import as_text
from lightning_tasks.common.json_files import read_json

from .captions import COMPARED
from .render import interval, mean_sd, number, pictures_in, write_page

RANGE = "(means over n seeds, the intervals are from the lowest to the highest)"


def write_comparison_report(folder: Path) -> Path:
    """Write ``report.html`` from ``results.json``, the pictures and the runs below ``folder``."""
    results = read_json(folder / "results.json")
    tuned = results["kind"] == "tune"
    subfolder = Path("final") if tuned else Path()  # of a tuning, the winners and the configuration by hand are a sweep
    compared = read_json(folder / subfolder / "results.json")
    reports = [subfolder / r["combination"] / f"seed_{r['seed']}" / "report.html"
               for r in compared["runs"] if "metrics" in r]  # fmt: skip
    head, rows = table_of(compared)
    return write_page(
        folder / "report.html",
        "comparison.html",
        title=f"{results['experiment']}: {results['name']}" if tuned else results["title"],
        notes=results["notes"],
        results=results,
        compared=compared,
        verdict=tuned_verdict(results["final"]) if tuned else swept_verdict(compared),
        caption=facts_of(compared),
        calibrated=calibration_words(compared.get("calibrated")),
        head=head,
        rows=rows,
        failed=[r for r in compared["runs"] if r["status"] == "failed"],
        pictures={section: pictures_in(files, COMPARED) for section, files in figures_of(folder, subfolder).items()},
        links=reports,
        **(searches_of(results) if tuned else {"searches": {}}),
    )


def figures_of(folder: Path, subfolder: Path) -> dict[str, list[Path]]:
    """Files by the section in which they stand; of a tuning also the figure of its final runs."""
    sections = {"searches": ("history", "effects", "policy"), "importance": ("importance",)}
    files = {title: [folder / "figures" / f"{name}.png" for name in names] for title, names in sections.items()}
    files["compared"] = [folder / subfolder / "sweep.png"]
    return {section: [path for path in paths if path.is_file()] for section, paths in files.items()}


def table_of(results: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Head and rows of a sweep: a row a combination with mean and sd over seeds, rows without a network."""
    shown, axes, combos = results["shown"], results["axes"], results["combinations"]
    said = ["diagnosis"] if any(combo.get("diagnosis") for combo in combos) else []
    rows = []
    for combo in combos:
        cells = [*(mean_sd(combo["metrics"].get(name)) for name in shown), *(combo[key] or "-" for key in said)]
        seconds = "-" if combo["seconds"] is None else f"{combo['seconds']:.0f}"
        rows.append([*(as_text(v) for v in combo["shown"].values()), str(combo["n"]), *cells, seconds])
    for name, scores in pooled_baselines(combos).items():
        if any(metric in scores for metric in shown):
            blank = [""] * (len(said) + 1)
            rows.append([f"({name})", *[""] * len(axes), *(number(scores.get(m)) for m in shown), *blank])
    return [*axes, "n", *shown, *said, "seconds"], rows


def pooled_baselines(combinations: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Scores without a network on the test part: each once, named after its combinations where it depends on them.

    What more combinations share than anything else has the plain name.
    """
    known = {combo["combination"]: combo.get("baselines", {}) for combo in combinations}
    pooled: dict[str, dict[str, float]] = {}
    for name in dict.fromkeys(name for baselines in known.values() for name in baselines):
        alike: list[tuple[dict[str, float], list[str]]] = []  # equal scores, and whose they are
        for combo, baselines in known.items():
            same = next((combos for scores, combos in alike if scores == baselines.get(name)), None)
            if same is not None:
                same.append(combo)
            elif name in baselines:
                alike.append((baselines[name], [combo]))
        counts = [len(combos) for _, combos in alike]
        for scores, combos in alike:
            is_usual = len(combos) == max(counts) and counts.count(len(combos)) == 1
            more = f" and {len(combos) - 1} more" if len(combos) > 1 else ""
            pooled[name if is_usual else f"{name}, {combos[0]}{more}"] = scores
    return {name: {f"test/{key}": value for key, value in scores.items()} for name, scores in pooled.items()}


def facts_of(results: dict[str, Any]) -> str:
    """Below the heading of a sweep: what the table holds."""
    seeds = ", ".join(map(str, results["seeds"]))
    words = calibration_words(results.get("calibrated"))
    caption = f"Mean ± sd over n runs (seeds {seeds}); {results['data_source'] or 'no'} data{words}."
    if any(m.startswith(("train/", "val/")) for m in results["shown"]):
        caption += " train/ and val/: the epoch whose weights were tested."
    return caption


def swept_verdict(results: dict[str, Any]) -> list[str]:
    """The best combination of a sweep by its headline on the test part, beside its own baselines.

    Nothing where no run has the headline, where combinations differ in it, or of an earlier version.
    """
    metric = f"test/{results.get('headline')}"
    combos, mode = {c["combination"]: c for c in results["combinations"]}, results.get("headline_mode")
    scores = {name: score for name in combos if (score := score_of(results, name, metric)) is not None}
    if not scores or mode is None:
        return []
    best = (min if mode == "min" else max)(scores, key=lambda name: scores[name]["value"])
    seeds = scores[best]["n"]
    flatters = f"best of {len(scores)} combinations on these samples, so it flatters; " if len(scores) > 1 else ""
    means = f"mean of {seeds} seeds, the interval is from the lowest to the highest" if seeds > 1 else "one seed"
    return [verdict(metric, scores[best], mode, combos[best]["baselines"]), f"({best}: {flatters}{means})"]


def tuned_verdict(final: dict[str, Any]) -> list[str]:
    """The winner of a tuning beside the configuration by hand, means over the seeds of the final runs.

    The winner is above where each of its runs is above each of those by hand.

    Args:
        final: Results of the final sweep, in which the winner stands first.
    """
    metric, mode, combos = f"test/{final.get('headline')}", final.get("headline_mode"), final["combinations"]
    winner = combos[0]
    hand = next((combo for combo in combos if combo["shown"]["configuration"].endswith("by hand")), None)
    if hand is None:
        return []
    if winner is hand:
        return ["Verdict: the winner is the configuration by hand."]
    ours, theirs = (score_of(final, combo["combination"], metric) for combo in (winner, hand))
    if ours is None or theirs is None or mode is None:
        return []
    ends = [[score.get(end, score["value"]) for end in ("low", "high")] for score in (ours, theirs)]
    apart = {"value": ours["value"] - theirs["value"], "low": ends[0][0] - ends[1][1], "high": ends[0][1] - ends[1][0]}
    stands = "ranks " * (mode == "min") + standing(apart, 0.0, mode)
    spans = [f", {span}" if (span := interval(score)) else "" for score in (ours, theirs)]
    said = [f"{number(s['value'])} (n = {s['n']}{span})" for s, span in zip((ours, theirs), spans, strict=True)]
    name = winner["shown"]["configuration"]
    return [f"Verdict: {metric} of {name} {said[0]}: {stands} the configuration by hand, {said[1]}.", RANGE]


def score_of(results: dict[str, Any], combination: str, metric: str) -> dict[str, Any] | None:
    """Mean, number and range over the seeds of a combination; None where no run has the metric."""
    runs = [run for run in results["runs"] if run["combination"] == combination and "metrics" in run]
    values = [v for run in runs if (v := run["metrics"].get(metric)) is not None and math.isfinite(v)]
    if not values:
        return None
    ends = {"low": min(values), "high": max(values)} if len(values) > 1 else {}
    return {"value": sum(values) / len(values), "n": len(values), **ends}


def searches_of(results: dict[str, Any]) -> dict[str, Any]:
    """Tables of the searches of a tuning: counts, best values, importance."""
    searches = results["searches"]
    counts = ("trials", "complete", "pruned", "failed", "epochs")
    settings = list(next(iter(searches.values()))["best"]["params"])
    return {
        "searches": searches,
        "search_head": ["search", *counts, "seconds", f"best {results['metric']}", "its trial", "its parameters"],
        "search_rows": [
            [name, *(s[k] for k in counts), f"{s['seconds']:.0f}", number(s["best"]["value"]), s["best"]["trial"],
             f"{s['best']['parameters']:,}"]
            for name, s in searches.items()
        ],
        "best_head": ["search", *settings],
        "best_rows": [[name, *(short(s["best"]["params"][k]) for k in settings)] for name, s in searches.items()],
        "importance_rows": [[key, f"{share:.2f}"] for key, share in results["importance"].items()],
    }  # fmt: skip


def short(value: Any) -> str:
    """A number with four digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
