"""What a teacher says of single pictures, softened and not, beside what its student says."""

from matplotlib.figure import Figure
from torch import Tensor

from .style import show


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
    figure = Figure(figsize=(2.4 * len(chosen), 4.6), layout="constrained")
    axes = figure.subplots(2, len(chosen), squeeze=False, sharey="row")
    drawn = (
        (teacher[chosen].softmax(1), "teacher", "#D55E00"),
        ((teacher[chosen] / temperature).softmax(1), f"teacher, T = {temperature:g}", "#E69F00"),
        (student.detach().float().cpu()[chosen], "student", "#56B4E9"),
    )
    places = range(len(names))
    for i, (top, bottom) in enumerate(axes.T):
        show(top, images[chosen[i]].float().cpu().numpy())
        if label is not None:
            top.set_title(f"truth: {names[int(label[chosen[i]])]}", fontsize=8)
        for shift, (prob, source, color) in zip((-0.27, 0, 0.27), drawn, strict=True):
            bottom.bar([p + shift for p in places], prob[i].tolist(), 0.27, color=color, label=source)
        bottom.set_xticks(places, names, rotation=90, fontsize=7)
        bottom.set_ylim(0, 1)
    axes[1, 0].set_ylabel("probability")
    figure.legend(*axes[1, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=8)
    return figure
