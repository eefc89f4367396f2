"""Settings and names of a fit that is to come."""

from importlib import import_module

from datamodules import DataModule

from .cli import TaskCLI


class Plan(TaskCLI):
    """Builds no network, reads no data.

    Args:
        args: Arguments of ``fit``.
    """

    def __init__(self, args: list[str]) -> None:
        super().__init__(["fit", *args])

    def data(self) -> DataModule:
        """The fit's data, not set up."""
        module, name = self.options.data.class_path.rsplit(".", 1)
        return getattr(import_module(module), name)(**self.options.data.init_args)

    def before_instantiate_classes(self) -> None:
        """Name the run; whether its directory may be used is the verb's business."""
        self.name_run()

    def instantiate_classes(self) -> None:
        """Build nothing."""

    def _run_subcommand(self, subcommand: str) -> None:
        """Run nothing."""
