"""Do a task's class names and network fit the data? One clear error before the first step."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch


def check_classes(names: list[str], data: Any) -> None:
    """Compare ``class_names`` of a task with the names and labels of a data module that is set up.

    Raises:
        ValueError: A name stands twice, the data calls its classes otherwise, has a label without a name, or no
            sample of a class.
    """
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"class_names holds {twice[0]!r} twice: scores of a class are called by its name.")
    own = data.class_names
    if own is not None and list(own) != list(names):
        told = f"class_names are {', '.join(names)}; the data's classes are {', '.join(own)}, in this order."
        if len(own) != len(names) or set(own) & set(names):
            raise ValueError(f"{told} Set --model.class_names [{','.join(own)}].")
        data.note(told)  # other words for the same classes
    pool = data.pools["train"]
    if "label" not in pool:
        return
    label = pool["label"].astype(np.int64)
    if label.max() >= len(names):
        raise ValueError(
            f"labels go up to {label.max()}, but class_names names {len(names)} classes "
            f"({', '.join(names)}). Set --model.class_names."
        )
    known = set(label[data.parts["train"]].tolist())
    for k in sorted(set(range(len(names))) - known):
        if k not in label:
            raise ValueError(
                f"no sample of class {names[k]}. Check the labels and options of the data, "
                "or leave the class out of --model.class_names."
            )
        data.note(f"No sample of class {names[k]} is in the train part of this split: it cannot be learnt.")


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
    except (RuntimeError, AssertionError, ValueError) as error:  # timm asserts
        size = " x ".join(map(str, one["image"].shape[1:]))
        raise ValueError(
            f"{what} cannot take pictures of {size} ({str(error).splitlines()[0]}). "
            "Set its sizes in --model.net_args, such as image_size, or choose another network."
        ) from None
