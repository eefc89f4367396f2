"""``explain``: Grad-CAM, saliency and SmoothGrad of the most confident right and wrong predictions of a run."""

import json
from argparse import Namespace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from lightning_tasks.app.members import Rows, Run, batches_of, load_run, require, rows_of_part
from lightning_tasks.app.pages.run import write_report
from lightning_tasks.common.atomic import write_atomic
from lightning_tasks.common.choices import nearest
from lightning_tasks.measures.explanations import GradCam, NoFeatureMap, saliency, smooth_grad, unit
from lightning_tasks.plots.explain import Panel, explain_figure
from lightning_tasks.plots.save import save_figure
from lightning_tasks.plots.tensorboard import add_png
from lightning_tasks.runs.calibration import weights_digest

NAME = "explain.json"
CLIP = 0.99  # gradients are spiky: the brightest hundredth of the pixels is cut


def run(options: Namespace, overrides: list[str]) -> None:
    """``explain --run R [--count N] [--ids A B] [--positive CLASS] [--layer L] [--part val|test]`` and overrides."""
    if options.count < 1 or options.draws < 1:
        raise ValueError("--count and --draws need 1 or more.")
    loaded = load_run(options.run, overrides)
    require(loaded.task, "explain")
    for name, samples in explain(loaded, options).items():
        print(f"{name.replace('_', ' ')}: {', '.join(s['id'] for s in samples) or 'none'}")
    print(f"Wrote {loaded.dir.figures}/explain_*.png and {loaded.dir.path / NAME}. Report: {loaded.dir.report}")


def explain(loaded: Run, options: Namespace) -> dict[str, list[dict[str, Any]]]:
    """Choose samples, draw them, and write figures, TensorBoard, ``explain.json`` and the report."""
    task, data = loaded.task, loaded.data
    rows = rows_of_part(loaded, options.part)
    names = np.array(data.names(data.pool_of(options.part), rows["id"].numpy()), dtype=str)
    positive = positive_class(task.class_names, options.positive)
    groups = chosen_rows(options.ids, names) if options.ids else confident(rows, positive, options)
    cam = GradCam(task, options.layer)  # one object: the layer is found once
    for old in loaded.dir.figures.glob("explain_*.png"):
        old.unlink()
    explanations: dict[str, list[dict[str, Any]]] = {}
    writer = SummaryWriter(str(loaded.dir.path))
    for group, places in groups.items():
        explanations[group], panels = [], []
        for place, sample in zip(places, samples_of(loaded, options.part, rows["id"][places]), strict=True):
            prob, truth = rows["prob"][place], int(rows["label"][place])
            targets = [positive] if positive is not None else list(dict.fromkeys([int(prob.argmax()), truth]))
            drawn = (sample, names[place], prob, truth, targets, options.draws)
            try:
                panels.append(panel(task, cam, *drawn))
            except NoFeatureMap as error:
                print(f"note: {error} Saliency and SmoothGrad do.")
                cam = None
                panels.append(panel(task, cam, *drawn))
            explanations[group].append(
                {"id": str(names[place]), "truth": task.class_names[truth]}
                | {f"prob_{task.class_names[k]}": float(prob[k]) for k in dict.fromkeys([*targets, truth])}
            )
        if panels:
            png = save_figure(explain_figure(panels), loaded.dir.figures / f"explain_{group}.png")
            add_png(writer, f"explain/{group}", png)
    writer.close()
    note = {
        "part": options.part,
        "weights_sha256": weights_digest(loaded.dir.best),
        "layer": None if cam is None else cam.layer,
        "groups": explanations,
    }
    write_atomic(loaded.dir.path / NAME, json.dumps(note, indent=2) + "\n")
    write_report(loaded.dir)
    return explanations


def positive_class(names: list[str], name: str | None) -> int | None:
    """Number of the positive class; None where there are more than two classes and none was named."""
    if name is None:
        return 1 if len(names) == 2 else None
    if name not in names:
        raise ValueError(f"--positive {name!r} is no class.{nearest(name, names)} Classes: {', '.join(names)}.")
    return names.index(name)


def chosen_rows(ids: list[str], names: np.ndarray) -> dict[str, np.ndarray]:
    """Places of samples that the user named."""
    if unknown := [name for name in ids if name not in names]:
        raise ValueError(f"--ids {unknown[0]!r}: no such sample in this part.{nearest(unknown[0], list(names))}")
    return {"chosen": np.array([np.flatnonzero(names == name)[0] for name in ids])}


def confident(rows: Rows, positive: int | None, options: Namespace) -> dict[str, np.ndarray]:
    """Places of the most confident samples of each kind, the most confident first."""
    prob, label = rows["prob"].numpy(), rows["label"].numpy()
    if positive is None:
        score, right = prob.max(1), prob.argmax(1) == label
        kinds = {"right": (right, score), "wrong": (~right, score)}
    else:
        score, truth = prob[:, positive], label == positive
        share = 1 - truth.mean()
        above = score > (np.quantile(score, share) if options.threshold is None else options.threshold)
        kinds = {
            "true_positives": (truth & above, score),
            "false_positives": (~truth & above, score),
            "false_negatives": (truth & ~above, -score),
            "true_negatives": (~truth & ~above, -score),
        }
    best = {}
    for name, (member, confidence) in kinds.items():
        places = np.flatnonzero(member)
        best[name] = places[np.argsort(-confidence[places], kind="stable")][: options.count]
    return best


def samples_of(loaded: Run, part: str, ids: Tensor) -> list[dict]:
    """A batch of one for each id, in the order given; the part is read once more."""
    samples, id_set = {}, set(ids.tolist())
    for (batch,) in batches_of([loaded], part) if id_set else ():
        for row, number in enumerate(batch["id"].tolist()):
            if number in id_set:
                samples[number] = {k: v[row : row + 1] for k, v in batch.items() if isinstance(v, Tensor)}
    return [samples[number] for number in ids.tolist()]


def panel(
    task: Any, cam: GradCam | None, sample: dict, name: str, prob: Tensor, truth: int, targets: list[int], draws: int
) -> Panel:
    """Image and maps of one sample (a batch of one)."""

    def logits(image: Tensor) -> Tensor:
        repeated = {k: v.expand(len(image), *v.shape[1:]) for k, v in sample.items()}
        return task.logits({**repeated, "image": image})

    image, classes = sample["image"], task.class_names
    maps: dict[str, Tensor] = {}
    for k in targets if cam is not None else ():
        maps[f"Grad-CAM: {classes[k]} {prob[k]:.2f}"] = cam(logits, image, torch.tensor([k], device=image.device))
    target = torch.tensor(targets[:1], device=image.device)
    maps[f"saliency: {classes[targets[0]]}"] = unit(saliency(logits, image, target), CLIP)
    maps[f"SmoothGrad: {classes[targets[0]]}"] = unit(smooth_grad(logits, image, target, draws), CLIP)
    title = f"{name}\ntruth: {classes[truth]}"
    return title, image[0].float().cpu().numpy(), {k: v[0].cpu().numpy() for k, v in maps.items()}
