"""Table and HTML page of runs side by side."""

from pathlib import Path
from typing import Any

from lightning_tasks.app.console import print_notes, standing
from lightning_tasks.common.json_files import read_json

from .captions import COMPARED, in_words
from .render import Picture, first, interval, pictures_in, value_of, write_page

FIGURES = ("scores.png", "ranking.png")
SHOWN = 8  # differing settings on the terminal; the page has all
STANDS = {"above": "better", "below": "worse", "not above": "no difference shown"}
NO_SEEDS = (
    "The paired interval is over the samples that were scored. It does not hold the chance of another training: seeds, "
    "or the spread over folds, show that."
)


def judged(change: dict[str, Any] | None, mode: str | None) -> str:
    """Where a run stands beside the first: ``better``, ``worse``, ``no difference shown``; nothing without interval."""
    if change is None or change.get("low") is None or mode is None:
        return ""
    return STANDS[standing(change, 0.0, mode)]


def signed(change: dict[str, Any] | None) -> str:
    """``+0.0120`` of a difference."""
    return "" if change is None else f"{change['value']:+.4f}"


def span(change: dict[str, Any] | None) -> str:
    """``+0.0100 to +0.0140`` of a difference, where it has an interval."""
    return "" if change is None or change.get("low") is None else f"{change['low']:+.4f} to {change['high']:+.4f}"


def headline_rows(results: dict[str, Any]) -> list[list[Any]]:
    """A row a run: its headline, the difference from the first one with the paired interval; its own interval, n."""
    rows = []
    for run in results["runs"]:
        score, change = run["scores"].get(results["headline"]), run["change"].get(results["headline"])
        value, *cells = (
            ["-", "", ""] if score is None else [value_of(score), interval(score, results["headline"]), score["n"]]
        )
        beside = [signed(change), span(change), judged(change, results["headline_mode"])]
        rows.append([run["name"], value, *beside, *cells])
    return rows


def head_of(results: dict[str, Any]) -> list[str]:
    """Names of the columns of ``headline_rows``."""
    return ["run", results["headline"], "difference", "paired 95 % interval", "", "95 % interval", "n"]


def unpaired(results: dict[str, Any]) -> list[str]:
    """Why some runs have no paired interval, each reason once."""
    return list(dict.fromkeys(f"No paired interval: {run['unpaired']}." for run in results["runs"] if run["unpaired"]))


def print_comparison(results: dict[str, Any]) -> None:
    """The headline of each run, in what the runs differ, and whether they are paired."""
    rows = [head_of(results), *headline_rows(results)]
    widths = [max(len(str(row[i])) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        name, *cells = (str(cell) for cell in row)
        line = "  ".join([name.ljust(widths[0]), *(c.rjust(w) for c, w in zip(cells, widths[1:], strict=True))])
        print(line.rstrip())
    print(f"Scored on: {'; '.join(dict.fromkeys(run['scored'] for run in results['runs']))}.")
    print(f"Differences from {results['runs'][0]['name']}. {NO_SEEDS}")
    for reason in unpaired(results):
        print(reason)
    print(results["data"])
    differ = results["settings"]
    for name in list(differ)[:SHOWN]:
        print(f"  {name}: {', '.join(differ[name])}")
    if len(differ) > SHOWN:
        print(f"  and {len(differ) - SHOWN} more settings that differ")
    print_notes(results["notes"], "simulated" in results["data_source"])


def write_side_by_side(folder: Path) -> Path:
    """Write ``report.html`` from ``results.json`` and the figures of a comparison."""
    results = read_json(folder / "results.json")
    runs = results["runs"]
    curves = [
        Picture(
            f"Curves of {in_words(path.stem.removeprefix('curves_')).lower()}",
            "Value over the epochs, a colour a run; the train part dotted where the validation part stands beside it",
            path.read_bytes(),
        )
        for path in sorted((folder / "figures").glob("curves_*.png"))
    ]
    settings = results["settings"]
    return write_page(
        folder / "report.html",
        "side_by_side.html",
        title=f"{results['experiment']}: {len(runs)} runs side by side",
        notes=results["notes"],
        results=results,
        about_pairs=[NO_SEEDS, *unpaired(results)],
        head=head_of(results),
        rows=headline_rows(results),
        all_rows=all_rows(results),
        pictures=[picture for name in FIGURES for picture in pictures_in((folder / "figures").glob(name), COMPARED)],
        curves=curves,
        settings_head=["setting", *(run["name"] for run in runs)],
        settings_rows=[[name, *values] for name, values in settings.items()],
        run_rows=[
            [run["name"], run["task"], run["scored"], run["folds"] or 1, run["epochs"] or "-",
             f"{run['parameters']:,}" if run["parameters"] else "-", f"{run['seconds']:.0f}"]
            for run in runs
        ],
        data_rows=[[run["name"], run["data_source"], run["arrays_fingerprint"], *run["splits"][:1]] for run in runs],
    )  # fmt: skip


def all_rows(results: dict[str, Any]) -> list[list[Any]]:
    """A row for each metric and run, the headline first."""
    runs, rows = results["runs"], []
    for name in first({name: None for run in runs for name in run["scores"]}, results["headline"]):
        for run in (run for run in runs if name in run["scores"]):
            score, change = run["scores"][name], run["change"].get(name)
            cells = [value_of(score), interval(score, name), score["n"], signed(change), span(change)]
            rows.append([name, run["name"], *cells])
    return rows
