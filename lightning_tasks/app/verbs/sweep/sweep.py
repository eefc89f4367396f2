"""``sweep``: one fit for each combination of settings and each seed, resumable, then mean and sd over the seeds."""

from argparse import ArgumentTypeError, Namespace
from pathlib import Path
from typing import Any

from datamodules.readers.wording import listed
from lightning_tasks.app.console import print_notes
from lightning_tasks.app.errors import check_types
from lightning_tasks.app.jobs import Job, run_jobs
from lightning_tasks.app.options import refuse, seed_list
from lightning_tasks.app.pages.comparison import swept_verdict
from lightning_tasks.app.places import as_shown, config_of
from lightning_tasks.app.preflight import read_yaml
from lightning_tasks.common.choices import nearest

from .axes import clash, combinations, number_of, parse_grids
from .plan import Sweep
from .summary import check_metrics, show, summarise, write_all

OURS = {
    "--seed_everything": "sweep sets the seed: give --seeds 0,1,2.",
    "--resume": "sweep goes on by itself where runs are missing or unfinished: leave --resume away.",
}
FILE_TYPES = {"title": str, "config": str, "settings": dict, "grid": dict, "variants": dict, "seeds": list,
              "metrics": list}  # fmt: skip
FILE_KEYS = tuple(FILE_TYPES)


def run(options: Namespace, fit_args: list[str]) -> None:
    """``sweep --config C --grid model.lr=0.01,0.1 --seeds 0,1,2`` or ``sweep --sweep F``, and fit options."""
    refuse(fit_args, OURS)
    content = read_file(Path(options.sweep)) if options.sweep else {}
    grid = (content.get("grid") or {}) | parse_grids(options.grid)
    variants = content.get("variants") or ({"default": {}} if options.seeds and not grid else {})
    if not grid and not variants:
        raise ValueError("nothing to compare: give --grid model.lr=0.01,0.1 or --sweep configs/sweeps/FILE.yaml, "
                         "or --seeds 0,1,2 to see the spread of one configuration.")  # fmt: skip
    combos = combinations(grid, variants)
    keys = {key for combo in combos for key in combo.settings}
    if pair := clash(fit_args, keys):
        raise ValueError(f"{pair[0]} cannot be set for all runs: the sweep compares values of {pair[1]}.")
    sweep = Sweep(
        options.name or (Path(options.sweep).stem if options.sweep else "sweep"),
        combos,
        options.seeds or content.get("seeds") or [0, 1, 2],
        options.config or ([content["config"]] if content.get("config") else []),
        fit_args,
        content.get("settings") or {},
        options.metric or content.get("metrics"),
        content.get("title"),
        overwrite=options.overwrite,
    )
    results = execute(sweep, options.jobs)
    if not results:  # of a fast_dev_run
        return
    for line in swept_verdict(results):
        print(line)
    print_notes([], "simulated" in results["data_source"])
    print(f"Next: report --runs {as_shown(sweep.folder)} puts the runs side by side, with paired intervals.")


def execute(sweep: Sweep, jobs: int | None) -> dict[str, Any]:
    """Run what is missing; write the table after each run, the figure at the end.

    Returns:
        What ``results.json`` holds; nothing of a fast_dev_run, which leaves no scores.

    Raises:
        RuntimeError: A run failed and no other has scores. Where one has, the table says which failed.
        ValueError: A metric that the runs do not have.
    """
    sweep.plan()
    if gone := sweep.left_out():
        print(f"The table no longer holds {listed(gone)}: those runs stay in {as_shown(sweep.folder)}, in no table.")
    todo = []
    for number, (combo, seed) in enumerate(sweep.runs):
        job = sweep.job(number, combo, seed)
        if sweep.states[combo.slug, seed] == "finished":
            print(f"{job.label}: finished before")
        else:
            todo.append(job)
    if todo:
        sweep.data.setup("fit")  # what no run would find is one error, and not one a run
    failed: dict[str, str] = {}

    def ended(job: Job, error: str | None) -> None:
        if error is not None:
            failed[job.name] = error
        if not sweep.trainer.fast_dev_run:
            write_all(sweep.folder, summarise(sweep, failed), figure=False)

    run_jobs(todo, jobs, sweep.trainer, ended)
    results = {} if sweep.trainer.fast_dev_run else summarise(sweep, failed)
    if failed and not any(row["status"] == "finished" for row in results.get("runs", [])):
        name, message = next(iter(failed.items()))
        log = sweep.folder / f"{name}.log"
        raise RuntimeError(f"{len(failed)} of {len(sweep.runs)} runs failed. {name}: {message} ({log})")
    if not results:
        return {}
    check_metrics(results)
    write_all(sweep.folder, results, figure=True)
    show(sweep.folder, results)
    return results


def read_file(path: Path) -> dict[str, Any]:
    """A sweep's YAML; ``config`` is relative to its folder, also that of a variant.

    Raises:
        FileNotFoundError: No such file.
        ValueError: No YAML, no mapping, or an unknown key.
    """
    content = read_yaml(path)
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected keys such as config, grid, variants and seeds.")
    for key in content:
        if key not in FILE_KEYS:
            raise ValueError(
                f"{path}: unknown key {key!r}.{nearest(key, list(FILE_KEYS))} Keys: {', '.join(FILE_KEYS)}."
            )
    check_types(str(path), content, FILE_TYPES)
    variants = content.get("variants") or {}
    check_types(f"{path}: variants", variants, dict.fromkeys(variants, dict))
    for holder in (content, *variants.values()):
        if (holder or {}).get("config") is not None:
            check_types(str(path), {"config": holder["config"]}, FILE_TYPES)
            holder["config"] = str(config_of(path, holder["config"]))
    for key, values in (content.get("grid") or {}).items():
        if not isinstance(values, list) or not values:
            raise ValueError(f"{path}: grid.{key} must be a list of values, such as [1, 2, 4]; it is {values!r}.")
        content["grid"][key] = [number_of(value) for value in values]
    if "seeds" in content:
        try:
            content["seeds"] = seed_list(",".join(map(str, content["seeds"] or ())))
        except ArgumentTypeError as error:
            raise ValueError(f"{path}: seeds {error}.") from None
    return content
