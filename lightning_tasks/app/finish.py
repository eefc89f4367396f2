"""What a fit leaves behind: test scores with intervals, predictions, baselines, figures, report."""

import json
import math
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from lightning import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import Logger, TensorBoardLogger
from torch import Tensor

from lightning_tasks.callbacks import Stopwatch
from lightning_tasks.common.atomic import write_atomic
from lightning_tasks.common.json_files import read_json
from lightning_tasks.common.tables import read_metrics
from lightning_tasks.plots.panels import in_parts
from lightning_tasks.runs.calibration import weights_digest
from lightning_tasks.runs.checkpoint import is_whole, load_weights
from lightning_tasks.runs.data_record import read_data_record
from lightning_tasks.runs.device import device_name
from lightning_tasks.runs.directory import NEEDED, RunDir
from lightning_tasks.runs.results import clean_json, git_commit
from lightning_tasks.runs.rowfile import save_rows
from lightning_tasks.runs.tables import save_table

from .console import direction, is_calibrated, next_steps, print_notes, print_scores, source_words, views_of
from .pages.run import write_report_of
from .places import as_shown
from .projected import project
from .scores import resampled, scores_of

PACKAGES = ("torch", "lightning", "torchmetrics", "timm", "segmentation-models-pytorch", "albumentations", "numpy")

TRAINER_SETTINGS = ("max_epochs", "precision", "accumulate_grad_batches", "gradient_clip_val")


def evaluate_run(trainer: Trainer, task: Any, part: str, draws: int) -> dict[str, dict[str, float]]:
    """Metrics of the evaluation that just ran: name -> value, 95 % interval from ``draws`` resamples, and n."""
    values = {k.split("/", 1)[1]: float(v) for k, v in trainer.callback_metrics.items() if k.startswith(f"{part}/")}
    return scores_of(task, part, task.last_rows, draws, values)


@dataclass
class Fitted:
    """What a fit ended with.

    Args:
        run: Its directory.
        task: The network as it is after the last epoch.
        data: Its data.
        trainer: Its trainer.
        best: The callback that kept the best checkpoint.
        stopwatch: Time and samples of the training.
        options: The parsed configuration.
    """

    run: RunDir
    task: Any
    data: Any
    trainer: Trainer
    best: ModelCheckpoint
    stopwatch: Stopwatch
    options: Any


