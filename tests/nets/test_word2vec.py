"""Pairs of words and their losses against slow loops that follow the definitions."""

import math

import pytest
import torch
from torch import nn

from lightning_tasks.nets.word2vec import huffman, kept, negative_loss, neighbours, path_loss, windows

TOKENS = torch.tensor([[5, 6, 7, 8, 9], [2, 3, 0, 0, 0]])


def test_words_that_are_left_out_let_windows_reach_further():
    words, length = kept(TOKENS, torch.tensor([[True, False, True, False, True], [True, True, False, False, False]]))
    assert words[0, :3].tolist() == [5, 7, 9] and words[1, :2].tolist() == [2, 3] and length.tolist() == [3, 2]


def test_pairs_are_those_of_two_loops_and_stay_inside_a_piece():
    length, most = torch.tensor([5, 2]), 3
    generator = torch.Generator().manual_seed(0)
    inside = windows(length, 5, most, generator)
    radius = torch.randint(1, most + 1, (2, 5, 1), generator=torch.Generator().manual_seed(0))[..., 0]
    around = neighbours(TOKENS, most)
    found = {(b, t, int(w)) for b, t, k in inside.nonzero().tolist() for w in [around[b, t, k]]}
    expected = {
        (b, t, int(TOKENS[b, u]))
        for b in range(2)
        for t in range(int(length[b]))
        for u in range(int(length[b]))
        if 0 < abs(t - u) <= int(radius[b, t])
    }
    assert found == expected and inside.sum() == len(expected)
    assert not (around[inside] == 0).any(), "no pair with padding"


def test_negative_sampling_is_its_definition_and_a_word_is_never_its_own_negative():
    torch.manual_seed(0)
    output, hidden = nn.Embedding(10, 4), torch.randn(3, 4)
    words = torch.tensor([[2, 3], [4, 0], [5, 2]])
    real = torch.tensor([[True, True], [True, False], [True, True]])
    negatives, count = torch.tensor([2, 7, 7, 5]), 5
    found = negative_loss(hidden, words, real, output, negatives, count)
    for p in range(3):
        mine = words[p][real[p]].tolist()
        others = [n for n in negatives.tolist() if n not in mine]

        def s(word, p=p):
            return float(torch.sigmoid(hidden[p] @ output.weight[word]))

        negative = sum(math.log(1 - s(n)) for n in others) / len(others)
        expected = sum(-math.log(s(w)) - count * negative for w in mine)
        assert float(found[p].detach()) == pytest.approx(expected, rel=1e-5)
    only = negative_loss(hidden[:1], words[:1], real[:1], output, torch.tensor([2, 3]), count)
    assert only.isfinite().all(), "no negative is left"


def test_the_hierarchical_softmax_is_a_distribution():
    counts = torch.tensor([0, 0, 50, 20, 20, 9, 1, 7])
    paths, codes = huffman(counts, 12)
    torch.manual_seed(0)
    nodes, hidden = nn.Embedding(8, 4), torch.randn(2, 4)
    words = torch.arange(2, 8).expand(2, 6)
    alone = [
        path_loss(hidden, words[:, [k]], torch.ones(2, 1, dtype=torch.bool), nodes, paths, codes) for k in range(6)
    ]
    probability = torch.stack(alone, 1).neg().exp()
    torch.testing.assert_close(probability.sum(1), torch.ones(2))
    both = path_loss(hidden, words[:, :2], torch.ones(2, 2, dtype=torch.bool), nodes, paths, codes)
    torch.testing.assert_close(both, alone[0] + alone[1])


def test_huffmans_codes_are_prefix_free_and_as_short_as_can_be():
    counts = torch.tensor([0, 0, 45, 13, 12, 16, 9, 5])  # Cormen et al., Introduction to Algorithms, section 16.3
    _, codes = huffman(counts)
    lengths = (codes >= 0).sum(1).tolist()
    assert lengths == [0, 0, 1, 3, 3, 3, 4, 4]
    texts = ["".join(map(str, row[row >= 0].tolist())) for row in codes[2:]]
    assert not any(a != b and b.startswith(a) for a in texts for b in texts)
    with pytest.raises(ValueError, match="Raise --data.min_count"):
        huffman(2 ** torch.arange(20), 10)
