"""Distances between sets of samples, against definitions written out."""

import pytest
import torch

from lightning_tasks.measures.generative import kernel_distance, precision_recall, total_variation


def test_the_kernel_distance_is_the_unbiased_estimate_written_out():
    torch.manual_seed(0)
    x, y = torch.randn(7, 3, dtype=torch.float64), torch.randn(5, 3, dtype=torch.float64) + 1

    def kernel(a, b):
        return (float(a @ b) / 3 + 1) ** 3

    def within(z):
        return sum(kernel(a, b) for i, a in enumerate(z) for j, b in enumerate(z) if i != j) / (len(z) * (len(z) - 1))

    between = sum(kernel(a, b) for a in x for b in y) / 35
    assert float(kernel_distance(x, y)) == pytest.approx(within(x) + within(y) - 2 * between, rel=1e-10)


def test_the_kernel_distance_of_one_distribution_is_zero_on_average():
    torch.manual_seed(1)
    values = torch.stack([kernel_distance(torch.randn(50, 4), torch.randn(50, 4)) for _ in range(200)])
    assert abs(float(values.mean())) < 2.5 * float(values.std()) / 200**0.5
    assert float(kernel_distance(torch.randn(50, 4), torch.randn(50, 4) + 1)) > 5 * float(values.std())


def test_precision_and_recall_by_brute_force():
    torch.manual_seed(2)
    real, fake = torch.randn(30, 2), 0.5 * torch.randn(20, 2)

    def inside(points, centres, k):
        radius = [sorted((c - other).norm().item() for other in centres)[k] for c in centres]
        return sum(any((p - c).norm().item() <= r for c, r in zip(centres, radius, strict=True)) for p in points) / len(
            points
        )

    precision, recall = precision_recall(real, fake, k=3)
    assert float(precision) == pytest.approx(inside(fake.double(), real.double(), 3))
    assert float(recall) == pytest.approx(inside(real.double(), fake.double(), 3))
    assert precision > recall, "samples in the middle alone are right, and miss the rest"
    with pytest.raises(ValueError, match="3 real and 20 made samples: .* need more than 3"):
        precision_recall(real[:3], fake)


def test_total_variation():
    x = torch.tensor([0, 0, 1, 1])
    assert float(total_variation(x, x.flip(0), 3)) == 0
    assert float(total_variation(x, torch.tensor([2, 2]), 3)) == 1
    assert float(total_variation(x, torch.tensor([0, 0, 0, 1]), 3)) == pytest.approx(0.25)
