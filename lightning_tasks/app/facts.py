"""What the data knows of the network before it is read: names of classes, channels, the size of a vocabulary."""

from importlib import import_module
from pathlib import Path
from typing import Any

from lightning_tasks.runs.checkpoint import read_checkpoint

from .weights import checkpoint_at


def fill_from_data(options: Any) -> None:
    """Set arguments of the model that the configuration leaves at None to the ``facts`` of its data module.

    Where weights are named, learnt ones are of what the data had learnt for them, such as another text's vocabulary.

    Args:
        options: The parsed configuration of one command, with ``model`` and ``data``.
    """
    if not options.get("data") or not options.get("model"):
        return
    module, name = options.data.class_path.rsplit(".", 1)
    made = getattr(import_module(module), name)(**options.data.get("init_args", {}))
    if made.learns_facts and (named := options.get("start") or options.get("ckpt_path")):
        weights = checkpoint_at(Path(named))
        if weights is not None:  # else it is a word, or is missed where it is needed
            made.take_fitted(read_checkpoint(weights))
    arguments = options.model.get("init_args", {})
    for key, value in made.facts().items():
        if key in arguments and arguments[key] is None:
            arguments[key] = value
