"""LightningCLI for tasks: run directory, loggers and checkpoints by convention, weights always explicit."""

from argparse import ArgumentError
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lightning.pytorch.cli import LightningCLI
from lightning.pytorch.utilities import rank_zero_only

import datamodules
import lightning_tasks
from datamodules.readers.wording import listed
from lightning_tasks.callbacks import EpochSeed, NonFiniteGuard, Patience
from lightning_tasks.common.atomic import drop_leftovers, write_atomic
from lightning_tasks.common.lock import Busy, Lock
from lightning_tasks.problems import Task
from lightning_tasks.runs.data_record import check_same_data, data_record, other_data, write_data_record
from lightning_tasks.runs.directory import NAME, RunDir, is_name
from lightning_tasks.runs.keeper import with_checkpoint_io

from .arguments import add_run_arguments, read_counts_first
from .display import display
from .errors import explain
from .facts import fill_from_data
from .finish import Fitted, finish_fit
from .fit_callbacks import fit_callbacks
from .given_weights import GivenWeights
from .hooks import NoProfiler
from .loggers import loggers_of
from .messages import quiet
from .needs import Need, needs_of, train_needed
from .places import CONFIGS, as_shown
from .resuming import begin_at, checkpoint_to_resume
from .settings import check_resume, learnt_otherwise, settings
from .strategies import finding_idle
from .trainer_flags import check_finite, check_fit, check_limits, check_precision, check_seed, no_epoch
from .weights import file_of, folder_of

for package in (datamodules, lightning_tasks):  # YAML gives classes by bare name: all must be known
    for name in package.__all__:
        getattr(package, name)


