"""Which samples ``explain`` looks at: the most confident of each kind, or those that were named."""

from argparse import Namespace
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from lightning_tasks.app.members import Rows, Run, batches_of
from lightning_tasks.common.choices import nearest


@dataclass
class Sample:
    """One sample to explain.

    Args:
        id: Its name.
        batch: A batch of it alone.
        prob: Probabilities (K,).
        truth: True class; None where the part has no labels.
        targets: Classes to explain: the positive one, or the predicted and the true one.
    """

    id: str
    batch: dict
    prob: Tensor
    truth: int | None
    targets: list[int]

    def note(self, class_names: list[str]) -> dict:
        """Id, truth if known, and probabilities as ``explain.json`` has them."""
        shown = dict.fromkeys([*self.targets, *known(self.truth)])
        probs = {f"prob_{class_names[k]}": float(self.prob[k]) for k in shown}
        return {"id": self.id, "truth": None if self.truth is None else class_names[self.truth]} | probs

    def title(self, class_names: list[str], between: str) -> str:
        """Id, and truth if known."""
        return self.id if self.truth is None else f"{self.id}{between}{class_names[self.truth]}"


def known(truth: int | None) -> list[int]:
    """The true class, or nothing."""
    return [] if truth is None else [truth]


def chosen_samples(loaded: Run, rows: Rows, options: Namespace, threshold: float | None) -> dict[str, list[Sample]]:
    """Kind -> samples, the most confident first; ``threshold`` as from ``threshold_of``."""
    names = np.array(loaded.data.names(loaded.data.pool_of(options.part), rows["id"].numpy()), dtype=str)
    positive = positive_class(loaded.task.class_names, options.positive)
    if options.ids:
        groups = chosen_rows(options.ids, names, options.part)
    else:
        groups = confident(rows, positive, threshold, options.count)
    samples: dict[str, list[Sample]] = {}
    for group, places in groups.items():
        samples[group] = []
        for place, batch in zip(places, samples_of(loaded, options.part, rows["id"][places]), strict=True):
            prob, truth = rows["prob"][place], int(rows["label"][place]) if "label" in rows else None
            both = dict.fromkeys([int(prob.argmax()), *known(truth)])
            targets = list(both) if positive is None else [positive]
            samples[group].append(Sample(str(names[place]), batch, prob, truth, targets))
    return samples


def positive_class(names: list[str], name: str | None) -> int | None:
    """Number of the positive class; None where there are more than two classes and none was named."""
    if name is None:
        return 1 if len(names) == 2 else None
    if name not in names:
        raise ValueError(f"--positive {name!r} is no class.{nearest(name, names)} Classes: {', '.join(names)}.")
    return names.index(name)


def chosen_rows(ids: list[str], names: np.ndarray, part: str) -> dict[str, np.ndarray]:
    """Places of samples that the user named."""
    if unknown := [name for name in ids if name not in names]:
        near = nearest(unknown[0], list(names))
        raise ValueError(f"--ids {unknown[0]!r}: no such sample in the {part} part (--part names another).{near}")
    return {"chosen": np.array([np.flatnonzero(names == name)[0] for name in ids])}


def threshold_of(names: list[str], rows: Rows, options: Namespace) -> float | None:
    """Probability above which a sample counts as positive: as many are above it as are positive, or as was asked for.

    None where no class is the positive one, samples are named, or labels are not known.
    """
    positive = positive_class(names, options.positive)
    if options.ids or positive is None or "label" not in rows or options.threshold is not None:
        return options.threshold
    share = (rows["label"] != positive).double().mean()
    return float(np.quantile(rows["prob"][:, positive].numpy(), share))


def rule_of(names: list[str], options: Namespace, threshold: float | None) -> str:
    """In words, which samples count as positive; nothing where that decides nothing."""
    if threshold is None:
        return ""
    why = "as many lie above it as are positive" if options.threshold is None else "as --threshold says"
    return (
        f"Positive is {names[positive_class(names, options.positive)]}, predicted where its probability is above "
        f"{threshold:.3f}: {why}. predictions.csv has the most probable class instead."
    )


def confident(rows: Rows, positive: int | None, threshold: float | None, count: int) -> dict[str, np.ndarray]:
    """Places of the most confident samples of each kind, the most confident first."""
    prob = rows["prob"].numpy()
    label = rows["label"].numpy() if "label" in rows else None
    if label is None:
        kinds = {"predicted": (np.ones(len(prob), bool), prob.max(1))}
    elif positive is None:
        score, right = prob.max(1), prob.argmax(1) == label
        kinds = {"right": (right, score), "wrong": (~right, score)}
    else:
        score, truth = prob[:, positive], label == positive
        above = score > threshold
        kinds = {
            "true_positives": (truth & above, score),
            "false_positives": (~truth & above, score),
            "false_negatives": (truth & ~above, -score),
            "true_negatives": (~truth & ~above, -score),
        }
    best = {}
    for name, (member, confidence) in kinds.items():
        places = np.flatnonzero(member)
        best[name] = places[np.argsort(-confidence[places], kind="stable")][:count]
    return best


def samples_of(loaded: Run, part: str, ids: Tensor) -> list[dict]:
    """A batch of one for each id, in the order given; the part is read once more."""
    samples, id_set = {}, set(ids.tolist())
    for (batch,) in batches_of([loaded], part) if id_set else ():
        for row, number in enumerate(batch["id"].tolist()):
            if number in id_set:
                samples[number] = {k: v[row : row + 1] for k, v in batch.items() if isinstance(v, Tensor)}
    return [samples[number] for number in ids.tolist()]
