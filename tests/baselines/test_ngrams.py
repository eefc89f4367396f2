"""Models that count, against numbers by hand and a slow version that is read at a glance."""

from collections import Counter, defaultdict

import numpy as np
import pytest
import torch

from lightning_tasks.baselines.ngrams import Additive, KneserNey, bits, histories, joined, ngram_baselines

RNG = np.random.default_rng(0)
TEXT = RNG.choice(5, 300, p=[0.4, 0.3, 0.15, 0.1, 0.05])


def kneser_ney(text: list[int], vocabulary: int, order: int, history: tuple, token: int) -> float:
    """One probability, from the definition."""
    chance = 1 / vocabulary
    for n in range(1, order + 1):
        grams = [tuple(text[i : i + n]) for i in range(len(text) - n + 1)]
        if n == order:
            counts = Counter(grams)
        else:
            before = defaultdict(set)
            for i in range(1, len(text) - n + 1):
                before[tuple(text[i : i + n])].add(text[i - 1])
            counts = {gram: len(before[gram]) for gram in set(grams)}
        once, twice = (sum(c == k for c in counts.values()) for k in (1, 2))
        discount = once / (once + 2 * twice) if once and twice else 0.5
        context = tuple(history[len(history) - n + 1 :]) if n > 1 else ()
        after = {gram[-1]: c for gram, c in counts.items() if gram[:-1] == context}
        if total := sum(after.values()):
            left = sum(min(c, discount) for c in after.values()) / total
            chance = max(after.get(token, 0) - discount, 0) / total + left * chance
    return chance


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_kneser_ney_is_its_definition(order):
    model, before = KneserNey(TEXT, 6, order), histories(TEXT, 5)[:40]
    for token in (0, 3, 5):  # 5 is not in the text
        found = model.chances(before, np.full(40, token))
        expected = [kneser_ney(TEXT.tolist(), 6, order, tuple(h), token) for h in before.tolist()]
        np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize(
    "model", [Additive(TEXT, 6, 1), Additive(TEXT, 6, 3), KneserNey(TEXT, 6, 1), KneserNey(TEXT, 6, 5)]
)
def test_probabilities_sum_to_one_after_any_history(model):
    known, unknown = histories(TEXT, 4)[:30], RNG.integers(0, 6, (30, 4))
    before = np.concatenate([known, unknown, np.full((1, 4), -1), np.full((1, 4), 5)])
    total = sum(model.chances(before, np.full(len(before), token)) for token in range(6))
    np.testing.assert_allclose(total, 1, rtol=1e-12)


def test_numbers_by_hand():
    text = np.array([0, 1, 0, 1, 2])  # a b a b c
    before = np.array([[1], [0], [2]])
    np.testing.assert_allclose(Additive(text, 3, 1).chances(before, np.array([0, 1, 2])), [3 / 8, 3 / 8, 2 / 8])
    # after b: a once, c once; after a: b twice; nothing follows c
    np.testing.assert_allclose(Additive(text, 3, 2).chances(before, np.array([0, 1, 2])), [2 / 5, 3 / 5, 1 / 3])
    # pairs ab 2, ba 1, bc 1: discount 2 / (2 + 2) = 1/2; continuations a 1, b 1, c 1 of 3: their discount is 1/2
    # P(a) = (1/2) / 3 + (3 * 1/2) / 3 * 1/3 = 1/3; P(a | b) = (1/2) / 2 + (2 * 1/2) / 2 * 1/3
    found = KneserNey(text, 3, 2).chances(np.array([[1], [0]]), np.array([0, 1]))
    np.testing.assert_allclose(found, [1 / 4 + 1 / 6, 1.5 / 2 + 0.5 / 2 / 3])
    assert bits(np.array([0.5, 0.125])) == {"bits_per_token": 2.0, "perplexity": 4.0}


def test_windows_are_joined_to_the_text_they_were_cut_from():
    windows = {"tokens": torch.tensor([[3, 1, 2], [2, 4, 5], [5, 7, 0]]), "length": torch.tensor([3, 3, 2])}
    assert joined(windows).tolist() == [3, 1, 2, 4, 5, 7]
    assert histories(np.array([7, 8, 9]), 2).tolist() == [[-1, 7], [7, 8]]


def test_a_second_order_source_is_best_told_by_trigrams():
    text = np.zeros(4001, np.int64)
    for i in range(2, 4001):
        text[i] = (text[i - 1] + 2 * text[i - 2] + 1) % 5 if RNG.random() < 0.8 else RNG.integers(5)
    windows = {"tokens": torch.from_numpy(np.lib.stride_tricks.sliding_window_view(text, 11)[::10].copy()),
               "length": torch.full((400,), 11)}  # fmt: skip
    scores = ngram_baselines({k: v[:300] for k, v in windows.items()}, {k: v[300:] for k, v in windows.items()}, 6, 3)
    found = {name: metrics["bits_per_token"] for name, metrics in scores.items()}
    assert found["Kneser-Ney, order 3"] < found["trigram, add one"] + 0.05 < found["unigram"] < found["uniform"] + 0.05
    assert found["uniform"] == pytest.approx(np.log2(6))