class TaskCLI(GivenWeights, LightningCLI):
    """``fit``, ``validate``, ``test`` and ``predict`` for any ``Task`` and ``DataModule``.

    Args:
        args: Command line, without the program's name.
        run: False only builds model, data and trainer; verbs use that.
    """

    def __init__(self, args: list[str], run: bool = True) -> None:
        quiet()
        self._command = args[0] if run else None
        self._subcommand_parsers: dict = {}
        self._lock: Lock | None = None
        strict = {"exit_on_error": False, "allow_abbrev": False}
        defaults = {"default_config_files": [str(CONFIGS / "_base.yaml")], **strict}
        try:
            super().__init__(
                Task,
                datamodules.DataModule,
                subclass_mode_model=True,
                subclass_mode_data=True,
                seed_everything_default=0,
                save_config_callback=None,
                auto_configure_optimizers=False,
                parser_kwargs=strict | {args[0]: defaults} if run else defaults,
                args=args,
                run=run,
            )
        finally:
            if self._lock is not None:
                self._lock.release()

    def subcommands(self) -> dict[str, set[str]]:
        """The command that is asked for: the parser of each takes a tenth of a second, and one is read."""
        return {name: skip for name, skip in LightningCLI.subcommands().items() if name == self._command}

    def add_arguments_to_parser(self, parser) -> None:
        """Arguments of the run itself."""
        add_run_arguments(parser)
        read_counts_first(parser)

    def parse_arguments(self, parser, args) -> None:
        """Parse, with errors in one sentence (Lightning's method would warn that a program passes arguments)."""
        try:
            self.config = parser.parse_args(args)
        except (ArgumentError, TypeError) as error:
            active = self._subcommand_parsers.get(args[0], parser) if self._subcommand_parsers else parser
            options = [a.dest for a in active._actions if "help" not in a.dest]
            raise ValueError(explain(str(error), options)) from None
        options = self.options
        fill_from_data(options)
        check_precision(options.trainer.precision)
        check_seed(options.seed_everything)
        check_finite(options)
        fitting = self._subcommand_parsers and self.config.subcommand == "fit"
        if fitting and not options.trainer.fast_dev_run:
            check_fit(options, self.name_run().path)
        if self._subcommand_parsers and not fitting:
            check_limits(self.config.subcommand, options.trainer)
        if fitting and options.trainer.fast_dev_run and options.needs:
            self._trial = TemporaryDirectory()  # nothing of a trial run stays
            options.runs = self._trial.name
        self.needs: list[Need] = needs_of(options, Plan) if fitting else []

    def _parse_ckpt_path(self) -> None:
        """Do nothing: what a checkpoint stores must not beat configuration and flags (Lightning PR 21455)."""

    @property
    def options(self):
        """The parsed configuration of the running command."""
        return self.config[self.config.subcommand] if self._subcommand_parsers else self.config

    def before_instantiate_classes(self) -> None:
        """Settle the run directory, then train what is needed, before anything costly is built."""
        self.name_run()
        options = self.options
        if self.subcommand == "fit" and rank_zero_only.rank == 0:
            if not options.trainer.fast_dev_run:
                self._lock = self.run_dir.lock()
                self._lock.take()
                if options.seen not in (None, self.run_dir.seen()):
                    raise Busy(f"{self.run_dir.path}: another process was at work there meanwhile.")
            if options.resume or not options.trainer.fast_dev_run:
                self.run_dir.check(options.resume, options.overwrite)
            if options.resume and not options.trainer.fast_dev_run:
                check_resume(self.run_dir.config.read_text(encoding="utf-8"), self.settings(), str(self.run_dir.config))
        for need in self.needs:
            short = ["--trainer.max_epochs", "1", "--trainer.limit_train_batches", "2"]
            extra = short if options.trainer.fast_dev_run else []
            train_needed(need, lambda args, extra=extra: TaskCLI(["fit", *args, *extra]))
        if self.needs:
            self._set_seed()  # the needed fits had their own random numbers

    def name_run(self) -> RunDir:
        """Name the experiment after its config where the user did not, and find the run directory."""
        options = self.options
        if options.experiment is None:
            files = options.get("config") or []
            options.experiment = Path(str(files[0])).stem if files else options.model.class_path.rsplit(".", 1)[-1]
        for option in ("experiment", "name"):
            if not is_name(options[option]):
                raise ValueError(f"--{option} {options[option]!r}: {NAME}.")
        self.run_dir = RunDir(Path(options.runs) / options.experiment / options.name)
        return self.run_dir

    def settings(self) -> dict[str, Any]:
        """All settings of the fit that matter for a result, by dotted name."""
        return settings(self._parser("fit").dump(self.options, skip_none=False))

    def instantiate_trainer(self, **kwargs):
        """Add the loggers and callbacks every run has."""
        options, run, task = self.options, self.run_dir, self.model
        callbacks = [EpochSeed(), NonFiniteGuard()]
        if self.subcommand == "fit" and not options.trainer.fast_dev_run:
            self.stopwatch, self.best, ours = fit_callbacks(run, task, options.figures)
            callbacks += ours
            kwargs["logger"] = loggers_of(self._get(self.config_init, "trainer").logger, run.path)
        elif not options.trainer.fast_dev_run:
            kwargs["logger"] = False
        if options.early_stopping is not None and self.subcommand == "fit":
            callbacks.append(Patience(task.monitor, mode=task.mode, patience=options.early_stopping))
        trainer_config = {**self._get(self.config_init, "trainer", default={}), **kwargs}
        trainer_config["profiler"] = trainer_config.get("profiler") or NoProfiler()
        if self.subcommand != "fit":
            trainer_config["enable_checkpointing"] = False
        return self._instantiate_trainer(trainer_config, callbacks)

    def _instantiate_trainer(self, config: dict[str, Any], callbacks: list):
        """Also for subclasses with callbacks of their own: checkpoints are written whole or not at all."""
        given = config.get("callbacks") or []
        callbacks += display(config, [*callbacks, *(given if isinstance(given, list) else [given])])
        config["plugins"] = with_checkpoint_io(config.get("plugins"), config.get("strategy"))
        return finding_idle(super()._instantiate_trainer(config, callbacks), self.model)

    # ---- fit --------------------------------------------------------------------------------------------------

    def fit(self, model, ckpt_path=None, **kwargs) -> None:
        """Train: anew, from the weights of ``--start``, or with ``--resume`` from the newest whole checkpoint."""
        options = self.options
        model.check_trainer(self.trainer)
        if options.resume:
            ckpt_path = checkpoint_to_resume(self.run_dir, model, options.trainer.max_epochs)
        elif options.start is not None:
            self.trainer.callbacks.append(begin_at(model, self.datamodule, file_of(options.start)))
        if options.start is not None:
            model.weights_origin = options.start
        writes, interrupted = rank_zero_only.rank == 0 and not options.trainer.fast_dev_run, False
        record = self.read_data() if writes else None
        try:
            if writes:
                self.begin_run(record)
            self.trainer.fit(model, ckpt_path=ckpt_path, **kwargs)
        except SystemExit:  # what Lightning makes of Ctrl-C
            interrupted = True
        finally:
            begun = self.begun()
            if writes:
                self.run_dir.settle(keep=begun)
        if interrupted and begun:
            raise SystemExit(f"Interrupted. Continue with --resume: {as_shown(self.run_dir.path)}")
        if interrupted:
            raise SystemExit("Interrupted before the first epoch ended: there is nothing to continue.")
        if writes and not begun:
            raise ValueError(no_epoch(self.options.trainer))

    def read_data(self) -> dict[str, Any]:
        """Set the data up as the trainer would, and say what it is; a run goes on with the same data only."""
        self.datamodule.prepare_data()
        self.datamodule.setup("fit")
        record = data_record(self.datamodule)
        if self.options.resume:
            check_same_data(self.run_dir, record)
            if changed := learnt_otherwise(self.run_dir.config.read_text(encoding="utf-8"), self.settings()):
                self.datamodule.note(f"Resumed with {listed(changed)} from there on.")
        if self.options.start and (message := other_data(folder_of(Path(self.options.start)), self.datamodule)):
            self.datamodule.note(message)
        return record

    def begin_run(self, record: dict[str, Any]) -> None:
        """Write what the run is made of: configuration and data."""
        if self.options.resume:
            drop_leftovers(self.run_dir.path)
            self.run_dir.results.unlink(missing_ok=True)  # of fewer epochs: from here on the run is unfinished
        else:
            self.run_dir.begin()
        self.save_config()
        write_data_record(self.run_dir, record)

    def begun(self) -> bool:
        """Whether there is something to keep: an epoch that ended."""
        return self.run_dir.newest() is not None

    def save_config(self) -> None:
        """Write the full configuration; ``fit --config`` of this file repeats the run."""
        config = self.options.clone()
        for key in ("config", "ckpt_path", "weights_only", "seen"):
            config.pop(key, None)
        config.resume = config.overwrite = False
        write_atomic(self.run_dir.config, self._parser(self.subcommand).dump(config, skip_none=False))

    def after_fit(self) -> None:
        """Test the best checkpoint and write results, figures and report."""
        if not self.options.trainer.fast_dev_run:
            parts = (self.run_dir, self.model, self.datamodule, self.trainer, self.best, self.stopwatch)
            finish_fit(Fitted(*parts, self.options))


class Plan(TaskCLI):
    """Settings and names of a fit that is to come; builds no network, reads no data.

    Args:
        args: Arguments of ``fit``.
    """

    def __init__(self, args: list[str]) -> None:
        super().__init__(["fit", *args])

    def data(self) -> datamodules.DataModule:
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
