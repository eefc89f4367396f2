"""``calibrate``: fit a map from probabilities to calibrated ones on a run's validation part, and score it."""

import json
import math
import shlex
from argparse import Namespace
from typing import Any

import torch
from torch import Tensor

from datamodules.core.splits import partition
from lightning_tasks.app.console import can_submit, print_notes
from lightning_tasks.app.members import Rows, Run, load_run, require, rows_of_part
from lightning_tasks.app.pages.calibration import describe_map
from lightning_tasks.app.pages.render import interval
from lightning_tasks.app.pages.run import write_report
from lightning_tasks.app.places import as_shown
from lightning_tasks.common.atomic import write_atomic
from lightning_tasks.measures.bootstrap import bootstrap, exact_share, is_biased, members
from lightning_tasks.measures.calibration import (
    calibration_scores,
    ece,
    ece_of_perfect,
    nll,
    reliability_bins,
    risk_coverage,
)
from lightning_tasks.measures.recalibration import METHODS, apply_temperature, fit, logits_of, recalibrate
from lightning_tasks.plots.calibration import reliability_figure, risk_figure, scaling_figure
from lightning_tasks.plots.tensorboard import publish
from lightning_tasks.runs.calibration import NAME, weights_digest
from lightning_tasks.runs.data_record import other_data
from lightning_tasks.runs.results import clean_json, read_results

FACTORS = torch.logspace(-1, 1, 41)


def run(options: Namespace, overrides: list[str]) -> None:
    """``calibrate --run R [--method temperature|vector|isotonic] [--draws N]`` and dotted overrides such as a root."""
    if options.method not in METHODS:
        raise ValueError(f"--method {options.method!r}: choose {', '.join(METHODS)}.")
    if options.part != "val":
        raise ValueError(
            f"--part {options.part!r}: a calibration is fitted on the validation part (val). Fitted on training data "
            "it would trust the network too much, and fitted on test data its test score would mean nothing."
        )
    loaded = load_run(options.run, overrides, is_calibrated=False)
    require(loaded.task, "calibrate")
    calibration = calibrate(loaded, options.method, options.draws)
    print_scores(calibration)
    print_notes([], loaded.data.data_source == "simulated")
    print(f"Wrote {as_shown(loaded.dir.path / NAME)}. Report: {as_shown(loaded.dir.report)}")
    submits = can_submit(loaded.task, loaded.data.data_source, loaded.data.sizes())
    verbs = [*(["submit"] if submits else []), "predict", "export"]
    verbs = [verb for verb in verbs if verb not in loaded.task.refuses]
    where = shlex.join([as_shown(loaded.dir.path), *overrides])  # a map of flipped views is one for flipped views
    print(f"Next: {', '.join(verbs)} --run {where} use the calibration; so does ensemble.")


def calibrate(loaded: Run, method: str, draws: int) -> dict[str, Any]:
    """Fit, score, and write ``calibration.json``, figures and the report.

    Raises:
        ValueError: The data or split are not those of the run, or the task classifies no samples.
        RuntimeError: A map that must keep every predicted class changed one.
    """
    read_results(loaded.dir)  # of a fit that did not end it says so
    if message := other_data(loaded.dir.path, loaded.data):
        raise ValueError(f"{message} Leave the overrides away, or restore the data.")
    held_out, scored, where = parts_of(loaded)
    fitted = fit(method, held_out["prob"], held_out["label"], held_out.get("group"))
    before, label = scored["prob"], scored["label"]
    after = recalibrate(before, fitted)
    moved = int((after.argmax(1) != before.argmax(1)).sum())
    if moved and method != "vector":
        raise RuntimeError(
            f"{method} scaling changed the predicted class of {moved} samples. This is a bug: report it."
        )
    calibration = {
        "method": method,
        "map": fitted,
        "tta": loaded.task.hparams.get("tta", "none"),
        "weights_sha256": weights_digest(loaded.dir.best),
        **where,
        "changed_predictions": moved,
        "ece_of_perfect": ece_of_perfect(after),
        "scores": compare(
            {"before": before, "after": after, **{k: v for k, v in scored.items() if k != "prob"}}, draws
        ),
    }
    calibration["warnings"] = warnings_of(calibration)
    write_atomic(loaded.dir.path / NAME, json.dumps(clean_json(calibration), indent=2) + "\n")
    draw(loaded, before, after, label, fitted)
    write_report(loaded.dir)
    return calibration


