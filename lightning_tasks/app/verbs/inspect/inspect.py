"""``inspect``: what is in a data set, and what should not be; nothing is trained."""

import csv
import io
import json
import time
from argparse import Namespace
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from datamodules.audit import findings as checks
from datamodules.audit.duplicates import Duplicates, repeated_mask_outliers
from lightning_tasks.app.cli import TaskCLI
from lightning_tasks.app.members import Run, load_run
from lightning_tasks.app.pages.inspect import ALL, print_findings, write_inspect_report
from lightning_tasks.common.atomic import write_atomic
from lightning_tasks.plots.inspect import class_figure, contact_sheet, map_figure
from lightning_tasks.plots.tensorboard import publish
from lightning_tasks.runs.directory import check_new, new_folder
from lightning_tasks.runs.results import clean_json

from .features import network_features
from .shift import shifts

SHEET = 64  # pictures on the contact sheet
PLACED = 10  # pictures of one kind on it
LETTERS = 200  # of a text that is shown


@dataclass
class Found:
    """All findings about one data set; rows are those of its train pool."""

    names: list[str]
    exact: Duplicates
    same_mask: np.ndarray
    drop: dict[int, str]
    near: list[np.ndarray]
    leaks: list[checks.Leak]
    left_out: np.ndarray
    sampled: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    points: np.ndarray | None = None
    outliers: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    far: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))


def run(options: Namespace, overrides: list[str]) -> None:
    """``inspect --config C [--distance 4] [--features pixels | --run R] [--name N] [--overwrite]`` and overrides."""
    if not 0 <= options.distance <= 64:
        raise ValueError(
            f"--distance {options.distance}: hashes have 64 bits; 4 finds near copies, above 10 is chance."
        )
    start = time.perf_counter()
    cli = TaskCLI(overrides, run=False)
    folder = cli.run_dir.path.parent / options.name
    check_new(folder, "inspect", options.overwrite)
    task, data = cli.model, cli.datamodule
    data.broken = {}  # a picture that cannot be decoded is a finding, not an end
    network = None
    if options.run and options.tsne:
        network = load_run(options.run, ["--trainer.accelerator", str(cli.options.trainer.accelerator)])
        network.data, trained_on = data, network.data
        data.load_state_dict(trained_on.state_dict())  # samples are read as the network learnt to read them
    data.setup()
    audit = findings(data, options.distance)
    feature_source = describe_features(options) if options.tsne else None
    if options.tsne:
        add_map(audit, data, network, options.tsne, options.seed)
    results = summary(audit, data, task.class_names)
    results |= {"experiment": cli.options.experiment, "name": options.name, "shift": shifts(data, options.seed)}
    results["settings"] = {
        "distance": options.distance,
        "features": feature_source,
        "tsne": options.tsne,
        "seed": options.seed,
    }
    results["seconds"] = round(time.perf_counter() - start, 1)
    results = clean_json(results)
    with new_folder(folder, "inspect", options.overwrite):
        write(folder, results, audit, data, task.class_names)
    print_findings(results, folder)


def describe_features(options: Namespace) -> str:
    """In words, for the report."""
    return f"network of {options.run}" if options.run else "pixels (24 x 24 areas)"


def findings(data: Any, distance: int) -> Found:
    """Look at the whole train pool, before the datamodule's own cleaning, and across its parts after it."""
    pool = data.pools["train"]
    count = len(pool["id"])
    is_text = data.content == "text"
    prints = {
        name: checks.fingerprints(
            {"text": data.pools[name]["text"]} if is_text else data.served(name),
            partial(data.images, name) if data.has_images else None,
        )
        for name in data.pools
    }
    names = data.names("train", pool["id"])
    # a text that stands often is a phrase that is used often: its first copy stays
    most = count + 1 if is_text else 20
    exact = checks.duplicates(prints["train"], pool.get("label", pool.get("mask")), most)
    same_mask = repeated_mask_outliers(pool["mask"]) if "mask" in pool else np.zeros(0, np.int64)
    drop = checks.reasons_to_drop(exact, same_mask, names, "text" if is_text else "picture")
    remaining = np.setdiff1d(np.arange(count), list(drop)).astype(np.int64)
    parts = {p: rows for p, rows in data.parts.items() if p != "test" or not data.scores_validation}
    used = np.concatenate([rows for p, rows in parts.items() if data.pool_of(p) == "train"])
    return Found(
        names=names,
        exact=exact,
        same_mask=same_mask,
        drop=drop,
        near=[remaining[group] for group in checks.near_groups(prints["train"][remaining], distance)],
        leaks=checks.leaks({p: prints[data.pool_of(p)][np.unique(rows)] for p, rows in parts.items()}, distance),
        left_out=np.setdiff1d(np.arange(count), used),
    )


