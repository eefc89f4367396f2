"""GAN, diffusion and VAE on a known mixture: whole runs, and what each must keep to."""

import math
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from datamodules import FacesDataModule
from lightning_tasks import DiffusionTask, GanTask, VaeTask
from lightning_tasks.app.verbs.export.export import ROUNDING
from lightning_tasks.measures.adversarial_losses import LOSSES
from lightning_tasks.measures.diffusion import velocity
from lightning_tasks.tasks.generative import vae
from lightning_tasks.tasks.generative.vae import code_table
from tests.conftest import results
from tests.toys import ToyDataModule, ToyGan

RING = ("--data", "MixtureDataModule", "--data.shape", "ring", "--data.components", 4, "--data.dims", 2,
        "--data.n_train", 1500, "--data.n_test", 300, "--data.batch_size", 64, "--trainer.enable_progress_bar", "false",
        "--draws", 5, "--figures", "last")  # fmt: skip
DENSE = {"net": "dense", "dims": 2}


def test_diffusion_captures_the_modes_and_stands_between_floor_and_ceiling(cli):
    cli("fit", "--model", "DiffusionTask", "--model.net", "dense", "--model.steps", 50, "--model.sampling_steps", 25,
        "--model.width", 64, "--model.lr", 5e-3, "--model.compare", "after", *RING, "--trainer.max_epochs", 12,
        "--experiment", "ring")  # fmt: skip
    run = Path("runs/ring/default")
    found = results(run)
    metrics = {name: metric["value"] for name, metric in found["metrics"].items()}
    floor, ceiling = found["baselines"]["training samples"], found["baselines"]["untrained"]
    assert metrics["test/modes"] == floor["modes"] == 4 and ceiling["modes"] < 4
    assert floor["energy"] < metrics["test/energy"] < ceiling["energy"]
    assert "low" in found["metrics"]["test/loss"] and "low" not in found["metrics"]["test/energy"]
    assert {"test_points.png", "test_loss_over_steps.png"} <= {path.name for path in (run / "figures").iterdir()}


def test_vae_bounds_lie_below_the_likelihood_of_the_truth(cli):
    cli("fit", "--model", "VaeTask", "--model.net", "dense", "--model.size", 2, "--model.hidden", "[32]",
        "--model.variance", 0, "--model.observation_noise", "true", *RING, "--trainer.max_epochs", 4,
        "--experiment", "vae")  # fmt: skip
    run = Path("runs/vae/default")
    found = results(run)
    metrics = {name.removeprefix("test/"): metric["value"] for name, metric in found["metrics"].items()}
    assert metrics["elbo"] < metrics["iwae"] < found["baselines"]["true mixture"]["elbo"]
    assert metrics["elbo"] == pytest.approx(metrics["reconstruction"] - metrics["kl"], abs=1e-4)
    table = (run / "figures/test_components.md").read_text()
    assert "| 3 | 0.250 |" in table and "captured" in table
    assert (run / "figures/test_codes.png").is_file()
    code = (run / "figures/test_code.md").read_text().splitlines()
    assert len(code) == 2 + 2 and all(line.count("|") == 5 for line in code)


def test_compared_samples_are_spread_over_the_part():
    task, data = ToyGan(samples=10), ToyDataModule(source="simulated")
    data.setup()
    task._trainer = SimpleNamespace(datamodule=data, world_size=1, global_rank=0, state=SimpleNamespace(fn="test"))
    kept = []
    task.compared = lambda part, batch: kept.extend(batch["id"].tolist()) or {"real": batch["point"]}
    task.collect = lambda part, batch, **rows: None
    for batch in data.part_loader("test", 7):
        task.evaluate("test", batch)
    assert kept == data.pools["test"]["id"][::2].tolist() == data.arrays("test", 10)["id"].tolist()
    shares = []
    for rank in (0, 1):  # each process has some: else the others would wait for its rows
        data.trainer = SimpleNamespace(world_size=2, global_rank=rank)
        shares.append(data.sample_ids("test", 10).tolist())
        assert set(shares[-1]) <= set(data.pools["test"]["id"][rank::2].tolist()) and len(shares[-1]) == 5


