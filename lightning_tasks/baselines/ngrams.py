"""Language models that count: uniform, additive n-grams, interpolated Kneser-Ney.

Letters: N tokens of a text, V vocabulary, n order of a model, M questions.
"""

import math

import numpy as np
import torch
from torch import Tensor


class Grams:
    """All n-grams of a text up to an order, numbered; an n-gram is found by its prefix and its last token.

    Args:
        tokens: Numbers (N,) from 0 to V - 1.
        vocabulary: V.
        order: Longest n-grams.
    """

    def __init__(self, tokens: np.ndarray, vocabulary: int, order: int) -> None:
        self.vocabulary, self.order = vocabulary, order
        tokens = tokens.astype(np.int64)
        self.keys: list[np.ndarray] = []  # of each length, sorted: number of the prefix * V + last token
        self.counts: list[np.ndarray] = []
        self.suffix: list[np.ndarray] = []  # number of each n-gram without its first token, among the shorter ones
        numbers = np.zeros(len(tokens) + 1, np.int64)  # of the shorter n-gram that ends before each place
        for n in range(1, order + 1):
            keys, first, inverse, counts = np.unique(
                numbers[: len(tokens) - n + 1] * vocabulary + tokens[n - 1 :],
                return_index=True, return_inverse=True, return_counts=True,
            )  # fmt: skip
            shorter = numbers[first + 1] if n > 1 else np.zeros(len(keys), np.int64)
            self.keys.append(keys)
            self.counts.append(counts)
            self.suffix.append(shorter)
            numbers = inverse

    def find(self, grams: np.ndarray) -> np.ndarray:
        """Numbers (M,) of n-grams (M, n), -1 for those that the text does not have."""
        numbers = np.zeros(len(grams), np.int64)
        for n in range(grams.shape[1]):
            keys = self.keys[n]
            wanted = np.where((numbers >= 0) & (grams[:, n] >= 0), numbers * self.vocabulary + grams[:, n], -1)
            place = np.searchsorted(keys, wanted).clip(max=len(keys) - 1)
            numbers = np.where(keys[place] == wanted, place, -1)
        return numbers


