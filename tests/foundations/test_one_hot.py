"""One-hot vectors: every pair is equally far."""

import pytest

from lightning_tasks.foundations import exercise_class


def test_all_pairs_are_equally_far_and_a_text_labels_itself():
    answer = exercise_class("F5")(words=("a", "b", "c")).answer()
    assert all(check.holds for check in answer.checks)
    assert answer.tables[1].rows == [[x, y, pytest.approx(2**0.5), 0] for x, y in (("a", "b"), ("a", "c"), ("b", "c"))]
    assert answer.tables[2].rows == [["a", "b"], ["b", "a"], ["b", "c"], ["c", "b"]]
    with pytest.raises(ValueError, match="need three or more, each once"):
        exercise_class("F5")(words=("a", "a", "b"))
