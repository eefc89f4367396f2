"""Simulated texts of a grammar in which one word decides the class, and the word before it may turn it around.

A text is clauses of filler words. One clause holds a cue ("profit fell"), and the class is that of the cue; with a
negation right before it ("did not fall" as "not fell") the class is the cue's opposite. Negations stand in other
clauses too, where they change nothing: counting words is therefore not enough, and a network must find the cue and
look at its neighbour. Labels are wrong at a known rate, so that the best score is known.
"""

from dataclasses import dataclass

import numpy as np

FILLER = 150  # made-up words, frequent as in a language: word r with weight 1 / (r + 3)
SYLLABLES = ["ba", "co", "di", "fu", "ga", "ho", "ki", "lo", "me", "nu", "pa", "ro", "si", "ta", "ve", "wi", "za"]
NEGATIONS = ("not", "never", "hardly")
CLAUSES = ("the {0} of {1}", "{0} in {1} {2}", "{0} and {1}", "said {0} {1}", "{0} {1} {2} to {3}")


@dataclass(frozen=True)
class Kind:
    """What a set of texts is made of.

    Args:
        cues: Class -> words that speak for it.
        opposite: Class -> class that its negated cue speaks for.
        shares: Share of each class before labels are made wrong.
        clauses: Fewest and most clauses of a text.
        negated: Share of cues that are negated.
        noise: Share of labels that are replaced by another class.
        copies: Share of texts that are copied once more, with their label.
    """

    cues: dict[int, tuple[str, ...]]
    opposite: dict[int, int]
    shares: tuple[float, ...]
    clauses: tuple[int, int] = (2, 6)
    negated: float = 0.3
    noise: float = 0.04
    copies: float = 0.0


FINANCE = (
    Kind(  # classes negative, neutral, positive, as often as in Financial PhraseBank, which holds most texts twice
        cues={
            0: ("fell", "declined", "dropped", "weakened", "slipped", "shrank"),
            1: ("met", "announced", "signed", "opened", "published", "remained"),
            2: ("rose", "improved", "grew", "increased", "strengthened", "climbed"),
        },
        opposite={0: 2, 1: 1, 2: 0},
        shares=(0.126, 0.62, 0.254),
        copies=0.4,
    )
)
COMMENTS = Kind(  # classes 0 and 1 (toxic, a tenth), as in the Jigsaw set; few copies
    cues={
        0: ("editor", "helpful", "welcome", "reference", "article", "thanks"),
        1: ("idiot", "moron", "stupid", "loser", "pathetic", "garbage"),
    },
    opposite={0: 0, 1: 0},
    shares=(0.9, 0.1),
    clauses=(1, 6),
    noise=0.02,
    copies=0.01,
)
REVIEWS = Kind(  # classes 0 and 1 (positive), half of each, as in IMDB
    cues={
        0: ("awful", "boring", "dreadful", "dull", "terrible", "worst"),
        1: ("wonderful", "brilliant", "superb", "charming", "excellent", "gripping"),
    },
    opposite={0: 1, 1: 0},
    shares=(0.5, 0.5),
    clauses=(10, 40),
    noise=0.05,
)


def make_sentences(kind: Kind, n: int, seed: int = 0) -> dict[str, np.ndarray]:
    """``n`` texts and their copies after them.

    Args:
        kind: What they are made of.
        n: Texts before copies.
        seed: Same seed, same texts.

    Returns:
        ``text`` object (N,), ``label`` int64 (N,), and ``clean`` int64 (N,), the label before it was made wrong.
    """
    rng = np.random.default_rng(seed)
    filler = made_up_words(rng)
    weight = 1 / (np.arange(FILLER) + 3.0)
    weight /= weight.sum()
    clean = rng.choice(len(kind.shares), n, p=kind.shares)
    texts = [text_of(rng, kind, int(k), filler, weight) for k in clean]
    wrong = rng.random(n) < kind.noise
    other = (clean + rng.integers(1, len(kind.shares), n)) % len(kind.shares)
    label = np.where(wrong, other, clean)
    copied = np.flatnonzero(rng.random(n) < kind.copies)
    rows = np.concatenate([np.arange(n), copied])
    return {"text": np.array(texts, object)[rows], "label": label[rows], "clean": clean[rows]}


def made_up_words(rng: np.random.Generator) -> list[str]:
    """``FILLER`` different words of two or three syllables."""
    words: dict[str, None] = {}
    while len(words) < FILLER:
        words["".join(rng.choice(SYLLABLES, rng.integers(2, 4)))] = None
    return list(words)


def text_of(rng: np.random.Generator, kind: Kind, label: int, filler: list[str], weight: np.ndarray) -> str:
    """A text of a class."""
    negatable = [k for k, other in kind.opposite.items() if other == label and k != label]
    negated = bool(negatable) and rng.random() < kind.negated
    cue = str(rng.choice(kind.cues[negatable[0] if negated else label]))
    deciding = f"{rng.choice(NEGATIONS)} {cue}" if negated else cue
    count = int(rng.integers(kind.clauses[0], kind.clauses[1] + 1))
    place, clauses = int(rng.integers(count)), []
    drawn = iter(rng.choice(FILLER, 4 * count, p=weight))
    for i in range(count):
        clause = CLAUSES[rng.integers(len(CLAUSES))].format(*(filler[next(drawn)] for _ in range(4)))
        if i == place:
            clause = f"{clause} {deciding} by {rng.integers(1, 99)} %"
        elif rng.random() < kind.negated / 2:  # a negation that negates no cue
            clause = f"{rng.choice(NEGATIONS)} {clause}"
        clauses.append(clause)
    return " , ".join(clauses).capitalize() + " ."


def best_scores(label: np.ndarray, clean: np.ndarray, positive: int | None = None) -> dict[str, float]:
    """What a predictor scores that knows the grammar and not which labels are wrong: ``acc``, and ``auroc`` of a class.

    Its AUROC is that of a yes or no: half of one plus the share of true positives, less that of false ones.
    """
    best = {"acc": float(np.mean(label == clean))}
    if positive is not None:
        said, truth = clean == positive, label == positive
        best["auroc"] = float(0.5 + (said[truth].mean() - said[~truth].mean()) / 2)
    return best
