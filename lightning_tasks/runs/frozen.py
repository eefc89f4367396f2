"""A trained network from a run directory, for tasks that build on another one: a teacher, or features."""

import sys
from contextlib import suppress
from contextvars import Context
from importlib import import_module
from pathlib import Path

from lightning import LightningModule
from torch import nn

from lightning_tasks.common.torch_files import reason

from .checkpoint import another_version, read_checkpoint, take_weights


def load_frozen(run: str | Path) -> LightningModule:
    """The task of a run with its best weights: evaluation mode, no gradients, and it stays so.

    Raises:
        FileNotFoundError: The directory holds no ``checkpoints/best.ckpt``.
        ValueError: It is cut, of a task that this application does not have, or of another version of its task.
    """
    path = Path(run) / "checkpoints" / "best.ckpt"
    if not path.is_file() and not (Path(run) / "config.yaml").is_file():
        raise FileNotFoundError(
            f"{path} does not exist. Give the directory of a finished run, such as runs/mnist_cnn/latest."
        )
    checkpoint = read_checkpoint(path)
    arguments = dict(checkpoint.get("hyper_parameters", {}))
    made_by = task_class(arguments.pop("_class_path", ""), path)
    arguments.pop("_instantiator", None)
    # An empty context: LightningCLI keeps the arguments of the task it is building in this one, and
    # save_hyperparameters of the inner task would take them for its own.
    try:
        task = Context().run(made_by, **arguments)
    except (TypeError, ValueError) as error:  # an argument that the class no longer has, or a value it refuses
        raise another_version(made_by, path, reason(error)) from None
    take_weights(task, checkpoint, path)
    return freeze(task)


def task_class(class_path: str, path: Path) -> type[LightningModule]:
    """The class that a checkpoint names: one of ours, or one of a module that this process has imported already.

    Raises:
        ValueError: Another one; a file must not make this process import what it likes.
    """
    module, _, name = class_path.rpartition(".")
    named = None
    if module.split(".")[0] == "lightning_tasks" or module in sys.modules:
        with suppress(ImportError):
            named = getattr(import_module(module), name, None)
    if not (isinstance(named, type) and issubclass(named, LightningModule)):
        raise ValueError(f"{path} was made by {class_path or 'an unknown task'}, which this application does not have.")
    return named


def freeze(module: nn.Module) -> nn.Module:
    """Evaluation mode and no gradients; ``train()`` on it or its parent does not undo that."""
    module.eval().requires_grad_(False)
    module.train = lambda mode=True: module  # a parent's train() must not reach its BatchNorm statistics
    return module


def without_head(task: LightningModule) -> LightningModule:
    """The task with its last layer taken away: ``task(image)`` then gives features (B, F).

    Raises:
        ValueError: The network does not say which layer is its last.
    """
    if not hasattr(getattr(task, "net", None), "get_classifier"):
        raise ValueError(f"{type(task).__name__}: its network has no get_classifier(), so its features are unknown.")
    head = task.net.get_classifier()
    name = next(name for name, module in task.net.named_modules() if module is head)
    task.net.set_submodule(name, nn.Identity())
    return task
