"""What word vectors know, on tables whose answers are known."""

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix

from lightning_tasks.baselines.words import cooccurrences, ppmi
from lightning_tasks.measures.words import analogies, closest, same_class, word_scores

E = torch.eye(4)


def test_classes_of_neighbours():
    vectors = torch.cat([E[0] + 0.01 * torch.randn(6, 4), E[1] + 0.01 * torch.randn(6, 4), E[2:3]])
    classes = torch.tensor([0] * 6 + [1] * 6 + [-1])
    assert same_class(vectors, classes, 5) == 1
    assert same_class(vectors, classes, 12) == pytest.approx(5 / 12)
    drawn = torch.randn(400, 30, generator=torch.Generator().manual_seed(0))
    assert same_class(drawn, torch.arange(400) % 4) == pytest.approx(0.25, abs=0.03)


def test_analogies_leave_the_words_of_the_question_aside():
    male, female, royal, common = E
    table = torch.stack([male + common, male + royal, female + common, female + royal, royal])
    assert analogies(table, torch.tensor([[0, 1, 2, 3], [2, 3, 0, 1]])) == 1
    assert analogies(table, torch.tensor([[0, 1, 2, 4]])) == 0
    assert closest(table, table[1] - table[0] + table[2], 1, [0, 1, 2])[0][0] == 3


def test_cosine_sees_directions_and_euclid_lengths():
    table = torch.stack([E[0], 10 * E[0], E[1]])
    assert [row for row, _ in closest(table, table[0], 2, [0])] == [1, 2]
    assert [row for row, _ in closest(table, table[0], 2, [0], euclid=True)] == [2, 1]
    assert closest(table, table[0], 9, [0], euclid=True)[0][1] == pytest.approx(2**0.5)


def test_similarity_is_a_rank_correlation_and_coverage_stands_beside():
    table = torch.cat([torch.zeros(2, 2), torch.tensor([[1.0, 0], [1, 0.1], [1, 1], [0, 1]])])
    pairs = np.array([[2, 3], [2, 4], [2, 5]])
    tests = {"pairs": pairs, "similarity": np.array([9.0, 5, 1]), "pairs_coverage": 0.75}
    assert word_scores(table, tests) == pytest.approx({"similarity": 1, "similarity_coverage": 0.75})
    assert word_scores(table, {}) == {}


def test_counts_and_ppmi_follow_the_definition():
    tokens = np.array([[2, 1, 3, 4, 0], [3, 2, 0, 0, 0]])
    counts = cooccurrences(tokens, 5, 2).toarray()
    assert counts[2, 3] == counts[3, 2] == 2 and counts[2, 4] == 1 and counts[3, 4] == 1 and counts[:2].sum() == 0
    table = ppmi(csr_matrix(counts)).toarray()
    total = counts.sum()
    expected = np.log(2 * total / (counts[2].sum() * counts[3].sum()))
    assert table[2, 3] == pytest.approx(max(0, expected)) and (table >= 0).all()
