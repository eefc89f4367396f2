"""Strata of patients: by sex, body site and age, where each can be scored by itself."""

import re

import torch
from torch import Tensor

AGES = {"below_40": (0, 40), "40_to_59": (40, 60), "60_and_above": (60, 200)}
MIN_STRATUM = 20  # samples of each class; with fewer, the standard error of an AUROC is .06 and more


def strata_of(rows: dict[str, Tensor], names: dict[str, list[str]]) -> dict[str, Tensor]:
    """Name -> which rows, bool (N,), of each stratum with ``MIN_STRATUM`` samples of each class.

    Args:
        rows: ``label`` (N,) of two classes, and what there is of ``sex`` and ``site`` (N,), int64 codes, -1 where
            unknown, and ``age`` (N,) in years, perhaps NaN.
        names: ``sex`` and ``site`` -> what their codes mean; a code without a name is called by its number.
    """
    members: dict[str, Tensor] = {}
    for key in ("sex", "site"):
        known = names.get(key, [])
        for code in rows[key].unique().tolist() if key in rows else ():
            if code >= 0:
                name = known[code] if code < len(known) else str(code)
                members[f"{key}_{metric_name(name)}"] = rows[key] == code
    if "age" in rows:
        members |= {f"age_{n}": (rows["age"] >= low) & (rows["age"] < high) for n, (low, high) in AGES.items()}

    def enough(mask: Tensor) -> bool:
        return int(torch.bincount(rows["label"][mask], minlength=2).min()) >= MIN_STRATUM

    return {name: mask for name, mask in members.items() if enough(mask)}


def metric_name(name: str) -> str:
    """``head/neck`` -> ``head_neck``: TensorBoard groups on the slash."""
    return re.sub(r"[^a-z0-9]+", "_", str(name).lower()).strip("_")
