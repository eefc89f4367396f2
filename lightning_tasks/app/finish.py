"""What a fit leaves behind: test scores with intervals, predictions, baselines, figures, report."""

import json
import math
import platform
import subprocess
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from lightning import Callback, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor

from ..files import write_atomic
from .calibration_file import weights_digest
from .checkpoint import load_weights
from .report import write_report
from .rowfile import save_rows
from .rundir import RunDir
from .scores import scores_of

if TYPE_CHECKING:
    from .cli import TaskCLI

PACKAGES = ("torch", "lightning", "torchmetrics", "timm", "segmentation-models-pytorch", "albumentations", "numpy")


class Stopwatch(Callback):
    """Seconds and samples of the training loop, evaluation and checkpoints included."""

    def __init__(self) -> None:
        self.seconds, self.samples = 0.0, 0

    def on_train_start(self, trainer, pl_module) -> None:
        """Start."""
        self._begin = time.perf_counter()

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        """Count the samples; devices have as many each."""
        self.samples += len(batch["id"]) * trainer.world_size

    def on_train_end(self, trainer, pl_module) -> None:
        """Stop."""
        self.seconds = time.perf_counter() - self._begin


def evaluate_run(cli: "TaskCLI", part: str) -> dict[str, dict[str, float]]:
    """Metrics of the evaluation that just ran: name -> value, 95 % interval and n."""
    values = {k.split("/", 1)[1]: float(v) for k, v in cli.trainer.callback_metrics.items() if k.startswith(f"{part}/")}
    return scores_of(cli.model, part, getattr(cli.model, "last_rows", {}), cli.options.draws, values)


