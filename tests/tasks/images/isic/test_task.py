"""The skin-lesion task: branches, probabilities after resampling, scores of strata; whole runs: test_runs.py."""

import numpy as np
import pytest
import sklearn.metrics as sk
import torch
import torch.nn.functional as F
from sklearn.linear_model import LogisticRegression
from torch import nn

from lightning_tasks import IsicTask
from lightning_tasks.app.scores import scores_of
from lightning_tasks.common.units import FEW_UNITS
from lightning_tasks.measures.binary import auroc, auroc_error, roc
from lightning_tasks.measures.bootstrap import rarer_units, replicates, tail
from lightning_tasks.measures.strata import MIN_STRATUM
from lightning_tasks.nets.fused import FusedNet, TableNet, lazy_layers, materialize
from lightning_tasks.nets.parameter_groups import blocks, trainable_names
from lightning_tasks.tasks.images.isic import BRANCHES, prior_shift

RANKING = ("auroc", "pauc", "ap", "sens_at_spec90", "sens_at_spec95")
SCORES = {*RANKING, "brier", "nll", "ece"}
SMALL = {"net": "cnn_small", "net_args": {"width": 4, "stem_stride": 1}, "features": 8, "table_hidden": [8]}


# ---- networks -------------------------------------------------------------------------------------------------------


