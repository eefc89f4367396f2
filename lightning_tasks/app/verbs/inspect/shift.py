"""Whether the other pools of a data set look like the train pool."""

from dataclasses import asdict
from functools import partial
from typing import Any

from datamodules.audit.shift import FOLDS, adversarial_validation, shift_features
from lightning_tasks.measures.binary import auroc_interval

ALARM = 0.6  # lower end of the interval from which on the pools are called different


def shifts(data: Any, seed: int) -> dict[str, dict[str, Any]]:
    """Pool -> fields of ``datamodules.audit.shift.Shift`` with ``low``, ``high`` and ``alarming``.

    Text is not looked at, nor a pool without a table or pictures, or of fewer than five samples or groups.
    """
    results: dict[str, dict[str, Any]] = {}
    if data.content == "text":
        return results
    described = {
        name: shift_features(pool, partial(data.images, name) if data.has_images else None, seed)
        for name, pool in data.pools.items()
    }
    described = {name: features for name, features in described.items() if len(features[1]) >= FOLDS}
    for name in ("test", "predict"):
        if "train" not in described or name not in described:
            continue
        # a category that one pool alone has is no feature: it would tell them apart by its name
        names = [feature for feature in described["train"][0] if feature in described[name][0]]
        if not names:
            continue
        ours, theirs = (described[p][1][:, [described[p][0].index(n) for n in names]] for p in ("train", name))
        shift = adversarial_validation(ours, theirs, names, seed)
        low, high = auroc_interval(shift.auroc, *reversed(shift.n))  # the other pool is what is to be told
        results[name] = asdict(shift) | {"low": low, "high": high, "alarming": low > ALARM}
    return results