def test_mean_and_variance_of_each_number_of_the_code():
    mean, variance = torch.tensor([[1.0, 0.0], [3.0, 0.0]]), torch.tensor([[0.1, 1.0], [0.3, 1.0]])
    table = code_table(mean, variance).splitlines()[2:]
    assert table == ["| 1 | 2.0000 | 1.0000 | 0.2000 |", "| 2 | 0.0000 | 0.0000 | 1.0000 |"]
    assert code_table(mean, variance, most=1).splitlines()[2:] == [
        table[0],
        "",
        "1 more are in the file that `predict` writes.",
    ]


def test_gan_losses_at_a_critic_that_knows_nothing():
    nothing = torch.zeros(8)
    assert float(LOSSES["ns"].critic(nothing, nothing)) == pytest.approx(2 * math.log(2))
    assert float(LOSSES["ns"].generator(nothing)) == pytest.approx(math.log(2))
    assert (
        float(LOSSES["hinge"].critic(nothing, nothing)) == 2 and float(LOSSES["lsgan"].critic(nothing, nothing)) == 0.5
    )


@pytest.mark.parametrize("loss", LOSSES)
def test_each_player_moves_alone_and_the_critic_prefers_what_is_real(loss):
    torch.manual_seed(0)
    task = GanTask(loss=loss, **DENSE)
    batch = {"id": torch.arange(32), "point": torch.randn(32, 2) + 5}
    task.loss_of("critic", batch).backward()
    assert all(p.grad is None for p in task.generator.parameters())
    critic = torch.optim.Adam(task.critic.parameters(), 1e-2)
    before = float(task.loss_of("critic", batch))
    for _ in range(50):
        critic.zero_grad()
        task.loss_of("critic", batch).backward()
        critic.step()
    assert float(task.loss_of("critic", batch)) < before
    assert float(task.critic(batch["point"]).mean()) > float(task.critic(task.made(32)).mean())


def test_a_sample_is_the_same_for_the_same_stream():
    torch.manual_seed(0)
    for task in (GanTask(**DENSE), VaeTask(**DENSE), DiffusionTask(steps=10, sampling_steps=5, eta=1.0, **DENSE)):
        task.eval()
        with torch.no_grad():
            first, again = (task.sample(6, torch.Generator().manual_seed(3)) for _ in range(2))
        assert torch.equal(first, again) and first.shape == (6, 2), type(task).__name__


@pytest.mark.parametrize("target", ["noise", "velocity"])
def test_a_perfect_estimate_leads_to_the_data(target):
    """Data of one point: noise and velocity of every x_t are known."""
    task, point = DiffusionTask(target=target, steps=100, sampling_steps=10, **DENSE), torch.tensor([0.3, -0.8])

    def estimate(x, step, label):
        signal = task.signal[step][:, None]
        noise = (x - signal.sqrt() * point) / (1 - signal).sqrt()
        return noise if target == "noise" else velocity(point.expand_as(noise), noise, task.signal[step])

    task.estimate = estimate
    samples = task.sample(20, torch.Generator().manual_seed(0))
    torch.testing.assert_close(samples, point.expand(20, 2), atol=1e-4, rtol=0)
    batch = {"id": torch.arange(4), "point": point.expand(4, 2)}
    assert float(task.errors(batch)[0].max()) < 1e-6


def test_guidance_mixes_the_estimates_with_and_without_the_class():
    torch.manual_seed(0)
    task = DiffusionTask(conditional=True, class_names=["a", "b"], guidance=2.0, steps=10, sampling_steps=5, **DENSE)
    x, step, label = torch.randn(4, 2), torch.full((4,), 5), torch.tensor([0, 1, 0, 1])
    plain = task.noise_in(x, step, torch.full((4,), 2))
    torch.testing.assert_close(task.guided(x, step, label), 3 * task.noise_in(x, step, label) - 2 * plain)
    chosen = task.sample(4, torch.Generator().manual_seed(0), label)
    assert not torch.equal(chosen, task.sample(4, torch.Generator().manual_seed(0), 1 - label))


