"""Simulated skin-lesion files for tests, and short ways to read and change them."""

import pandas as pd
import torch

from datamodules import IsicDataModule

COURSE = ("new-train-metadata.csv", "students-test-metadata.csv")


def module(folder, **kwargs):
    data = IsicDataModule(root=str(folder), **{"source": "real", "size": 32, "batch_size": 16, "folds": 3, **kwargs})
    data.setup()
    return data


def edit(folder, change, name=COURSE[0]):
    """Rewrite a table as ``change`` returns it."""
    table = pd.read_csv(folder / name)
    found = change(table)
    (table if found is None else found).to_csv(folder / name, index=False)


def batches(data, part, epoch=0):
    loader = data._dataloader(part)
    loader.sampler.set_epoch(epoch)
    found = list(loader)
    return {key: torch.cat([b[key] for b in found]) for key in found[0]}


def same(one, two):
    return set(one) == set(two) and all(torch.equal(one[k].nan_to_num(-9), two[k].nan_to_num(-9)) for k in one)
