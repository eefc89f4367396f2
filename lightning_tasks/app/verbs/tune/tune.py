"""``tune``: a search with pruning, random search at equal budget; the winners are trained anew and tested once."""

import json
import time
from argparse import Namespace
from pathlib import Path
from typing import Any

from datamodules.readers.wording import listed
from lightning_tasks.app.cli import Plan, TaskCLI
from lightning_tasks.app.display import titled
from lightning_tasks.app.jobs import Job, one_process, run_jobs
from lightning_tasks.app.options import as_text, refuse
from lightning_tasks.app.settings import differences
from lightning_tasks.app.verbs.sweep.axes import Combination, as_args, clash, short_names
from lightning_tasks.app.verbs.sweep.sweep import Sweep, execute
from lightning_tasks.common.atomic import write_atomic
from lightning_tasks.common.durations import Remaining
from lightning_tasks.common.json_files import read_json
from lightning_tasks.runs.kinds import check_place

from .space import Space, read_space

try:
    from .study import Search, locked
    from .summary import report_tuning
    from .trial import UnknownMetric, run_trial
    from .tuning import Tuning
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(f'tune needs Optuna ({error}): pip install -e ".[tune]"') from None

OURS = {
    "--resume": "tune goes on by itself where trials are missing: leave --resume away.",
    "--overwrite": "a study is not replaced, because it is costly: give --study NAME, or delete its folder.",
    "--name": "give --study NAME.",
}


def run(options: Namespace, fit_args: list[str]) -> None:
    """``tune --config C --space S --trials 20`` and fit options."""
    refuse(fit_args, OURS)
    space = read_space(Path(options.space))
    config = [part for c in options.config or ([space.config] if space.config else []) for part in ("--config", c)]
    if pair := clash(fit_args, {*space.ranges, *space.fixed}):
        raise ValueError(f"{pair[0]} cannot be set for all trials: {options.space} sets {pair[1]}.")
    plan = Plan([*config, *fit_args])
    if plan.options.trainer.fast_dev_run:
        raise ValueError(
            "--trainer.fast_dev_run: a search compares scores, and such a run has none. Try it with "
            "--trials 1 --trainer.max_epochs 1 --study try."
        )
    folder = plan.run_dir.path.parent / options.study
    check_place(folder, "tune", "files", option="--study")
    trial_plan = check_space(config, fit_args, space)
    epochs = trial_plan.options.trainer.max_epochs
    if not epochs or epochs < 1 or not one_process(plan.options.trainer):
        raise ValueError(
            "a trial needs --trainer.max_epochs and one device; several devices run several trials: --jobs."
        )
    metric, mode = goal(options, [*config, *fit_args])
    tuning = Tuning(folder, config, fit_args, space, plan, metric, mode, options)
    if options.seeds is not None and tuning.seed in options.seeds:
        raise ValueError(
            f"--seeds holds {tuning.seed}, the seed of the search, on which the winners were chosen. Give others, "
            f"such as {','.join(str(tuning.seed + i) for i in (1, 2, 3))}."
        )
    agree(tuning, trial_plan)
    searches, budget = {}, options.trials
    for name in [options.only] if options.only else tuning.names:
        if name != options.sampler and not options.only:  # as many trials as the search had time for
            budget = min(budget, len(tuning.search(options.sampler, budget, epochs).all()))
        searches[name] = tuning.search(name, budget, epochs)
        if options.jobs is None:
            run_search(tuning, searches[name], options.timeout if name == options.sampler else None)
        else:
            side_by_side(searches[name], options.given, options.jobs)
    if options.only:
        return
    if busy := sum(search.elsewhere() for search in searches.values()):
        print(f"{busy} trials still run in other processes; the one that ends last trains and tests the winners.")
        return
    with locked(folder / "finish.lock", wait=False) as free:
        if free:
            finish(tuning, searches)
        else:
            print("Another process trains and tests the winners.")


def check_space(config: list[str], args: list[str], space: Space) -> Plan:
    """Parse the command line of every limit and choice before any trial runs; returns the first."""
    plans = [
        Plan([*config, *as_args(space.search), *args, *as_args(space.fixed | values)]) for values in space.samples()
    ]
    return plans[0]


def goal(options: Namespace, args: list[str]) -> tuple[str, str]:
    """Metric and whether it is to be small or large: the task knows that of the one that chooses its checkpoint."""
    task = TaskCLI([*args], run=False).model
    metric = options.metric or task.monitor
    if not metric.startswith("val/"):
        raise ValueError(f"--metric {metric}: a search looks at validation alone, so its name begins with val/.")
    mode = options.mode or (task.mode if metric == task.monitor else None)
    if mode is None:
        raise ValueError(f"--metric {metric}: add --mode min or --mode max (the task's own metric is {task.monitor}).")
    return metric, mode


def agree(tuning: Tuning, trial_plan: Plan) -> None:
    """Keep what the study was made of beside it, and compare where that is known.

    Raises:
        ValueError: The study of this name was made of something else.
    """
    space, o = tuning.space, tuning.options
    searched = set(space.ranges)
    made_of = {key: value for key, value in trial_plan.settings().items() if key not in searched}
    made_of |= {f"space {key}": as_text(r) for key, r in space.ranges.items()}
    made_of |= {"metric": tuning.metric, "mode": tuning.mode, "sampler": o.sampler, "pruner": o.pruner}
    made_of |= {"penalty": space.penalty} if space.penalty else {}
    path = tuning.folder / "made_of.json"
    with locked(tuning.folder / "made_of.lock"):
        if not path.is_file():
            write_atomic(path, json.dumps(made_of, indent=2) + "\n")
            return
        differ = differences(read_json(path), json.loads(json.dumps(made_of)))
    if differ:
        raise ValueError(
            f"{tuning.folder} was made with another configuration: {listed(differ)}. "
            "Add --study NAME for a new one, or delete that folder."
        )


