"""What the losses of a GAN say of its samples (G16): a small one on a ring, scored after each epoch."""

import math

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from lightning_tasks.measures.adversarial_losses import LOSSES
from lightning_tasks.measures.generative import energy_distance
from lightning_tasks.nets.gan import DenseCritic, DenseGenerator
from lightning_tasks.problems.exercise import Answer, Check, Exercise, Table

MODES, SPREAD = 8, 0.1  # Gaussians on a circle of radius 2, and their standard deviation
LATENT, WIDTH, BATCH = 8, 64, 128
STEPS = 40  # of an epoch
SCORED = 1000  # points that are compared
REACH = 3  # standard deviations from a centre within which a sample counts as inside


def ring(n: int, stream: torch.Generator) -> Tensor:
    """Points (n, 2) of the true distribution."""
    angle = torch.randint(MODES, (n,), generator=stream) * 2 * math.pi / MODES
    centre = 2 * torch.stack([angle.cos(), angle.sin()], 1)
    return centre + SPREAD * torch.randn(n, 2, generator=stream)


def share_inside(points: Tensor) -> float:
    """Share of points (N, 2) within ``REACH`` standard deviations of a centre."""
    angle = torch.arange(MODES) * 2 * math.pi / MODES
    centres = 2 * torch.stack([angle.cos(), angle.sin()], 1)
    return float((torch.cdist(points, centres).min(1).values < REACH * SPREAD).double().mean())


