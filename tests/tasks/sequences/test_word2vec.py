"""Word vectors of a corpus whose words have known classes, and the verb that looks words up."""

import re
from pathlib import Path

import pytest
import torch

from lightning_tasks import Word2VecTask
from lightning_tasks.app.messages import SAYS_NOTHING
from lightning_tasks.app.places import as_shown
from tests.conftest import ROOT, results

QUICK = ("--trainer.enable_progress_bar", "false", "--trainer.enable_model_summary", "false", "--draws", 5)
FIT = (
    "--config",
    ROOT / "configs/word2vec.yaml",
    *QUICK,
    "--model.size",
    32,
    "--data.words",
    300,
    "--trainer.max_epochs",
    7,
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    import os

    from lightning_tasks.app import main

    before = os.getcwd()
    os.chdir(tmp_path_factory.mktemp("word2vec"))
    main([str(a) for a in ("fit", *FIT, "--figures", "last")])
    yield (Path.cwd() / "runs/word2vec/default").resolve()
    os.chdir(before)


def test_words_of_a_class_are_neighbours_and_analogies_hold(trained):
    found = results(trained)
    ours, chance = found["metrics"]["test/same_class"]["value"], found["baselines"]["random vectors"]["same_class"]
    assert ours > 3 * chance and 0.05 < chance < 0.12
    score = found["metrics"]["test/analogies"]
    questions = round(score["value"] * score["n"], 6)
    assert questions == round(questions) and score["n"] != found["metrics"]["test/nll"]["n"], "n counts the questions"
    assert found["metrics"]["test/analogies"]["value"] > 0.9 > found["baselines"]["random vectors"]["analogies"]
    assert found["metrics"]["test/nll"]["value"] < 6 * 0.6931  # of a word and five negatives at the start
    assert (trained / "figures/test_map.png").is_file()
    assert (trained / "figures/test_nearest_words.md").read_text().count("|") > 20


def test_shuffled_words_fall_to_chance(cli):
    cli("fit", *FIT, "--data.shuffle_words", "true", "--trainer.max_epochs", 2, "--figures", "last")
    found = results(Path("runs/word2vec/default"))
    chance = found["baselines"]["random vectors"]["same_class"]
    assert found["metrics"]["test/same_class"]["value"] < 1.4 * chance
    assert found["metrics"]["test/analogies"]["value"] < 0.1


def test_the_verb_finds_words_and_names_the_nearest_spelling(trained, cli, capsys):
    cli("words", "--run", trained, "--closest", "land3", "--analogy", "city1", "land1", "city2", "-n", 3)
    out = capsys.readouterr().out
    assert "closest to land3 by cosine" in out and "by Euclidean distance" in out
    assert out.split("land1 - city1 + city2, by cosine\n")[1].split()[0] == "land2"
    assert len([line for line in out.splitlines() if line.startswith("  ")]) == 9 and out.endswith(f"{SAYS_NOTHING}\n")
    cli("words", "--run", trained, "--closest", "land3")
    last = f"Next: words --run {as_shown(trained)} --analogy A B C: what is to C as B is to A?"
    assert capsys.readouterr().out.splitlines()[-2:] == [SAYS_NOTHING, last]
    cli("words", "--run", trained, "--vector", "Land3")
    assert len(capsys.readouterr().out.split("\n")[-2].split()) == 32
    for args, message in (
        (("--closest", "lnad3"), "'lnad3' is not among the .* words of this run. Did you mean 'land3'"),
        ((), "give --closest WORD, --analogy"),
    ):
        with pytest.raises(SystemExit):
            cli("words", "--run", trained, *args)
        assert re.search(message, capsys.readouterr().err)


def test_the_verb_refuses_runs_without_words(toy, cli, capsys):
    run = toy("ToySequence", "--trainer.max_epochs", 1)
    with pytest.raises(SystemExit):
        cli("words", "--run", run, "--closest", "a")
    assert "no vocabulary. It needs a run with an embedding of words" in capsys.readouterr().err


@pytest.mark.parametrize("method", ["skipgram", "cbow"])
@pytest.mark.parametrize("output", ["negative", "hierarchical"])
def test_each_method_learns_which_words_stand_together(method, output):
    torch.manual_seed(0)
    task = Word2VecTask(method, output, size=8, window=2, shared=8, subsample=0.0, words=8)
    rows = torch.tensor([[2, 3, 2, 3, 2, 3], [4, 5, 4, 5, 4, 5], [6, 7, 6, 7, 6, 7]]).repeat(8, 1)
    task.fit_statistics({"word_counts": torch.bincount(rows.flatten(), minlength=8)})
    optimizer = torch.optim.SparseAdam(list(task.parameters()), lr=0.05)
    batch = {"id": torch.arange(24), "tokens": rows, "length": torch.full((24,), 6)}
    losses = []
    for _ in range(60):
        loss, pairs, piece = task.losses(batch, None)
        optimizer.zero_grad()
        (loss.sum() / pairs.sum()).backward()
        optimizer.step()
        losses.append(loss.sum().item() / pairs.sum().item())
    assert losses[-1] < 0.7 * losses[0] and set(piece.tolist()) == set(range(24))
    assert not task.embedding.weight[0].any(), "padding stays zero"


def test_frequent_words_are_left_out_by_chance_and_unknown_ones_always():
    task = Word2VecTask(words=5, subsample=1e-3)
    task.fit_statistics({"word_counts": torch.tensor([0, 50, 9900, 90, 10])})
    f = torch.tensor([0.99, 0.009, 0.001])
    expected = ((1e-3 / f).sqrt() + 1e-3 / f).clamp(max=1)
    torch.testing.assert_close(task.keep_probability(), torch.cat([torch.zeros(2), expected]))
    with pytest.raises(ValueError, match="lower --data.min_count"):
        task.fit_statistics({"word_counts": torch.tensor([0, 50, 9, 0, 0])})
    with pytest.raises(ValueError, match="choose skipgram or cbow"):
        Word2VecTask(method="glove", words=5)
