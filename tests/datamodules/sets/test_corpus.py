"""Running text: pieces, vocabulary, the shuffled control, tests of vectors, and what can be wrong in a file."""

import numpy as np
import pytest

from datamodules import CorpusDataModule
from datamodules.core import source
from datamodules.readers.word_tests import read_questions, read_similarities

TEXT = "\n\n".join(f"The cat number {i} sat on the mat, and the dog slept." for i in range(40))


def ready(**kwargs):
    source._LAST.clear()
    data = CorpusDataModule(**{"folds": 4} | kwargs)
    data.setup()
    return data


def corpus(tmp_path, text=TEXT, name="book.txt", encoding="utf-8", **kwargs):
    (tmp_path / name).write_bytes(text.encode(encoding))
    return ready(root=str(tmp_path), file=name, **kwargs)


def test_a_text_is_read_as_paragraphs_cut_into_pieces_that_stay_together(tmp_path):
    data = corpus(tmp_path, longest=5)
    pool = data.pools["train"]
    assert pool["text"][:3].tolist() == ["the cat number 0 sat", "on the mat and the", "dog slept"]
    assert pool["group"][:4].tolist() == [0, 0, 0, 1]
    train, val = (set(pool["group"][data.parts[part]].tolist()) for part in ("train", "val"))
    assert not train & val
    words = data.fitted["words"]
    assert words[0] == "the" and "0" not in words, "numbers of documents are rare"
    assert pool["tokens"][0].tolist() == [
        2,
        words.index("cat") + 2,
        words.index("number") + 2,
        1,
        words.index("sat") + 2,
    ]
    counts = data.statistics()["word_counts"]
    assert len(counts) == 10_000 and counts[0] == 0 and counts[2] == 3 * 30


def test_csv_with_and_without_header_and_markup(tmp_path):
    rows = "".join(f'{i},"Gold rises &amp; #39;falls<br />","Again, and again"\n' for i in range(20))
    data = corpus(tmp_path, rows, "news.csv", columns=[2, "3"])
    assert data.pools["train"]["text"][0] == "gold rises falls again and again"
    data = corpus(tmp_path, "id,title,body\n" + rows, "news.csv", columns=["body"])
    assert data.pools["train"]["text"][0] == "again and again"
    for options, message in (
        ({"columns": ["text"]}, "missing column 'text'. Found columns: id, title, body"),
        ({}, "name the columns of the text by --data.columns"),
        ({"columns": ["9"]}, "record 1 has 3 columns; 9 are read"),
        ({"columns": ["0"]}, r"news.csv: --data.columns \[0\]: columns are numbered from 1"),
        ({"columns": ["2", "0"]}, r"news.csv: --data.columns \[2, 0\]: columns are numbered"),
    ):
        with pytest.raises(ValueError, match=message):
            corpus(tmp_path, "id,title,body\n" + rows, "news.csv", **options)
    lost = rows.replace('falls<br />"', "falls<br />", 1)
    for text, line in ((lost, 1), (rows[:-3], 20)):
        with pytest.raises(ValueError, match=rf"news.csv, line {line}: no row of a CSV .*begins in line {line}"):
            corpus(tmp_path, text, "news.csv", columns=["2", "3"])


def test_broken_texts_are_refused_or_counted(tmp_path):
    with pytest.raises(ValueError, match=r"is not UTF-8: byte 0xe9 in line 1"):
        corpus(tmp_path, "un d\xe9sastre\n\n" * 5, encoding="latin-1")
    (tmp_path / "latin.txt").write_bytes(("un d\xe9sastre\n\n" * 9).encode("latin-1"))
    data = ready(root=str(tmp_path), file="latin.txt", encoding="latin-1")
    assert data.fitted["words"] == ["désastre", "un"]
    with pytest.raises(ValueError, match="none of 1 documents has two words"):
        corpus(tmp_path, " ")
    data = corpus(tmp_path, TEXT + "\n\nwell\n\n")
    assert any("have fewer than 2 words" in note for note in data.notes)
    with pytest.raises(ValueError, match="The vocabulary is empty: .* lower min_count"):
        corpus(tmp_path, min_count=1000)
    with pytest.raises(ValueError, match="give one of them"):
        CorpusDataModule(similarities="a", vectors="b")


def test_shuffling_keeps_words_and_lengths_and_nothing_else():
    plain, mixed = ready(source="simulated"), ready(source="simulated", shuffle_words=True)
    words = [sorted(" ".join(data.pools["train"]["text"]).split()) for data in (plain, mixed)]
    assert words[0] == words[1] and (plain.pools["train"]["text"] != mixed.pools["train"]["text"]).all()
    lengths = [np.sort([len(t.split()) for t in data.pools["train"]["text"]]) for data in (plain, mixed)]
    assert lengths[0].sum() == lengths[1].sum()


def test_simulated_words_have_classes_and_questions():
    data = ready(source="simulated")
    tests = data.word_tests()
    assert tests["questions_coverage"] == 1 and tests["questions"].shape == (90, 4)
    numbers = {word: i + 2 for i, word in enumerate(data.fitted["words"])}
    assert tests["classes"][numbers["b00"]] == tests["classes"][numbers["b19"]] != tests["classes"][numbers["c00"]]
    assert tests["classes"][numbers["the"]] == -1


def test_files_that_test_vectors(tmp_path):
    questions, pairs, glove = (tmp_path / name for name in ("questions.txt", "pairs.csv", "glove.txt"))
    questions.write_text(": animals\nCat mat dog on\ncat mat dog unicorn\n")
    pairs.write_text("word 1,word 2,score\nCat,dog,7.5\ncat,unicorn,1\n")
    glove.write_text("cat 1 0\ndog 0.9 0.1\nmat 0 1\n")
    tests = corpus(tmp_path, questions=str(questions), similarities=str(pairs)).word_tests()
    assert tests["questions"].shape == (1, 4) and tests["questions_coverage"] == 0.5
    assert tests["pairs"].shape == (1, 2) and tests["similarity"].tolist() == [7.5] and tests["pairs_coverage"] == 0.5
    tests = corpus(tmp_path, vectors=str(glove)).word_tests()
    assert (tests["pairs"][:, 0] != tests["pairs"][:, 1]).all() and tests["similarity"].max() < 1
    questions.write_text("one two three\n")
    with pytest.raises(ValueError, match="line 1: 3 words; a question has four"):
        read_questions(questions)
    pairs.write_text("cat,dog,7\ncat,dog\n")
    with pytest.raises(ValueError, match="line 2: expected two words and a number"):
        read_similarities(pairs)
    with pytest.raises(FileNotFoundError, match="no such file"):
        read_similarities(tmp_path / "none.csv")
