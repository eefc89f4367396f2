"""Figures of language models: surprise of each token, and attention."""

from collections.abc import Sequence

from matplotlib import colormaps
from matplotlib.figure import Figure
from torch import Tensor

MOST = 8.0  # bits, the end of the colour scale


def shown(token: str) -> str:
    """A token as figures write it: blanks and line ends are seen."""
    return {" ": "·", "\n": "↵", "\t": "→"}.get(token, token)


def surprise_figure(tokens: Sequence[Sequence[str]], bits: Sequence[Sequence[float]], most: int = 64) -> Figure:
    """Windows of text, a row each, in which the colour tells how many bits a token took.

    Args:
        tokens: Of each window.
        bits: As many for each.
        most: Characters drawn of a window.
    """
    figure = Figure(figsize=(12, 0.42 * len(tokens) + 0.9), layout="constrained")
    axis = figure.add_subplot()
    colors = colormaps["YlOrRd"]
    for row, (names, values) in enumerate(zip(tokens, bits, strict=True)):
        at = 0
        for name, value in zip(names, values, strict=False):
            width = max(1, len(name)) + (0.5 if len(name) > 1 else 0)
            if at + width > most:
                break
            level = min(value / MOST, 1.0)
            axis.barh(row, width, 0.86, left=at, color=colors(level), linewidth=0)
            color = "white" if level > 0.7 else "black"
            axis.text(at + width / 2, row, shown(name).replace("$", r"\$"), ha="center", va="center", fontsize=9,
                      family="monospace", color=color)  # fmt: skip
            at += width
    axis.set(xlim=(0, most), ylim=(len(tokens) - 0.5, -0.5), yticks=[], xticks=[])
    for side in axis.spines.values():
        side.set_visible(False)
    scale = axis.figure.colorbar(_scale(colors), ax=axis, fraction=0.02, pad=0.01)
    scale.set_label("bits", fontsize=8)
    return figure


def attention_figure(maps: Tensor, tokens: Sequence[str], rows: int = 4, columns: int = 4) -> Figure:
    """What each token (row) looks at (column), for the first heads of the first layers.

    Args:
        maps: Weights (layers, K, T, T).
        tokens: T names.
        rows: Layers drawn at most.
        columns: Heads drawn at most.
    """
    layers, heads = min(rows, maps.shape[0]), min(columns, maps.shape[1])
    figure = Figure(figsize=(2.6 * heads + 0.4, 2.7 * layers), layout="constrained")
    axes = figure.subplots(layers, heads, squeeze=False)
    names = [shown(token).replace("$", r"\$") for token in tokens]
    for layer in range(layers):
        for head in range(heads):
            axis = axes[layer][head]
            shade = axis.imshow(maps[layer, head].numpy(), cmap="Oranges", vmin=0, vmax=1)
            axis.set_title(f"layer {layer + 1}, head {head + 1}", fontsize=8)
            below, beside = names if layer == layers - 1 else [], names if head == 0 else []  # all would take seconds
            axis.set_xticks(range(len(below)), below, fontsize=5)
            axis.set_yticks(range(len(beside)), beside, fontsize=5)
    figure.colorbar(shade, ax=axes, label="weight")
    figure.supxlabel("what is looked at", fontsize=8)
    figure.supylabel("what looks", fontsize=8)
    return figure


def _scale(colors):
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    return ScalarMappable(Normalize(0, MOST), colors)
