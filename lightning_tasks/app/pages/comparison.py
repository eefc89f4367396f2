"""The HTML page of a sweep or a tuning: its tables and figures, and the way to the report of each run."""

from pathlib import Path
from typing import Any

from lightning_tasks.app.console import calibration_words
from lightning_tasks.app.options import as_text
from lightning_tasks.common.json_files import read_json

from .captions import COMPARED
from .render import mean_sd, number, pictures_in, write_page


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
    shown, axes = results["shown"], results["axes"]
    rows = []
    for combo in results["combinations"]:
        cells = [mean_sd(combo["metrics"].get(name)) for name in shown]
        seconds = "-" if combo["seconds"] is None else f"{combo['seconds']:.0f}"
        rows.append([*(as_text(v) for v in combo["shown"].values()), str(combo["n"]), *cells, seconds])
    for name, scores in results["baselines"].items():
        if any(metric in scores for metric in shown):
            rows.append([f"({name})", *[""] * len(axes), *(number(scores.get(m)) for m in shown), ""])
    return [*axes, "n", *shown, "seconds"], rows


def facts_of(results: dict[str, Any]) -> str:
    """Below the heading of a sweep: what the table holds."""
    seeds = ", ".join(map(str, results["seeds"]))
    words = calibration_words(results.get("calibrated"))
    caption = f"Mean ± sd over n runs (seeds {seeds}); {results['data_source'] or 'no'} data{words}."
    if any(m.startswith(("train/", "val/")) for m in results["shown"]):
        caption += " train/ and val/: the epoch whose weights were tested."
    return caption


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
