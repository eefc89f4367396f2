"""Scores of regression, reconstruction and generation against scikit-learn, SciPy and definitions."""

import numpy as np
import pytest
import scipy.linalg
import sklearn.metrics as sk
import torch
from scipy.spatial.distance import cdist
from sklearn.decomposition import PCA

from lightning_tasks.baselines.pca import pca_reconstruction
from lightning_tasks.measures.generative import energy_distance, frechet_distance
from lightning_tasks.measures.reconstruction import psnr, squared_errors, ssim
from lightning_tasks.measures.regression import regression_scores

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("shape", [(50,), (50, 3)])
def test_regression_scores_are_those_of_scikit_learn(shape):
    y, p = RNG.normal(3, 2, shape), RNG.normal(3, 2, shape)
    found = {k: float(v) for k, v in regression_scores(torch.from_numpy(p), torch.from_numpy(y)).items()}
    expected = {"r2": sk.r2_score(y, p), "mae": sk.mean_absolute_error(y, p)}
    expected["rmse"] = sk.root_mean_squared_error(y, p)
    assert found == pytest.approx(expected)
    constant = torch.ones(4)
    assert torch.isnan(regression_scores(constant, constant)["r2"])
    with pytest.raises(ValueError, match="need the same shape"):
        regression_scores(torch.ones(3), torch.ones(4))


def test_psnr_is_its_definition_over_the_range_of_the_data():
    image, pred = torch.rand(5, 3, 16, 16) * 0.5, torch.rand(5, 3, 16, 16)
    mse = ((image.double() - pred.double()) ** 2).mean((1, 2, 3))
    torch.testing.assert_close(squared_errors(pred, image), mse)
    torch.testing.assert_close(psnr(mse), 10 * torch.log10(1 / mse))
    torch.testing.assert_close(psnr(mse, high=255), 10 * torch.log10(255**2 / mse))
    assert psnr(torch.zeros(1)).isinf().all()


def test_ssim_is_one_for_equal_pictures_and_falls_with_noise():
    image = torch.rand(4, 1, 28, 28)
    assert torch.allclose(ssim(image, image), torch.ones(4))
    worse = [float(ssim((image + s * torch.randn_like(image)).clamp(0, 1), image).mean()) for s in (0.05, 0.2, 0.8)]
    assert worse == sorted(worse, reverse=True) and worse[-1] < 0.5
    assert ssim(torch.rand(2, 1, 8, 8), torch.rand(2, 1, 8, 8)).isnan().all()


def test_principal_components_rebuild_as_scikit_learn_does():
    train, test = torch.rand(40, 1, 4, 4), torch.rand(10, 1, 4, 4)
    model = PCA(5).fit(train.flatten(1).double().numpy())
    expected = model.inverse_transform(model.transform(test.flatten(1).double().numpy())).clip(0, 1)
    np.testing.assert_allclose(pca_reconstruction(train, test, 5).flatten(1), expected, atol=1e-5)
    whole = pca_reconstruction(train, train, 16)
    torch.testing.assert_close(whole, train, atol=1e-5, rtol=0)


def test_frechet_distance_is_the_formula_with_a_matrix_root():
    x, y = RNG.normal(size=(200, 6)) @ RNG.normal(size=(6, 6)), RNG.normal(1, 2, (150, 6))
    cx, cy = np.cov(x.T), np.cov(y.T)
    root = scipy.linalg.sqrtm(cx @ cy).real
    expected = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(cx + cy - 2 * root)
    assert float(frechet_distance(torch.from_numpy(x), torch.from_numpy(y))) == pytest.approx(expected, rel=1e-6)
    same = torch.from_numpy(x)
    assert float(frechet_distance(same, same)) == pytest.approx(0, abs=1e-6)


def test_energy_distance_is_its_definition_and_zero_on_average_for_one_distribution():
    x, y = RNG.normal(size=(60, 3)), RNG.normal(0.5, 1, (50, 3))
    inside = [cdist(a, a).sum() / (len(a) * (len(a) - 1)) for a in (x, y)]
    expected = 2 * cdist(x, y).mean() - sum(inside)
    assert float(energy_distance(torch.from_numpy(x), torch.from_numpy(y))) == pytest.approx(expected)
    draws = [float(energy_distance(torch.randn(80, 2), torch.randn(80, 2))) for _ in range(60)]
    assert abs(np.mean(draws)) < 3 * np.std(draws) / np.sqrt(60)
