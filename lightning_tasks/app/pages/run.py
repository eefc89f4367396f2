"""One self-contained HTML page about a run: scores, baselines, curves, figures, configuration."""

from pathlib import Path
from typing import Any

from lightning_tasks.app.console import chosen, verdict_of
from lightning_tasks.common.json_files import read_json
from lightning_tasks.common.tables import read_metrics
from lightning_tasks.runs.directory import RunDir
from lightning_tasks.runs.results import read_results

from .calibration import describe_map
from .captions import RUN, part_and_name
from .cautions import cautions
from .curves import curves_of
from .render import Picture, facts, first, identity, interval, number, pictures_in, value_of, write_page
from .texts import text_of

SECTIONS = ("calibration", "explain", "train")  # sections of figures by the part they begin with; others are scores


def write_report(run: RunDir) -> Path:
    """Write ``report.html`` from what stands in the run directory.

    Raises:
        FileNotFoundError: The run has no ``results.json``: it did not finish.
    """
    return write_report_of(run, read_results(run))


def write_report_of(run: RunDir, results: dict[str, Any]) -> Path:
    """The same of results that are not in a file yet: ``results.json`` comes last, and says that a run is done."""
    calibration, explained = (read_note(run.path / f"{name}.json") for name in ("calibration", "explain"))
    metrics, headline = results["metrics"], results["headline"]
    head, rows = score_table(results, chosen(metrics, headline))
    all_head, all_rows = score_table(results, first(metrics, headline), has_units=True)
    return write_page(
        run.report,
        "run.html",
        title=f"{results['experiment']} / {results['name']}",
        notes=[*results["notes"], *cautions(metrics)],
        results=results,
        verdict=verdict_of(results),
        score_head=head,
        score_rows=rows,
        all_head=all_head,
        all_rows=all_rows,
        calibration=calibration,
        calibration_map=describe_map(calibration) if calibration else "",
        explained=explained,
        explained_rows=explained_rows(explained) if explained else [],
        explained_texts=explained_texts(explained) if explained and explained["shows"] == "text" else [],
        curves=curves_of(read_metrics(run.metrics), results),
        pictures=pictures_of(run.figures),
        texts=[text_of(path) for path in sorted(run.figures.glob("*.md"))],
        facts=facts(results)
        | {f"samples in {k}": v for k, v in results["sizes"].items()}
        | {f"{k} part": v for k, v in results["split"].items()},
        identity=identity(results),
        config=run.config.read_text(encoding="utf-8"),
    )


def pictures_of(folder: Path) -> dict[str, list[Picture]]:
    """Figures of a run by the section of the page in which they stand."""
    files: dict[str, list[Path]] = {name: [] for name in (*SECTIONS, "scores")}
    for path in folder.glob("*.png"):
        part, _ = part_and_name(path.stem)
        files[part if part in SECTIONS else "scores"].append(path)
    return {section: pictures_in(paths, RUN) for section, paths in files.items()}


def read_note(path: Path) -> dict[str, Any] | None:
    """What a verb wrote into the run directory, or None where it was not called."""
    return read_json(path) if path.is_file() else None


def score_table(
    results: dict[str, Any], scores: dict[str, dict[str, Any]], has_units: bool = False
) -> tuple[list[str], list[list[Any]]]:
    """Head and rows of some metrics with intervals, one column for each baseline."""
    baselines = results["baselines"]
    head = ["metric", "this run", "95 % interval", "n", *(["units"] if has_units else []), *baselines]
    rows = []
    for name, m in scores.items():
        beside = [number(values.get(name.split("/", 1)[1])) for values in baselines.values()]
        rows.append([name, value_of(m), interval(m, name), m["n"], *([m["units"]] if has_units else []), *beside])
    return head, rows


def explained_rows(explained: dict[str, Any]) -> list[list[str]]:
    """Kind, id, true class and probabilities of each sample that ``explain`` drew."""
    return [
        [
            group.replace("_", " "),
            sample["id"],
            sample["truth"],
            ", ".join(f"{k[5:]} {v:.3f}" for k, v in sample.items() if k.startswith("prob_")),
        ]
        for group, samples in explained["groups"].items()
        for sample in samples
    ]


def explained_texts(explained: dict[str, Any]) -> list[dict[str, Any]]:
    """Of each text that ``explain`` looked at and each way to weigh: kind, title, and words with weight and colour."""
    return [
        {
            "kind": group.replace("_", " "),
            "title": f"{sample['id']}, truth {sample['truth']}: {name}, {sample['class']} "
            f"{sample['prob_' + sample['class']]:.3f}",
            "words": coloured(sample["words"], weights),
        }
        for group, samples in explained["groups"].items()
        for sample in samples
        for name, weights in sample["weights"].items()
    ]


def coloured(words: list[str], weights: list[float]) -> list[dict[str, Any]]:
    """Words with weights and CSS colours: orange above 0, blue below, the deeper the larger."""
    largest = max(map(abs, weights)) or 1.0
    rgb = {True: "230, 110, 0", False: "0, 110, 200"}
    return [
        {"word": word, "weight": weight, "color": f"rgba({rgb[weight >= 0]}, {0.75 * abs(weight) / largest:.2f})"}
        for word, weight in zip(words, weights, strict=True)
    ]
