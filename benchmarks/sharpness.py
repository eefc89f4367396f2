"""Whether trained networks want softer pictures than they are tested on: their validation pictures, blurred lightly.

    python benchmarks/sharpness.py --runs runs/mars_unet/default --model.tta none --model.tta_scales null
    python benchmarks/sharpness.py --runs runs/blood_cells/default --metric acc --model.tta none

Augmentation that resamples every training picture (turned, scaled, shifted) softens it; the network then does best on
soft pictures, and those of a test are sharp. A policy that leaves some pictures alone mends it. Pictures are shown as
they are and after the ``blur`` of augmentation, sigma in pixels. Other options go to the runs' configurations.
"""

import argparse

import torch

from datamodules.augment.policy import Augment
from lightning_tasks.app.members import batches_of, load_run

SIGMAS = (0.0, 0.4, 0.5, 0.6, 0.7)


def blurred(batch: dict, sigma: float) -> dict:
    """The batch with every picture blurred alike; 0 leaves it alone."""
    policy = [{"blur": {"sigma": [sigma, sigma], "p": 1}}] if sigma else []
    return Augment(policy)(batch, torch.Generator(batch["image"].device))


@torch.inference_mode()
def scores(path: str, metric: str | None, overrides: list[str]) -> list[float]:
    """The metric, or else the headline, of the run at ``path`` on its validation part, for each of ``SIGMAS``."""
    run = load_run(path, overrides)
    task, rows = run.task, {sigma: [] for sigma in SIGMAS}
    for (batch,) in batches_of([run], "val"):
        for sigma, parts in rows.items():
            parts.append(task.rows_of(batch, task.predict_step(blurred(batch, sigma))))
    whole = [{key: torch.cat([part[key] for part in parts]) for key in parts[0]} for parts in rows.values()]
    return [float(task.score(part)[metric or task.headline_metric]) for part in whole]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", nargs="+", required=True, help="run directories of tasks that read pictures")
    parser.add_argument("--metric", help="name without its part, such as acc; default: the headline")
    options, extra = parser.parse_known_args()
    print(f"{'sigma':40}" + "".join(f"{sigma:>8g}" for sigma in SIGMAS))
    for path in options.runs:
        of_run = scores(path, options.metric, extra)
        print(f"{path:40}" + "".join(f"{score:8.4f}" for score in of_run), flush=True)


if __name__ == "__main__":
    main()
