"""Printed summary and HTML page of a data report."""

from pathlib import Path
from typing import Any

from lightning_tasks.app.console import print_notes
from lightning_tasks.app.places import as_shown
from lightning_tasks.common.json_files import read_json

from .captions import INSPECTED
from .render import identity, pictures_in, write_page

ALL = "all, before cleaning"  # the train pool, among the parts whose classes are counted


def lines(results: dict[str, Any]) -> list[tuple[str, str]]:
    """The findings in words: (what, how many)."""
    planted, repeated = results["planted"], results["duplicates"]
    pictures = [] if not results["pictures"] else [
        ("planted pictures", f"{sum(map(len, planted))} copies of {len(planted)} pictures"),
        ("pictures that share one mask", f"{len(results['same_mask'])}"),
    ]  # fmt: skip
    total, counts = results["left"] + results["exclude"], results["counts"]
    held = counts["train"].get("samples", {})
    lacking = [name for name, n in counts[ALL].get("samples", {}).items() if n and not held.get(name)]
    findings = [
        ("samples in the train pool", f"{total}"),
        *pictures,
        ("exact duplicates beyond the first", f"{sum(len(g) - 1 for g in repeated)} in {len(repeated)} groups"),
        ("label conflicts among duplicates", f"{len(results['conflicts'])} groups"),
        *(
            (f"pictures of the {pool} pool that cannot be decoded", ", ".join(names[:5]) + f" ({len(names)})")
            for pool, names in results["undecodable"].items()
            if names
        ),
        *([("classes of which the train part has no sample", ", ".join(lacking))] if lacking else []),
        ("in exclude.csv", f"{results['exclude']}, which leaves {results['left']}"),
        ("left out by the data module itself", f"{results['left_out_by_the_data_module']}{agreement(results)}"),
        (
            f"near duplicates (at most {results['settings']['distance']} of 64 bits apart)",
            f"{sum(map(len, results['near_duplicates']))} in {len(results['near_duplicates'])} groups",
        ),
    ]
    if placed := results["map_outliers"]["of"]:
        findings.append(("far from all others", f"{len(results['far'])}"))
        findings.append(("outliers of the map", f"{len(results['map_outliers']['samples'])} of {placed} on it"))
    for leak in results["leaks"]:
        findings.append((f"leaks {' / '.join(leak['parts'])}", f"{leak['exact']} exact, {leak['near']} near pairs"))
    for pool, shift in results["shift"].items():
        findings.append((f"train against {pool} pool", shift_in_words(shift)))
    return findings


def shift_in_words(shift: dict[str, Any]) -> str:
    """How well a classifier tells two pools apart, and by what."""
    auroc = f"AUROC {shift['auroc']:.3f} ({shift['low']:.3f} to {shift['high']:.3f})"
    if not shift["alarming"]:
        return f"hardly told apart, {auroc}"
    telling = ", ".join(f"{name} {value:.2f}" for name, value in list(shift["telling"].items())[:3])
    return f"DIFFERENT: told apart with {auroc}, alone by {telling}; scores of folds may not hold there"


def agreement(results: dict[str, Any]) -> str:
    """How its own cleaning differs from exclude.csv."""
    more, less = len(results["left_out_and_not_in_exclude"]), len(results["in_exclude_and_not_left_out"])
    if not more and not less:
        return ", the same samples"
    return f" ({more} that exclude.csv keeps; {less} of exclude.csv are still in it)"


def print_findings(results: dict[str, Any], folder: Path) -> None:
    """Summary, and what to do with the files."""
    for part, counts in results["counts"].items():
        classes = ", ".join(f"{name} {n}" for name, n in counts.get("samples", {}).items())
        print(f"{part}: {counts['n']} samples{': ' + classes if classes else ''}")
    findings = lines(results)
    width = max(len(label) for label, _ in findings)
    for label, value in findings:
        print(f"{label:{width}}  {value}")
    print_notes(results["notes"], results["data_source"] == "simulated")
    report = as_shown(folder / "report.html")
    print(f"{results['data_source'].capitalize()} data, {results['seconds']} s. Report: {report}")
    if results["exclude"]:
        print(f"Next: fit with --data.exclude {as_shown(folder / 'exclude.csv')} leaves these samples out.")
    if (folder / "groups.csv").is_file():
        print(f"Next: --data.groups {as_shown(folder / 'groups.csv')} keeps near duplicates on one side of the split.")


def write_inspect_report(folder: Path) -> Path:
    """Write ``report.html`` from ``inspect.json`` and the figures."""
    results = read_json(folder / "inspect.json")
    counts = results["counts"]
    names = list(dict.fromkeys(n for c in counts.values() for n in c.get("samples", {})))
    return write_page(
        folder / "report.html",
        "inspect.html",
        title=f"Data of {results['experiment']}",
        notes=results["notes"],
        results=results,
        findings=dict(lines(results)),
        examples=results["examples"],
        exclude=(folder / "exclude.csv").read_text(encoding="utf-8").splitlines(),
        class_head=["part", "samples", *names],
        class_rows=[
            [part, c["n"], *(c.get("samples", {}).get(name, "") for name in names)] for part, c in counts.items()
        ],
        array_rows=[
            [name, " x ".join(map(str, a["shape"])), a["dtype"], a.get("low", ""), a.get("high", "")]
            for name, a in results["arrays"].items()
        ],
        pictures={name: pictures_in((folder / "figures").glob(f"{name}.png"), INSPECTED) for name in INSPECTED},
        settings=results["settings"],
        identity=identity(results),
    )
