"""What a network says as NaN makes scores NaN: an argmax or a comparison alone would give it a class, or a miss."""

import math

import pytest
import torch

from lightning_tasks.measures.classification import chosen, judged, share_right
from lightning_tasks.measures.forecast import interval_scores
from lightning_tasks.problems import Generative
from lightning_tasks.tasks.sequences.argmax_attention import ArgmaxAttentionTask
from lightning_tasks.tasks.sequences.language_model import LanguageModelTask
from lightning_tasks.tasks.sequences.sequence_change import SequenceChangeTask
from lightning_tasks.tasks.tables.two_class import TwoClassTask

NAN = math.nan


def test_nothing_is_chosen_among_values_that_hold_nan():
    values = torch.tensor([[0.1, 0.9], [NAN, 0.5], [0.7, NAN]])
    assert chosen(values).tolist() == [1, -1, -1] and chosen(values[:1].T, 0).tolist() == [1]
    assert judged(torch.tensor([2, 0, -1]), torch.tensor([2, 1, 0])).tolist() == [1, 0, -1]
    assert float(share_right(torch.tensor([1, 0, 1, 1]))) == 0.75
    assert share_right(torch.tensor([1, 0, -1])).isnan()
    assert share_right(torch.tensor([[1, -1], [0, 1]])).tolist() == pytest.approx([0.5, NAN], nan_ok=True)


def scores_of_two_classes(bad):
    y = torch.tensor([0.2, 0.7, bad])
    rows = {"prob": torch.stack([1 - y, y], 1), "z": torch.tensor([-1.0, 1.0, bad]), "label": torch.tensor([0, 1, 1])}
    return TwoClassTask.score(TwoClassTask(), rows)


def scores_of_answers(bad):
    exact = torch.tensor([1, 0, -1 if math.isnan(bad) else 1])
    return SequenceChangeTask.score(None, {"exact": exact, **dict.fromkeys(("right", "teacher", "count"), exact + 2)})


def scores_of_tokens(bad):
    ones = torch.ones(3, dtype=torch.int64)
    return LanguageModelTask.score(None, {"nll": torch.tensor([1.0, 2.0, bad]), "count": ones, "right": ones})


def scores_of_intervals(bad):
    quantiles = torch.tensor([[0.0, 1.0, 2.0], [0.0, 1.0, bad]])[:, None]
    return interval_scores(quantiles, torch.ones(2, 1), [0.05, 0.5, 0.95])


def scores_of_samples(bad):
    task = Generative.__new__(Generative)
    torch.nn.Module.__init__(task)
    task.register_buffer("mode_weight", torch.full((2,), 0.5))
    task.register_buffer("mode_mean", torch.tensor([[0.0, 0.0], [9.0, 9.0]]))
    task.register_buffer("mode_cov", torch.eye(2).expand(2, 2, 2))
    fake = torch.randn(9, 2)
    fake[3, 1] = bad
    return task.score(
        {"real": torch.randn(9, 2), "fake": fake, **{f"{n}_class": torch.arange(9) for n in ("real", "fake")}}
    )


@pytest.mark.parametrize(
    "scores_of", [scores_of_two_classes, scores_of_answers, scores_of_tokens, scores_of_intervals, scores_of_samples]
)
def test_scores_are_nan(scores_of):
    assert all(math.isfinite(float(value)) for value in scores_of(0.4).values())
    found = {name: float(value) for name, value in scores_of(NAN).items()}
    assert all(math.isnan(value) for value in found.values()), found


def test_an_answer_of_a_network_that_says_nan_is_marked_where_it_is_collected(monkeypatch):
    task = ArgmaxAttentionTask()
    batch = {"slot": torch.tensor([0, 1])}
    monkeypatch.setattr(task, "scores", lambda batch: torch.tensor([[1.0, 0.0], [NAN, 0.0]]))
    assert task.own_rows(batch)["slot_acc"].tolist() == [1, -1]
