"""Autoencoders: penalties by their definitions, noise where it belongs, and a run on pictures."""

from pathlib import Path

import pytest
import torch

from lightning_tasks import AutoencoderTask
from lightning_tasks.app.pages.comparison import pooled_baselines
from lightning_tasks.baselines.pca import pca_reconstruction
from lightning_tasks.tasks.generative.autoencoder import squared_jacobian
from tests.conftest import results


def test_the_squared_jacobian_is_right_on_average():
    torch.manual_seed(0)
    weight = torch.randn(3, 5)
    image = torch.randn(4, 5, requires_grad=True)
    codes = torch.tanh(image @ weight.T)
    exact = ((1 - codes.detach().square())[:, :, None] * weight).square().sum((1, 2)).mean()
    estimates = torch.stack([squared_jacobian(codes, image).detach() for _ in range(3000)])
    assert float(estimates.mean()) == pytest.approx(float(exact), rel=0.05)


def test_penalties_are_those_of_the_codes():
    codes = torch.tensor([[1.0, -2.0], [0.0, 3.0]])
    for args, expected in (({"l1": 0.1}, 0.1 * 3), ({"l2": 0.1}, 0.1 * 7), ({}, 0)):
        assert float(AutoencoderTask(size=2, **args).penalty(codes, codes)) == pytest.approx(expected)


def test_noise_has_its_variance_and_is_seen_where_it_belongs():
    image = torch.full((64, 1, 28, 28), 0.5)
    batch = {"image": image, "id": torch.arange(64)}
    task = AutoencoderTask(noise_variance=0.04)
    assert float((task.seen(batch, "train") - image).var()) == pytest.approx(0.04, rel=0.05)
    noisy = task.seen(batch, "test")
    task.restart_streams()
    assert torch.equal(noisy, task.seen(batch, "test")), "the same noise in each evaluation"
    plain = AutoencoderTask(noise_variance=0.04, denoising=False)
    assert plain.seen(batch, "train") is image and not torch.equal(plain.seen(batch, "test"), image)
    assert AutoencoderTask().seen(batch, "test") is image


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"noise_variance": -0.1}, "noise_variance=-0.1: need 0 or more"),
        ({"size": 784}, "size=784: need 1 to 783; a code of the picture's own 784 values can copy it"),
        ({"net": "vit"}, "net='vit'"),
    ],
)
def test_wrong_arguments(args, message):
    with pytest.raises(ValueError, match=message):
        AutoencoderTask(**args)


def test_a_denoising_run_beats_the_noisy_picture(cli):
    cli("fit", "--model", "AutoencoderTask", "--model.noise_variance", 0.1, "--model.net", "conv", "--model.lr", 5e-3,
        "--data", "MNISTDataModule", "--data.source", "simulated", "--data.limit", 1200, "--trainer.max_epochs", 3,
        "--draws", 5, "--trainer.enable_progress_bar", "false", "--experiment", "ae")  # fmt: skip
    run = results(Path("runs/ae/default"))
    noisy = run["baselines"]["noisy picture"]["psnr"]
    assert noisy == pytest.approx(10, abs=0.1), "10 log10(1 / 0.1)"
    assert run["metrics"]["test/psnr"]["value"] > noisy + 2
    assert "PCA of 30" in run["baselines"] and "mean picture" in run["baselines"]


def test_components_are_given_the_noisy_pictures_that_the_network_is_given():
    train, test = torch.rand(200, 1, 28, 28), torch.rand(40, 1, 28, 28)
    noisy = AutoencoderTask(size=5, noise_variance=0.2).baseline_pictures(train, test)
    plain = AutoencoderTask(size=5).baseline_pictures(train, test)
    assert set(noisy) - set(plain) == {"noisy picture"}
    assert torch.equal(noisy["PCA of 5"], pca_reconstruction(train, noisy["noisy picture"], 5))
    assert torch.equal(plain["PCA of 5"], pca_reconstruction(train, test, 5))


def test_a_sweep_has_the_pca_of_each_size_beside_the_networks(cli):
    cli("sweep", "--model", "AutoencoderTask", "--data", "MNISTDataModule", "--data.limit", 40,
        "--grid", "model.size=2,5", "--seeds", "0,1", "--trainer.max_epochs", 1, "--draws", 0, "--figures", "none",
        "--trainer.enable_progress_bar", "false")  # fmt: skip
    folder = Path("runs/AutoencoderTask/sweep")
    baselines = pooled_baselines(results(folder)["combinations"])
    assert {"PCA of 2", "PCA of 5", "mean picture"} == set(baselines)
    assert baselines["PCA of 2"]["test/psnr"] < baselines["PCA of 5"]["test/psnr"]
    assert results(folder / "size=5/seed_0")["baselines"] and not results(folder / "size=5/seed_1")["baselines"]
