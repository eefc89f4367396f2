"""``report``: the HTML page of a run, or of what a verb made of several."""

from argparse import Namespace
from pathlib import Path

from jinja2 import TemplateError

from lightning_tasks.app.pages.comparison import write_comparison_report
from lightning_tasks.app.pages.ensemble import write_ensemble_report
from lightning_tasks.app.pages.exercise import write_exercise_report
from lightning_tasks.app.pages.inspect import write_inspect_report
from lightning_tasks.app.pages.kfold import write_kfold_report
from lightning_tasks.app.pages.run import write_report
from lightning_tasks.app.pages.side_by_side import write_side_by_side
from lightning_tasks.app.places import as_shown
from lightning_tasks.common.json_files import MissingKey
from lightning_tasks.runs.directory import find_run
from lightning_tasks.runs.kinds import kind_of

WRITERS = {
    "kfold": write_kfold_report,
    "bags": write_kfold_report,
    "ensemble": write_ensemble_report,
    "inspect": write_inspect_report,
    "sweep": write_comparison_report,
    "tune": write_comparison_report,
    "exercise": write_exercise_report,
    "comparison": write_side_by_side,
}

COMPARED = ("run", "kfold", "bags", "sweep")  # what ``--runs`` takes


def run(options: Namespace, args: list[str]) -> None:
    """``report --run R``, or ``report --runs A B ... [--name N] [--draws N]``."""
    if args:
        raise ValueError(f"report takes --run or --runs and nothing else; it was given {' '.join(args)}.")
    if options.runs:
        from .side_by_side import compare  # here: pairs are scored again, with torch, and a page by itself is not

        print(f"Report: {as_shown(compare(options))}")
        return
    folder = Path(options.run)
    try:
        writer = WRITERS.get(kind_of(folder))
        page = writer(folder) if writer else write_report(find_run(folder))
    except MissingKey:
        raise
    except (LookupError, TypeError, AttributeError, TemplateError, UnicodeDecodeError) as error:
        raise ValueError(
            f"{folder}: results.json or a file beside it is not as this version writes it ({type(error).__name__}: "
            f"{' '.join(str(error).split())}). Make the run again, or use the version that made it."
        ) from None
    print(f"Wrote {as_shown(page)}")
    if kind_of(folder) in COMPARED:
        print(f"Next: report --runs {as_shown(folder)} OTHER puts it beside another.")
