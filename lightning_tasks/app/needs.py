"""Runs that a fit needs, such as a teacher or a backbone: trained first, by the same ``fit``, and found again.

A configuration names them under ``needs``, by the argument of the task that takes the run's directory::

    needs:
      teacher: {config: configs/mnist_cnn.yaml, trainer.max_epochs: 3}

Settings of the needed run come from its own configuration; where its data comes from, and if it is of the same class
also its samples and split, from the fit that needs it, so that it has trained on nothing that is scored there. Its
directory is named after a digest of its settings: equal needs of folds, sweeps and other configurations share one run.
"""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning_tasks.common.choices import nearest
from lightning_tasks.common.lock import WAIT, Busy
from lightning_tasks.runs.directory import NEEDED, RunDir

from .options import as_text
from .places import as_shown, find_config

# Arguments of the data that only say how samples are served: the needed run has its own.
SERVING = ("batch_size", "num_workers", "augment", "policy", "samples_per_epoch")


@dataclass
class Need:
    """One run that must be finished first.

    Args:
        argument: Of the task, which takes the run's directory.
        run: The directory.
        args: Arguments of its ``fit``, with its name.
    """

    argument: str
    run: RunDir
    args: list[str]


def needs_of(options: Any, plan: Callable[[list[str]], Any]) -> list[Need]:
    """The needed runs, whose directories are set as arguments of the task; what the user gave himself stays.

    Args:
        options: The parsed configuration of a fit.
        plan: Parses the arguments of another ``fit``.

    Raises:
        ValueError: An argument that the task has not, or a need without a configuration.
    """
    needs = []
    arguments = options.model.get("init_args", {})
    for argument, spec in (options.needs or {}).items():
        if argument not in arguments:
            raise ValueError(f"needs: the task has no argument {argument!r}.{nearest(argument, list(vars(arguments)))}")
        if not isinstance(spec, dict) or "config" not in spec:
            raise ValueError(f"needs: {argument} names no run: give it as {argument}: {{config: configs/TASK.yaml}}.")
        if arguments[argument] is not None:
            continue
        settings = {key: value for key, value in spec.items() if key != "config"}
        args = ["--config", str(find_config(spec["config"])), "--runs", str(options.runs), "--figures", "last"]
        data = {key: value for key, value in inherited(options, plan(args).options).items() if key not in settings}
        for key, value in {**data, **settings}.items():
            args += [f"--{key}", as_text(value)]
        planned = plan(args)
        digest = hashlib.sha256(json.dumps(planned.settings(), sort_keys=True).encode()).hexdigest()[:10]
        args += ["--name", f"{NEEDED}{digest}"]
        run = RunDir(Path(options.runs) / planned.options.experiment / f"{NEEDED}{digest}")
        arguments[argument] = str(run.path)
        needs.append(Need(argument, run, args))
    return needs


def inherited(options: Any, needed: Any) -> dict[str, Any]:
    """Settings that the needed run takes from the fit that needs it."""
    fit_args, needed_args = options.data.init_args, needed.data.init_args
    names = ["root", "source"]
    if options.data.class_path == needed.data.class_path:
        names = [name for name in vars(fit_args) if name not in SERVING]
    data = {f"data.{name}": fit_args[name] for name in names if fit_args[name] != needed_args[name]}
    return data | {"seed_everything": options.seed_everything, "trainer.accelerator": options.trainer.accelerator}


def train_needed(need: Need, fit: Callable[[list[str]], Any]) -> None:
    """Train a needed run that is not finished; another process that needs it too waits.

    Args:
        need: See ``needs_of``.
        fit: Runs ``fit`` with some arguments.
    """
    waits = False
    while True:
        seen = need.run.seen()  # before the looks: what changes after them is noticed
        if need.run.results.is_file():
            return
        try:
            if not waits:
                print(f"{need.argument}: first trains {as_shown(need.run.path)}", flush=True)
            fit([*need.args, "--resume" if need.run.newest() else "--overwrite", "--seen", seen])
            return
        except Busy:
            waits = True
            time.sleep(WAIT)
