"""Do a task's class names and network fit the data? One clear error before the first step."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch


def check_classes(names: list[str], data: Any) -> None:
    """Compare ``class_names`` of a task with the names and labels of a data module that is set up.

    Raises:
        ValueError: A name stands twice, the data calls its classes otherwise, has a label without a name, or no
            training sample of a class.
    """
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"class_names holds {twice[0]!r} twice: scores of a class are called by its name.")
    own = data.class_names
    if own is not None and list(own) != list(names):
        raise ValueError(
            f"class_names are {', '.join(names)}; the data's classes are {', '.join(own)}, in this order. "
            f"Set --model.class_names [{','.join(own)}]."
        )
    if "label" not in data.pools["train"]:
        return
    counts = np.bincount(data.pools["train"]["label"][data.parts["train"]].astype(np.int64), minlength=len(names))
    if len(counts) > len(names):
        raise ValueError(
            f"labels go up to {len(counts) - 1}, but class_names names {len(names)} classes "
            f"({', '.join(names)}). Set --model.class_names."
        )
    if missing := [name for name, count in zip(names, counts, strict=True) if not count]:
        raise ValueError(
            f"no training sample of class {missing[0]}. Check the labels, --data.limit and the split, "
            "or leave the class out of --model.class_names."
        )


def check_input(task: Any, data: Any) -> None:
    """Let the network of ``task`` see one training sample.

    Raises:
        ValueError: It cannot take pictures of this size.
    """
    one = {key: value.to(task.device) for key, value in data.arrays("train", limit=1).items()}
    training = task.training
    task.eval()
    try:
        check_forward(lambda: task.logits(one), one, f"net={task.hparams.net!r}")
    finally:
        task.train(training)


def check_forward(forward: Callable[[], Any], one: dict, what: str) -> None:
    """Call ``forward`` on one sample; raise a ValueError that names the picture's size where it fails."""
    try:
        with torch.no_grad():
            forward()
    except RuntimeError as error:
        size = " x ".join(map(str, one["image"].shape[1:]))
        raise ValueError(
            f"{what} cannot take pictures of {size} ({str(error).splitlines()[0]}). "
            "Set its sizes in --model.net_args, such as image_size, or choose another network."
        ) from None
