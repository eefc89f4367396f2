"""Map of word vectors."""

import numpy as np
from matplotlib.figure import Figure
from sklearn.manifold import TSNE
from torch import Tensor

from .style import COLORS, PALETTE


def map_figure(vectors: Tensor, words: list[str], classes: np.ndarray | None, most: int) -> Figure:
    """t-SNE (van der Maaten & Hinton 2008) of the ``most`` most frequent words, by cosine.

    Args:
        vectors: (n, D), rows in the order of ``words``.
        words: The most frequent first.
        classes: int64 (2 + n,), -1 without a class, as of all rows of the table; or None: one colour.
        most: Words on the map.
    """
    count = min(most, len(words))
    figure = Figure(figsize=(10, 8), layout="constrained")
    axis = figure.subplots()
    axis.set(xticks=[], yticks=[], title=f"{count} most frequent words")
    if count < 5:  # too few for neighbourhoods
        return figure
    perplexity = min(15.0, (count - 1) / 3)
    place = TSNE(perplexity=perplexity, metric="cosine", init="random", random_state=0).fit_transform(
        vectors[:count].numpy()
    )
    kinds = np.full(count, -1) if classes is None else np.asarray(classes)[2 : 2 + count]
    for (x, y), word, kind in zip(place.tolist(), words, kinds.tolist(), strict=False):
        color = COLORS[8] if kind < 0 else PALETTE[kind % len(PALETTE)]
        axis.plot(x, y, ".", color=color, markersize=3)
        axis.annotate(word, (x, y), fontsize=7, color=COLORS[0] if classes is None else color)
    return figure
