"""Simulated texts: the cue and its negation decide, and the best score is what it is said to be."""

import numpy as np
import pytest

from datamodules import HeadlinesDataModule, ImdbDataModule, PhraseBankDataModule, ToxicDataModule
from datamodules.simulate.headlines import make_headlines
from datamodules.simulate.sentences import COMMENTS, FINANCE, NEGATIONS, REVIEWS, best_scores, make_sentences
from lightning_tasks.measures.binary import auroc, roc


def read(text, kind):
    """The class by the grammar: that of the cue, or its opposite after a negation."""
    words = text.lower().split()
    ((place, label),) = [(i, k) for i, word in enumerate(words) for k, cues in kind.cues.items() if word in cues]
    return kind.opposite[label] if place and words[place - 1] in NEGATIONS and kind.opposite[label] != label else label


@pytest.mark.parametrize("kind", [FINANCE, COMMENTS, REVIEWS], ids=["finance", "comments", "reviews"])
def test_the_grammar_says_the_class_and_labels_are_wrong_as_often_as_it_says(kind):
    made = make_sentences(kind, 1500, seed=1)
    assert [read(text, kind) for text in made["text"]] == made["clean"].tolist()
    assert np.mean(made["label"][:1500] != made["clean"][:1500]) == pytest.approx(kind.noise, abs=0.02)
    shares = np.bincount(made["clean"][:1500]) / 1500
    np.testing.assert_allclose(shares, kind.shares, atol=0.04)
    assert (len(made["text"]) - 1500) / 1500 == pytest.approx(kind.copies, abs=0.04)
    np.testing.assert_array_equal(make_sentences(kind, 50, seed=3)["text"], make_sentences(kind, 50, seed=3)["text"])
    negated = [any(f"{n} {c}" in t.lower() for n in NEGATIONS for cs in kind.cues.values() for c in cs)
               for t in made["text"]]  # fmt: skip
    assert 0.02 < np.mean(negated) < 0.5


def test_the_best_score_is_that_of_who_knows_the_grammar():
    import torch

    made = make_sentences(FINANCE, 3000, seed=0)
    label, clean = made["label"] == 0, made["clean"] == 0
    best = best_scores(label.astype(int), clean.astype(int), 1)
    area = auroc(roc(torch.from_numpy(clean).double(), torch.from_numpy(label).long()))
    assert best["auroc"] == pytest.approx(float(area)) and best["acc"] == np.mean(label == clean)
    assert 0.9 < best["auroc"] < 0.96


def test_headlines_are_told_best_by_their_true_frequencies():
    made = make_headlines(1200, seed=2)
    assert np.bincount(made["label"]).tolist() == [300] * 4
    assert 0.6 < np.mean(made["best"] == made["label"]) < 0.8


@pytest.mark.parametrize("kind", [PhraseBankDataModule, ToxicDataModule, ImdbDataModule, HeadlinesDataModule])
def test_sets_are_simulated_with_the_best_score_in_a_note(kind):
    data = kind(source="simulated", test_fraction=0.2)
    data.setup()
    assert any(note.startswith("Simulated") and "0." in note for note in data.notes)
    assert len(data.statistics()["class_counts"]) == len(data.class_names)