class GanLosses(Exercise):
    """A GAN of two small networks, with the losses of each epoch beside three scores of its samples.

    The energy distance to the data and the share of samples inside a component ask no network. The critic of the last
    epoch also judges the generators of all epochs: an opponent that does not change.

    Args:
        epochs: Of 40 steps each, 10 to 1000.
        seed: Of weights and noise.

    Raises:
        ValueError: Another number of epochs.
    """

    question = "The losses of a GAN look alike at epochs 1 and 100, and yet its pictures differ. Why?"

    def __init__(self, epochs: int = 100, seed: int = 0) -> None:
        if not 10 <= epochs <= 1000:
            raise ValueError(f"epochs={epochs}: need 10 to 1000.")
        self.epochs, self.seed = epochs, seed

    def train(self) -> tuple[dict[str, list[float]], list[Tensor], torch.nn.Module]:
        """Each player's losses, means over an epoch; samples after each epoch, of the same noise; the last critic."""
        stream = torch.Generator().manual_seed(self.seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            generator, critic = DenseGenerator(LATENT, 2, WIDTH), DenseCritic(2, WIDTH)
        players = {"critic": critic, "generator": generator}
        steps = {name: torch.optim.Adam(net.parameters(), 2e-3, betas=(0.5, 0.9)) for name, net in players.items()}
        rates = [torch.optim.lr_scheduler.CosineAnnealingLR(step, self.epochs) for step in steps.values()]
        losses, loss = {name: [] for name in players}, LOSSES["ns"]
        shown = torch.randn(SCORED, LATENT, generator=stream)
        samples = []
        for _ in range(self.epochs):
            sums = dict.fromkeys(players, 0.0)
            for _ in range(STEPS):
                for name, step in steps.items():
                    fake = generator(torch.randn(BATCH, LATENT, generator=stream))
                    if name == "critic":
                        value = loss.critic(critic(ring(BATCH, stream)), critic(fake.detach()))
                    else:
                        value = loss.generator(critic(fake))
                    step.zero_grad()
                    value.backward()
                    step.step()
                    sums[name] += float(value.detach()) / STEPS
            for rate in rates:
                rate.step()
            for name, value in sums.items():
                losses[name].append(value)
            samples.append(generator(shown).detach())
        return losses, samples, critic

    def answer(self) -> Answer:
        """Losses and scores of some epochs, their curves, and the samples of three."""
        losses, samples, critic = self.train()
        stream = torch.Generator().manual_seed(self.seed + 1)
        real, other = ring(SCORED, stream), ring(SCORED, stream)
        energy = [float(energy_distance(real, fake)) for fake in samples]
        inside = [share_inside(fake) for fake in samples]
        with torch.no_grad():
            fixed = [float(LOSSES["ns"].generator(critic(fake))) for fake in samples]
        twin = int(np.argmin(np.abs(np.array(losses["critic"][: self.epochs // 5]) - losses["critic"][-1])))
        chosen = sorted({0, 1, 4, twin, self.epochs // 10, self.epochs // 2 - 1, self.epochs - 1})
        rows = [
            [i + 1, *(round(v[i], 4) for v in (losses["critic"], losses["generator"], energy, inside, fixed))]
            for i in chosen
        ]
        floor = float(energy_distance(real, other))
        nothing = torch.zeros(4)
        checks = [
            Check("critic's loss where it knows nothing", float(LOSSES["ns"].critic(nothing, nothing)),
                  2 * math.log(2), 1e-6),
            Check("generator's loss there", float(LOSSES["ns"].generator(nothing)), math.log(2), 1e-6),
            Check("samples of the last epoch are nearer to the data than those of the first", energy[-1] < energy[0],
                  True),
        ]  # fmt: skip
        text = (
            "Each loss is measured against the opponent of that moment. Both players get better together, so their "
            "losses say who is ahead and stay near 2 ln 2 and ln 2 where neither is: the same numbers stand for a bad "
            "critic with a bad generator and for a good one with a good one. What improves is seen by a measure that "
            f"does not change: the energy distance falls from {energy[0]:.3f} to {energy[-1]:.4f} (two real sets: "
            f"{floor:.4f}), the share of samples inside a component rises from {inside[0]:.2f} to {inside[-1]:.2f}, "
            f"while the generator's loss goes from {losses['generator'][0]:.2f} to {losses['generator'][-1]:.2f} and "
            f"the critic's from {losses['critic'][0]:.2f} to {losses['critic'][-1]:.2f}. After epoch {twin + 1} the "
            f"critic's was {losses['critic'][twin]:.3f}, beside {losses['critic'][-1]:.3f} in the end, and the energy "
            f"distance {energy[twin]:.3f}. A critic that is fixed is a "
            f"measure, too (against that of the last epoch the generators' loss is {fixed[0]:.2f} at first and "
            f"{fixed[-1]:.2f} in the end), but it has not seen early samples and may put early epochs in a wrong order."
        )
        columns = ["epoch", "critic's loss", "generator's loss", "energy distance", "share inside",
                   "generator's loss at the last critic"]  # fmt: skip
        figures = {
            "losses_and_quality": curves_figure(losses, energy, inside),
            "samples": samples_figure(real, {i + 1: samples[i] for i in (0, self.epochs // 10 - 1, self.epochs - 1)}),
        }
        return Answer(text, [Table(f"Losses and samples over {self.epochs} epochs", columns, rows)], checks, figures)


def curves_figure(losses: dict[str, list[float]], energy: list[float], inside: list[float]) -> Figure:
    """Losses above, what independent measures say below, over the same epochs."""
    figure = Figure(figsize=(7, 5.5), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    epochs = np.arange(1, len(energy) + 1)
    for (name, values), color, level in zip(losses.items(), ("#0072B2", "#D55E00"), (2, 1), strict=True):
        above.plot(epochs, values, color=color, label=f"{name}'s loss")
        above.axhline(level * math.log(2), color=color, linestyle=":", linewidth=1)
    above.set_title("losses; dotted: a critic that knows nothing", fontsize=9)
    below.plot(epochs, energy, color="#000000", label="energy distance to the data")
    below.plot(epochs, inside, color="#009E73", label="share of samples inside a component")
    below.set(xlabel="epoch")
    below.set_title("quality of the samples", fontsize=9)
    for axis in (above, below):
        axis.legend(fontsize=8)
        axis.grid(alpha=0.3)
    return figure


def samples_figure(real: Tensor, samples: dict[int, Tensor]) -> Figure:
    """The data and the samples after some epochs, of the same noise, on one scale."""
    figure = Figure(figsize=(3 * (len(samples) + 1), 3.2), layout="constrained")
    axes = figure.subplots(1, len(samples) + 1, sharex=True, sharey=True)
    for axis, (name, points) in zip(axes, {"data": real, **samples}.items(), strict=True):
        axis.scatter(*points.T.numpy(), s=3, color="#0072B2")
        axis.set(xlim=(-3.5, 3.5), ylim=(-3.5, 3.5), aspect="equal")
        axis.set_title(name if name == "data" else f"epoch {name}", fontsize=9)
    return figure
