"""The handbook answers each question of each assignment: pages are held against the list of questions."""

import re

import pytest
import yaml

from tests.conftest import ROOT

PAGES = ROOT / "docs" / "handbook"
ASSIGNMENTS = [
    f"{sheet}{number}"
    for sheet, count in {"A": 1, "B": 1, "C": 1, "D": 13, "E": 5, "F": 8, "G": 20}.items()
    for number in range(1, count + 1)
]
QUESTIONS = yaml.safe_load((PAGES / "questions.yaml").read_text())


def flat(text):
    """Text in one line, so that words may be broken where a line ends."""
    return re.sub(r"\s+", " ", text)


def test_every_assignment_is_in_the_list_and_in_the_table_of_contents():
    assert list(dict.fromkeys(q["of"] for q in QUESTIONS)) == ASSIGNMENTS
    contents = (PAGES / "README.md").read_text()
    for question in QUESTIONS:
        row = next(line for line in contents.splitlines() if line.startswith(f"| {question['of']} |"))
        assert f"({question['page']})" in row
    assert {p.name for p in PAGES.glob("*.md")} - {"README.md"} <= set(re.findall(r"[\w]+\.md", contents))


def lacking(question, page):
    """Words that a page must have and has not."""
    return [words for words in question["says"] if flat(words) not in flat(page)]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: f"{q['of']} {q['ask'][:50]}")
def test_each_question_is_answered(question):
    assert set(question) == {"of", "page", "ask", "says"} and question["says"]
    assert not set(question["says"]) & set(ASSIGNMENTS), "the number of the assignment stands in any title"
    assert lacking(question, (PAGES / question["page"]).read_text(encoding="utf-8")) == []


def test_a_missing_answer_is_found():
    assert lacking({"says": ["two words", "c"]}, "here: two\n  words") == ["c"]


@pytest.mark.parametrize("page", [p for p in sorted(PAGES.glob("*.md")) if p.name != "README.md"], ids=lambda p: p.stem)
def test_each_page_shows_a_command(page):
    assert "python cli.py" in page.read_text() or "--run" in page.read_text()
