"""Texts with a class: copies, the vocabulary, unusual texts, vectors from a file."""

import numpy as np
import pytest
import torch

from datamodules.readers.words import FIRST, UNKNOWN
from datamodules.texts.labelled import LabelledText, normal, repeated_texts


class Texts(LabelledText):
    """Sentences of few words, each told twice, in other letters and blanks."""

    class_names = ["bad", "good"]
    files = ("texts.txt",)

    def simulate(self):
        rng = np.random.default_rng(self.hparams.seed)
        label = rng.integers(0, 2, 60)
        texts = [f"w{i} the day was {'fine' if y else 'grey'} ." for i, y in enumerate(label)]
        again = [text.upper().replace(" ", "  ") for text in texts]
        return {"train": self.pool_of_texts(self.changed([*texts, *again]), [*label, *label])}

    def changed(self, texts):
        return texts


def ready(kind=Texts, **kwargs):
    data = kind(source="simulated", folds=4, test_fraction=0.25, **kwargs)
    data.setup()
    return data


def test_no_text_stands_on_two_sides_and_copies_are_counted():
    data = ready()
    texts = data.pools["train"]["text"]
    sides = [{normal(texts[i]) for i in data.parts[part]} for part in ("train", "val", "test")]
    assert sum(map(len, sides)) == len(set.union(*sides)) == 60
    assert "60 texts repeat an earlier one and are left out." in data.notes
    leaky = ready(deduplicate=False)
    train, test = ({normal(leaky.pools["train"]["text"][i]) for i in leaky.parts[p]} for p in ("train", "test"))
    assert train & test, "the same split with the copies in"
    assert len(np.concatenate([leaky.parts[p] for p in ("train", "val", "test")])) == 120


def test_copies_with_another_label_leave_none_behind():
    texts = ["A b", "a  B", "c", "C", "d"]
    copies, contrary = repeated_texts(texts, np.array([0, 1, 1, 1, 0]))
    assert copies.tolist() == [3] and contrary.tolist() == [0, 1]

    class Contrary(Texts):
        def simulate(self):
            pool = super().simulate()["train"]
            pool["label"][60] = 1 - pool["label"][0]
            return {"train": pool}

    data = ready(Contrary)
    assert "2 texts have a copy with another label; all of these are left out." in data.notes
    used = np.concatenate([data.parts[p] for p in ("train", "val", "test")])
    assert not {0, 60} & set(used.tolist())


def test_texts_of_a_test_pool_are_no_training_texts():
    class Tested(Texts):
        def simulate(self):
            train = super().simulate()["train"]
            return {"train": train, "test": {k: v[:5] for k, v in train.items()}}

    data = ready(Tested)
    train = {normal(data.pools["train"]["text"][i]) for part in ("train", "val") for i in data.parts[part]}
    assert not train & {normal(text) for text in data.pools["test"]["text"]}
    assert any("stand in the test pool" in note for note in data.notes)


def test_the_vocabulary_is_that_of_the_train_part_alone():
    data = ready(min_count=1)
    pool, words = data.pools["train"], data.fitted["words"]
    of_train = {word for i in data.parts["train"] for word in data.words_in(pool["text"][i])}
    assert set(words) == of_train and len(of_train) < len({w for t in pool["text"] for w in data.words_in(t)})
    for i in data.parts["test"]:
        tokens = pool["tokens"][i, : pool["length"][i]]
        expected = [word if word in of_train else "[unknown]" for word in data.words_in(pool["text"][i])]
        assert data.spelled(tokens) == expected and "[unknown]" in expected  # its own number is new
    assert data.facts()["words"] == data.hparams.words and pool["tokens"].max() < data.hparams.words
    assert len(ready(words=6).fitted["words"]) == 4
    assert set(ready(min_count=5).fitted["words"]) <= {"w", "the", "day", "was", "fine", "grey", "."}


def test_batches_hold_like_lengths_and_are_cut_to_their_longest():
    data = ready(batch_size=10)
    batches = list(data.train_dataloader())
    assert set(batches[0]) == {"id", "label", "tokens", "length"}
    for batch in batches:
        assert batch["tokens"].shape[1] == batch["length"].max()


class Odd(Texts):
    """The first text has no words but marks and stop words; the last one is longer than any other."""

    def changed(self, texts):
        return ["... !?", *texts[1:-1], "grey " * 500]


def test_a_text_of_marks_reads_as_one_unknown_word_and_a_long_one_is_read_or_cut():
    data = ready(Odd, marks=False, stop_words=False)
    pool = data.pools["train"]
    assert pool["length"][0] == 1 and pool["tokens"][0, 0] == UNKNOWN
    assert "1 of 120 texts have no words left and read as one unknown word." in data.notes
    assert "the" not in data.fitted["words"] and "." not in data.fitted["words"]
    assert pool["length"][-1] == 500
    cut = ready(Odd, longest=7)
    assert cut.pools["train"]["tokens"].shape[1] == 7
    assert "1 of 120 texts are longer than 7 words and read up to there." in cut.notes


