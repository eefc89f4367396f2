"""Search spaces: wrong ones are errors, ours hold what the assignment lists."""

import pytest
import torch
from optuna.pruners import NopPruner
from optuna.trial import TrialState

from lightning_tasks.app.verbs.tune.space import read_space
from lightning_tasks.app.verbs.tune.study import Search
from lightning_tasks.app.verbs.tune.tune import check_space
from lightning_tasks.nets.classifier import build_classifier
from tests.conftest import ROOT

SPACES = sorted((ROOT / "configs" / "tune").glob("*.yaml"))

WRONG_SPACES = {
    "spce: {}": "key 'space'",
    "spac: {}\nspace: {a.b: {}}": "unknown key 'spac'. Did you mean 'space'",
    "space: {a.b: {type: ints}}": "choose int, float or categorical",
    "space: {a.b: {type: int, low: 1, hgh: 3}}": "int has no key 'hgh'. Did you mean 'high'",
    "space: {a.b: {type: int, low: 1, high: 2.5}}": "high=2.5: expected a whole number",
    "space: {a.b: {type: float, low: 0, high: 0}}": "low=0, high=0: nothing to search",
    "space: {a.b: {type: float, low: 0, high: 1, log: true}}": "log needs low above 0",
    "space: {a.b: {type: categorical, choices: [1]}}": "two or more",
}


@pytest.mark.parametrize("text", WRONG_SPACES)
def test_wrong_spaces_are_errors_with_the_remedy(tmp_path, text):
    (tmp_path / "s.yaml").write_text(text)
    with pytest.raises(ValueError, match=WRONG_SPACES[text]):
        read_space(tmp_path / "s.yaml")


@pytest.mark.parametrize("path", SPACES, ids=lambda p: p.stem)
def test_each_space_of_ours_names_valid_keys(path):
    space = read_space(path)
    check_space(["--config", space.config], ["--data.source", "simulated"], space)


def test_the_space_of_the_mnist_tuner_holds_every_limit_of_the_assignment_and_all_its_networks_can_be_built(tmp_path):
    space = read_space(ROOT / "configs/tune/mnist_cnn.yaml")
    limits = {
        name: (r["low"], r["high"]) for key, r in space.ranges.items() if (name := key.split(".")[-1]) and "low" in r
    }
    assert limits["conv_layers"] == (1, 5) and limits["dense_layers"] == (1, 5) and limits["lr"][1] == 1e-3
    assert limits["filters"][1] == limits["neurons"][1] == 256 and limits["dropout"][0] < limits["dropout"][1]
    assert len(space.ranges["model.optimizer"]["choices"]) > 1
    found = Search(tmp_path, "random", 25, seed=0, direction="maximize", pruner=NopPruner())
    for _ in range(25):
        trial, _, values = found.ask(space)
        args = {key.removeprefix("model.net_args."): v for key, v in values.items() if "net_args" in key}
        assert build_classifier("cnn", 1, 10, **args)(torch.zeros(1, 1, 28, 28)).shape == (1, 10)
        found.tell(trial, TrialState.COMPLETE, 0.0)


def test_channels_of_the_tuned_network_end_at_filters_and_halve_towards_the_picture():
    def channels(**args):
        layers = build_classifier("cnn", 1, 10, **args).features
        return [m.out_channels for m in layers if isinstance(m, torch.nn.Conv2d)]

    assert channels(conv_layers=1, filters=256) == [256]
    assert channels(conv_layers=3, filters=64) == [16, 32, 64]
    assert channels(conv_layers=5, filters=256) == [16, 32, 64, 128, 256]
    assert channels(conv_layers=3, filters=64, pools=1) == [32, 64, 64]
    assert channels(conv_layers=4, filters=16) == [8, 8, 8, 16] and channels(conv_layers=3, filters=4) == [4, 4, 4]
