"""The model card beside an exported file: what it takes and gives, data, scores, limits, licences."""

from pathlib import Path
from typing import Any

import timm
from jinja2 import Environment, PackageLoader, StrictUndefined

from lightning_tasks.app.console import views_of
from lightning_tasks.app.members import Run
from lightning_tasks.common.atomic import write_atomic
from lightning_tasks.runs.directory import RunDir
from lightning_tasks.runs.results import read_results

from .cautions import cautions
from .render import first, interval, value_of

SHOWN = 12  # metrics of a table, the headline first


def write_card(path: Path, folders: list[Path], members: list[Run], record: dict[str, Any]) -> Path:
    """Write the card of the file at ``path`` beside it.

    Args:
        path: The exported file.
        folders: Runs or k-fold directories that it is made of.
        members: Their networks.
        record: What stands in the JSON file beside it.
    """
    scored = [read_results(RunDir(folder)) for folder in folders]
    trained = [read_results(member.dir) for member in members]
    task, data = members[0].task, members[0].data
    card = path.with_name(f"{path.name}.md")
    inputs, outputs = ([port["name"] for port in record[side]] for side in ("inputs", "outputs"))
    mean = ", the file gives their mean" if len(members) > 1 else ""
    text = ENVIRONMENT.get_template("card.md").render(
        file=path.name,
        record=record,
        data=data,
        data_class=type(data).__name__,
        about=(type(task).__doc__ or "").strip().split("\n\n")[0].replace("``", "`"),
        members=len(members),
        networks=f"{len(members)}{mean}, {sum(results['parameters'] for results in trained):,} parameters",
        results=", ".join(outputs) + "," * (len(outputs) == 1),
        asked=", ".join(inputs),
        named=", ".join(f"{name}={name}" for name in inputs),
        calibrated=sum(member.task.calibration is not None for member in members),
        views=views_of(task.hparams),
        scored=[
            {"folder": str(folder), "where": where_of(results), "rows": rows_of(results), "more": more_of(results)}
            for folder, results in zip(folders, scored, strict=True)
        ],
        sizes=", ".join(f"{part} {size:,}" for part, size in trained[0]["sizes"].items()),
        notes=list(dict.fromkeys(note for results in trained for note in results["notes"])),
        cautions=list(dict.fromkeys(text for results in scored for text in cautions(results["metrics"]))),
        origins=[(origin, licence_of(origin)) for origin in dict.fromkeys(results["weights"] for results in trained)],
        facts={k: v for k, v in record.items() if k not in ("format", "runs", "weights_sha256", "parity", "task",
                                                            "inputs", "outputs", "classes", "vocabulary")},
    )  # fmt: skip
    write_atomic(card, text)
    return card


def rows_of(results: dict[str, Any]) -> list[tuple[str, str, str, Any]]:
    """Name, value, interval and n of the first metrics."""
    metrics = first(results["metrics"], results["headline"])
    return [(name, value_of(m), interval(m, name) or "-", m["n"]) for name, m in list(metrics.items())[:SHOWN]]


def where_of(results: dict[str, Any]) -> str:
    """On what the metrics were measured."""
    if "scored" in results:
        return results["scored"]
    return "the validation part, which also chose the weights" if results["scores_validation"] else "the test part"


def more_of(results: dict[str, Any]) -> int:
    """How many metrics the table leaves out."""
    return max(0, len(results["metrics"]) - SHOWN)


def licence_of(origin: str) -> str:
    """What the first weights' licence is, in words; ``origin`` is the ``weights`` of ``results.json``."""
    if origin.startswith("scratch"):
        return "no weights of others are in it"
    kind, _, rest = origin.partition(" ")  # pretrained timm/NAME.TAG, where from; other kinds name no network of timm
    name = rest.split(",")[0].removeprefix("timm/") if kind == "pretrained" else ""
    known = timm.get_pretrained_cfg(name) if timm.is_model(name.split(".")[0]) else None
    if known is not None and known.license:
        return f"licence of these weights, as timm states it: {known.license}"
    return "their licence is not recorded here: ask whoever gave them before you pass the file on"


def cell(value: Any) -> str:
    """Text in a cell of a table, where it can neither end the cell nor be read as HTML."""
    text = str(value).replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|")
    return " ".join(text.split())


# Markdown: no HTML is escaped but by ``cell``.
ENVIRONMENT = Environment(
    loader=PackageLoader(__package__), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
ENVIRONMENT.filters |= {"cell": cell}
