from types import SimpleNamespace

import torch
from lightning import LightningModule
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_avg_fn

from lightning_tasks.callbacks.averaging import AveragedWeights
from lightning_tasks.callbacks.figures import Figures
from lightning_tasks.callbacks.guard import learnt


class Small(LightningModule):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
        self.register_buffer("reach", torch.tensor([-torch.inf, 2.0]))  # a constant: no average changes it


def trained(steps, task, callback, watch=lambda task: None):
    """``steps`` of gradient descent on noise."""
    optimiser, noise = torch.optim.SGD(task.parameters(), 0.1), torch.Generator().manual_seed(0)
    for step in range(steps):
        optimiser.zero_grad()
        task.net(torch.randn(8, 3, generator=noise)).square().sum().backward()
        optimiser.step()
        callback.on_train_batch_end(at(step + 1), task, None, None, step)
        watch(task)


def at(step, fn="fit"):
    return SimpleNamespace(global_step=step, state=SimpleNamespace(fn=fn))


def copies(task):
    return {name: value.clone() for name, value in learnt(task).items()}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def by_hand(decay):
    """Torch's moving average with the decay of each update; ``n`` were averaged before it."""
    return lambda average, now, n: get_ema_avg_fn(min(decay, (2 + n.item()) / (11 + n.item())))(average, now, n)


def test_the_average_is_that_of_torch_with_the_decay_of_its_step():
    torch.manual_seed(0)
    task, callback = Small(), AveragedWeights(0.4)  # reached at the fifth step
    reference = AveragedModel(task, avg_fn=by_hand(0.4), use_buffers=True)
    trained(7, task, callback, watch=reference.update_parameters)
    expected = learnt(reference.module)
    assert callback.average.keys() == expected.keys()
    for name, value in callback.average.items():
        torch.testing.assert_close(value, expected[name], rtol=1e-5, atol=1e-6)


def test_the_first_steps_are_forgotten_in_a_short_run():
    task, callback = Small(), AveragedWeights(0.999)
    for step in range(1, 101):  # weights of 1 at first, of 0 from the tenth step on
        nn.init.constant_(task.net[0].weight, float(step < 10))
        callback.on_train_batch_end(at(step), task, None, None, step)
    assert callback.average["net.0.weight"].max() < 1e-3  # 0.914 by the decay alone


def test_accumulated_gradients_are_one_step():
    task, callback = Small(), AveragedWeights(0.5)
    trained(2, task, callback)
    before = {name: value.clone() for name, value in callback.average.items()}
    callback.on_train_batch_end(at(2), task, None, None, 2)
    assert same(callback.average, before)


def test_no_step_waits_for_a_device_and_the_average_lies_where_the_network_does():
    task, callback = Small(), AveragedWeights(0.9)
    task.to("meta")  # whoever reads a number of it fails
    for step in range(1, 4):
        callback.on_train_batch_end(at(step), task, None, None, step)
    assert {value.device.type for value in callback.average.values()} == {"meta"}


def test_validation_and_the_end_of_training_have_the_average():
    task, callback = Small(), AveragedWeights(0.9)
    trained(5, task, callback)
    weights, average = copies(task), {name: value.clone() for name, value in callback.average.items()}
    callback.on_validation_epoch_start(at(5), task)
    assert same(copies(task), average) and task.reach[0] == -torch.inf
    callback.on_validation_end(at(5), task)
    assert same(copies(task), weights)
    callback.on_train_end(at(5), task)
    assert same(copies(task), average)


def test_a_checkpoint_holds_both_and_a_resumed_fit_goes_on_with_them():
    task, callback = Small(), AveragedWeights(0.9)
    trained(5, task, callback)
    weights, average = copies(task), {name: value.clone() for name, value in callback.average.items()}
    checkpoint = {"state_dict": {name: value.clone() for name, value in task.state_dict().items()}}
    callback.on_save_checkpoint(at(5), task, checkpoint)
    for key, expected in (("state_dict", average), ("current_model_state", weights)):
        assert same({name: checkpoint[key][name] for name in expected}, expected)
        assert checkpoint[key].keys() == task.state_dict().keys()

    callback.on_validation_epoch_start(at(5), task)  # saved while the average is shown, as after an interruption
    shown = {"state_dict": {name: value.clone() for name, value in task.state_dict().items()}}
    callback.on_save_checkpoint(at(5), task, shown)
    for key, expected in (("state_dict", average), ("current_model_state", weights)):
        assert same({name: shown[key][name] for name in expected}, expected)
    callback.on_validation_end(at(5), task)

    resumed, again = Small(), AveragedWeights(0.9)
    resumed.load_state_dict(checkpoint["state_dict"])
    again.on_load_checkpoint(at(0), resumed, checkpoint)
    again.load_state_dict(callback.state_dict())
    again.on_fit_start(at(0), resumed)
    assert same(copies(resumed), weights) and same(again.average, average) and again.step == 5


def test_a_checkpoint_holds_the_average_under_all_names_of_a_shared_weight():
    task, callback = Small(), AveragedWeights(0.9)
    task.again = nn.Linear(3, 4, bias=False)
    task.again.weight = task.net[0].weight  # as an embedding that is also the last layer
    trained(5, task, callback)
    checkpoint = {"state_dict": dict(task.state_dict())}
    callback.on_save_checkpoint(at(5), task, checkpoint)
    loaded = checkpoint["state_dict"]
    assert torch.equal(loaded["again.weight"], callback.average["net.0.weight"])
    assert torch.equal(loaded["again.weight"], loaded["net.0.weight"])
    assert not torch.equal(loaded["again.weight"], task.again.weight)


def test_figures_of_a_fit_are_of_the_weights_that_were_validated(toy, monkeypatch):
    drawn = []
    monkeypatch.setattr(Figures, "_draw", lambda self, trainer, task, part, save: drawn.append((part, copies(task))))
    run = toy("ToyGan", "--trainer.max_epochs", 1, "--model.ema", 0.9)
    checkpoint = torch.load(run / "checkpoints/last.ckpt", weights_only=True)
    (weights,) = (weights for part, weights in drawn if part == "val")
    assert all(torch.equal(value, checkpoint["state_dict"][name]) for name, value in weights.items())
    assert not all(torch.equal(value, checkpoint["current_model_state"][name]) for name, value in weights.items())


def test_scoring_a_checkpoint_leaves_the_average_in_the_network():
    task, callback = Small(), AveragedWeights(0.9)
    before = copies(task)
    callback.on_load_checkpoint(at(0, "test"), task, {"state_dict": {}, "current_model_state": Small().state_dict()})
    assert same(copies(task), before)
