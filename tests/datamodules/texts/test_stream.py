"""Windows of a text: each token once, streams that go on, a vocabulary of the train part."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch

from datamodules import ShakespeareDataModule, TextStreamDataModule
from datamodules.simulate.markov import MarkovSource
from datamodules.texts.stream import targets_of, tokens_of

TEXT = "the cat sat on the mat. " * 40 + "zebra!"


@pytest.fixture
def data(tmp_path):
    """A data module of a text, set up."""

    def make(text=TEXT, **kwargs) -> TextStreamDataModule:
        raw = text if isinstance(text, bytes) else text.encode()
        (tmp_path / "text.txt").write_bytes(raw)
        made = TextStreamDataModule(root=str(tmp_path), **{"steps": 8, "folds": 5, "test_fraction": 0.1, **kwargs})
        made.setup()
        return made

    return make


def text_of_part(data, part: str) -> str:
    windows = {key: data.arrays(part)[key].numpy() for key in ("tokens", "length")}
    return data.text_of(targets_of(windows))


def test_every_token_but_the_first_is_predicted_by_one_part(data):
    made = data("\ufeff" + TEXT.replace(" ", "\r\n"))
    parts = [text_of_part(made, part) for part in ("train", "val", "test")]
    lost = "".join(parts).replace("�", "?")
    assert lost == TEXT.replace(" ", "\n")[1:-6] + "?e??a?"  # z, b, r and ! are not in the train part
    windows = made.arrays("test")
    assert windows["length"].tolist()[:-1] == [9] * (len(windows["length"]) - 1)
    assert (windows["tokens"][:-1, -1] == windows["tokens"][1:, 0]).all(), "a window begins with the last token before"
    assert int(windows["length"][-1]) < 9 and (windows["tokens"][-1, int(windows["length"][-1]) :] == 0).all()
    assert any("4 of" in n and "test part are not in the vocabulary: '!', 'b', 'r', 'z'" in n for n in made.notes)


def test_the_vocabulary_is_of_the_train_part_and_its_size_a_fact(data):
    made = data()
    assert "z" not in made.fitted["vocabulary"] and made.facts() == {
        "vocabulary": len(set(TEXT[:500])) + 1,
        "context": 8,
    }
    assert made.fitted["vocabulary"][0] == " " and made.text_of(made.numbers_of("a cat.")) == "a cat."
    words = data(level="word")
    assert {"the", "."} <= set(words.fitted["vocabulary"]) and words.text_of(words.numbers_of("The cat")) == "the cat"
    assert words.text_of(words.prompt()) == "the" and words.text_of([0]) == "�"
    rare = data(TEXT.replace("cat", "dog", 2), level="word")
    assert "dog" not in rare.fitted["vocabulary"] and "cat" in rare.fitted["vocabulary"], "words that occur twice"


@pytest.mark.parametrize("fold", [0, 1, 4])
def test_folds_are_blocks_counted_from_the_end(data, fold):
    made = data(fold=fold)
    rows = made.parts["val"]
    assert (np.diff(rows) == 1).all() and (np.diff(made.parts["test"]) == 1).all()
    after = [r for part in ("train", "test") for r in made.parts[part] if r > rows[-1]]
    assert (rows[-1] + 1 == made.parts["test"][0]) == (fold == 0) and (rows[0] == 0) == (fold == 4)
    assert len(after) >= len(made.parts["test"]) and not set(rows) & set(made.parts["train"])


@pytest.mark.parametrize("part", ["train", "val", "test"])
def test_a_batch_goes_on_where_the_one_before_ended(data, part):
    made = data(batch_size=4)
    batches = list(made._dataloader(part))
    for one, two in zip(batches, batches[1:], strict=False):
        assert (two["id"] == one["id"][: len(two["id"])] + 1).all()
    ids = torch.cat([batch["id"] for batch in batches]).tolist()
    assert len(set(ids)) == len(ids) and (part == "train" or sorted(ids) == made.parts[part].tolist())


@pytest.mark.parametrize("world", [2, 4])
def test_scores_do_not_depend_on_the_number_of_processes(data, monkeypatch, world):
    made = data(batch_size=4)
    whole = list(made._dataloader("test"))
    steps, training = [], []
    for rank in range(world):
        monkeypatch.setattr(
            made, "order_of", lambda part, rank=rank: dict(shuffle=part == "train", seed=0, rank=rank, world=world)
        )
        steps.append([batch["id"] for batch in made._dataloader("test")])
        training.append(len(list(made._dataloader("train"))))
    for t, batch in enumerate(whole):
        shares = [share[t] for share in steps if t < len(share)]
        assert sorted(torch.cat(shares).tolist()) == sorted(batch["id"].tolist())
    assert len(set(training)) == 1, "processes that train together take as many steps"


def test_shuffled_windows_come_in_another_order_each_epoch(data):
    made = data(shuffle=True)
    first, second = made.sampler("train"), made.sampler("train")
    second.set_epoch(1)
    assert sorted(first.order().tolist()) == made.parts["train"].tolist() != first.order().tolist()
    assert first.order().tolist() != second.order().tolist()


def test_a_scrambled_text_has_the_same_tokens_in_another_order(data):
    parts = ("train", "val", "test")
    plain, mixed = ("".join(text_of_part(m, p) for p in parts) for m in (data(), data(scramble=True)))
    assert len(plain) == len(mixed) and plain != mixed and abs(plain.count("t") - mixed.count("t")) <= 1
    made = ShakespeareDataModule(source="simulated", simulated=1000, scramble=True)
    made.setup()
    assert "source_nll" not in made.arrays("test") and not any("bits a token" in note for note in made.notes)


@pytest.mark.parametrize("level", ["char", "word"])
def test_symbols_are_numbered_in_the_order_of_their_codes(data, level):
    text = "Zoë's naïve ﬁsh 𝛼 \uffff ate 3.5 €, \x01 " * 20
    assert data(text, level=level).symbols == np.unique(np.array(tokens_of(text, level))).tolist()


def test_one_long_word_costs_no_more_than_its_length():
    made, tokens = TextStreamDataModule(level="word", steps=8), ["a", "b"] * 2_500 + ["x" * 2_000]
    tracemalloc.start()
    pool = made.windows(tokens, "here")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2e6, "an array of words has the widest one's place for all"
    assert made.symbols == ["a", "b", "x" * 2_000]
    assert pool["tokens"][0].tolist() == [0, 1] * 4 + [0] and pool["tokens"].max() == 2


def test_simulated_text_comes_with_what_its_source_gives_it():
    source = MarkovSource("abcdefgh", 3)
    numbers = source.draw(100_000, 0)
    assert source.nll(numbers)[2:].mean() / np.log(2) == pytest.approx(source.entropy_rate(), abs=0.02)
    assert (source.draw(50, 0) == source.draw(50, 0)).all() and (source.draw(50, 0) != source.draw(50, 1)).any()
    made = ShakespeareDataModule(source="simulated", simulated=1003, steps=10)
    made.setup()
    windows = made.arrays("test")
    source, text = made.source_of_text(), made.source_of_text().draw(1003, 0)
    ids = windows["id"].numpy()
    for row in (0, len(ids) - 1):
        start = ids[row] * 10 + 1
        expected = source.nll(text)[start : start + int(windows["length"][row]) - 1].sum()
        assert float(windows["source_nll"][row]) == pytest.approx(expected, rel=1e-5)
    assert any(f"{source.entropy_rate():.4f} bits a token" in note for note in made.notes)


@pytest.mark.parametrize(
    ("text", "change", "message"),
    [
        (b"caf\xe9 " * 100, {}, "byte 0xe9 in line 1. Save it as UTF-8"),
        ("", {}, "0 tokens; need 33 or more"),
        ("too short", {}, "Give a longer text, or set a smaller --data.steps"),
        ("a" * 500, {}, "there is nothing to predict"),
        ("word " * 100, {"level": "word"}, "'word' alone"),
        (TEXT, {"level": "word", "min_count": 1000}, "lower min_count"),
        (TEXT, {"level": "syllable"}, "choose char or word"),
        (TEXT, {"steps": 1}, "need 2 or more steps"),
        (TEXT, {"fold": 5}, "folds are numbered from 0"),
        (TEXT, {"bag": 0}, "no independent samples to draw from. Use folds"),
    ],
)
def test_bad_input_is_one_clear_error(data, text, change, message):
    with pytest.raises(ValueError, match=message):
        data(text, **change)


def test_a_prompt_must_be_of_the_vocabulary(data):
    made = data()
    with pytest.raises(ValueError, match="the prompt holds 'q', 'ß', which the vocabulary of this run lacks"):
        made.numbers_of("qß the")
    assert made.text_of(made.prompt("the cat")) == "the cat" and made.text_of(made.prompt()) == " "
    simulated = ShakespeareDataModule(source="simulated", level="word", simulated=1000)
    simulated.setup()
    text = simulated.text_of(range(1, 41))
    assert simulated.numbers_of(text).tolist() == list(range(1, 41)), "made words are words"
    with pytest.raises(ValueError, match="the prompt is empty"):
        made.numbers_of("")


def test_the_default_root_may_be_empty_and_a_named_one_not():
    with pytest.raises(FileNotFoundError, match="any text in UTF-8 with --data.file"):
        ShakespeareDataModule(root=str(Path("nowhere"))).setup()