def finish_fit(cli: "TaskCLI") -> None:
    """Test the best checkpoint; write ``results.json``, predictions, figures, ``report.html`` and ``latest``."""
    run, task, data, trainer = cli.run_dir, cli.model, cli.datamodule, cli.trainer
    progress = {k: float(v) for k, v in trainer.callback_metrics.items()}
    best = Path(cli.best.best_model_path or run.last)
    checkpoint = load_weights(task, best)
    if not data.scores_validation:
        validation = validation_rows(trainer, task, data)
    trainer.test(task, datamodule=data, verbose=False)
    if not trainer.is_global_zero:
        return
    if task.row_names:
        save_rows(run.rows, data, task.last_rows if data.scores_validation else validation)
    drop_stale(run)
    metrics = evaluate_run(cli, "test")
    write_rows(run.path, task, data)
    baselines = task.baselines(data) if cli.options.baselines else {}
    monitored = float(cli.best.best_model_score) if cli.best.best_model_score is not None else math.nan
    results = {
        "task": type(task).__name__,
        "experiment": cli.options.experiment,
        "name": cli.options.name,
        "config": str(run.config),
        "seed": cli.options.seed_everything,
        "data_source": data.data_source,
        "data_fingerprint": data.fingerprint(),
        "arrays_fingerprint": data.fingerprint(split=False),
        "split": data.split,
        "scores_validation": data.scores_validation,
        "sizes": data.sizes(),
        "notes": data.notes,
        "weights": getattr(task, "weights_origin", "scratch"),
        "parameters": task.num_parameters,
        "monitor": task.monitor,
        "best_epoch": checkpoint["epoch"],
        "best": {task.monitor: monitored},
        "last": progress,
        "epochs": trainer.current_epoch,
        "metrics": metrics,
        "baselines": baselines,
        "seconds": round(cli.stopwatch.seconds, 2),
        "samples_per_second": round(cli.stopwatch.samples / max(cli.stopwatch.seconds, 1e-9), 2),
        "device": device_name(),
        "precision": str(trainer.precision),
        "devices": trainer.world_size,
        "packages": {name: version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "git_commit": git_commit(),
    }
    write_atomic(run.results, json.dumps(clean_json(results), indent=2) + "\n")
    if isinstance(trainer.logger, TensorBoardLogger):
        log_hparams(trainer.logger, task, data, {task.monitor: monitored} | {k: m["value"] for k, m in metrics.items()})
        trainer.logger.finalize("success")
    write_report(run)
    if Path(cli.options.name).name == cli.options.name:  # a fold is named kfold/fold_0, and is no run by itself
        run.mark_latest()
    for note in data.notes:
        print(f"note: {note}")
    print_table(metrics, baselines)
    print(f"{data.split['test'].capitalize()}, {data.data_source} data. Report: {run.report}")


def drop_stale(run: RunDir) -> None:
    """Take away what ``calibrate`` and ``explain`` made of other weights, where a run was continued."""
    for stem in ("calibration", "explain"):
        note = run.path / f"{stem}.json"
        if not note.is_file() or json.loads(note.read_text()).get("weights_sha256") == weights_digest(run.best):
            continue
        for path in (note, run.path / f"report_{stem}.html", *run.figures.glob(f"{stem}_*.png")):
            path.unlink(missing_ok=True)
        print(f"The best weights have changed: {note.name} and its figures were of the earlier ones, and are removed.")


def validation_rows(trainer: Trainer, task: Any, data: Any) -> dict[str, Tensor]:
    """Rows of the validation part under the best weights, where the test part is another: folds are pooled of them."""
    loggers, trainer.loggers = trainer.loggers, []  # the curves of the fit end with the fit
    trainer.validate(task, datamodule=data, verbose=False)
    trainer.loggers = loggers
    return getattr(task, "last_rows", {})


def log_hparams(logger: TensorBoardLogger, task: Any, data: Any, metrics: dict[str, float]) -> None:
    """One entry in TensorBoard's hyperparameter table, with the monitored and the test metrics."""
    flat = {}
    for prefix, values in (("model", task.hparams), ("data", data.hparams)):
        for key, value in values.items():
            if not key.startswith("_"):
                flat[f"{prefix}.{key}"] = value if isinstance(value, (int, float, bool, str)) else json.dumps(value)
    logger.log_hyperparams(flat, {k: v for k, v in metrics.items() if math.isfinite(v)}, step=task.trainer.global_step)


def write_rows(folder: Path, task: Any, data: Any) -> Path:
    """Predictions of the scored part: CSV where a sample has a few numbers, else ``.npz``."""
    from .predict import save_table

    rows = {k: v.cpu().numpy() for k, v in task.last_rows.items() if k in ("id", *task.file_rows)}
    names = np.array(data.names(data.pool_of("test"), rows.pop("id")))
    order = np.argsort(task.last_rows["id"].cpu().numpy(), kind="stable")
    return save_table(folder / "predictions", {"id": names[order], **{k: v[order] for k, v in rows.items()}})


def print_table(metrics: dict[str, dict[str, float]], baselines: dict[str, dict[str, float]] | None = None) -> None:
    """Metrics with intervals, and baselines beside them."""
    baselines = baselines or {}
    names = list(baselines)
    width = max([len(m) for m in metrics] + [8])
    print(f"{'metric':{width}}  {'value':>8}  {'95 % interval':>17}  {'n':>6}" + "".join(f"  {n:>24}" for n in names))
    for name, m in metrics.items():
        interval = f"{m['low']:.4f} - {m['high']:.4f}" if "low" in m else ""
        beside = "".join(f"  {_cell(baselines[b].get(name.split('/', 1)[1])):>24}" for b in names)
        print(f"{name:{width}}  {m['value']:8.4f}  {interval:>17}  {m['n']:6d}{beside}")


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def clean_json(value: Any) -> Any:
    """NaN and infinity become null: strict readers refuse them."""
    if isinstance(value, dict):
        return {k: clean_json(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [clean_json(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def device_name() -> str:
    """The accelerator's name, or the number of CPU threads."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"CPU, {torch.get_num_threads()} threads"


def git_commit() -> str | None:
    """Commit of the code, with ``+`` where files differ from it; None outside a repository."""
    here = Path(__file__).parent

    def git(*args: str) -> str:
        return subprocess.run(
            ["git", "-C", str(here), *args], capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        return git("rev-parse", "--short=12", "HEAD") + ("+" if git("status", "--porcelain") else "")
    except (OSError, subprocess.CalledProcessError):
        return None
