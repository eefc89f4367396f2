"""Do a task's names and network fit the data? One clear error before the first step."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

DISTANCES = ("frechet", "energy", "kernel", "precision", "recall", "class_balance", "modes", "inside")  # of samples
SHOWN = 4  # names that differ, of inputs that may be dozens


def check_classes(names: list[str], data: Any) -> None:
    """Compare ``class_names`` of a task with the names and labels of a data module that is set up.

    Raises:
        ValueError: A name stands twice, the data calls its classes otherwise, has a label without a name, or no
            sample of a class.
    """
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"class_names holds {twice[0]!r} twice: scores of a class are called by its name.")
    if data.class_names is not None:
        compare_classes(names, data, f"Set --model.class_names [{','.join(data.class_names)}].")
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


def compare_classes(names: Sequence[str], data: Any, remedy: str) -> None:
    """Raise a ValueError with ``remedy`` where the data has other classes, or these in another order; note new words.

    Data without the last classes passes: its labels mean the same.
    """
    found = list(data.class_names)
    if found == list(names)[: len(found)]:
        return
    message = f"class_names are {', '.join(names)}; the data's classes are {', '.join(found)}, in this order."
    if not other_words(names, found):
        raise ValueError(f"{message} {remedy}")
    data.note(message)


def names_known(task: Any, data: Any) -> dict[str, list[str]]:
    """What a network knows by its place alone: ``label`` -> names of classes, a key of a batch -> names of columns."""
    read = {*task.reads, *(task.asks or ())}
    scales = data.column_scales().items()
    names = {key: [str(column[0]) for column in columns] for key, columns in scales if key in read}
    if task.knows_labels and task.class_names and data.class_names is not None:
        names["label"] = [str(name) for name in data.class_names]
    return names


def check_trained(task: Any, data: Any) -> None:
    """See that data is such as a trained task asks for: its arrays, and by name its classes and columns.

    Raises:
        ValueError: It is not.
    """
    needs = [key for key in task.reads if key not in ("label", "mask", "target")] if task.asks is None else task.asks
    check_keys(task, data, needs, [*data.served("train"), *(["image"] if data.has_images else [])])
    check_names(task, data)


def check_names(task: Any, data: Any) -> None:
    """Compare the names of the data's classes and columns with those that ``task`` was trained with.

    Raises:
        ValueError: Other names, or the same in another order; has both.
    """
    known = names_known(task, data)
    for key, found in known.items():
        trained = task.trained_names.get(key, found)
        if key == "label":
            for names in (task.class_names, trained):
                compare_classes(names, data, "A network knows classes by their places: give it the run's own data "
                                             "options, and folders of the same classes.")  # fmt: skip
        elif found != trained:
            at = next((i for i, pair in enumerate(zip(trained, found, strict=False)) if pair[0] != pair[1]),
                      min(len(trained), len(found)))  # fmt: skip
            there, here = (", ".join(map(repr, names[at : at + SHOWN])) or "none" for names in (trained, found))
            raise ValueError(
                f"the network was trained with {len(trained)} columns of {key}, from place {at + 1} on {there}; the "
                f"data has {len(found)}, there {here}. Set the data's options as the run's config.yaml does."
            )


def other_words(names: Sequence[str], others: Sequence[str]) -> bool:
    """Whether two lists of classes may be other words for the same ones: as many, and no word in both."""
    return len(names) == len(others) and not set(names) & set(others)


def check_trained_classes(names: Sequence[str], trained: Sequence[str] | None) -> None:
    """Raise a ValueError where weights were trained with the classes in another order, or with other ones."""
    if trained and list(trained) != list(names) and not other_words(names, trained):
        raise ValueError(
            f"the weights were trained with the classes {', '.join(trained)}, in this order; "
            f"here they are {', '.join(names)}. Name the classes as the run's config.yaml does."
        )


def check_reads(task: Any, data: Any) -> dict[str, Any]:
    """One training sample as a batch where the weights are, in which stands what the task reads.

    Raises:
        ValueError: The data lacks it, or its pictures have another ``side`` than the network is built for.
    """
    here = next((weight.device for weight in task.parameters()), torch.device("cpu"))
    # not task.device: during setup it names the device that the weights have yet to be moved to
    sample = {key: value.to(here) for key, value in data.arrays("train", limit=1).items()}
    check_keys(task, data, task.reads, list(sample))
    if "image" in task.reads and (side := task.hparams.get("side")) is not None:
        height, width = sample["image"].shape[-2:]
        if (height, width) != (side, side):
            raise ValueError(f"--model.side {side}, and the data has pictures of {height}x{width}. Set the same.")
    return sample


def check_keys(task: Any, data: Any, needs: Sequence[str], there: Sequence[str]) -> None:
    """Raise a ValueError where batches, which hold ``there``, lack what a task needs."""
    if lacking := [key for key in needs if key not in there]:
        remedy = " Set --data.images true." if lacking[0] == "image" and "images" in data.hparams else ""
        raise ValueError(
            f"{type(task).__name__} reads {lacking[0]!r}; a batch of {data.title} has {', '.join(there)}.{remedy}"
        )


def check_compared(task: Any) -> None:
    """Raise a ValueError where a distance of samples chooses the best epoch, and no epoch compares samples."""
    if task.hparams.compare == "after" and task.monitor.removeprefix("val/") in DISTANCES:
        raise ValueError(
            f"compare='after': {task.monitor} chooses the best epoch of {type(task).__name__}, so samples are compared "
            "in each. Set --model.compare always; --model.samples 500 makes it cheap."
        )


def check_input(task: Any, data: Any) -> None:
    """Let the network of ``task`` see one training sample.

    Raises:
        ValueError: The data lacks what the task reads, or the network cannot take samples of this shape.
    """
    sample = check_reads(task, data)
    training = task.training
    task.eval()
    try:
        check_forward(lambda: task.logits(sample), sample, f"net={task.hparams.get('net', type(task).__name__)!r}")
    finally:
        task.train(training)


def check_forward(forward: Callable[[], Any], sample: dict, name: str) -> None:
    """Call ``forward`` on one sample; raise a ValueError that names its shape where it fails."""
    try:
        with torch.no_grad():
            forward()
    except (RuntimeError, AssertionError, ValueError) as error:  # timm asserts
        reason = str(error).splitlines()[0]
        if "image" not in sample:
            shapes = ", ".join(f"{key} {' x '.join(map(str, value.shape[1:]))}" for key, value in sample.items())
            raise ValueError(f"{name} cannot take samples of these shapes ({reason}): {shapes}.") from None
        size = " x ".join(map(str, sample["image"].shape[1:]))
        raise ValueError(
            f"{name} cannot take pictures of {size} ({reason}). "
            "Set its sizes in --model.net_args, such as image_size, or choose another network."
        ) from None
