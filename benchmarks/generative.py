"""Speed of generative models: ``fit`` against a bare loop, and samples a second of DDPM and DDIM beside their quality.

    python benchmarks/generative.py                            # both
    python benchmarks/generative.py fit --epochs 1 --rounds 2
    python benchmarks/generative.py sample --run runs/mnist_diffusion/latest -n 200

``fit`` is the whole application but for its figures (loader, epoch means, checkpoints, logging) against a loop by hand
over the same rows, as tensors that are ready, with the same losses and optimisers; for the GAN both players move in
turn. Both take turns in one process, so that a busy machine slows both; the median of the rounds counts. ``sample``
asks one network, of ``--run`` or of a short training on the ring, for samples with all T steps and fresh noise (DDPM),
and with 50 and 10 steps without (DDIM), and compares them with the test part as ``fit`` does. Other options go to
``fit``.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import torch
from throughput import Step, bare_rate, fit_rate, parse, plain_step, wait_for

from lightning_tasks.app.cli import TaskCLI
from lightning_tasks.app.members import load_run
from lightning_tasks.problems import Adversarial

CONFIGS = Path(__file__).parents[1] / "configs"
FITS = {
    "autoencoder": CONFIGS / "autoencoder_mnist.yaml",
    "VAE": CONFIGS / "faces_vae.yaml",
    "GAN": CONFIGS / "variants/mnist_gan.yaml",
    "diffusion": CONFIGS / "mnist_diffusion.yaml",
}
LITTLE = ("--data.source", "simulated", "--needs", "{}", "--model.samples", "10")  # distances take time of their own


def players_step(task: Adversarial, cast: torch.autocast) -> Step:
    """One step of the loop by hand in which the players move in turn."""
    nets = {player: getattr(task, player) for player in task.players}
    optimizers = {player: task.optimizer_of(player) for player in task.players}

    def step(batch: dict) -> None:
        for player, optimizer in optimizers.items():
            for name, net in nets.items():
                net.requires_grad_(name == player)
            with cast:
                loss = task.loss_of(player, batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return step


def fit(rounds: int, epochs: int, extra: list[str]) -> None:
    """A row for each kind of model."""
    print(
        f"fit: {torch.get_num_threads()} threads, {rounds} rounds of {epochs} epochs, samples a second; to reach 0.90"
    )
    for name, config in FITS.items():
        pairs = []
        for _ in range(rounds):
            rate, cli = fit_rate(str(config), epochs, [*(LITTLE if name != "autoencoder" else LITTLE[:2]), *extra])
            step = players_step if isinstance(cli.model, Adversarial) else plain_step
            pairs.append((rate, bare_rate(cli, epochs, step)))
        rate, by_hand = (statistics.median(values) for values in zip(*pairs, strict=True))
        ratios = [a / b for a, b in pairs]
        print(f"  {name:12} fit {rate:9.1f}   bare {by_hand:9.1f}   ratio {statistics.median(ratios):.2f}   "
              f"({min(ratios):.2f} to {max(ratios):.2f})", flush=True)  # fmt: skip


def sample(run: str, n: int) -> None:
    """A row for DDPM and each number of steps of DDIM."""
    steps = load_run(run).task.hparams.steps
    ways = {f"DDPM, {steps} steps": (steps, 1.0)} | {f"DDIM, {k} steps": (k, 0.0) for k in (50, 10) if k <= steps}
    print(f"sample: {run}, {n} samples, {torch.get_num_threads()} threads")
    for name, (count, eta) in ways.items():
        loaded = load_run(run, ["--model.sampling_steps", str(count), "--model.eta", str(eta)])
        task = loaded.task
        real = loaded.data.arrays("test", n)[task.reads[0]].to(task.device)
        stream = torch.Generator(task.device).manual_seed(0)
        with torch.inference_mode():
            begin = time.perf_counter()
            made = torch.cat([task.sample(len(part), stream) for part in real.split(256)])
            wait_for(task.device)
            seconds = time.perf_counter() - begin
            scores = task.score_sets(real, made)
        shown = "   ".join(f"{key} {value:.4f}" for key, value in scores.items())
        print(f"  {name:18} {len(real) / seconds:9.1f} samples/s   {shown}", flush=True)


def trained(folder: str, extra: list[str]) -> str:
    """Directory of a diffusion model of the ring, trained in a minute."""
    TaskCLI(["fit", "--config", str(CONFIGS / "ring_diffusion.yaml"), "--runs", folder, "--draws", "0"]
            + ["--baselines", "false", "--figures", "last", "--trainer.enable_progress_bar", "false"]
            + extra)  # fmt: skip
    return f"{folder}/ring_diffusion/default"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", help="fit, sample; default: both")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--run", help="of a diffusion model, for sample")
    parser.add_argument("-n", type=int, default=1000, help="samples, at most as many as the test part has")
    options, extra = parse(parser)
    chosen = options.what or ["fit", "sample"]
    if unknown := sorted(set(chosen) - {"fit", "sample"}):
        parser.error(f"{unknown[0]}: choose of fit, sample")
    if "fit" in chosen:
        fit(options.rounds, options.epochs, extra)
    if "sample" in chosen:
        with tempfile.TemporaryDirectory() as folder:
            sample(options.run or trained(folder, extra), options.n)


if __name__ == "__main__":
    main()
