"""Settings of a fit by dotted name; which of them may differ when a run goes on."""

from typing import Any

import yaml

from datamodules.readers.wording import listed

# They change what is shown, how fast it goes and where it is kept, and no prediction.
NEUTRAL = {
    **dict.fromkeys(("runs", "experiment", "name", "resume", "overwrite", "seen"), "they name the run"),
    **dict.fromkeys(("draws", "baselines", "figures"), "what is written beside the scores"),
    **dict.fromkeys(
        (
            *("trainer.enable_progress_bar", "trainer.enable_model_summary", "trainer.log_every_n_steps"),
            *("trainer.logger", "trainer.profiler", "trainer.detect_anomaly", "trainer.enable_autolog_hparams"),
        ),
        "what is shown",
    ),
    "data.num_workers": "samples and their order do not depend on it",
}

# A resumed run goes on with the new value from its next epoch; the reason says what makes that so. These change what is
# learnt from there on, which a run says,
LEARNT_FROM_HERE = {
    "model.lr": "ResumeRates scales the optimiser's",
    "model.weight_decay": "ResumeRates scales the optimiser's",
    "data.batch_size": "ResumeRates counts the schedule in the new steps",
    "trainer.accumulate_grad_batches": "as data.batch_size",
    "trainer.gradient_clip_val": "read at each step",
    "trainer.gradient_clip_algorithm": "read at each step",
    "trainer.precision": "weights and optimiser state are cast when they are loaded",
}
# and these do not.
FROM_HERE = {
    **LEARNT_FROM_HERE,
    "trainer.max_epochs": "ResumeRates puts the schedule on the curve of the new number",
    "trainer.min_epochs": "read at the end of each epoch",
    "trainer.max_time": "Lightning's timer counts all parts of a run",
    "early_stopping": "Patience takes the configuration's",
    "trainer.devices": "as data.batch_size",
    "trainer.num_nodes": "as data.batch_size",
    "trainer.strategy": "a checkpoint is of the task, however it was spread",
    "trainer.sync_batchnorm": "as trainer.strategy",
    "trainer.accelerator": "tensors are moved when they are loaded",
    "trainer.plugins": "made anew",
    "trainer.callbacks": "made anew; one that was there before recalls its state",
    "trainer.deterministic": "set for the process",
    "trainer.benchmark": "set for the process",
    "data.root": "data.json says whether the data is the same",
    "data.source": "as data.root",
    "data.download": "as data.root",
}


def settings(text: str) -> dict[str, Any]:
    """Settings of a ``config.yaml`` by dotted name, as on the command line (``data.fold``, not its ``init_args``)."""
    flat: dict[str, Any] = {}

    def walk(prefix: str, value: Any) -> None:
        if isinstance(value, dict) and value:
            for key, inner in value.items():
                walk(prefix if key == "init_args" else f"{prefix}.{key}" if prefix else str(key), inner)
        else:
            flat[prefix] = value

    walk("", yaml.safe_load(text) or {})
    return {key: value for key, value in flat.items() if not stands_in(key, NEUTRAL) and key != "config"}


def stands_in(key: str, table: dict[str, str]) -> bool:
    """Whether a setting, or the argument it is a part of (``trainer.strategy.find_unused_parameters``), is listed."""
    return any(key == name or key.startswith(f"{name}.") for name in table)


def differences(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """``data.batch_size 32 -> 16`` for each setting that is not the same."""
    keys = [key for key in dict.fromkeys((*old, *new)) if old.get(key) != new.get(key)]
    return [f"{key.removesuffix('.class_path')} {old.get(key)} -> {new.get(key)}" for key in keys]


def refused(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Those of ``differences`` with which a run cannot go on: they decide what is learnt, from what, how it is scored.

    All settings do that the tables above do not list.
    """
    keys = [key for key in dict.fromkeys((*old, *new)) if not stands_in(key, FROM_HERE)]
    decay = "model.weight_decay"
    if not old.get(decay) or not new.get(decay):
        keys.append(decay)  # the optimiser has groups of parameters with and without it, or only one
    return differences({k: old.get(k) for k in keys}, {k: new.get(k) for k in keys})


def check_resume(config: str, planned: dict[str, Any], where: str) -> None:
    """Compare what a run was made with and what it would go on with.

    Args:
        config: Text of its ``config.yaml``.
        planned: ``settings`` of the fit that is to go on.
        where: Path of the file.

    Raises:
        ValueError: A setting differs that would make it another run.
    """
    if differ := refused(settings(config), planned):
        raise ValueError(
            f"--resume: {listed(differ)} would make it another run than {where} says. "
            "Leave it as it was, or train anew with --overwrite or another --name."
        )


def learnt_otherwise(config: str, planned: dict[str, Any]) -> list[str]:
    """``model.lr 0.02 -> 0.05`` for each setting with another value than in ``config`` that changes what is learnt."""
    made = settings(config)
    return differences(*({key: values.get(key) for key in LEARNT_FROM_HERE} for values in (made, planned)))
