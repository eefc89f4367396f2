"""Language models as tasks: which state goes where, scores over all tokens, samples."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from datamodules import ShakespeareDataModule
from lightning_tasks import LanguageModelTask
from tests.conftest import ROOT, results

SIZE = {"vocabulary": 21, "context": 16, "width": 16}
FIT = (
    *("fit", "--config", ROOT / "configs/char_lstm.yaml", "--model.width", 16, "--data.simulated", 3000),
    *("--data.steps", 16, "--data.batch_size", 4, "--draws", 5, "--trainer.enable_progress_bar", "false"),
    *("--trainer.enable_model_summary", "false", "--trainer.accelerator", "cpu", "--model.sample_length", 20),
    *("--model.schedule", "none"),
)


@pytest.fixture
def data():
    made = ShakespeareDataModule(simulated=2100, steps=16, batch_size=4)
    made.setup()
    return made


def rows_of(task, data, part, key="test"):
    """Rows of a part as an evaluation collects them."""
    task.eval()
    kept = []
    with torch.no_grad():
        for batch in data._dataloader(part):
            kept.append({"id": batch["id"], **task.sums_of(key, batch)})
    rows = {name: torch.cat([k[name] for k in kept]) for name in ("id", "nll", "count", "right")}
    return {name: value[rows["id"].argsort()] for name, value in rows.items()}


def test_a_score_is_that_of_one_long_pass_over_all_tokens(data):
    """One stream: the state has gone through the whole part, and the short last window counts."""
    task = LanguageModelTask(net="lstm", **SIZE)
    data.hparams.batch_size = 1
    found = task.score(rows_of(task, data, "test"))
    windows = data.arrays("test")
    text = torch.cat(
        [windows["tokens"][:1, 0], *(t[1:n] for t, n in zip(windows["tokens"], windows["length"], strict=True))]
    )
    assert len(text) - 1 == int((windows["length"] - 1).sum()) and windows["length"][-1] < 17
    with torch.no_grad():
        logits = task.net(text[None, :-1])[0][0]
    nats = F.cross_entropy(logits, text[1:].long())
    assert float(found["bits_per_token"]) == pytest.approx(nats.item() / math.log(2), rel=1e-5)
    assert float(found["perplexity"]) == pytest.approx(nats.exp().item(), rel=1e-5)
    assert float(found["acc"]) == pytest.approx((logits.argmax(1) == text[1:]).float().mean().item())


def test_perplexity_is_no_mean_of_perplexities():
    task = LanguageModelTask(**SIZE)
    rows = {"nll": torch.tensor([8.0, 0.0]), "count": torch.tensor([4, 4]), "right": torch.tensor([0, 4])}
    assert float(task.score(rows)["perplexity"]) == pytest.approx(math.exp(1.0))
    assert float(task.score(rows)["bits_per_token"]) == pytest.approx(1 / math.log(2))


@pytest.mark.parametrize("net", ["gru", "transformer"])
def test_no_state_goes_from_one_part_or_evaluation_to_the_next(data, net):
    task = LanguageModelTask(net=net, **SIZE)
    fresh = rows_of(task, data, "test")
    task.restart_streams()
    for batch in data._dataloader("train"):  # leaves a state
        task.logits("train", batch)
    rows_of(task, data, "val", key="val")
    again = rows_of(task, data, "test")
    assert torch.equal(fresh["nll"], again["nll"])
    assert "train" in task._memories and "test" in task._memories
    task.restart_streams()
    assert list(task._memories) == ["train"], "a validation within an epoch leaves the state of training alone"
    task.trainer = None
    task.on_train_epoch_start()
    assert task._memories == {}
    task.hparams.carry = False
    assert not torch.allclose(rows_of(task, data, "test")["nll"], fresh["nll"]), "without a state scores are others"


def test_padding_behind_a_short_window_counts_nowhere(data):
    task = LanguageModelTask(net="lstm", **SIZE).eval()
    batch = {key: value[-2:].clone() for key, value in data.arrays("test").items()}
    other = {**batch, "tokens": batch["tokens"].clone()}
    length = int(batch["length"][-1])
    other["tokens"][-1, length:] = 7
    for name in ("nll", "count", "right"):
        assert torch.equal(task.sums_of("a", batch)[name], task.sums_of("b", other)[name])
    torch.testing.assert_close(task.training_step(batch, 0), task.training_step(other, 0))
    grown = {**batch, "tokens": F.pad(batch["tokens"], (0, 3))}
    task._memories.clear()
    torch.testing.assert_close(task.sums_of("c", grown)["nll"], task.sums_of("d", batch)["nll"])


def test_what_is_written_depends_on_the_seed_alone():
    task = LanguageModelTask(net="gru", **SIZE).eval()
    write = lambda n, seed, **kwargs: task.generate(  # noqa: E731
        torch.tensor([1, 2]), n, 6, torch.Generator().manual_seed(seed), **kwargs
    )
    assert torch.equal(write(4, 0), write(4, 0)) and not torch.equal(write(4, 0), write(4, 1))
    assert (write(200, 0)[:, 2:] > 0).all(), "the unknown token is never written"
    assert torch.equal(write(3, 0, temperature=0), write(3, 1, temperature=0))
    for wrong in (*({"temperature": t} for t in (-1, float("nan"), float("inf"))), {"top_p": 0.0}, {"top_p": 1.2}):
        with pytest.raises(ValueError, match="need 0 or more, and above 0 up to 1"):
            write(1, 0, **wrong)


def test_arguments_that_fit_nothing_are_errors():
    with pytest.raises(ValueError, match="net='cnn': choose rnn, gru, lstm or transformer"):
        LanguageModelTask(net="cnn", **SIZE)
    with pytest.raises(ValueError, match="the data states them, or set --model.vocabulary"):
        LanguageModelTask(net="lstm")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with an unbroken run, one that was resumed, and a run of points."""
    from lightning_tasks.app import main

    home = tmp_path_factory.mktemp("language")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        (home / "data").mkdir()
        fit = [str(arg) for arg in FIT]
        main([*fit, "--trainer.max_epochs", "2", "--name", "whole"])
        main([*fit, "--trainer.max_epochs", "1", "--name", "half", "--baselines", "false"])
        main([*fit, "--trainer.max_epochs", "2", "--name", "half", "--baselines", "false", "--resume"])
        main(["fit", "--model", "tests.toys.ToyGan", "--data", "tests.toys.ToyDataModule", "--draws", "0",
              "--trainer.max_epochs", "1", "--trainer.enable_progress_bar", "false"])  # fmt: skip
    return home


