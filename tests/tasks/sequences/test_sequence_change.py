"""Sequences of digits: right answers, masks that hide what they should, scores of what is written."""

import pytest
import torch

from datamodules import DigitSequencesDataModule
from lightning_tasks import SequenceChangeTask


def batch_of(change="reverse", **kwargs):
    data = DigitSequencesDataModule(change=change, n_train=60, n_test=40, **kwargs)
    data.setup()
    return data, data.arrays("test")


def task_of(data, **kwargs):
    torch.manual_seed(0)
    task = SequenceChangeTask(**{**data.facts(), "width": 16, **kwargs}).eval()
    with torch.no_grad():
        for weights in task.net.parameters():
            weights.mul_(5)
    return task


@pytest.mark.parametrize(("change", "rule"), [("copy", list), ("reverse", lambda x: x[::-1]), ("sort", sorted)])
def test_answers_follow_the_rule_and_no_sequence_is_in_two_parts(change, rule):
    data, _ = batch_of(change)
    prompts = {}
    for part in ("train", "val", "test"):
        windows = data.arrays(part)
        prompts[part] = set()
        for row, prompt, length in zip(*(windows[k].tolist() for k in ("tokens", "prompt", "length")), strict=True):
            names = [data.facts()["symbols"][i] for i in row]
            digits, answer = names[: prompt - 1], names[prompt : length - 1]
            assert names[prompt - 1] == "=" and names[length - 1] == "." and answer == list(rule(digits))
            assert set(names[length:]) <= {" "} and 4 <= len(digits) <= 8
            prompts[part].add("".join(digits))
    assert sum(map(len, prompts.values())) == 100 == len(set.union(*prompts.values()))


@pytest.mark.parametrize("mask", ["prefix", "causal", "none"])
def test_a_mask_shows_what_it_should(mask):
    data, batch = batch_of()
    task = task_of(data, mask=mask)
    before = task.taught(batch)
    prompt, length = int(batch["prompt"][0]), int(batch["length"][0])
    one = {key: value[:1].clone() for key, value in batch.items()}
    one["tokens"][0, length - 2] = (one["tokens"][0, length - 2] + 1) % 10  # the answer's last digit
    same = torch.isclose(task.taught(one)[0], before[0], atol=1e-5).all(-1)
    assert bool(same[: length - 2].all()) == (mask != "none"), "what comes later is seen without a mask alone"
    two = {key: value[:1].clone() for key, value in batch.items()}
    two["tokens"][0, 1] = (two["tokens"][0, 1] + 1) % 10
    changed = ~torch.isclose(task.taught(two)[0], before[0], atol=1e-5).all(-1)
    assert bool(changed[0]) == (mask != "causal") and changed[prompt : length - 1].all()


def test_without_positions_a_prompt_is_a_bag_of_digits():
    data, batch = batch_of()
    turned = {key: value.clone() for key, value in batch.items()}
    for row, n in zip(turned["tokens"], batch["prompt"].tolist(), strict=True):
        row[: n - 1] = row[: n - 1].flip(0)
    first = batch["prompt"] - 1  # says the first digit of the answer
    at = torch.arange(len(first))
    for positions in ("none", "learned"):
        task = task_of(data, positions=positions)
        one, two = task.taught(batch)[at, first], task.taught(turned)[at, first]
        assert torch.allclose(one, two, atol=1e-4) == (positions == "none")


def test_what_is_written_never_reads_the_true_answer():
    data, batch = batch_of()
    hidden = {**batch, "tokens": batch["tokens"].clone()}
    place = torch.arange(hidden["tokens"].shape[1])
    hidden["tokens"][place >= batch["prompt"][:, None]] = 0
    for mask in ("prefix", "none"):
        task = task_of(data, mask=mask)
        assert torch.equal(task.written(batch), task.written(hidden))


def test_scores_of_a_network_that_is_right_and_of_one_that_is_not(monkeypatch):
    data, batch = batch_of()
    task = task_of(data)
    kept = {}
    monkeypatch.setattr(task, "collect", lambda part, batch, **rows: kept.update(rows))
    answers = torch.nn.functional.one_hot(batch["tokens"], 13).float() * 20
    monkeypatch.setattr(task.net, "logits", lambda tokens, visible: answers[:, 1 : tokens.shape[1] + 1])
    task.evaluate("test", batch)
    assert {k: float(v) for k, v in task.score(kept).items()} == {"exact": 1.0, "token_acc": 1.0, "acc_teacher": 1.0}
    assert torch.equal(task.predict_step(batch)["exact"], torch.ones(40, dtype=torch.long))
    answers[0, int(batch["length"][0]) - 1] = 0  # the stop of one answer
    task.evaluate("test", batch)
    total = int((batch["length"] - batch["prompt"]).sum())
    assert float(task.score(kept)["exact"]) == 39 / 40
    assert float(task.score(kept)["token_acc"]) == pytest.approx((total - 1) / total)
    assert set(task.figures_of_rows({k: v for k, v in kept.items()})) == {"by_length"}


def test_the_prompt_again_is_right_where_nothing_changes():
    for change, right in (("copy", 1.0), ("reverse", 0.0)):
        data, _ = batch_of(change, seed=1)
        scores = task_of(data).baselines(data)["the prompt again"]
        assert scores["exact"] <= right + 0.1 and (right == 0 or scores == {"exact": 1.0, "token_acc": 1.0})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DigitSequencesDataModule(change="mirror"), "choose copy, reverse, sort"),
        (lambda: DigitSequencesDataModule(shortest=5, longest=4), "need 1 or more digits"),
        (lambda: DigitSequencesDataModule(shortest=1, longest=2), "Set --data.longest higher"),
        (lambda: DigitSequencesDataModule(source="real").setup(), "has no real data"),
        (lambda: SequenceChangeTask(mask="triangle", symbols=["a"], context=3), "choose prefix, causal or none"),
        (lambda: SequenceChangeTask(), "the data states them, or set --model.symbols"),
    ],
)
def test_wrong_arguments_are_one_clear_error(make, message):
    with pytest.raises(ValueError, match=message):
        make()