class Additive:
    """P(w | h) = (c(h w) + alpha) / (c(h) + alpha V), with add-one smoothing as the default.

    Args:
        tokens: The text it counts, numbers (N,).
        vocabulary: V.
        order: n; 1 looks at no history.
        alpha: Added to every count.
    """

    def __init__(self, tokens: np.ndarray, vocabulary: int, order: int, alpha: float = 1.0) -> None:
        self.grams, self.order, self.alpha, self.vocabulary = Grams(tokens, vocabulary, order), order, alpha, vocabulary
        keys, counts = self.grams.keys[-1], self.grams.counts[-1]
        self.followed = np.bincount(keys // vocabulary, counts)  # c(h): how often something follows h

    def chances(self, history: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        """Probability (M,) of tokens (M,) after histories (M, n - 1 or more); -1 stands before a text's start."""
        history = history[:, history.shape[1] - self.order + 1 :]
        whole = self.grams.find(np.column_stack([history, tokens]))
        context = self.grams.find(history)
        seen = np.where(whole >= 0, self.grams.counts[-1][whole], 0)
        size = len(self.followed)
        total = np.where((context >= 0) & (context < size), self.followed[context.clip(0, size - 1)], 0)
        return (seen + self.alpha) / (total + self.alpha * self.vocabulary)


class KneserNey:
    """Interpolated Kneser-Ney: a discount is taken from each count and given to the shorter history.

    The longest n-grams are counted as they occur, shorter ones by how many different tokens stand before them. The
    discount of each length is n1 / (n1 + 2 n2), with n1 and n2 the n-grams counted once and twice.

    Args:
        tokens: The text it counts, numbers (N,).
        vocabulary: V.
        order: n.

    Source: Chen & Goodman 1999, "An empirical study of smoothing techniques", section 2.7 and equation 22.
    """

    def __init__(self, tokens: np.ndarray, vocabulary: int, order: int = 5) -> None:
        self.grams, self.order, self.vocabulary = Grams(tokens, vocabulary, order), order, vocabulary
        self.levels = []
        for n in range(order):
            keys = self.grams.keys[n]
            counts = self.grams.counts[n]
            if n + 1 < order:  # in how many ways it is gone into
                counts = np.bincount(self.grams.suffix[n + 1], minlength=len(keys))
            once, twice = (counts == 1).sum(), (counts == 2).sum()
            discount = once / (once + 2 * twice) if once and twice else 0.5
            contexts = keys // vocabulary
            total = np.bincount(contexts, counts)
            spared = np.bincount(contexts, np.minimum(counts, discount))  # what is left for the shorter history
            self.levels.append((counts, discount, total, spared))

    def chances(self, history: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        """Probability (M,) of tokens (M,) after histories (M, n - 1 or more); -1 stands before a text's start."""
        chance = np.full(len(tokens), 1 / self.vocabulary)
        for n, (counts, discount, total, spared) in enumerate(self.levels):
            before = history[:, history.shape[1] - n :]
            whole = self.grams.find(np.column_stack([before, tokens]))
            context = self.grams.find(before)
            known = (context >= 0) & (context < len(total))
            known[known] = total[context[known]] > 0
            place = context[known]
            kept = np.maximum(counts[whole[known]] - discount, 0) * (whole[known] >= 0)
            chance[known] = (kept + spared[place] * chance[known]) / total[place]
        return chance


def histories(tokens: np.ndarray, length: int) -> np.ndarray:
    """The ``length`` tokens before each but the first of a text (N,): (N - 1, length), -1 before its start."""
    padded = np.concatenate([np.full(length, -1), tokens[:-1]])
    return np.lib.stride_tricks.sliding_window_view(padded, length)[1:] if length else np.zeros((len(tokens) - 1, 0))


def joined(windows: dict[str, Tensor]) -> np.ndarray:
    """Windows (``tokens`` (N, T + 1), ``length`` (N,)) that follow each other as one text; numbers from 0."""
    tokens, length = windows["tokens"].numpy(), windows["length"].numpy()
    real = np.arange(1, tokens.shape[1]) < length[:, None]
    return np.concatenate([tokens[:1, 0], tokens[:, 1:][real]]).astype(np.int64)


def bits(chances: np.ndarray) -> dict[str, float]:
    """``bits_per_token`` and ``perplexity`` of the probabilities that tokens were given."""
    mean = float(-np.log2(chances).mean())
    return {"bits_per_token": mean, "perplexity": 2**mean}


def ngram_baselines(
    train: dict[str, Tensor], test: dict[str, Tensor], vocabulary: int, order: int = 6
) -> dict[str, dict[str, float]]:
    """Scores on the test windows of models that count the training windows: name -> metrics.

    Args:
        train: Windows, as of ``TextStreamDataModule``.
        test: Windows that follow each other.
        vocabulary: V.
        order: Of Kneser-Ney.
    """
    text, asked = joined(train), joined(test)
    before = histories(asked, max(order, 3) - 1)
    models = {
        "unigram": Additive(text, vocabulary, 1),
        "trigram, add one": Additive(text, vocabulary, 3),
        f"Kneser-Ney, order {order}": KneserNey(text, vocabulary, order),
    }
    uniform = {"bits_per_token": math.log2(vocabulary), "perplexity": float(vocabulary)}
    return {"uniform": uniform} | {name: bits(model.chances(before, asked[1:])) for name, model in models.items()}


def source_baseline(test: dict[str, Tensor]) -> dict[str, dict[str, float]]:
    """What the source of simulated text scores itself: the floor, where windows hold ``source_nll``."""
    if "source_nll" not in test:
        return {}
    mean = float(test["source_nll"].double().sum() / (test["length"] - 1).sum() / math.log(2))
    return {"the source itself": {"bits_per_token": mean, "perplexity": float(torch.tensor(2.0) ** mean)}}
