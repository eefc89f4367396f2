"""The corruption suite: the same for a sample whatever its batch, stronger with severity, within the range."""

import numpy as np
import pytest
import torch
from PIL import Image

from lightning_tasks.measures.corruptions import NAMES, STRENGTH, Hashed, corrupt, random_corruption


@pytest.fixture(scope="module")
def image():
    """Smooth blobs of colour, (10, 3, 40, 48): corruptions that blur or move have something to change."""
    coarse = torch.rand(10, 3, 20, 24, generator=torch.Generator().manual_seed(0))
    return torch.nn.functional.interpolate(coarse, (40, 48), mode="bicubic").clamp(0, 1)


IDS = torch.tensor([3, 7, 1_000_000, 2**40 + 3, 0, 5, 6, 11, 12, 13])


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_is_corrupted_alike_in_every_batch(image, name):
    whole = corrupt(image, name, 3, IDS)
    order = torch.tensor([4, 2, 0])
    torch.testing.assert_close(corrupt(image[order], name, 3, IDS[order]), whole[order], rtol=0, atol=1e-6)
    assert whole.shape == image.shape and whole.dtype == image.dtype and whole.min() >= 0 and whole.max() <= 1
    each = corrupt(image, name, torch.arange(10) % 5 + 1, IDS)
    torch.testing.assert_close(each[2], whole[2], rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_each_severity_is_further_from_the_picture(image, name):
    distance = [float((corrupt(image, name, s, IDS) - image).square().mean()) for s in range(1, 6)]
    if name == "rotation_scale":  # a texture moved far is as unlike itself as one moved a little
        assert min(distance) > 1e-3
    else:
        assert distance == sorted(distance) and 0 < distance[0] < distance[4] / 1.5


@pytest.mark.parametrize("name", ["noise", "brightness", "color", "rotation_scale", "occlusion", "gamma"])
def test_draws_depend_on_id_and_seed(image, name):
    same = image[:1].expand(10, -1, -1, -1)
    made = corrupt(same, name, 4, IDS)
    assert len({m.numpy().tobytes() for m in made}) > 1, "ids"
    assert not torch.equal(made, corrupt(same, name, 4, IDS, seed=1)), "seed"


def test_noise_is_normal_and_of_the_stated_strength():
    gray = torch.full((50, 3, 32, 32), 0.5)
    noise = (corrupt(gray, "noise", 2, torch.arange(50)) - 0.5) / STRENGTH["noise"][1]
    assert abs(noise.mean()) < 0.01 and abs(noise.std() - 1) < 0.01 and abs((noise**4).mean() - 3) < 0.1
    pixels = noise.flatten(1)
    correlation = np.corrcoef(pixels[:20].numpy())
    assert np.abs(correlation - np.eye(20)).max() < 5 / np.sqrt(pixels.shape[1]), "samples draw independently"


def test_hashed_numbers_are_even():
    draws = Hashed(torch.arange(2000), 0, "x").uniform(100)
    count = torch.histc(draws, 10, 0, 1) / draws.numel()
    torch.testing.assert_close(count, torch.full((10,), 0.1), atol=0.003, rtol=0)
    assert draws.min() >= 0 and draws.max() < 1


def test_blur_is_the_gaussian_of_scipy(image):
    from scipy.ndimage import gaussian_filter

    sigma = STRENGTH["blur"][3] * 40
    expected = gaussian_filter(image.numpy(), (0, 0, sigma, sigma), mode="nearest", radius=5)
    np.testing.assert_allclose(corrupt(image, "blur", 4, IDS).numpy(), expected, atol=2e-3)


def test_occlusion_covers_the_stated_share():
    black = torch.zeros(200, 1, 64, 64)
    covered = (corrupt(black, "occlusion", 5, torch.arange(200)) > 0).float().mean((1, 2, 3))
    assert abs(covered.mean() - STRENGTH["occlusion"][4]) < 0.02


def test_color_and_contrast_keep_what_they_should(image):
    gray = image[:, :1]
    assert torch.equal(corrupt(gray, "color", 5, IDS), gray)
    torch.testing.assert_close(corrupt(gray.expand(-1, 3, -1, -1), "color", 5, IDS), gray.expand(-1, 3, -1, -1))
    flat = corrupt(image, "contrast", 3, IDS)
    torch.testing.assert_close(flat.mean((1, 2, 3)), image.mean((1, 2, 3)))


def test_jpeg_is_real(image, tmp_path):
    pixels = (image[0] * 255).round().byte().permute(1, 2, 0).numpy()
    Image.fromarray(pixels).save(tmp_path / "x.jpg", quality=STRENGTH["jpeg"][2])
    expected = np.asarray(Image.open(tmp_path / "x.jpg")) / 255
    found = corrupt(image, "jpeg", 3, IDS)[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert corrupt(image[:, :1], "jpeg", 3, IDS).shape == (10, 1, 40, 48)


def test_random_corruption_gives_each_id_one_kind_and_strength(image):
    many = image[:1, :, :24, :24].expand(180, -1, -1, -1)
    ids = torch.arange(180)
    made = random_corruption(many, ids)
    torch.testing.assert_close(random_corruption(many[5:9], ids[5:9]), made[5:9], rtol=0, atol=1e-6)
    kinds = [corrupt(many, n, s, ids) for n in NAMES for s in range(1, 6)]
    distance = torch.stack([(kind - made).abs().amax((1, 2, 3)) for kind in kinds])  # (45, 180)
    assert (distance.amin(0) < 1e-5).all(), "each is one of the suite"
    chosen = torch.bincount(distance.argmin(0) // 5, minlength=9) / 180
    assert (chosen > 0.05).all() and (chosen < 0.2).all(), "kinds come evenly"
    assert not torch.equal(made, random_corruption(many, ids, seed=1))


def test_precision_of_the_run_does_not_change_the_pictures(image):
    with torch.autocast("cpu", torch.bfloat16):
        inside = [corrupt(image, name, 3, IDS) for name in NAMES]
    assert all(torch.equal(corrupt(image, name, 3, IDS), i) for name, i in zip(NAMES, inside, strict=True))


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("nose", 1, IDS), "Did you mean 'noise'"),
        (("noise", 0, IDS), "severity=0: need 1"),
        (("noise", 6, IDS), "severity=6: need 1"),
        (("noise", 1, IDS[:3]), "3 ids"),
    ],
)
def test_wrong_arguments_are_errors(image, args, message):
    with pytest.raises(ValueError, match=message):
        corrupt(image, *args)
