"""A corpus whose words have known classes: words of one class stand in the same places, and nothing else is alike.

A sentence is a walk over classes: each class has two that may follow, and its words are drawn by Zipf's law whatever
stands beside them. Words of a few letters (``the``, ``of``, ...) stand anywhere, often, as in
English. Besides there are ``ENTITIES`` lands and their cities: a land and its city share a companion word, lands share
the words around lands and cities those around cities, so that land a - city a is as land b - city b.
"""

import numpy as np

CLASSES, MEMBERS, ENTITIES = 10, 20, 10
FUNCTION = ["the", "of", "a", "to", "in"]


def make_word_classes(documents: int, seed: int) -> tuple[list[list[str]], dict[str, int], list[list[str]]]:
    """Documents as lists of words, the class of each word that has one, and analogy questions of four words."""
    rng = np.random.default_rng([seed, 11])
    words = [[f"{'bcdfgklmnp'[k]}{i:02}" for i in range(MEMBERS)] for k in range(CLASSES)]
    following = np.array([rng.permutation(CLASSES)[:2] for _ in range(CLASSES)])
    zipf = 1 / np.arange(2, MEMBERS + 2)
    zipf /= zipf.sum()
    corpus = []
    for _ in range(documents):
        document: list[str] = []
        for _ in range(int(rng.integers(3, 7))):
            document += entity_sentence(rng) if rng.random() < 0.3 else class_sentence(rng, words, following, zipf)
        corpus.append(document)
    classes = {word: k for k, members in enumerate(words) for word in members}
    pairs = [(a, b) for a in range(ENTITIES) for b in range(ENTITIES) if a != b]
    return corpus, classes, [[f"city{a}", f"land{a}", f"city{b}", f"land{b}"] for a, b in pairs]


def class_sentence(rng: np.random.Generator, words: list[list[str]], following: np.ndarray, zipf: np.ndarray) -> list:
    """A walk over classes with words of no meaning between."""
    state, count, sentence = int(rng.integers(CLASSES)), int(rng.integers(6, 12)), []
    members, turns = rng.choice(MEMBERS, count, p=zipf).tolist(), (rng.random(count) < 0.3).astype(int).tolist()
    fillers, filled = rng.integers(len(FUNCTION), size=count).tolist(), (rng.random(count) < 0.5).tolist()
    for member, turn, filler, is_filled in zip(members, turns, fillers, filled, strict=True):
        sentence.append(words[state][member])
        if is_filled:
            sentence.append(FUNCTION[filler])
        state = int(following[state, turn])
    return sentence


def entity_sentence(rng: np.random.Generator) -> list[str]:
    """A land or a city between the companion of both and words of its kind."""
    entity, kind = int(rng.integers(ENTITIES)), ("land", "city")[int(rng.integers(2))]
    around = [f"{kind}like{int(rng.integers(4))}" for _ in range(2)]
    return [around[0], f"{kind}{entity}", f"companion{entity}", around[1], FUNCTION[int(rng.integers(len(FUNCTION)))]]
