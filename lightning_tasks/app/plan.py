"""The command line of a fit, parsed but not run; what differs between two configurations."""

from typing import Any

import yaml

from .cli import TaskCLI

# They change what is shown and where it is kept, and no prediction.
NEUTRAL = {
    *("runs", "experiment", "name", "resume", "overwrite", "draws", "baselines", "figures"),
    *("trainer.enable_progress_bar", "trainer.enable_model_summary"),
}


class Plan(TaskCLI):
    """Settings and names of a fit that is to come; builds no network, reads no data.

    Args:
        args: Arguments of ``fit``.
    """

    def __init__(self, args: list[str]) -> None:
        super().__init__(["fit", *args])

    def before_instantiate_classes(self) -> None:
        """Name the run; whether its directory may be used is the verb's business."""
        self.name_run()

    def instantiate_classes(self) -> None:
        """Build nothing."""

    def _run_subcommand(self, subcommand: str) -> None:
        """Run nothing."""

    def settings(self) -> dict[str, Any]:
        """All settings that matter for a result, by dotted name."""
        return settings(self._parser("fit").dump(self.options, skip_none=False))


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
    return {key: value for key, value in flat.items() if key not in NEUTRAL and key != "config"}


def differences(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """``data.batch_size 32 -> 16`` for each setting that is not the same."""
    keys = [key for key in dict.fromkeys((*old, *new)) if old.get(key) != new.get(key)]
    return [f"{key.removesuffix('.class_path')} {old.get(key)} -> {new.get(key)}" for key in keys]
