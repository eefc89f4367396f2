"""Scores of a mean of networks are of the mean: what only a single network has is left out."""

from pathlib import Path

import pytest

from tests.conftest import ROOT, results
from tests.small_fits import QUIET

PLAIN = ("--draws", 0, "--figures", "none", "--baselines", "false", "--trainer.max_epochs", 1, *QUIET)
MEANS = {  # configuration -> its options, scores of a network that a mean has not
    "two_class_relu": (("--data.n_train", 60, "--data.n_test", 40), {"dead"}),
    "knn_two_moons": (("--data.n_train", 60, "--data.n_test", 40), {"acc_k1", "acc_k25"}),
    "argmax_attention": (("--data.n_train", 128, "--data.n_test", 64), {"slot_acc", "moved"}),
}


@pytest.mark.parametrize("name", MEANS)
def test_a_mean_has_no_scores_of_its_first_member(cli, name):
    options, single = MEANS[name]
    folder = "variants/" if name == "knn_two_moons" else ""
    fit = ("--config", ROOT / f"configs/{folder}{name}.yaml", *options, *PLAIN)
    for seed in (0, 1):
        cli("fit", *fit, "--seed_everything", seed, "--data.fold", seed, "--name", f"s{seed}")
    runs = Path("runs") / name
    cli("ensemble", "--runs", runs / "s0", runs / "s1", "--draws", 0)
    found = {key.split("/")[1] for key in results(runs / "ensemble")["metrics"]}
    own = {key.split("/")[1] for key in results(runs / "s0")["metrics"]}
    assert "acc" in found and single <= own and not single & found
    cli("kfold", *fit, "--folds", 2, "--bootstrap")
    assert "oob/acc" in (pooled := results(runs / "bags")["metrics"]) or "oof/acc" in pooled
    assert not any(key.split("/")[1] in single for key in pooled)