def run_search(tuning: Tuning, search: Search, timeout: float | None) -> None:
    """Trials in this process until the budget is given out, or ``timeout`` seconds are over when one would begin."""
    o, begin, remaining = tuning.options, time.monotonic(), Remaining(search.trials - len(search.done()))
    if len(search.done()) >= search.trials:
        print(f"{search.name}: all {search.trials} trials were run before")
    while timeout is None or time.monotonic() - begin < timeout:
        proposal = search.ask(tuning.space)
        if proposal is None:
            break
        trial, index, values = proposal
        label = f"trial {index + 1} of {search.trials} ({search.name}_{trial.number})"
        remaining.total = remaining.done + search.trials - len(search.done())
        try:
            print("; ".join(filter(None, (f"{label}: {in_words(values)}", remaining.words()))), flush=True)
            if (first := search.known(values)) is not None:
                search.repeat(trial, first)
                print(f"{label}: as trial {first.number}, {tuning.objective} {first.value:.4f}", flush=True)
                continue
            names = ["--experiment", tuning.plan.options.experiment]
            names += ["--name", f"{o.study}/trials/{search.name}_{trial.number}", "--overwrite"]
            with titled(label):
                outcome = run_trial(search, trial, ["fit", *tuning.trial_args(values), *names], tuning)
        except UnknownMetric:
            if not search.done():
                (tuning.folder / "made_of.json").unlink(missing_ok=True)  # nothing was searched yet
            raise
        except SystemExit as stop:
            search.put_back(trial)
            raise SystemExit(f"Interrupted in {label}. The same command goes on from there.") from stop
        except (KeyboardInterrupt, OSError):
            search.put_back(trial)
            raise
        finally:
            search.let_go()
        remaining.step()
        print(f"{label}: {outcome}", flush=True)
        search.check_hope()


def in_words(values: dict[str, Any]) -> str:
    """``lr=0.01, width=8``."""
    names = short_names(list(values))
    return ", ".join(f"{name}={short(value)}" for name, value in zip(names, values.values(), strict=True))


def short(value: Any) -> str:
    """Four digits of a number."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def side_by_side(search: Search, args: list[str], jobs: int) -> None:
    """The same command in ``jobs`` processes that share the study and only run trials."""
    index = args.index("--jobs") if "--jobs" in args else None
    remaining = (
        [a for a in args if not a.startswith("--jobs=")] if index is None else [*args[:index], *args[index + 2 :]]
    )
    if len(search.done()) >= search.trials:
        print(f"{search.name}: all {search.trials} trials were run before")
        return
    command = ["tune", *remaining, "--only", search.name, "--trials", str(search.trials)]
    workers = [
        Job(f"{search.name} {i}", f"{search.name}, process {i + 1} of {jobs}", command,
            search.folder / f"{search.name}_worker_{i}.log")
        for i in range(min(jobs, search.trials))
    ]  # fmt: skip
    failed = run_jobs(workers, jobs, None)
    if len(failed) == len(workers):
        name, message = next(iter(failed.items()))
        raise RuntimeError(f"all processes of the {search.name} search failed. {name}: {message}")


def finish(tuning: Tuning, searches: dict[str, Search]) -> None:
    """Train and test each winner and the configuration by hand with fresh seeds, each once; then report."""
    o, space = tuning.options, tuning.space
    winners: dict[str, Combination] = {}
    for name, search in searches.items():
        best = search.best()
        label = {"configuration": f"{name} (trial {best.number})"}
        winners[name] = Combination(f"{name}_{best.number}", label, space.fixed | best.params)
    combos: dict[str, Combination] = {}
    for combo in [*winners.values(), Combination("by_hand", {"configuration": "by hand"}, {})]:
        first = combos.setdefault(
            repr(Plan([*tuning.config, *tuning.args, *as_args(combo.settings)]).settings()), combo
        )
        if first is not combo:
            first.shown["configuration"] += f" = {combo.shown['configuration']}"
    write_best(tuning, winners[tuning.best_of(searches)])
    seeds = o.seeds or [tuning.seed + i for i in (1, 2, 3)]
    final = Sweep(
        f"{o.study}/final",
        list(combos.values()),
        seeds,
        [c for c in tuning.config if c != "--config"],
        [*tuning.args, "--experiment", tuning.plan.options.experiment],
        metrics=None,
        title=f"{tuning.plan.options.experiment}, tuned and by hand, trained anew with fresh seeds",
    )
    print(f"The winners by validation and the configuration by hand, {len(seeds)} fresh seeds each, tested once:")
    results = execute(final, o.jobs)
    report_tuning(tuning, searches, results)


def write_best(tuning: Tuning, combo: Combination) -> None:
    """``best.yaml``: the whole configuration of a winner, for ``fit --config``."""
    plan = Plan([*tuning.config, *tuning.args, *as_args(combo.settings)])
    plan.options.name = f"{tuning.options.study}_best"
    plan.run_dir.config = tuning.folder / "best.yaml"
    plan.save_config()
