"""One self-contained HTML page about a run: scores, baselines, curves, figures, configuration."""

from pathlib import Path
from typing import Any

from lightning_tasks.app.console import verdict_of
from lightning_tasks.common.json_files import read_json
from lightning_tasks.common.tables import read_metrics
from lightning_tasks.runs.directory import RunDir

from .calibration import describe_map
from .cautions import cautions
from .curves import curves_of
from .render import facts, first, interval, number, pictures_in, value_of, write_page

EXPLAINED = {
    "confusion": "Confusion matrix: how often each true class was predicted as each class",
    "samples": "A grid of samples with their labels and, after training, what was predicted",
    "segmentation": "Pictures with true and predicted masks",
    "reliability": "Reliability diagram: accuracy over confidence, with counts",
    "risk": "Error over the share of samples that are kept, the surest first",
    "scaling": "Calibration error and likelihood over the scale of the logits",
    "attention": "Sentences whose words are the darker the more attention they get",
    "roc": "Receiver operating characteristic",
    "precision_recall": "Precision over recall",
    "right": "Where the network looks in its surest right predictions",
    "wrong": "Where the network looks in its surest wrong predictions",
    "chosen": "Where the network looks in chosen samples",
    **{
        f"{truth}_{side}s": f"Where the network looks in its surest {truth} {side}s"
        for truth in ("true", "false")
        for side in ("positive", "negative")
    },
}


def write_report(run: RunDir) -> Path:
    """Write ``report.html`` from what stands in the run directory.

    Raises:
        FileNotFoundError: The run has no ``results.json``: it did not finish.
    """
    if not run.results.is_file():
        raise FileNotFoundError(f"{run.path} has no results.json: its fit did not finish. Continue it with --resume.")
    return write_report_of(run, read_json(run.results))


def write_report_of(run: RunDir, results: dict[str, Any]) -> Path:
    """The same of results that are not in a file yet: ``results.json`` comes last, and says that a run is done."""
    calibration, explained = (read_note(run.path / f"{name}.json") for name in ("calibration", "explain"))
    head, rows = score_table(results)
    return write_page(
        run.report,
        "run.html",
        title=f"{results['experiment']} / {results['name']}",
        notes=[*results["notes"], *cautions(results["metrics"])],
        results=results,
        verdict=verdict_of(results),
        score_head=head,
        score_rows=rows,
        calibration=calibration,
        calibration_map=describe_map(calibration) if calibration else "",
        explained=explained,
        explained_rows=explained_rows(explained) if explained else [],
        explained_texts=explained_texts(explained) if explained and explained["shows"] == "text" else [],
        curves=curves_of(read_metrics(run.metrics), results),
        pictures=pictures_in(run.figures.glob("*.png"), EXPLAINED),
        texts={
            path.stem.replace("_", " "): path.read_text(encoding="utf-8") for path in sorted(run.figures.glob("*.md"))
        },
        facts=facts(results),
        data={f"samples in {k}": v for k, v in results["sizes"].items()}
        | {f"{k} part": v for k, v in results["split"].items()},
        config=run.config.read_text(encoding="utf-8"),
    )


def read_note(path: Path) -> dict[str, Any] | None:
    """What a verb wrote into the run directory, or None where it was not called."""
    return read_json(path) if path.is_file() else None


def score_table(results: dict[str, Any]) -> tuple[list[str], list[list[Any]]]:
    """Head and rows: metrics with intervals, the headline first, one column for each baseline."""
    baselines = results["baselines"]
    head = ["metric", "this run", "95 % interval", "n", "units", *baselines]
    rows = []
    for name, m in first(results["metrics"], results["headline"]).items():
        beside = [number(scores.get(name.split("/", 1)[1])) for scores in baselines.values()]
        rows.append([name, value_of(m), interval(m, name), m["n"], m["units"], *beside])
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
