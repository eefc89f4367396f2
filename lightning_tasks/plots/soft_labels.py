"""What a teacher says of single pictures, softened and not, beside what its student says."""

import torch
from matplotlib.figure import Figure
from torch import Tensor

from .mosaic import GAP, mosaic, rgb
from .style import DPI

LEFT, BARS, LEGEND = 54, 210, 30  # pixels


def soft_label_figure(
    images: Tensor,
    teacher: Tensor,
    student: Tensor,
    temperature: float,
    names: list[str],
    label: Tensor | None = None,
    count: int = 6,
) -> Figure:
    """The pictures on which the teacher doubts most: bars of its probabilities at T = 1 and at T, and the student's.

    Args:
        images: (B, C, H, W) in [0, 1].
        teacher: Its logits (B, K).
        student: Probabilities (B, K) at T = 1.
        temperature: T.
        names: K names.
        label: True classes (B,), where they are known.
        count: Most pictures shown.
    """
    teacher = teacher.detach().float().cpu()
    chosen = teacher.softmax(1).max(1).values.argsort()[:count]
    drawn = (
        (teacher[chosen].softmax(1), "teacher", "#D55E00"),
        ((teacher[chosen] / temperature).softmax(1), f"teacher, T = {temperature:g}", "#E69F00"),
        (student.detach().float().cpu()[chosen], "student", "#56B4E9"),
    )
    pictures = [rgb(images[i].float().cpu().numpy()) for i in chosen]
    captions = [] if label is None else [f"truth: {names[int(label[i])]}" for i in chosen]
    words = 8 * max(map(len, names)) + 8  # pixels of the longest name, upright
    figure = mosaic(pictures, count, 224, captions, fontsize=8, left=LEFT, foot=BARS + words + LEGEND)
    across, down = figure.get_size_inches() * DPI
    box = (LEFT + GAP / 2, words + LEGEND, across - LEFT - GAP, BARS)  # below the pictures, each over its own bars
    axis = figure.add_axes((box[0] / across, box[1] / down, box[2] / across, box[3] / down))
    step = 0.92 / len(names)
    at = torch.arange(len(chosen))[:, None] + 0.04 + (torch.arange(len(names)) + 0.5) * step  # (B, K): a picture is 1
    for shift, (prob, source, color) in zip((-0.27, 0, 0.27), drawn, strict=True):
        axis.bar(
            (at + shift * step).flatten().tolist(), prob.flatten().tolist(), 0.27 * step, color=color, label=source
        )
    axis.set_xticks(at.flatten().tolist(), names * len(chosen), rotation=90, fontsize=7)
    axis.vlines(range(1, len(chosen)), 0, 1, color="#999999", linewidth=0.8)
    axis.set(xlim=(0, len(chosen)), ylim=(0, 1), ylabel="probability")
    figure.legend(*axis.get_legend_handles_labels(), loc="lower center", ncols=3, fontsize=8, borderaxespad=0.2)
    return figure
