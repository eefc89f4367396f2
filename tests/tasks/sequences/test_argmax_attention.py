"""Argmax attention: who gets which gradient."""

import pytest
import torch
import torch.nn.functional as F

from datamodules import RetrievalDataModule
from lightning_tasks import ArgmaxAttentionTask


@pytest.fixture(scope="module")
def data():
    made = RetrievalDataModule(n_train=50, n_test=30, noise=0.0)
    made.setup()
    return made


def task_of(estimator, **kwargs):
    torch.manual_seed(1)
    names = [f"value_{i}" for i in range(4)]
    return ArgmaxAttentionTask(estimator=estimator, class_names=names, features=8, **kwargs)


def gradient(task, loss):
    found = torch.autograd.grad(loss, [task.to_query.weight, task.to_key.weight], allow_unused=True)
    return [torch.zeros(16, 8) if g is None else g for g in found]


def test_the_right_slot_is_the_key_that_was_turned(data):
    batch = data.arrays("test")
    at = torch.arange(30)
    assert torch.equal(batch["values"][at, batch["slot"]], batch["label"])
    one, two = batch["keys"][at, batch["slot"]], batch["query"]
    turn = torch.linalg.lstsq(one.double(), two.double()).solution
    torch.testing.assert_close(turn @ turn.T, torch.eye(8, dtype=torch.float64), atol=1e-4, rtol=0)
    assert (batch["slot"].bincount(minlength=8) > 0).sum() >= 5


def test_argmax_gives_scores_no_gradient_and_the_others_do(data):
    batch = data.arrays("train")
    for estimator in ("soft", "argmax", "straight_through", "reinforce"):
        task = task_of(estimator)
        size = sum(float(g.abs().sum()) for g in gradient(task, task.training_step(batch, 0)))
        assert (size == 0) == (estimator == "argmax"), estimator
        value = torch.autograd.grad(task.training_step(batch, 0), task.to_value.weight)[0]
        assert float(value.abs().sum()) > 0


def test_straight_through_takes_argmax_forward_and_softmax_backward(data):
    batch = data.arrays("train")
    hard, through, soft = (task_of(e) for e in ("argmax", "straight_through", "soft"))
    torch.testing.assert_close(through.logits(batch), hard.logits(batch))
    one, two = through.scores(batch).detach().requires_grad_(), soft.scores(batch).detach().requires_grad_()
    up = torch.randn(one.shape)
    torch.testing.assert_close(torch.autograd.grad((through.weights(one) * up).sum(), one),
                               torch.autograd.grad((two.softmax(1) * up).sum(), two))  # fmt: skip


def test_reinforce_is_the_gradient_of_the_expected_reward(data):
    task, one = task_of("reinforce"), {k: v[:1] for k, v in data.arrays("train").items()}
    every = {k: v.expand(8, *v.shape[1:]) for k, v in one.items()}
    losses = F.cross_entropy(task.read(torch.eye(8), every), every["label"], reduction="none").detach()
    expected = gradient(task, (task.scores(one).softmax(1)[0] * losses).sum())
    torch.manual_seed(0)
    many = {k: v.expand(60_000, *v.shape[1:]) for k, v in one.items()}
    found = gradient(task, task.training_step(many, 0))
    for a, b in zip(found, expected, strict=True):
        assert (a - b).norm() < 0.05 * b.norm()


def test_weights_that_have_no_gradient_do_not_move(cli, monkeypatch):
    from pathlib import Path

    from tests.conftest import results

    for estimator in ("argmax", "straight_through"):
        cli("fit", "--config", "configs/argmax_attention.yaml", "--model.estimator", estimator, "--name", estimator,
            "--trainer.max_epochs", 1, "--data.n_train", 300, "--data.n_test", 50, "--draws", 0, "--figures", "none",
            "--trainer.enable_progress_bar", "false", "--trainer.accelerator", "cpu")  # fmt: skip
    found = {e: results(Path("runs/argmax_attention") / e) for e in ("argmax", "straight_through")}
    assert found["argmax"]["metrics"]["test/moved"]["value"] == 0 == found["argmax"]["last"]["train/score_gradient"]
    assert found["straight_through"]["metrics"]["test/moved"]["value"] > 0.01
    assert found["straight_through"]["baselines"]["the right slot"]["acc"] == 1


def test_wrong_arguments_are_one_clear_error():
    with pytest.raises(ValueError, match="choose soft, argmax, straight_through or reinforce"):
        task_of("gumbel")
    with pytest.raises(ValueError, match="need two or more of each"):
        RetrievalDataModule(slots=1)
    with pytest.raises(ValueError, match="has no real data"):
        RetrievalDataModule(source="real").setup()