def test_a_resumed_fit_scores_what_an_unbroken_one_does(home):
    whole, half = (results(home / "runs/char_lstm" / name)["metrics"] for name in ("whole", "half"))
    assert {k: m["value"] for k, m in whole.items()} == {k: m["value"] for k, m in half.items()}


def test_baselines_and_samples_stand_beside_the_network(home):
    run = home / "runs/char_lstm/whole"
    found = results(run)
    names = {"uniform", "unigram", "trigram, add one", "Kneser-Ney, order 6", "the source itself"}
    assert set(found["baselines"]) == names
    bits = {name: scores["bits_per_token"] for name, scores in found["baselines"].items()}
    assert bits["the source itself"] == min(bits.values()) < found["metrics"]["test/bits_per_token"]["value"]
    assert "low" in found["metrics"]["test/perplexity"] and (run / "figures/test_surprise.png").is_file()
    text = (run / "figures/test_samples.md").read_text()
    assert (
        all(f"Temperature {t}" in text for t in (0.5, 0.8, 1.0))
        and "Temperature 0.8" in (run / "report.html").read_text()
    )


def test_the_verb_writes_text(home, cli, monkeypatch, capsys):
    monkeypatch.chdir(home)
    run = ("sample", "--run", "runs/char_lstm/whole", "--length", 12, "--prompt", "abc")
    written = Path("runs/char_lstm/whole/samples.txt")
    cli(*run, "-n", 20, "--seed", 3)
    many = written.read_text()
    assert many.count("--- ") == 20 and many in capsys.readouterr().out and "\nabc" in many and "seed 3" in many
    cli(*run, "-n", 2, "--seed", 3)
    assert many.startswith(written.read_text()), "the first samples are the same however many there are"
    cli(*run, "-n", 2, "--seed", 4)
    assert not many.startswith(written.read_text())
    for args, message in (
        (
            ("--prompt", "aZb"),
            "the prompt holds 'Z', which the vocabulary of this run lacks. Use what it has, 12 tokens",
        ),
        (("--prompt", ""), "the prompt is empty"),
        (("--top-p", 2), "top_p=2.0: need 0 or more, and above 0 up to 1"),
        (("-n", 0), "0: need 1 or more"),
    ):
        with pytest.raises(SystemExit):
            cli(*run, *args)
        assert message in capsys.readouterr().err


def test_the_verb_writes_arrays_and_refuses_what_has_no_meaning(home, cli, monkeypatch, capsys):
    monkeypatch.chdir(home)
    run = ("sample", "--run", "runs/ToyGan/default")
    cli(*run, "-n", 20)
    with np.load("runs/ToyGan/default/samples.npz") as file:
        many = file["sample"]
    assert many.shape == (20, 2) and Path("runs/ToyGan/default/figures/samples.png").is_file()
    cli(*run, "-n", 5)
    with np.load("runs/ToyGan/default/samples.npz") as file:
        assert (file["sample"] == many[:5]).all()
    with pytest.raises(SystemExit):
        cli(*run, "--prompt", "abc")
    assert "--prompt is for text; ToyGan makes arrays" in capsys.readouterr().err
    monkeypatch.setattr("tests.toys.ToyGan.generates", None)
    with pytest.raises(SystemExit):
        cli(*run)
    assert "sample has no meaning for ToyGan: it makes no samples" in capsys.readouterr().err


def test_a_fit_that_begins_at_weights_keeps_their_vocabulary_on_another_text(cli):
    Path("first.txt").write_text("abcde fghij " * 60, encoding="utf-8")
    Path("second.txt").write_text("abcxyz " * 100, encoding="utf-8")
    run = ("--config", ROOT / "configs/char_lstm.yaml", "--data.root", ".", "--model.width", 4, "--data.steps", 8,
           "--trainer.max_epochs", 1, "--trainer.enable_progress_bar", "false", "--draws", 2)  # fmt: skip
    cli("fit", *run, "--data.file", "first.txt", "--name", "first")
    first = Path("runs/char_lstm/first")
    cli("fit", *run, "--data.file", "second.txt", "--name", "second", "--start", first)
    cli("test", *run, "--data.file", "second.txt", "--name", "second", "--ckpt_path", first / "checkpoints/best.ckpt")
    found = results(first.with_name("second"))
    assert any("a vocabulary of 11 and the unknown one" in note for note in found["notes"]), "letters a to j and space"
    assert any("not in the vocabulary: 'x', 'y', 'z'" in note for note in found["notes"])