def add_map(audit: Found, data: Any, network: Run | None, limit: int, seed: int) -> None:
    """Find distinct samples far from all others, place some on a map, and mark its outliers; needs features."""
    copies = np.concatenate([g[1:] for g in (*audit.exact.planted, *audit.exact.repeated)] or [np.zeros(0, np.int64)])
    distinct = np.setdiff1d(np.arange(len(audit.names)), copies)
    planted = np.array([np.searchsorted(distinct, g[0]) for g in audit.exact.planted], np.int64)
    if network is not None:
        features = network_features(network, distinct)
    elif data.has_images:
        features = checks.pixel_features(partial(data.images, "train"), distinct)
    else:
        features = checks.table_features({k: v[distinct] for k, v in data.served("train").items()})
    if features is None or len(distinct) < 4:
        return
    points = checks.reduced(features, seed)
    audit.far = distinct[checks.far_outliers(points)]
    chosen = checks.sample_rows(len(distinct), limit, planted, seed)
    audit.sampled, audit.points = distinct[chosen], checks.tsne_map(points[chosen], seed)
    audit.outliers = audit.sampled[checks.map_outliers(audit.points)]


def summary(audit: Found, data: Any, classes: list[str]) -> dict[str, Any]:
    """All findings as plain values, samples by name."""
    names = np.array(audit.names)
    pool, broken = data.pools["train"], data.broken

    def groups(lists: list[np.ndarray]) -> list[list[str]]:
        return [names[group].tolist() for group in lists]

    everything = np.arange(len(names))
    parts = {ALL: ("train", everything)}
    parts |= {p: (data.pool_of(p), rows) for p, rows in data.parts.items() if p != "test" or not data.scores_validation}
    counts = {}
    for part, (pool_name, rows) in parts.items():
        table = {k: dict(zip(class_names(len(v), classes), v.tolist(), strict=True))
                 for k, v in checks.class_table(data.pools[pool_name], rows).items()}  # fmt: skip
        counts[part] = {"n": len(rows), **table}
    return {
        "kind": "inspect",
        "pictures": data.has_images or "mask" in pool,
        "examples": examples(audit, data, classes) if data.content == "text" else [],
        "data": type(data).__name__,
        "title": data.title,
        "data_source": data.data_source,
        "arrays_fingerprint": data.fingerprint(split=False),
        "arrays": {
            f"{name}/{key}": {"shape": list(v.shape), "dtype": str(v.dtype)}
            | ({"low": v.min().item(), "high": v.max().item()} if v.dtype.kind in "uifb" and v.size else {})
            for name in data.pools
            for key, v in data.served(name).items()
        },
        "classes": classes,
        "split": data.part_kind,
        "groups": len(np.unique(pool["group"])) if "group" in pool else None,
        "counts": counts,
        "planted": groups(audit.exact.planted),
        "duplicates": groups(audit.exact.repeated),
        "conflicts": groups(audit.exact.conflicts),
        "same_mask": names[audit.same_mask].tolist(),
        "near_duplicates": groups(audit.near),
        "leaks": [
            {"parts": list(leak.parts), "exact": len(leak.exact), "near": len(leak.near)} for leak in audit.leaks
        ],
        "map_outliers": {"of": len(audit.sampled), "samples": names[audit.outliers].tolist()},
        "far": names[audit.far].tolist(),
        "undecodable": broken,
        "exclude": len(audit.drop) + len(broken.get("train", ())),
        "left": len(names) - len(audit.drop),
        "left_out_by_the_data_module": len(audit.left_out),
        "left_out_and_not_in_exclude": names[np.setdiff1d(audit.left_out, list(audit.drop))].tolist(),
        "in_exclude_and_not_left_out": names[np.setdiff1d(list(audit.drop), audit.left_out).astype(int)].tolist(),
        "notes": data.notes,
    }


def examples(audit: Found, data: Any, classes: list[str]) -> list[list[str]]:
    """Kind, id, class and beginning of a few texts of each kind of finding."""
    pool = data.pools["train"]
    conflicting = {int(g[0]) for g in audit.exact.conflicts}
    kinds = [("conflict" if int(g[0]) in conflicting else "copies", g[:3]) for g in audit.exact.repeated]
    kinds = sorted(kinds, key=lambda kind: kind[0] == "copies")[:PLACED]
    kinds += [("near duplicates", g[:3]) for g in audit.near[: 2 * PLACED]]
    label = pool.get("label")
    return [
        [kind, audit.names[i], "" if label is None else classes[int(label[i])], str(pool["text"][i])[:LETTERS]]
        for kind, rows in kinds
        for i in rows
    ]


