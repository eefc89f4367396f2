"""PhraseBank, Jigsaw, IMDB and AG files: read as they are, and refused with a remedy where they are broken."""

import numpy as np
import pytest

from datamodules import HeadlinesDataModule, ImdbDataModule, PhraseBankDataModule, ToxicDataModule

LINES = ["Profit fell by 3 % in Jyväskylä .@negative", "Mail us at a@b.fi now .@neutral", "Sales rose .@positive"]


def phrases(tmp_path, text, encoding="iso-8859-1", **kwargs):
    (tmp_path / "Sentences.txt").write_bytes(text.encode(encoding))
    data = PhraseBankDataModule(root=str(tmp_path), folds=2, **kwargs)
    data.setup()
    return data


def many(lines=LINES):
    return "\r\n".join(f"{i} {line}" for i in range(6) for line in lines) + "\r\n"


def test_phrases_are_read_and_the_last_at_sign_separates(tmp_path):
    data = phrases(tmp_path, many())
    pool = data.pools["train"]
    assert pool["text"][1] == "0 Mail us at a@b.fi now ." and "jyväskylä" in data.fitted["words"]
    assert pool["label"][:3].tolist() == [1, 0, 0] and data.class_names == ["other", "negative"]
    assert data.names("train", np.array([0, 4])) == ["1", "5"]
    assert phrases(tmp_path, many(), labels="all").pools["train"]["label"][:3].tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="labels='both': choose negative or all"):
        PhraseBankDataModule(labels="both")


def test_utf8_and_utf16_are_noticed(tmp_path):
    data = phrases(tmp_path, many(), "utf-8")
    assert "jyväskylä" in data.fitted["words"]
    assert "Sentences.txt is UTF-8, not ISO-8859-1; it was read as such." in data.notes
    assert "jyväskylä" in phrases(tmp_path, many(), "utf-16").fitted["words"]
    with pytest.raises(ValueError, match="is no text.*Save it as UTF-8"):
        phrases(tmp_path, many(), "utf-16-le")  # without its mark


@pytest.mark.parametrize(
    ("line", "words"),
    [("no separator here", r"line 19: no @ between sentence and label \(1 such lines\)"),
     ("Fine .@good", r"line 19: the label is 'good' \(1 such lines\); known: negative, neutral, positive")],
)  # fmt: skip
def test_broken_lines_are_named(tmp_path, line, words):
    with pytest.raises(ValueError, match=words):
        phrases(tmp_path, many() + line)
    with pytest.raises(ValueError, match="is empty"):
        phrases(tmp_path, "\n")


def test_a_sentence_that_is_empty_is_counted(tmp_path):
    assert "Empty texts are left out: 1, the first 19." in phrases(tmp_path, many() + "@neutral").notes


def comments(tmp_path, rows, head="id,comment_text,toxic,threat", name="data.csv"):
    (tmp_path / name).write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    data = ToxicDataModule(root=str(tmp_path), folds=2)
    data.setup()
    return data


ROWS = [f'c{i},"you, {"fool" if i % 4 == 0 else "friend"} {i}\nsaid ""hello""",{int(i % 4 == 0)},0' for i in range(12)]


def test_comments_with_commas_quotes_and_lines_under_either_name(tmp_path):
    data = comments(tmp_path, ROWS, name="train.csv")
    assert data.pools["train"]["text"][4] == 'you, fool 4\nsaid "hello"'
    assert data.names("train", np.array([3])) == ["c3"] and data.statistics()["class_counts"].sum() == 6
    assert data.data_source == "real" and len(comments(tmp_path, ROWS[:8]).pools["train"]["id"]) == 8  # data.csv first


@pytest.mark.parametrize(
    ("rows", "head", "words"),
    [(ROWS, "id,text,toxic,threat", r"missing column 'comment_text'. Found columns: id, text, toxic, threat"),
     ([*ROWS, "x,hello,2,0"], "id,comment_text,toxic,threat", r"data row 13: toxic is '2' \(1 such rows\); known: 0"),
     ([*ROWS, "x,hello, you,0,0"], "id,comment_text,toxic,threat", "5 fields; the first row has 4.*needs quotes"),
     ([*ROWS, ROWS[0]], "id,comment_text,toxic,threat", "the id 'c0' stands 2 times")],
)  # fmt: skip
def test_broken_tables_are_refused(tmp_path, rows, head, words):
    with pytest.raises(ValueError, match=words):
        comments(tmp_path, rows, head)


def test_a_table_that_is_not_utf8_and_an_empty_one(tmp_path):
    (tmp_path / "data.csv").write_bytes("id,comment_text,toxic\n1,caf\xe9,0\n".encode("latin-1"))
    with pytest.raises(ValueError, match="is not UTF-8: byte 0xe9 in line 2. Save it as UTF-8"):
        ToxicDataModule(root=str(tmp_path)).setup()
    (tmp_path / "data.csv").write_text("")
    with pytest.raises(ValueError, match="is empty"):
        ToxicDataModule(root=str(tmp_path)).setup()


def test_missing_comments_are_counted(tmp_path):
    assert "Empty texts are left out: 1, the first e." in comments(tmp_path, [*ROWS, 'e,"",0,0']).notes


def test_reviews_lose_their_html(tmp_path):
    rows = [f'{i}_{i % 10},{i % 2},5,"Film {i}<br /><br />was {"good" if i % 2 else "bad"}."' for i in range(12)]
    (tmp_path / "imdb_train.csv").write_text("\n".join(["id,label,rating,text", *rows]))
    data = ImdbDataModule(root=str(tmp_path), folds=2)
    data.setup()
    assert data.pools["train"]["text"][1] == "Film 1  was good." and data.names("train", np.array([11])) == ["11_1"]


@pytest.mark.parametrize("head", [[], ["Class,Title,Description"]])
def test_headlines_with_and_without_a_head(tmp_path, head):
    rows = [f'{1 + i % 4},"Title {i}, word{i % 4}",Longer text {i}' for i in range(24)]
    (tmp_path / "ag_news.csv").write_text("\n".join([*head, *rows]))
    data = HeadlinesDataModule(root=str(tmp_path), folds=2)
    data.setup()
    assert data.pools["train"]["text"][0] == "Title 0, word0" and data.pools["train"]["label"][:5].tolist() == [
        0,
        1,
        2,
        3,
        0,
    ]
    both = HeadlinesDataModule(root=str(tmp_path), descriptions=True, folds=2)
    both.setup()
    assert both.pools["train"]["text"][0] == "Title 0, word0 . Longer text 0"


@pytest.mark.parametrize("cut", [False, True])
def test_a_lost_quote_swallows_no_reviews_and_a_cut_file_is_none(tmp_path, cut):
    rows = ["id,label,text", *(f'{i},{i % 2},"review {i} is nice"' for i in range(20))]
    rows[11] = rows[11][:-1]  # without its last quote
    (tmp_path / "imdb_train.csv").write_text("\n".join(rows[:12] if cut else rows))
    words = f"imdb_train.csv, line {12 if cut else 13}: no row of a CSV .*; the row begins in line 12"
    with pytest.raises(ValueError, match=words):
        ImdbDataModule(root=str(tmp_path), folds=2).setup()
