"""The command line of a fit, parsed but not run."""

from .cli import TaskCLI


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
