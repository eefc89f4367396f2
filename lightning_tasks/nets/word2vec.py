"""Word vectors from neighbouring words (Mikolov et al. 2013a, arXiv:1301.3781; 2013b, arXiv:1310.4546).

Letters: B pieces of text, T words each, W neighbours a side, P positions, M true words a position (2 W in skip-gram, 1
in CBOW), V words, D numbers a word, S negatives of a batch, L length of a path.
"""

import heapq

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def kept(tokens: Tensor, keep: Tensor) -> tuple[Tensor, Tensor]:
    """Words of (B, T) that are kept, moved together to the left, and how many there are (B,).

    Windows are drawn after words were left out, as in the original: they then reach further.
    """
    order = (~keep).to(torch.uint8).argsort(dim=1, stable=True)
    length = keep.sum(1)
    return tokens.gather(1, order)[:, : int(length.max()) or 1], length


def windows(length: Tensor, steps: int, most: int, generator: torch.Generator | None) -> Tensor:
    """Which of the neighbours each word is paired with: bool (B, T, 2 W), neighbours -W..-1, 1..W.

    Each word draws its window from 1..W, so that near words count more. Nothing reaches over the ends of a piece.
    """
    radius = torch.randint(1, most + 1, (len(length), steps, 1), generator=generator, device=length.device)
    offset = torch.cat([torch.arange(-most, 0), torch.arange(1, most + 1)]).to(length.device)
    place = torch.arange(steps, device=length.device)[:, None] + offset  # (T, 2 W)
    real = (torch.arange(steps, device=length.device) < length[:, None])[..., None]
    return real & (offset.abs() <= radius) & (place >= 0) & (place < length[:, None, None])


def neighbours(tokens: Tensor, most: int) -> Tensor:
    """Words (B, T, 2 W) around each of (B, T), 0 beyond the ends."""
    padded = F.pad(tokens, (most, most))
    around = padded.unfold(1, 2 * most + 1, 1)  # (B, T, 2 W + 1)
    return torch.cat([around[..., :most], around[..., most + 1 :]], 2)


def negative_loss(
    hidden: Tensor, words: Tensor, real: Tensor, output: nn.Embedding, negatives: Tensor, count: int
) -> Tensor:
    """Negative sampling, summed over the pairs of each position, (P,).

    A pair costs -log s(h o_word) - count * mean over negatives of log s(-h o_negative). The negatives are shared by the
    whole batch, which makes of many dot products one matrix product; their mean, times ``count``, has the expectation
    of ``count`` draws. A negative that is one of the position's own words is left out of its mean.

    Args:
        hidden: (P, D).
        words: int64 (P, M), the true words of each position.
        real: bool (P, M), which of them there are.
        output: Output table, V words of D numbers.
        negatives: int64 (S,).
        count: Negatives a pair.
    """
    positive = F.logsigmoid(torch.einsum("pd,pmd->pm", hidden, output(words))) * real
    other = torch.ones(len(words), len(negatives), dtype=torch.bool, device=words.device)
    for column, there in zip(words.T, real.T, strict=True):
        other &= (column[:, None] != negatives) | ~there[:, None]
    score = F.logsigmoid(-(hidden @ output(negatives).T)) * other
    return -positive.sum(1) - count * real.sum(1) * score.sum(1) / other.sum(1).clamp(min=1)


def path_loss(hidden: Tensor, words: Tensor, real: Tensor, nodes: nn.Embedding, paths: Tensor, codes: Tensor) -> Tensor:
    """Hierarchical softmax: minus the log probability of the turns that lead to the words, summed a position, (P,).

    Args:
        hidden: (P, D).
        words: int64 (P, M), the true words of each position.
        real: bool (P, M), which of them there are.
        nodes: Table of inner nodes, V of D numbers.
        paths: int64 (V, L), inner nodes from the root on; behind the end any.
        codes: int8 (V, L): 0 or 1, the turn at each node; -1 behind the end.
    """
    place, which = real.nonzero(as_tuple=True)
    word = words[place, which]
    turn = codes[word].float()
    longest = int((turn >= 0).sum(1).max()) if len(word) else 0
    turn = turn[:, :longest]
    score = torch.einsum("pd,pld->pl", hidden[place], nodes(paths[word, :longest]))
    loss = -(F.logsigmoid((1 - 2 * turn) * score) * (turn >= 0)).sum(1)
    return torch.zeros(len(words), device=loss.device, dtype=loss.dtype).index_add(0, place, loss)


def huffman(counts: Tensor, longest: int = 40) -> tuple[Tensor, Tensor]:
    """``paths`` int64 (V, L) and ``codes`` int8 (V, L) of Huffman's tree: frequent words have short paths.

    Words that never occur have none. L is ``longest``, so that tables of any counts have one shape.

    Raises:
        ValueError: A path is longer than ``longest``.
    """
    words = counts.nonzero().flatten().tolist()
    heap = [(int(counts[word]), i, word) for i, word in enumerate(words)]
    heapq.heapify(heap)
    parent: dict[int, tuple[int, int]] = {}  # node -> its parent and the turn; inner nodes are numbered behind V
    inner = len(counts)
    while len(heap) > 1:
        (first, _, a), (second, _, b) = heapq.heappop(heap), heapq.heappop(heap)
        parent[a], parent[b] = (inner, 0), (inner, 1)
        heapq.heappush(heap, (first + second, inner, inner))
        inner += 1
    paths = torch.zeros(len(counts), longest, dtype=torch.int64)
    codes = torch.full((len(counts), longest), -1, dtype=torch.int8)
    for word in words:
        way, node = [], word
        while node in parent:
            node, turn = parent[node]
            way.append((node - len(counts), turn))
        if len(way) > longest:
            raise ValueError(f"A word has a path of {len(way)} turns; {longest} fit. Raise --data.min_count.")
        for place, (node, turn) in enumerate(reversed(way)):
            paths[word, place], codes[word, place] = node, turn
    return paths, codes
