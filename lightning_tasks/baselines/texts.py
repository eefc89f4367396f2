"""What texts score without a network: the class shares, and linear models on weighted counts of words."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from .classes import class_share_baseline

OF_PROBABILITIES = ("nll", "ece", "brier")


def text_baselines(task: Any, datamodule: Any, svm: bool = False) -> dict[str, dict[str, float]]:
    """Scores on the test part of models fitted to the train part: name -> metrics.

    Words and pairs of words that stand in two texts or more, weighted by TF-IDF with the logarithm of counts and of
    unit length; then logistic regression, and with ``svm`` a linear support vector machine. That one gives no
    probabilities, so that it has no scores of them; its classes are ranked by its decision function.

    Args:
        task: Gives ``score`` and ``num_classes``.
        datamodule: Set up; its pools hold ``text`` and ``label``, and ``words_in`` gives the words of a text.
        svm: Also fit the support vector machine.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer  # here: only a finished fit needs it
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import LinearSVC

    scores = class_share_baseline(task, datamodule)
    train, test = (texts_of(datamodule, part) for part in ("train", "test"))
    label, truth = train[1], torch.from_numpy(test[1])
    if len(np.unique(label)) < 2:
        return scores
    tfidf = TfidfVectorizer(
        tokenizer=datamodule.words_in, token_pattern=None, lowercase=False, ngram_range=(1, 2), min_df=2,
        sublinear_tf=True,
    )  # fmt: skip
    try:
        x = tfidf.fit_transform(train[0])
    except ValueError:  # no word stands in two texts
        return scores
    new = tfidf.transform(test[0])
    logistic = LogisticRegression(C=10.0, max_iter=1000).fit(x, label)
    prob = of_classes(logistic.predict_proba(new), logistic.classes_, task.num_classes)
    scores["TF-IDF + logistic"] = {k: float(v) for k, v in task.score({"prob": prob, "label": truth}).items()}
    if svm:
        machine = LinearSVC().fit(x, label)
        decision = machine.decision_function(new)
        decision = np.stack([-decision, decision], 1) if decision.ndim == 1 else decision
        prob = of_classes(torch.from_numpy(decision).softmax(1).numpy(), machine.classes_, task.num_classes)
        of_machine = task.score({"prob": prob, "label": truth})
        scores["TF-IDF + linear SVM"] = {k: float(v) for k, v in of_machine.items() if k not in OF_PROBABILITIES}
    return scores


def texts_of(datamodule: Any, part: str) -> tuple[list[str], np.ndarray]:
    """Texts and labels int64 (N,) of a part."""
    pool, rows = datamodule.pools[datamodule.pool_of(part)], datamodule.parts[part]
    return pool["text"][rows].tolist(), pool["label"][rows].astype(np.int64)


def of_classes(prob: np.ndarray, classes: np.ndarray, count: int) -> Tensor:
    """Probabilities (N, count) from those of the classes that were seen; others get 0."""
    wide = np.zeros((len(prob), count))
    wide[:, classes] = prob
    return torch.from_numpy(wide)
