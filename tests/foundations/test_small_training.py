"""What the comparing exercises share, and that each compares what it says."""

import numpy as np
import pytest
import torch

from lightning_tasks.foundations.deep_and_wide import DeepAndWide, Layered, gradient_ratio, probes, width_of
from lightning_tasks.foundations.learning_sizes import LearningSizes
from lightning_tasks.foundations.small_training import accuracy, mean_sd, mlp, parameters, train, tumour_table
from lightning_tasks.foundations.where_convolution_helps import WhereConvolutionHelps


def pictures(n=400, classes=3, seed=0):
    """Pictures with a bright square whose place tells the class."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, classes, n)
    image = rng.normal(0, 0.3, (n, 1, 12, 12)).astype(np.float32)
    for i, k in enumerate(label):
        image[i, 0, 4 * k : 4 * k + 4, 2:6] += 1
    return {"image": torch.tensor(image), "label": torch.tensor(label)}


def ready(exercise):
    exercise.read(pictures(), pictures(200, seed=1))
    return exercise


def test_training_learns_repeats_and_sees_every_sample():
    (x, y), test = tumour_table(0)
    nets = []
    for _ in range(2):
        torch.manual_seed(0)
        nets.append(train(mlp(30, 2, 500), x, y, 100, seed=0))
    assert accuracy(nets[0], *test) > 0.9 and not nets[0].training
    assert all(torch.equal(a, b) for a, b in zip(nets[0].parameters(), nets[1].parameters(), strict=True))
    assert accuracy(train(mlp(30, 2, 500), x[:10], y[:10], 200, seed=0), x[:10], y[:10]) == 1  # fewer than a batch
    assert not torch.equal(tumour_table(1)[1][1], test[1])


def test_widths_give_the_budget_whatever_the_depth():
    for depth in (1, 2, 4, 16):
        width = width_of(196, 10, depth, 40_000)
        assert abs(parameters(Layered(196, 10, depth, width, "plain")) - 40_000) < 1500
    assert abs(parameters(mlp(256, 10, 28_000)) - 28_000) < 270
    assert mean_sd([0.5]) == "0.500" and mean_sd([0.4, 0.6]) == "0.500 (sd 0.141)"


def test_a_residual_net_passes_gradients_back_and_probes_read_each_layer():
    data = pictures()
    torch.manual_seed(0)
    plain, residual = (Layered(144, 3, 16, 20, form) for form in ("plain", "residual"))
    assert gradient_ratio(plain, data["image"], data["label"]) < 0.01
    assert gradient_ratio(residual, data["image"], data["label"]) > 0.1
    part, test = (data["image"], data["label"]), tuple(pictures(200, seed=1).values())
    scores = probes(train(residual, *part, 60, 0), part, test)
    assert len(scores) == 16 and scores[0] > 0.9


def test_the_permutation_keeps_pixels_and_is_one_for_all():
    exercise = ready(WhereConvolutionHelps(samples=300, steps=60, seeds=(0,)))
    image = exercise.test[0]
    moved = exercise.permuted(image)
    assert torch.equal(moved.flatten(1).sort(1)[0], image.flatten(1).sort(1)[0]) and not torch.equal(moved, image)
    assert torch.equal(moved[:1], exercise.permuted(image[:1]))
    answer = exercise.answer()
    assert all(check.holds for check in answer.checks) and len(answer.tables[0].rows) == 3
    assert float(answer.tables[0].rows[0][1]) > 0.9


def test_sizes_and_depths_are_scored_with_their_spread():
    answer = ready(LearningSizes(sizes=(60, 300), rows=(30,), steps=40, seeds=(0, 1))).answer()
    assert all(check.holds for check in answer.checks) and len(answer.tables[0].rows) == 4
    assert "sd" in answer.tables[0].rows[0][1] and [row[0] for row in answer.tables[1].rows][-1] == "MLP"
    deep = ready(DeepAndWide(samples=300, steps=40, seeds=(0,))).answer()
    assert all(check.holds for check in deep.checks) and len(deep.tables[1].rows) == 16


def test_what_is_said_of_data_follows_the_scores():
    exercise = LearningSizes(sizes=(60, 120), rows=(30, 60), seeds=(0,))

    def scores(few: str, many: str, sizes: tuple[int, int]) -> dict:
        names = ("logistic regression", "MLP", "CNN")
        return {n: {size: [(0.9 if n == best else 0.5, 0.0)] for size, best in zip(sizes, (few, many), strict=True)}
                for n in names}  # fmt: skip

    rows = scores("logistic regression", "logistic regression", (30, 60))
    assert exercise.rule(scores("logistic regression", "CNN", (60, 120)), rows) == ""
    for few, many in (("MLP", "CNN"), ("logistic regression", "logistic regression")):
        assert "That is no law" in exercise.rule(scores(few, many, (60, 120)), rows)


@pytest.mark.parametrize(("cnn", "mlp"), [(0.9, 0.5), (0.5, 0.9)])
def test_convolution_is_said_to_help_only_where_it_does(monkeypatch, cnn, mlp):
    exercise = ready(WhereConvolutionHelps(samples=60, seeds=(0,)))
    module = "lightning_tasks.foundations.where_convolution_helps"
    monkeypatch.setattr(f"{module}.train", lambda net, *args: net)
    monkeypatch.setattr(f"{module}.accuracy", lambda net, *args: cnn if "Conv" in repr(net) else mlp)
    assert ("do not show the advantage" in exercise.answer().text) == (cnn < mlp)