def test_empty_texts_are_left_out_and_ids_stay_those_of_the_file():
    class Empty(Texts):
        def changed(self, texts):
            return [" ", *texts[1:5], "", *texts[6:]]

    data = ready(Empty)
    assert "Empty texts are left out: 2, the first 0." in data.notes
    assert data.names("train", data.pools["train"]["id"])[:6] == ["1", "2", "3", "4", "6", "7"]
    with pytest.raises(ValueError, match="the id 'a' stands 2 times"):
        Texts().pool_of_texts(["x", "y"], [0, 1], ["a", "a"])
    with pytest.raises(ValueError, match="no text that is not empty"):
        Texts().pool_of_texts([" ", ""], [0, 1])


def test_texts_of_a_file_are_predicted_with_the_words_of_training(tmp_path):
    lines, table = tmp_path / "lines.txt", tmp_path / "table.csv"
    lines.write_text("The day was fine .\n\n fine zebra\n", encoding="utf-8")
    data = ready(predict=str(lines))
    assert data.parts["predict"].tolist() == [0, 1]
    assert data.names("predict", data.pools["predict"]["id"]) == ["1", "3"], "numbers of lines"
    assert "Empty texts are left out: 1, the first 2." in data.notes
    (batch,) = data.predict_dataloader()
    columns = (batch[k].tolist() for k in ("id", "tokens", "length"))
    found = {i: data.spelled(tokens[:n]) for i, tokens, n in zip(*columns, strict=True)}
    assert found == {0: ["the", "day", "was", "fine", "."], 1: ["fine", "[unknown]"]} and "label" not in batch
    assert data.fitted == ready().fitted and data.parts["train"].tolist() == ready().parts["train"].tolist()
    table.write_text('id;text\nx;"fine; grey"\ny;grey\n', encoding="utf-8")
    named = ready(predict=str(table))
    assert named.names("predict", named.pools["predict"]["id"]) == ["x", "y"]
    table.write_text("text\nfine\ngrey\n", encoding="utf-8")
    numbered = ready(predict=str(table))
    assert numbered.names("predict", numbered.pools["predict"]["id"]) == ["1", "2"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "id,texts\n1,x\n", "a.csv: missing column 'text'. Found columns: id, texts"),
        ("a.csv", "id,text\n1,x\n1,y\n", "a.csv: the id '1' stands 2 times"),
        ("a.txt", "\n \n", "a.txt: no text that is not empty"),
        ("a.txt", None, "a.txt: no such file"),
    ],
)
def test_files_of_texts_that_cannot_be_read_are_named(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        ready(predict=str(tmp_path / name))


def test_pairs_of_neighbours_are_words_where_they_are_asked_for():
    assert Texts(ngrams=2).words_in("One two three") == ["one", "two", "three", "one two", "two three"]
    assert Texts(ngrams=2, longest=2).words_in("One two three") == ["one", "two", "one two"]
    data = ready(ngrams=2, longest=4)
    assert any("120 of 120 texts are longer than 4 words" in note for note in data.notes)
    assert "the day" in data.fitted["words"] and "day was" not in data.fitted["words"]
    assert set(data.pools["train"]["length"]) == {7}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [({"words": 3}, "words=3: need 4 or more"), ({"min_count": 0}, "min_count=0: need 1 or more"),
     ({"longest": 0}, "longest=0"), ({"ngrams": 0}, "ngrams=0")],
)  # fmt: skip
def test_numbers_out_of_range(arguments, words):
    with pytest.raises(ValueError, match=words):
        Texts(**arguments)


def test_a_vocabulary_of_one_word_and_one_of_none():
    class Same(Texts):
        def changed(self, texts):
            return [f"{'yes ' * (i + 1)}" for i in range(len(texts))]

    with pytest.raises(ValueError, match="the vocabulary is the one word 'yes'"):
        ready(Same)
    with pytest.raises(ValueError, match="lower min_count"):
        ready(min_count=500)


def test_vectors_begin_the_table_and_their_coverage_is_told(tmp_path):
    path = tmp_path / "glove.txt"
    path.write_text("the 1 2 3\nday 4 5 6\nzebra 7 8 9\n")
    data = ready(vectors=str(path))
    assert data.facts()["width"] == 3
    table = data.statistics()["vectors"]
    assert table.shape == (data.hparams.words, 3)
    number = {word: i for i, word in enumerate(data.fitted["words"], FIRST)}
    assert table[number["the"]].tolist() == [1, 2, 3] and table[number["day"]].tolist() == [4, 5, 6]
    assert table.abs().sum() == 21, "padding, unknown and all other words begin at zero"
    running = [w for i in data.parts["train"] for w in data.words_in(data.pools["train"]["text"][i])]
    share = np.mean([word in ("the", "day") for word in running])
    note = next(note for note in data.notes if "glove.txt" in note)
    assert f"2 of {len(number)} words" in note and f"{share:.1%} of the running words" in note
    path.write_text("2 3\nthe 1 2 3\nday 4 5 6\n")
    assert ready(vectors=str(path)).facts()["width"] == 3  # word2vec's head
    path.write_text("the 1 2 3\nday 4 5\n")
    with pytest.raises(ValueError, match=r"line 2 \('day'\): 2 numbers; the first line has 3"):
        ready(vectors=str(path)).statistics()
    with pytest.raises(FileNotFoundError, match="no file of word vectors"):
        ready(vectors="nowhere.txt").statistics()
    assert torch.equal(ready().statistics()["class_counts"], data.statistics()["class_counts"])
