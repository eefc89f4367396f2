"""Arguments of a run itself, beside those of model, data and trainer."""

from argparse import SUPPRESS
from functools import reduce
from operator import or_
from typing import Any, Literal, get_args


def add_run_arguments(parser: Any) -> None:
    """Add them to a parser of ``fit``, ``validate``, ``test`` or ``predict``; ``preflight.KEYS`` lists the names."""
    parser.add_argument("--runs", type=str, default="runs", help="Folder of all runs.")
    parser.add_argument("--experiment", type=str | None, default=None, help="Default: the config's file name.")
    parser.add_argument("--name", type=str, default="default", help="Name of the run within its experiment.")
    parser.add_argument("--start", type=str | None, default=None, help="Begin at the weights of this run or file.")
    parser.add_argument("--resume", action="store_true", help="Continue the run of this name.")
    parser.add_argument("--overwrite", action="store_true", help="Replace the run of this name.")
    parser.add_argument("--seen", type=str | None, default=None, help=SUPPRESS)  # see `RunDir.seen`
    parser.add_argument("--early_stopping", type=int | None, default=None, help="Patience in epochs on `monitor`.")
    parser.add_argument("--draws", type=int, default=200, help="Bootstrap draws for intervals; 0 for none.")
    parser.add_argument("--baselines", type=bool, default=True, help="Score the task's baselines after a fit.")
    needs = dict[str, dict[str, Any]] | None
    parser.add_argument("--needs", type=needs, default=None, help="Argument of the task -> run that is trained first.")
    parser.add_argument(
        "--figures",
        type=Literal["all", "last", "none"],
        default="all",
        help="Draw in a fit and after it, only after its test (what kfold and sweep do), or not at all.",
    )


def read_counts_first(parser: Any) -> None:
    """Let ``--trainer.limit_val_batches 1`` be one batch: of the Trainer's numbers, 1 is a count and 1.0 a share.

    The parser tries the types of a union in turn, and ``typing`` hands out ``Union[float, int]`` for
    ``Union[int, float]`` where another library has asked for that one before.
    """
    for action in parser._actions:
        kinds = get_args(getattr(action, "_typehint", None))
        if int in kinds and float in kinds:
            others = [kind for kind in kinds if kind not in (int, float)]
            action._typehint = reduce(or_, others, int | float)
