"""Corrupted copies of pictures: a prediction that is missing is not counted as a class."""

import torch

from lightning_tasks.problems.corrupted import CorruptedCopies, classes_of
from lightning_tasks.tasks.images.patterns import by_flips


def test_a_copy_without_a_prediction_makes_its_accuracy_nan():
    prob, label = torch.rand(8, 3).softmax(1), torch.arange(8) % 3
    copies = CorruptedCopies("random")
    assert float(copies.hits({"corrupted": classes_of([prob]), "label": label})) == float(
        (prob.argmax(1) == label).double().mean()
    )
    broken = prob.clone()
    broken[3, 0] = torch.nan
    assert copies.hits({"corrupted": classes_of([prob, broken]), "label": label}).isnan().tolist() == [False, True]
    found = by_flips({"prob": broken, "label": label, "flips": torch.arange(8) % 2})
    assert float(found[0]) == float((prob.argmax(1) == label)[::2].double().mean()) and found[1].isnan()
