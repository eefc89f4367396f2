"""What the data knows of the network before it is read: names of classes, channels, the size of a vocabulary."""

from importlib import import_module
from typing import Any


def fill_from_data(options: Any) -> None:
    """Set arguments of the model that the configuration leaves at None to the ``facts`` of its data module.

    Args:
        options: The parsed configuration of one command, with ``model`` and ``data``.
    """
    if not options.get("data") or not options.get("model"):
        return
    module, name = options.data.class_path.rsplit(".", 1)
    made = getattr(import_module(module), name)(**options.data.get("init_args", {}))
    arguments = options.model.get("init_args", {})
    for key, value in made.facts().items():
        if key in arguments and arguments[key] is None:
            arguments[key] = value