def class_names(count: int, known: list[str]) -> list[str]:
    """Names of classes 0..count-1; numbers where the task has no names."""
    return [known[k] if k < len(known) else str(k) for k in range(count)]


def write(folder: Path, results: dict[str, Any], audit: Found, data: Any, classes: list[str]) -> None:
    """All files of the report."""
    drop = [(audit.names[i], why) for i, why in audit.drop.items()]
    drop += [(name, "cannot be decoded") for name in results["undecodable"].get("train", ())]
    table(folder / "exclude.csv", ("id", "reason"), drop)
    suspects = [(audit.names[i], f"near duplicate of {audit.names[g[0]]}") for g in audit.near for i in g[1:]]
    suspects += [(audit.names[i], "far from all others") for i in audit.far]
    suspects += [(audit.names[i], "outlier of the t-SNE map") for i in audit.outliers]
    suspects = [row for row in suspects if row[0] not in {audit.names[i] for i in audit.drop}]
    table(folder / "suspects.csv", ("id", "reason"), suspects)
    if results["groups"] is None and audit.near:
        groups = checks.groups_of(len(audit.names), audit.near)
        table(folder / "groups.csv", ("id", "group"), list(zip(audit.names, groups.tolist(), strict=True)))
    write_atomic(folder / "inspect.json", json.dumps(results, indent=2) + "\n")
    publish(folder, draw(results, audit, data, classes))
    write_inspect_report(folder)


def table(path: Path, head: tuple[str, ...], rows: list[tuple]) -> None:
    """Write a CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    write_atomic(path, text.getvalue())


def draw(results: dict[str, Any], audit: Found, data: Any, classes: list[str]) -> dict[str, Any]:
    """Figures by name."""
    pool = data.pools["train"]
    figures = {}
    if (counts := {part: c["samples"] for part, c in results["counts"].items() if "samples" in c}) != {}:
        figures["classes"] = class_figure(counts)
    if data.has_images and (shown := suspects_shown(audit)):
        pictures = data.images("train", np.array([row for row, _ in shown]))
        if pictures.ndim == 4:
            figures["suspects"] = contact_sheet(pictures, [caption for _, caption in shown])
    if audit.points is not None:
        labels = labels_of(pool, audit.sampled)
        dropped = np.isin(audit.sampled, list(audit.drop))
        names = class_names(int(labels.max()) + 1 if labels is not None else 0, classes)
        ringed = np.isin(audit.sampled, np.union1d(audit.outliers, audit.far))
        figures["map"] = map_figure(audit.points, labels, names, ringed, dropped)
    return figures


def labels_of(pool: dict[str, np.ndarray], rows: np.ndarray) -> np.ndarray | None:
    """Class of each row: its label, or the commonest class of its mask."""
    if "label" in pool and pool["label"].ndim == 1 and pool["label"].dtype.kind in "uib":
        return pool["label"][rows].astype(np.int64)
    if "mask" in pool:
        return np.array([np.bincount(pool["mask"][i].reshape(-1)).argmax() for i in rows])
    return None


def suspects_shown(audit: Found) -> list[tuple[int, str]]:
    """Rows and words of the contact sheet: a few of each kind of finding."""
    names = audit.names
    shown = [(int(g[0]), f"{names[g[0]]}\n{len(g)} copies") for g in audit.exact.planted[:PLACED]]
    shown += [(int(i), f"{names[i]}\n1 of {len(audit.same_mask)}, one mask") for i in audit.same_mask[:4]]
    conflicting = {int(g[0]) for g in audit.exact.conflicts}
    ordered = sorted(audit.exact.repeated, key=lambda g: int(g[0]) not in conflicting)[:PLACED]
    for group in ordered:
        label = "conflict" if int(group[0]) in conflicting else "duplicates"
        shown.append((int(group[0]), f"{label}\n{', '.join(names[i] for i in group[:3])}"))
    for group in audit.near[:PLACED]:
        shown += [(int(i), f"{names[i]}\nnear {names[group[0]]}") for i in group[:2]]
    shown += [(int(i), f"{names[i]}\nfar from all") for i in audit.far if int(i) not in audit.drop][: 2 * PLACED]
    shown += [(int(i), f"{names[i]}\noutlier of the map") for i in audit.outliers if int(i) not in audit.drop]
    return shown[:SHEET]