def batch(n=6, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return {
        "id": torch.arange(n),
        "image": torch.rand(n, 3, 16, 16, generator=generator),
        "table": torch.randn(n, 5, generator=generator),
        "label": torch.arange(n) % 2,
    }


def ready(branch, **kwargs) -> IsicTask:
    task = IsicTask(branch=branch, **{**SMALL, **kwargs})
    if branch != "image":
        task.make_room(5)
        task.table_scale.fill_(1)
    return task.eval()


@pytest.mark.parametrize(
    "branch, reads", [("image", {"image"}), ("metadata", {"table"}), ("fused", {"image", "table"})]
)
def test_logits_read_what_the_branch_names_and_each_sample_for_itself(branch, reads):
    task, given = ready(branch), batch()
    leaves = {key: given[key].requires_grad_() for key in ("image", "table")}
    logits = task.logits(given)
    assert logits.shape == (6, 2)
    found = torch.autograd.grad(logits[2].sum(), list(leaves.values()), allow_unused=True)
    slopes = {key: slope for key, slope in zip(leaves, found, strict=True) if slope is not None}
    assert set(slopes) == set(BRANCHES[branch])
    for slope in slopes.values():
        moved = slope.flatten(1).abs().sum(1) > 0
        assert moved.tolist() == [False, False, True, False, False, False]
    torch.testing.assert_close(task.predict_step(given)["prob"].sum(1), torch.ones(6))


def test_the_table_is_scaled_by_what_the_train_part_gave_and_gaps_count_as_the_mean():
    task, given = ready("metadata"), batch()
    task.table_mean.fill_(3)
    task.table_scale.copy_(torch.tensor([0.5, 2, 1, 1, 0]))
    given["table"][0, 0] = torch.nan
    expected = (given["table"] - 3) * torch.tensor([0.5, 2, 1, 1, 0])
    expected[0, 0] = 0
    torch.testing.assert_close(task.scaled(given["table"]), expected)
    torch.testing.assert_close(task.logits(given), task.net(expected))


def test_lazy_layers_take_their_size_once_and_the_weights_of_a_state():
    net = TableNet(2, hidden=[4, 3])
    assert list(lazy_layers(net)) == ["layers.0"]
    materialize(net, 7)
    assert not lazy_layers(net) and net.layers[0].weight.shape == (4, 7) and type(net.layers[0]) is nn.Linear
    materialize(net, 9)
    assert net(torch.rand(3, 7)).shape == (3, 2)
    linear = TableNet(2, hidden=[])
    materialize(linear, 3)
    assert [tuple(p.shape) for p in linear.parameters()] == [(2, 3), (2,)]


def test_blocks_of_a_fused_network_are_those_of_its_image_network():
    net = FusedNet(3, 2, "cnn_small", {"width": 4}, features=8, hidden=[8])
    materialize(net, 5)
    found = blocks(net)
    assert len(found) == 6 and found[0][0].startswith("image.stem")
    new = set(trainable_names(net, "head"))
    assert new == {n for n, _ in net.named_parameters() if not n.startswith(("image.stem", "image.stages"))}


def test_weights_of_an_image_run_start_the_image_branch(tmp_path):
    source = ready("image")
    torch.save({"state_dict": source.state_dict()}, tmp_path / "best.ckpt")
    task, notes = IsicTask(branch="fused", weights=str(tmp_path / "best.ckpt"), **SMALL), []
    task.load_given_weights(notes.append)
    assert torch.equal(task.net.image.stem[0].weight, source.net.stem[0].weight)
    assert "head" in notes[0]


# ---- probabilities --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weights", [None, torch.tensor([1.0, 6.0])])
def test_a_resampled_and_weighted_fit_is_calibrated_after_the_prior_shift(weights):
    """Logistic data of 3 % positives, drawn with half positives: predicted and true shares agree, also in bins."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200_000, 2))
    y = (rng.random(len(x)) < 1 / (1 + np.exp(4.5 - 1.5 * x[:, 0]))).astype(int)
    counts = np.bincount(y)
    drawn = rng.choice(len(x), 60_000, p=(0.5 / counts)[y])
    per_sample = None if weights is None else weights.numpy()[y[drawn]]
    z = LogisticRegression(C=1e6).fit(x[drawn], y[drawn], sample_weight=per_sample).decision_function(x)
    logits = torch.from_numpy(np.stack([0 * z, z], 1))
    raw = logits.softmax(1)[:, 1]
    fitted = (logits + prior_shift(torch.from_numpy(counts), torch.tensor([0.5, 0.5]), weights)).softmax(1)[:, 1]
    assert float(raw.mean()) > 4 * y.mean(), "without the shift the share of positives is far too high"
    assert float(fitted.mean()) == pytest.approx(y.mean(), rel=0.05)
    order = fitted.argsort().view(20, -1)
    predicted, true = fitted[order].mean(1), torch.from_numpy(y)[order].double().mean(1)
    assert (predicted - true).abs().max() < 0.02
    assert sk.roc_auc_score(y, fitted) == pytest.approx(sk.roc_auc_score(y, raw), abs=1e-12)


def test_the_shift_is_that_of_elkan_and_none_where_nothing_was_changed():
    counts, drawn = torch.tensor([90, 10]), torch.tensor([0.6, 0.4])
    odds = torch.tensor([0.3, 0.7])  # under the drawn prior b = 0.4; theorem 2 with the true b' = 0.1
    p, b, true = 0.7, 0.4, 0.1
    expected = true * (p - p * b) / (b - p * b + true * p - b * true)
    found = (odds.log() + prior_shift(counts, drawn)).softmax(0)[1]
    assert float(found) == pytest.approx(expected, abs=1e-6)
    torch.testing.assert_close(prior_shift(counts, torch.tensor([0.9, 0.1])), torch.zeros(2))
    assert prior_shift(torch.tensor([5]), drawn).tolist() == prior_shift(torch.tensor([5, 0]), drawn).tolist() == [0, 0]


def test_the_task_takes_the_shift_from_the_data_and_keeps_it_in_its_state():
    task = ready("fused", class_weights=[1.0, 3.0])
    given = batch()
    logits = task.logits(given)
    before = task.predict_step(given)["prob"]
    found = {"class_counts": torch.tensor([95, 5]), "drawn_share": torch.tensor([0.7, 0.3])}
    table = {"table_mean": torch.zeros(5), "table_scale": torch.ones(5), "table_blank": torch.full((5,), torch.nan)}
    task.fit_statistics(found | table | {"mean": torch.zeros(3), "std": torch.ones(3)})
    expected = logits + torch.tensor([0.95 / 0.7, 0.05 / (3 * 0.3)]).log()
    after = task.predict_step(given)["prob"]
    torch.testing.assert_close(after, F.softmax(expected, 1))
    assert (after[:, 1] < before[:, 1]).all() and torch.equal(after[:, 1].argsort(), before[:, 1].argsort())
    torch.testing.assert_close(task.logits(given), logits)
    again = ready("fused", class_weights=[1.0, 3.0])
    again.load_state_dict(task.state_dict())
    torch.testing.assert_close(again.predict_step(given)["prob"], after)


# ---- scores ---------------------------------------------------------------------------------------------------------


def sample_rows(n=600, seed=0):
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, n)
    p = 1 / (1 + np.exp(-rng.normal(label, 1)))
    return {
        "prob": torch.from_numpy(np.stack([1 - p, p], 1)),
        "label": torch.from_numpy(label),
        "sex": torch.from_numpy(rng.integers(-1, 2, n)),
        "site": torch.from_numpy(np.where(np.arange(n) < 30, 2, rng.integers(0, 2, n))),
        "age": torch.from_numpy(np.where(rng.random(n) < 0.1, np.nan, rng.choice([20.0, 40, 55, 60, 85], n))),
    }


def test_scores_and_strata_have_their_names_and_the_values_of_scikit_learn():
    task, rows = ready("metadata"), sample_rows()
    task.strata_names = {"sex": ["Female", "male"], "site": ["head/neck", "lower extremity", "rare"]}
    found = {k: float(v) for k, v in task.score(rows).items()}
    ages = {"auroc_age_below_40", "auroc_age_40_to_59", "auroc_age_60_and_above"}
    named = {"auroc_sex_female", "auroc_sex_male", "auroc_site_head_neck", "auroc_site_lower_extremity"}
    assert set(found) == SCORES | named | ages, "a stratum of 30 has no 20 of each class"
    p, y, age = rows["prob"][:, 1].numpy(), rows["label"].numpy(), rows["age"].numpy()
    inside = {
        "auroc": np.ones(len(y), bool),
        "auroc_sex_male": rows["sex"].numpy() == 1,
        "auroc_site_head_neck": rows["site"].numpy() == 0,
        "auroc_age_40_to_59": (age == 40) | (age == 55),
        "auroc_age_60_and_above": age >= 60,
    }
    for name, rows_of in inside.items():
        assert found[name] == pytest.approx(sk.roc_auc_score(y[rows_of], p[rows_of])), name
    task.strata_names = {}
    assert {"auroc_sex_0", "auroc_sex_1", "auroc_site_0"} < set(task.score(rows))
    assert set(task.score({k: rows[k] for k in ("prob", "label")})) == SCORES


def test_the_score_of_a_stratum_is_reported_with_the_samples_and_patients_of_the_stratum():
    task, rows = ready("metadata"), sample_rows()
    rows |= {"id": torch.arange(len(rows["label"])), "group": torch.arange(len(rows["label"])) // 2}
    found = scores_of(task, "val", rows, draws=20)
    inside = rows["sex"] == 1
    male = found["val/auroc_sex_1"]
    assert male["n"] == int(inside.sum()) < found["val/auroc"]["n"] == len(rows["label"])
    assert male["units"] == len(rows["group"][inside].unique()) < found["val/auroc"]["units"] == len(rows["label"]) // 2
    assert male["low"] < male["value"] < male["high"]
    assert male["positives"] == int(rows["label"][inside].sum()) < found["val/auroc"]["positives"]


def test_the_interval_of_a_stratum_goes_by_the_patients_of_its_rarer_class():
    task, rows = ready("metadata"), sample_rows()
    rows["label"] = torch.where((rows["sex"] == 1) & (torch.arange(600) % 3 > 0), 0, rows["label"])
    rows |= {"id": torch.arange(len(rows["label"])), "group": torch.arange(len(rows["label"])) // 2}
    patients = len(rows["group"][(rows["sex"] == 1) & (rows["label"] == 1)].unique())
    assert patients < FEW_UNITS <= rarer_units(rows)
    found, drawn = scores_of(task, "val", rows, draws=40), replicates(task.score, rows, 40)
    for name, cut in {"auroc_sex_1": tail(patients), "auroc": 0.025}.items():
        interval = found[f"val/{name}"]["low"], found[f"val/{name}"]["high"]
        assert interval == pytest.approx(np.nanpercentile(drawn[name], [100 * cut, 100 - 100 * cut])), name


def test_a_stratum_needs_samples_of_both_classes():
    rows = sample_rows()
    rows["label"] = torch.where(rows["sex"] == 0, 1, rows["label"])
    few = torch.where(rows["sex"] == 1)[0][MIN_STRATUM - 1 :]
    rows["label"][few] = 0
    assert not [name for name in ready("image").score(rows) if "sex" in name]


def test_the_error_of_an_auroc_is_that_of_resampling():
    rows = sample_rows(300)
    prob, label = rows["prob"][:, 1], rows["label"]
    area, positives = float(auroc(roc(prob, label))), int(label.sum())
    error = auroc_error(area, positives, 300 - positives)
    rng = np.random.default_rng(0)
    draws = [rng.integers(0, 300, 300) for _ in range(200)]
    spread = np.std([sk.roc_auc_score(label[d], prob[d]) for d in draws])
    assert area == pytest.approx(sk.roc_auc_score(label, prob)) and error == pytest.approx(spread, rel=0.2)


WRONG = {
    "branch='both': choose image, metadata or fused": {"branch": "both"},
    "branch metadata reads no pictures. Set --model.weights none": {"branch": "metadata", "weights": "auto"},
    "branch metadata reads no pictures. Set --model.tta none": {"branch": "metadata", "tta": "flips"},
    "Did you mean 'val/auroc'": {"monitor": "val/auroc_"},
    "monitor='val/acc' is no metric": {"monitor": "val/acc"},
}


@pytest.mark.parametrize("message", WRONG)
def test_wrong_arguments_are_clear_errors(message):
    with pytest.raises(ValueError, match=message):
        IsicTask(**{**SMALL, **WRONG[message]})


def test_monitor():
    assert (ready("image").monitor, ready("image").mode) == ("val/auroc", "max")
    assert (ready("image", monitor="val/pauc").mode, ready("image", monitor="val/brier").mode) == ("max", "min")


def test_a_fused_network_is_also_scored_without_the_table():
    task, values = ready("fused"), batch()
    task.table_blank.copy_(torch.tensor([torch.nan, 0, 0, 1, torch.nan]))
    values |= {key: torch.zeros(6, dtype=torch.int64) for key in ("sex", "site")} | {"age": torch.full((6,), 50.0)}
    rows = task.rows_with(values, task.probabilities)
    blank = {**values, "table": task.table_blank.expand(6, 5)}
    torch.testing.assert_close(rows["prob_without_table"], task.probabilities(blank))
    assert not torch.allclose(rows["prob_without_table"], rows["prob"])
    expected = sk.roc_auc_score(rows["label"], rows["prob_without_table"][:, 1].detach())
    assert task.score(rows)["auroc_without_table"] == pytest.approx(expected)
    assert "prob_without_table" not in ready("image").rows_with(values, ready("image").probabilities)


def test_a_dropped_branch_leaves_the_other_and_nothing_is_dropped_in_evaluation():
    torch.manual_seed(0)
    net = ready("fused", drop_branch=1.0, dropout=0.0).net
    net.image, net.table = torch.nn.Flatten(), torch.nn.Flatten()
    net.head = torch.nn.Identity()
    ones = torch.ones(1000, 8)
    kept = net.train()(ones, ones).unflatten(1, (2, 8)).mean(2)
    assert (kept.sum(1) == 1).all() and 400 < float(kept[:, 0].sum()) < 600
    assert torch.equal(net.eval()(ones, ones), torch.ones(1000, 16))
    with pytest.raises(ValueError, match="drop_branch=2.0: need a probability from 0 to 1"):
        ready("fused", drop_branch=2.0)
