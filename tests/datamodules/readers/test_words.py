"""Words, vocabularies and vectors from a file."""

import numpy as np
import pytest

from datamodules.readers.words import most_frequent, numbered, read_vectors, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Profit ROSE 13.1 %, to EUR1,250.5", ["profit", "rose", "13.1", "%", ",", "to", "eur", "1,250.5"]),
        ("it's state-of-the-art...", ["it's", "state-of-the-art", ".", ".", "."]),
        ("Größe naïve λόγος 中文", ["größe", "naïve", "λόγος", "中文"]),
        ("  \n\t ", []),
    ],
)
def test_words_of(text, words):
    assert words_of(text) == words
    assert words_of(text, marks=False) == [w for w in words if w not in ("%", ",", ".")]


def test_a_vocabulary_is_sorted_by_frequency_and_then_by_the_alphabet():
    texts = [["b", "a", "c"], ["b", "d"], ["b", "a"]]
    assert most_frequent(texts) == ["b", "a", "c", "d"]
    assert most_frequent(texts, size=2) == ["b", "a"] and most_frequent(texts, min_count=2) == ["b", "a"]
    with pytest.raises(ValueError, match=r"vocabulary is empty: no word occurs 9 times.*lower min_count"):
        most_frequent(texts, min_count=9)


def test_numbers_pad_with_0_and_say_1_for_other_words():
    arrays = numbered([["b", "x", "a"], [], ["a"] * 4], ["a", "b"])
    np.testing.assert_array_equal(arrays["tokens"], [[3, 1, 2, 0], [1, 0, 0, 0], [2, 2, 2, 2]])
    np.testing.assert_array_equal(arrays["length"], [3, 1, 4])


def test_vectors_of_known_words(tmp_path):
    path = tmp_path / "v.txt"
    path.write_text("the 0.5 -1 2\nother 1 1 1\n. . . 3 4 5\ncat 7 8e-1 9\n")
    vectors, known = read_vectors(path, ["cat", "dog", "the", ". . ."])
    np.testing.assert_allclose(vectors, [[7, 0.8, 9], [0, 0, 0], [0.5, -1, 2], [3, 4, 5]])
    assert known.tolist() == [True, False, True, True]
    path.write_text("2 3\n" + "cat 1 2 3\nthe 4 5 6\n")  # word2vec's heading
    assert read_vectors(path, ["the"])[0].tolist() == [[4, 5, 6]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a 1 2 3\nb 1 2\n", r"v.txt, line 2 \('b'\): 2 numbers; the first line has 3"),
        ("a 1 2 3\nb 1 2 3 4\n", r"line 2 \('b'\): 4 numbers; the first line has 3"),
        ("a 1 2 3\nb 1 x 3\n", r"line 2 \('b'\): what follows is not 3 numbers"),
        ("a\n", r"line 1: no numbers after the word 'a'"),
        ("q 1 2\n", r"no word of the vocabulary of 2 words"),
        ("", r"no word of the vocabulary"),
    ],
)
def test_broken_files_of_vectors(tmp_path, text, message):
    path = tmp_path / "v.txt"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_vectors(path, ["a", "b"])
    with pytest.raises(FileNotFoundError, match="no file of word vectors"):
        read_vectors(tmp_path / "none", ["a"])
