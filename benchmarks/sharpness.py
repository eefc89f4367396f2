"""Whether trained networks want softer pictures than they are tested on: their validation pictures, blurred lightly.

    python benchmarks/sharpness.py --runs runs/mars_unet/default --model.tta none --model.tta_scales null
    python benchmarks/sharpness.py --runs runs/blood_cells/default --metric acc --model.tta none

Augmentation that resamples every training picture (turned, scaled, shifted) softens it; the network then does best on
soft pictures, and those of a test are sharp. A policy that leaves some pictures alone mends it. Pictures are shown as
they are and after a blur of 3x3 pixels with weights w, 1 - 2 w, w along each side. Other options go to the runs'
configurations.
"""

import argparse

import torch
import torch.nn.functional as F
from torch import Tensor

from lightning_tasks.app.members import batches_of, load_run

WEIGHTS = (0.0, 0.05, 0.1, 0.2, 0.25)


def blurred(image: Tensor, weight: float) -> Tensor:
    """Images (B, C, H, W) after a separable blur of three pixels, the edge mirrored."""
    line = image.new_tensor([weight, 1 - 2 * weight, weight])
    kernel = (line[:, None] * line).expand(image.shape[1], 1, 3, 3)
    return F.conv2d(F.pad(image, (1, 1, 1, 1), mode="reflect"), kernel, groups=image.shape[1]) if weight else image


@torch.inference_mode()
def scores(path: str, metric: str | None, overrides: list[str]) -> list[float]:
    """The metric, or else the headline, of the run at ``path`` on its validation part, for each of ``WEIGHTS``."""
    run = load_run(path, overrides)
    task, rows = run.task, {weight: [] for weight in WEIGHTS}
    for (batch,) in batches_of([run], "val"):
        for weight, parts in rows.items():
            changed = {**batch, "image": blurred(batch["image"], weight)}
            parts.append(task.rows_of(batch, task.predict_step(changed)))
    whole = [{key: torch.cat([part[key] for part in parts]) for key in parts[0]} for parts in rows.values()]
    return [float(task.score(part)[metric or task.headline_metric]) for part in whole]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", nargs="+", required=True, help="run directories of tasks that read pictures")
    parser.add_argument("--metric", help="name without its part, such as acc; default: the headline")
    options, extra = parser.parse_known_args()
    print(f"{'w':40}" + "".join(f"{weight:>8g}" for weight in WEIGHTS))
    for path in options.runs:
        of_run = scores(path, options.metric, extra)
        print(f"{path:40}" + "".join(f"{score:8.4f}" for score in of_run), flush=True)


if __name__ == "__main__":
    main()
