"""Simulated headlines: words drawn one by one from the word frequencies of a topic, as naive Bayes supposes.

Bayes' rule with the frequencies they were drawn from is therefore the best classifier, and its accuracy is known.
"""

import numpy as np

from .sentences import SYLLABLES

VOCABULARY, OF_TOPIC, FACTOR = 1200, 150, 4.0  # words, words that a topic prefers, and how much


def make_headlines(n: int = 2400, topics: int = 4, seed: int = 0) -> dict[str, np.ndarray]:
    """Titles of 4 to 9 words and descriptions of twice as many, topics equally often.

    Returns:
        ``title`` and ``description`` object (n,), ``label`` int64 (n,), and ``best`` int64 (n,): the topic that Bayes'
        rule says with the true frequencies, from the title.
    """
    rng = np.random.default_rng(seed)
    words: dict[str, None] = {}
    while len(words) < VOCABULARY:
        words["".join(rng.choice(SYLLABLES, rng.integers(2, 5)))] = None
    names = np.array(list(words), object)
    base = 1 / (np.arange(VOCABULARY) + 5.0)
    chances = np.stack([base] * topics)
    for topic in range(topics):
        chances[topic, rng.choice(VOCABULARY, OF_TOPIC, replace=False)] *= FACTOR
    chances /= chances.sum(1, keepdims=True)
    label = rng.permutation(np.arange(n) % topics)
    titles, descriptions, best = [], [], []
    for topic in label:
        drawn = rng.choice(VOCABULARY, rng.integers(4, 10), p=chances[topic])
        more = rng.choice(VOCABULARY, 2 * len(drawn), p=chances[topic])
        titles.append(" ".join(names[drawn]).capitalize())
        descriptions.append(" ".join(names[more]).capitalize() + ".")
        best.append(int(np.log(chances[:, drawn]).sum(1).argmax()))
    return {
        "title": np.array(titles, object),
        "description": np.array(descriptions, object),
        "label": label.astype(np.int64),
        "best": np.array(best, np.int64),
    }