def parts_of(loaded: Run) -> tuple[Rows, Rows, dict[str, Any]]:
    """Rows to fit on, rows to score on, and where each comes from."""
    data = loaded.data
    val = rows_of_part(loaded, "val")
    if not data.scores_validation:
        test = rows_of_part(loaded, "test")
        return val, test, {
            "fitted_on": f"validation part ({data.part_kind['val']})",
            "n_fitted": len(val["label"]),
            "scored_on": data.part_kind["test"],
            "n_scored": len(test["label"]),
        }  # fmt: skip
    groups = val["group"].numpy() if "group" in val and len(val["group"].unique()) > 1 else None
    side = torch.from_numpy(partition(val["label"].numpy(), groups, [0.5, 0.5], seed=0))
    halves = [{k: v[side == number] for k, v in val.items()} for number in (0, 1)]
    return halves[0], halves[1], {
        "fitted_on": f"one half of the validation part ({data.part_kind['val']}); there is no test part",
        "n_fitted": len(halves[0]["label"]),
        "scored_on": "the other half of the validation part, which also chose the checkpoint",
        "n_scored": len(halves[1]["label"]),
    }  # fmt: skip


def compare(rows: Rows, draws: int) -> dict[str, dict[str, Any]]:
    """Measure -> ``before``, ``after`` and ``change``, each with value and interval over the same resamples.

    The change of a measure that noise makes larger has none: how much of that cancels is not known.
    """

    def score(rows: Rows) -> dict[str, float]:
        b, a = (calibration_scores(rows[side], rows["label"]) for side in ("before", "after"))
        return {
            f"{side}/{k}": float(v) for side, values in (("before", b), ("after", a)) for k, v in values.items()
        } | {f"change/{k}": float(a[k] - b[k]) for k in b}

    intervals = bootstrap(score, rows, draws) if draws else {}
    n, units = len(rows["label"]), len(members(rows))
    table: dict[str, dict[str, Any]] = {}
    for name, value in score(rows).items():
        side, measure = name.split("/")
        unknown = side == "change" and is_biased(measure)
        low, high = (math.nan, math.nan) if unknown else intervals.get(name, (math.nan, math.nan))
        if draws and measure == "acc" and side != "change":
            low, high = exact_share(value, n, units) or (low, high)
        table.setdefault(measure, {"n": n, "units": units})
        table[measure][side] = {"value": value, "low": low, "high": high}
    return table


def draw(loaded: Run, before: Tensor, after: Tensor, label: Tensor, fitted: dict[str, Any]) -> None:
    """Reliability diagram, error over coverage, and for a temperature ECE and NLL over a = 1 / T."""
    for old in loaded.dir.figures.glob("calibration_*.png"):  # of another method
        old.unlink()
    bins = [reliability_bins(prob, label) for prob in (before, after)]
    figures = {
        "reliability": reliability_figure(*bins, chance=1 / before.shape[1]),
        "risk": risk_figure(risk_coverage(before, label), risk_coverage(after, label)),
    }
    if fitted["method"] == "temperature":
        scaled = [apply_temperature(logits_of(before), 1 / float(a)) for a in FACTORS]
        lines = [torch.stack([measure(p, label) for p in scaled]) for measure in (ece, nll)]
        figures["scaling"] = scaling_figure(FACTORS, *lines, 1 / fitted["temperature"])
    publish(loaded.dir.path, {f"calibration/{name}": figure for name, figure in figures.items()})


def warnings_of(calibration: dict[str, Any]) -> list[str]:
    """What speaks against using the map."""
    worse = [k for k in ("nll", "brier", "ece") if calibration["scores"][k]["change"]["value"] > 0]
    warnings = []
    if worse:
        warnings.append(f"{', '.join(worse)} did not improve on the scored part; to go without, delete {NAME}.")
    if reason := calibration["map"].get("reason"):
        warnings.append(f"No temperature can be fitted: {reason}. T = 1 is kept, which changes nothing.")
    return warnings


def print_scores(calibration: dict[str, Any]) -> None:
    """The same on the terminal."""
    print("\n".join([describe_map(calibration), *(f"note: {warning}" for warning in calibration["warnings"])]))
    print(f"{'measure':18}  {'before':>8}  {'95 % interval':>17}  {'after':>8}  {'95 % interval':>17}  {'change':>8}")
    for name, values in calibration["scores"].items():
        cells = []
        for side in ("before", "after"):
            v = values[side]
            cells.append(f"{v['value']:8.4f}  {interval(v):>17}")
        print(f"{name:18}  {cells[0]}  {cells[1]}  {values['change']['value']:+8.4f}")
