"""Texts from CSV files (assignments F2 and F6): toxic comments, film reviews, headlines."""

from pathlib import Path
from typing import Any

import numpy as np

from datamodules.core.source import Arrays, find_folder
from datamodules.readers.text_files import as_classes, read_columns
from datamodules.simulate.headlines import make_headlines
from datamodules.simulate.sentences import COMMENTS, REVIEWS, Kind, best_scores, make_sentences
from datamodules.texts.labelled import LabelledText

from .phrase_bank import best_in_words


class _TwoClasses(LabelledText):
    """Texts of classes 0 and 1 from a CSV with a column each for id, text and label."""

    columns: tuple[str, str, str]
    kind: Kind
    simulated: int

    def read(self, folder: Path) -> dict[str, Arrays]:
        """One pool."""
        path, (name, text, label) = folder / self.files[0], self.columns
        table = read_columns(path, self.columns)
        labels = as_classes(path, table[label], {"0": 0, "1": 1}, label)
        return {"train": self.pool_of_texts([clean(t) for t in table[text]], labels, table[name])}

    def simulate(self) -> dict[str, Arrays]:
        """``datamodules/simulate/sentences.py``."""
        made = make_sentences(self.kind, self.simulated, self.hparams.seed)
        self.note(best_in_words(best_scores(made["label"], made["clean"], 1)))
        return {"train": self.pool_of_texts(made["text"].tolist(), made["label"])}


def clean(text: str) -> str:
    """Without the line breaks of HTML."""
    return text.replace("<br />", " ").replace("<br/>", " ")


class ToxicDataModule(_TwoClasses):
    """Reads ``data.csv`` or ``train.csv`` (Jigsaw): columns ``id``, ``comment_text`` and ``toxic`` of 0 and 1.

    Source: Kaggle, "Toxic comment classification challenge", 2018.
    """

    FILES = ("data.csv", "train.csv")
    files = FILES[:1]
    columns, kind, simulated = ("id", "comment_text", "toxic"), COMMENTS, 4000
    class_names = ["clean", "toxic"]
    how_to_get = "data.csv is the train.csv of Kaggle's toxic comment classification challenge (docs/data.md)."

    def load(self) -> dict[str, Arrays]:
        """Look for either file."""
        h = self.hparams
        there = [name for name in self.FILES if find_folder(h.root, self.title, (name,), self.how_to_get)]
        self.files = tuple(there or self.FILES)[:1]
        return super().load()


class ImdbDataModule(_TwoClasses):
    """Reads ``imdb_train.csv``: columns ``id``, ``text`` and ``label`` (0 negative, 1 positive) of film reviews.

    Source: Maas et al. 2011, "Learning word vectors for sentiment analysis".
    """

    files = ("imdb_train.csv",)
    columns, kind, simulated = ("id", "text", "label"), REVIEWS, 2000
    class_names = ["negative", "positive"]
    how_to_get = "imdb_train.csv holds the training reviews of the Large Movie Review Dataset (docs/data.md)."


class HeadlinesDataModule(LabelledText):
    """Reads ``ag_news.csv``: columns ``class`` (1..4), ``title``, ``description``, with or without a head.

    Args:
        descriptions: Also read the descriptions, after the titles.
        **kwargs: Arguments of ``LabelledText``.

    Source: Zhang et al. 2015, "Character-level convolutional networks for text classification", section 4.
    """

    files = ("ag_news.csv",)
    class_names = ["world", "sports", "business", "science"]
    how_to_get = "ag_news.csv is the train.csv of AG's News, or a part of it (docs/data.md)."

    def __init__(self, descriptions: bool = False, **kwargs) -> None:
        super().__init__(**kwargs)
        self.save_hyperparameters(logger=False)

    def read(self, folder: Path) -> dict[str, Arrays]:
        """One pool."""
        path, columns = folder / self.files[0], ("class", "title", "description")
        table = read_columns(path, columns, head=columns)
        labels = as_classes(path, table["class"], {str(k): k - 1 for k in range(1, 5)}, "class")
        return {"train": self.pool_of_texts(self.joined(table), labels)}

    def simulate(self) -> dict[str, Arrays]:
        """``datamodules/simulate/headlines.py``."""
        made = make_headlines(seed=self.hparams.seed)
        best = np.mean(made["best"] == made["label"])
        self.note(f"Simulated titles: Bayes' rule with the true word frequencies has accuracy {best:.3f} on all.")
        return {"train": self.pool_of_texts(self.joined(made), made["label"])}

    def joined(self, table: dict[str, Any]) -> list[str]:
        """Titles, with their descriptions where they are read."""
        if not self.hparams.descriptions:
            return list(table["title"])
        return [f"{title} . {text}" for title, text in zip(table["title"], table["description"], strict=True)]