@pytest.mark.parametrize(
    ("task", "args", "message"),
    [
        (
            DiffusionTask,
            {"guidance": 1.0},
            "both with --model.conditional true and --model.unlabelled above 0; they are F",
        ),
        (DiffusionTask, {"conditional": True}, "conditional=True needs class_names"),
        (DiffusionTask, {"steps": 0}, "^steps=0: need 2 or more"),
        (DiffusionTask, {"steps": 10}, "sampling_steps=50: need 1 to 10"),
        (DiffusionTask, {"noise_schedule": "cosin"}, "schedule='cosin'"),
        (DiffusionTask, {"target": "speed"}, "target='speed': choose noise or velocity"),
        (VaeTask, {"beta": -1.0}, "beta=-1.0: need 1 or more of the first two, and 0 or more of the others"),
        (VaeTask, {"size": 0}, "size=0"),
        (VaeTask, {"variance": -0.1}, "variance=-0.1, beta=1.0: need 1 or more of the first two, and 0 or more"),
        (GanTask, {"loss": "wasserstein"}, "loss='wasserstein'"),
        (GanTask, {"samples": 3}, "samples=3: need 10 or more"),
        (VaeTask, {"dims": None}, "net='dense' needs the numbers of a point"),
    ],
)
def test_wrong_arguments(task, args, message):
    with pytest.raises(ValueError, match=message):
        task(**{**DENSE, **args})


def test_pictures_are_compared_in_the_features_of_a_classifier_that_is_trained_first(cli):
    cli("fit", "--config", "configs/variants/mnist_gan.yaml", "--data.source", "simulated", "--data.limit", 200,
        "--model.samples", 40, "--model.width", 8, "--trainer.max_epochs", 1, "--draws", 5,
        "--trainer.enable_progress_bar", "false")  # fmt: skip
    run = Path("runs/mnist_gan/default")
    found = results(run)
    assert found["metrics"]["test/frechet"]["n"] == 40 and 0 <= found["metrics"]["test/class_balance"]["value"] <= 1
    assert found["baselines"]["training samples"]["frechet"] < found["baselines"]["untrained"]["frechet"]
    figures = {path.name for path in (run / "figures").iterdir()}
    assert {"test_samples.png", "test_nearest.png", "test_class_shares.png"} <= figures
    text = (run / "figures/test_memorised.md").read_text()
    assert "of 40 samples and" in text or "of 64 samples and" in text


def test_each_code_of_the_map_stands_at_its_own_picture(monkeypatch):
    data = FacesDataModule(source="simulated", n_simulated=60, test_fraction=0.5)
    data.setup()
    task, shown = VaeTask(net="conv", size=2, in_channels=3), {}
    task._trainer = SimpleNamespace(state=SimpleNamespace(fn="test"), datamodule=data, global_rank=0, world_size=1)
    monkeypatch.setattr(vae, "picture_codes_figure", lambda codes, images: shown.update(codes=codes, images=images))
    ids = data.sample_ids("test", 10).flip(0)
    task.figures_of_rows({"id": ids, "code": ids[:, None].expand(-1, 2).float()})
    arrays = data.arrays("test")
    for code, image in zip(shown["codes"][:, 0].long(), shown["images"], strict=True):
        assert torch.equal(image, arrays["image"][arrays["id"] == code][0])


def test_an_export_allows_a_first_step_what_single_precision_makes_of_it():
    torch.manual_seed(0)
    task = DiffusionTask(net="conv", in_channels=1, side=8, width=8, steps=200, sampling_steps=5).eval()
    part = task.exported({})
    assert part.gain == pytest.approx(float(task.signal[200]) ** -0.5) and part.gain > 1000
    state, step, to = torch.randn(4, 1, 8, 8), torch.full((4,), 200), torch.full((4,), 160)
    with torch.no_grad():
        (single,) = part.compute(state, step, to)
        (double,) = task.double().exported({}).compute(state.double(), step, to)
    away = float((single - double).abs().max()) / float(double.abs().max())
    assert 0 < away < ROUNDING * part.gain