def finish_fit(fitted: Fitted) -> None:
    """Test the best checkpoint; write ``results.json``, predictions, figures, ``report.html`` and ``latest``."""
    run, task, data, trainer = fitted.run, fitted.task, fitted.data, fitted.trainer
    options, stopwatch = fitted.options, fitted.stopwatch
    # What lies in the run: a trainer may remember another place. No best where the monitored metric never came.
    weights, epochs = run.best if is_whole(run.best) else run.last, read_metrics(run.metrics)
    if weights is run.last and run.best.is_file():
        data.note(f"{run.best.name} cannot be read, and no epoch is left to choose another: the last one is scored.")
    elif weights is run.last:
        why = (
            "was NaN in every epoch"
            if any(task.monitor in row for row in epochs)
            else "is not known, for no epoch was validated"
        )
        data.note(
            f"{task.monitor} {why}, so there is no best one: the last is scored. Other commands find "
            f"it by --ckpt_path {as_shown(run.last)}."
        )
    checkpoint = load_weights(task, weights)
    if not data.scores_validation:
        validation = validation_rows(trainer, task, data)
    trainer.test(task, datamodule=data, verbose=False)
    if not trainer.is_global_zero:
        return
    if task.scored_rows:
        save_rows(run.rows, data, task.last_rows if data.scores_validation else validation)
        if not data.scores_validation and task.resampled_rows != ():  # what `report --runs` pairs
            save_rows(run.test_rows, data, resampled(task, task.last_rows), "test")
    drop_stale(run)
    metrics = evaluate_run(trainer, task, "test", options.draws)
    if task.last_rows:
        write_rows(run.path, task, data)
    baselines = task.baselines(data) if options.baselines else {}
    monitored = float(fitted.best.best_model_score) if fitted.best.best_model_score is not None else math.nan
    record = read_data_record(run)
    results = {
        "task": type(task).__name__,
        "experiment": options.experiment,
        "name": options.name,
        "config": str(run.config),
        "seed": options.seed_everything,
        **record,
        "split": data.part_kind,
        "scores_validation": data.scores_validation,
        "notes": data.notes,
        "weights": task.weights_origin,
        "calibrated": is_calibrated(task),
        **({"views": views_of(task.hparams)} if "tta" in task.hparams else {}),
        "parameters": task.num_parameters,
        "monitor": task.monitor,
        "headline": task.headline_metric,
        "headline_mode": direction(task),
        "panels": in_parts(task.panels),
        "best_epoch": checkpoint["epoch"],
        "best": {task.monitor: monitored},
        "last": {name: value for name, value in epochs[-1].items() if "/" in name},
        "epochs": epochs[-1]["epoch"] + 1,
        "metrics": metrics,
        "diagnosis": task.diagnosis({name: m["value"] for name, m in metrics.items()}),
        "baselines": baselines,
        "seconds": round(stopwatch.seconds, 2),
        "samples_per_second": round(stopwatch.samples / max(stopwatch.seconds, 1e-9), 2),
        "device": device_name(trainer.strategy.root_device),
        "precision": str(trainer.precision),
        "devices": trainer.world_size,
        "packages": {name: version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "git_commit": git_commit(),
    }
    text = json.dumps(clean_json(results), indent=2) + "\n"
    measured = {task.monitor: monitored} | {k: m["value"] for k, m in metrics.items()}
    log_hparams(trainer.loggers, options, task, data, measured)
    if options.figures == "all" and isinstance(trainer.logger, TensorBoardLogger):
        project(run, task, data, trainer)
    write_report_of(run, json.loads(text))
    write_atomic(run.results, text)  # last: folds and runs of a sweep that have it are not looked at again
    # A fold is named kfold/fold_0, and is no run by itself; nor is one that another fit needed.
    is_part = Path(options.name).name != options.name or options.name.startswith(NEEDED)
    if not is_part:
        run.mark_latest()
    print_scores(metrics, task.headline_metric, direction(task), baselines)
    print_notes(data.notes, data.data_source == "simulated" and not is_part)
    print(f"{source_words(task, data, 'test')}. All {len(metrics)} metrics: {as_shown(run.report)}")
    if not is_part:
        print(f"Next: {next_steps(task, 'test', as_shown(run.path), results)}")


def drop_stale(run: RunDir) -> None:
    """Take away what ``calibrate`` and ``explain`` made of other weights, where a run was continued."""
    for stem in ("calibration", "explain"):
        note = run.path / f"{stem}.json"
        if not note.is_file() or read_json(note).get("weights_sha256") == weights_digest(run.best):
            continue
        for path in (note, *run.figures.glob(f"{stem}_*.png")):
            path.unlink(missing_ok=True)
        print(f"The best weights have changed: {note.name} and its figures were of the earlier ones, and are removed.")


def validation_rows(trainer: Trainer, task: Any, data: Any) -> dict[str, Tensor]:
    """Rows of the validation part under the best weights, where the test part is another: folds are pooled of them."""
    loggers, trainer.loggers = trainer.loggers, []  # the curves of the fit end with the fit
    trainer.validate(task, datamodule=data, verbose=False)
    trainer.loggers = loggers
    return task.last_rows


def log_hparams(loggers: list[Logger], options: Any, task: Any, data: Any, metrics: dict[str, float]) -> None:
    """Hyperparameters, in TensorBoard's table beside the monitored and the test metrics, and in ``hparams.yaml``."""
    flat = {"seed": options.seed_everything}
    flat |= {f"trainer.{key}": options.trainer.get(key) for key in TRAINER_SETTINGS}
    for prefix, values in (("model", task.hparams), ("data", data.hparams)):
        flat |= {f"{prefix}.{key}": value for key, value in values.items() if not key.startswith("_")}
    flat = {k: v if isinstance(v, (int, float, bool, str)) else json.dumps(v) for k, v in flat.items()}
    finite = {k: v for k, v in metrics.items() if math.isfinite(v)}
    for logger in loggers:
        if isinstance(logger, TensorBoardLogger):
            logger.log_hyperparams(flat, finite, step=task.trainer.global_step)
            # Lightning wrote an empty one when the fit began, and writes no second.
            (Path(logger.log_dir) / logger.NAME_HPARAMS_FILE).unlink(missing_ok=True)
        else:
            logger.log_hyperparams(flat)
        logger.finalize("success")


def write_rows(folder: Path, task: Any, data: Any) -> Path:
    """Predictions of the scored part: CSV where a sample has a few numbers, else ``.npz``."""
    rows = {k: v.numpy() for k, v in task.last_rows.items() if k in ("id", *task.written_rows)}
    names = np.array(data.names(data.pool_of("test"), rows.pop("id")))
    order = np.argsort(task.last_rows["id"].numpy(), kind="stable")
    columns = {"id": names[order], **{k: v[order] for k, v in rows.items()}}
    return save_table(folder / "predictions", columns, task.class_names)
