"""Grad-CAM, saliency and SmoothGrad of pictures."""

from argparse import Namespace
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from lightning_tasks.app.members import Run
from lightning_tasks.measures.explanations import GradCam, NoFeatureMap, saliency, smooth_grad, unit
from lightning_tasks.plots.explain import Panel, explain_figure

from .chosen import Sample

CLIP = 0.99  # gradients are spiky: the brightest hundredth of the pixels is cut


def explain(
    loaded: Run, samples: dict[str, list[Sample]], options: Namespace
) -> tuple[dict[str, Any], dict[str, Figure]]:
    """What ``explain.json`` says of the samples, and a figure of each group."""
    task, figures = loaded.task, {}
    cam = GradCam(task, options.layer)  # one object: the layer is found once
    for group, members in samples.items():
        panels = []
        for sample in members:
            try:
                panels.append(panel(task, cam, sample, options.draws))
            except NoFeatureMap as error:
                print(f"note: {error} Saliency and SmoothGrad do.")
                cam = None
                panels.append(panel(task, cam, sample, options.draws))
        if panels:
            figures[group] = explain_figure(panels)
    groups = {group: [sample.note(task.class_names) for sample in members] for group, members in samples.items()}
    return {"layer": None if cam is None else cam.layer, "groups": groups}, figures


def panel(task: Any, cam: GradCam | None, sample: Sample, draws: int) -> Panel:
    """Image and maps of one sample."""

    def logits(image: Tensor) -> Tensor:
        repeated = {k: v.expand(len(image), *v.shape[1:]) for k, v in sample.batch.items()}
        return task.logits({**repeated, "image": image})

    image, classes, targets, prob = sample.batch["image"], task.class_names, sample.targets, sample.prob
    maps: dict[str, Tensor] = {}
    for k in targets if cam is not None else ():
        maps[f"Grad-CAM: {classes[k]} {prob[k]:.2f}"] = cam(logits, image, torch.tensor([k], device=image.device))
    target = torch.tensor(targets[:1], device=image.device)
    maps[f"saliency: {classes[targets[0]]}"] = unit(saliency(logits, image, target), CLIP)
    maps[f"SmoothGrad: {classes[targets[0]]}"] = unit(smooth_grad(logits, image, target, draws), CLIP)
    title = sample.title(classes, "\ntruth: ")
    return title, image[0].float().cpu().numpy(), {k: v[0].cpu().numpy() for k, v in maps.items()}
