"""What a sweep trains: combinations and seeds, and the state of each run."""

from dataclasses import dataclass, field
from typing import Any

from lightning_tasks.app.cli import Plan
from lightning_tasks.app.jobs import FEW_FIGURES, Job, state_of
from lightning_tasks.runs.directory import RunDir, remove_runs
from lightning_tasks.runs.kinds import check_place

from .axes import Combination, as_args


@dataclass
class Sweep:
    """Combinations and seeds of one directory.

    Args:
        name: Name of the directory within its experiment; may hold slashes.
        combos: What is compared.
        seeds: Each combination is trained once with each.
        config: Of the combinations that name none.
        args: The user's arguments of ``fit``, for all runs.
        settings: Settings of all runs; the user's arguments beat them.
        metrics: Shown in the table; None takes the headline of the task.
        title: Heading of the table.
    """

    name: str
    combos: list[Combination]
    seeds: list[int]
    config: list[str]
    args: list[str]
    settings: dict[str, Any] = field(default_factory=dict)
    metrics: list[str] | None = None
    title: str | None = None
    overwrite: bool = False

    def plan(self) -> None:
        """Parse the command line of every combination and look at what was run before.

        Raises:
            ValueError: An unknown option, a run of another configuration, or two combinations that are the same.
            FileExistsError: The directory is of something else than a sweep.
        """
        self.planned, slugs = {}, {}
        for combo in sorted(self.combos, key=lambda c: c.config is not None):  # the first names the experiment
            plan = Plan([*self.fit_args(combo), "--seed_everything", str(self.seeds[0])])
            if not slugs:
                self.experiment, self.trainer = plan.options.experiment, plan.options.trainer
                self.folder = plan.run_dir.path.parent / self.name
                self.data = plan.data()
            self.planned[combo.slug] = plan.settings()
            first = slugs.setdefault(repr(self.planned[combo.slug]), combo.slug)
            if first != combo.slug:
                raise ValueError(f"{first} and {combo.slug} are the same configuration. Leave one of them out.")
        check_place(self.folder, "sweep", "files")
        if self.overwrite:
            self.data.setup("fit")  # what is removed does not come back where there is no data to train it anew
            (self.folder / "results.json").unlink(missing_ok=True)
            remove_runs([self.run(combo, seed) for combo in self.combos for seed in self.seeds])
        self.runs = [(combo, seed) for seed in self.seeds for combo in self.combos]  # one seed of everything first
        self.states = {(combo.slug, seed): self.state(combo, seed) for combo, seed in self.runs}

    def left_out(self) -> list[str]:
        """Combinations of earlier calls that are none of these, by the names of their folders."""
        held = {path.parents[1].name for path in self.folder.glob("*/seed_*/results.json")}
        return sorted(held - self.planned.keys())

    def run(self, combo: Combination, seed: int) -> RunDir:
        """Directory of one run."""
        return RunDir(self.folder / combo.slug / f"seed_{seed}")

    def state(self, combo: Combination, seed: int) -> str:
        """``finished``, ``begun`` or ``missing``."""
        run = self.run(combo, seed)
        planned = self.planned[combo.slug] | {"seed_everything": seed}
        return state_of(run, run.results.is_file(), planned, "runs")

    def fit_args(self, combo: Combination) -> list[str]:
        """Arguments of ``fit``: configuration, settings of all, the user's, settings of the combination."""
        configs = [combo.config] if combo.config else self.config
        files = [part for config in configs for part in ("--config", config)]
        return [*files, *as_args(self.settings), *self.args, *as_args(combo.settings)]

    def job(self, number: int, combo: Combination, seed: int) -> Job:
        """One fit; scores without a network are the same for all seeds, so that the first alone computes them."""
        mode = ["--resume"] if self.states[combo.slug, seed] == "begun" else ["--overwrite"]
        names = ["--experiment", self.experiment, "--name", f"{self.name}/{combo.slug}/seed_{seed}"]
        baselines = [] if seed == self.seeds[0] else ["--baselines", "false"]
        label = f"run {number + 1} of {len(self.runs)} ({combo.slug}, seed {seed})"
        args = ["fit", *FEW_FIGURES, *self.fit_args(combo), "--seed_everything", str(seed), *names, *baselines, *mode]
        log = self.folder / combo.slug / f"seed_{seed}.log"
        run, renew = self.run(combo, seed), lambda: self.renewed(number, combo, seed)
        return Job(f"{combo.slug}/seed_{seed}", label, args, log, run, renew)

    def renewed(self, number: int, combo: Combination, seed: int) -> Job | None:
        """The fit as it is to be run now, or None."""
        self.states[combo.slug, seed] = self.state(combo, seed)
        return None if self.states[combo.slug, seed] == "finished" else self.job(number, combo, seed)
