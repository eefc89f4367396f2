"""Financial PhraseBank (assignment F1): sentences of financial news, negative or not."""

from pathlib import Path
from typing import Any

import numpy as np

from datamodules.core.source import Arrays
from datamodules.readers.text_files import decoded
from datamodules.simulate.sentences import FINANCE, best_scores, make_sentences
from datamodules.texts.labelled import LabelledText

SENTIMENTS = ("negative", "neutral", "positive")
FORMS = {"negative": ["other", "negative"], "all": list(SENTIMENTS)}


class PhraseBankDataModule(LabelledText):
    """Reads ``Sentences.txt`` (ISO-8859-1, or UTF-8 where it is that): ``sentence@label`` a line.

    Ids are line numbers. The file is a list of sentences and a part of it once more, so that copies are left out
    before the split.

    Args:
        labels: ``negative`` tells these (1) from all others (0); ``all`` has the classes negative, neutral, positive.
        **kwargs: Arguments of ``LabelledText``.

    Raises:
        ValueError: Another ``labels``; or (when read) a line without ``@``, or another label.

    Source: Malo et al. 2014, "Good debt or bad debt: detecting semantic orientations in economic texts".
    """

    files = ("Sentences.txt",)
    how_to_get = "Sentences.txt is handed out by the course; it is Financial PhraseBank (docs/data.md)."

    def __init__(self, labels: str = "negative", **kwargs) -> None:
        super().__init__(**kwargs)
        self.save_hyperparameters(logger=False)
        if labels not in FORMS:
            raise ValueError(f"labels={labels!r}: choose {' or '.join(FORMS)}.")
        self.class_names = FORMS[labels]

    def read(self, folder: Path) -> dict[str, Arrays]:
        """One pool."""
        path = folder / self.files[0]
        text, encoding = decoded(path, fallback="iso-8859-1")
        if encoding != "iso-8859-1" and not text.isascii():
            self.note(f"{path.name} is {encoding.upper()}, not ISO-8859-1; it was read as such.")
        lines = [(number, line.strip()) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
        split = [(number, *line.rpartition("@")) for number, line in lines]
        if wrong := [number for number, _, at, _ in split if not at]:
            raise ValueError(
                f"{path}, line {wrong[0]}: no @ between sentence and label ({len(wrong)} such lines). "
                "Each line is sentence@label."
            )
        if wrong := [(number, label) for number, _, _, label in split if label.strip() not in SENTIMENTS]:
            raise ValueError(
                f"{path}, line {wrong[0][0]}: the label is {wrong[0][1][:40]!r} ({len(wrong)} such lines); "
                f"known: {', '.join(SENTIMENTS)}."
            )
        if not split:
            raise ValueError(f"{path} is empty.")
        numbers, sentences, _, labels = zip(*split, strict=True)
        found = np.array([SENTIMENTS.index(label.strip()) for label in labels])
        return {"train": self.pool_of_texts(sentences, self.coded(found), map(str, numbers))}

    def simulate(self) -> dict[str, Arrays]:
        """As many classes and copies; ``datamodules/simulate/sentences.py``."""
        made = make_sentences(FINANCE, 4000, self.hparams.seed)
        label, clean = self.coded(made["label"]), self.coded(made["clean"])
        best = best_scores(label, clean, 1 if self.hparams.labels == "negative" else None)
        self.note(best_in_words(best))
        return {"train": self.pool_of_texts(made["text"].tolist(), label)}

    def coded(self, sentiment: np.ndarray) -> np.ndarray:
        """Classes from places in ``SENTIMENTS``."""
        return sentiment if self.hparams.labels == "all" else (sentiment == 0).astype(np.int64)


def best_in_words(best: dict[str, Any]) -> str:
    """A note: what the best predictor scores on simulated texts."""
    scores = ", ".join(f"{name} {value:.3f}" for name, value in best.items())
    return f"Simulated labels are wrong at a known rate: who knows the grammar scores {scores} over all texts."
