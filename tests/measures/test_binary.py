"""Two-class metrics against scikit-learn, the competition's own code and the definitions; ties and missing classes."""

import time

import numpy as np
import pytest
import sklearn.metrics as sk
import torch

from lightning_tasks.measures.binary import auroc, average_precision, binary_scores, pauc, roc, sensitivity_at


def sample(n=400, seed=0, share=0.2, digits=None):
    rng = np.random.default_rng(seed)
    label = (rng.random(n) < share).astype(np.int64)
    prob = 1 / (1 + np.exp(-rng.normal(1.2 * label - 1, 1)))
    prob = prob if digits is None else prob.round(digits)
    return torch.from_numpy(prob), torch.from_numpy(label)


CASES = [sample(), sample(seed=1, digits=1), sample(n=37, seed=2, digits=2), sample(n=2000, seed=3, share=0.01)]
TIED = (torch.full((10,), 0.5), torch.arange(10) % 2)
REVERSED = (torch.tensor([0.9, 0.8, 0.2, 0.1]), torch.tensor([0, 0, 1, 1]))
CASES += [TIED, REVERSED, (1 - REVERSED[0], REVERSED[1])]


def competition_pauc(label, prob, min_tpr=0.80):
    """The evaluation page's formula: scikit-learn's standardised area of the flipped problem, scaled back."""
    flipped = np.abs(label - 1)
    max_fpr = abs(1 - min_tpr)
    scaled = sk.roc_auc_score(flipped, -1.0 * prob, max_fpr=max_fpr)
    return 0.5 * max_fpr**2 + (max_fpr - 0.5 * max_fpr**2) / (1.0 - 0.5) * (scaled - 0.5)


@pytest.mark.parametrize("prob, label", CASES)
def test_ranking_scores_are_those_of_scikit_learn_and_of_the_competition(prob, label):
    p, y = prob.numpy(), label.numpy()
    found = {name: float(value) for name, value in binary_scores(prob, label).items()}
    assert found["auroc"] == pytest.approx(sk.roc_auc_score(y, p))
    assert found["pauc"] == pytest.approx(competition_pauc(y, p), abs=1e-12)
    assert found["ap"] == pytest.approx(sk.average_precision_score(y, p))
    fpr, tpr, _ = sk.roc_curve(y, p, drop_intermediate=False)
    for name, spec in (("sens_at_spec90", 0.90), ("sens_at_spec95", 0.95)):
        assert found[name] == pytest.approx(tpr[fpr <= 1 - spec + 1e-12].max())


@pytest.mark.parametrize("prob, label", CASES)
def test_scores_of_probabilities_are_those_of_the_definition(prob, label):
    p, y = prob.numpy(), label.numpy()
    found = {name: float(value) for name, value in binary_scores(prob, label).items()}
    assert found["brier"] == pytest.approx(sk.brier_score_loss(y, p))
    assert found["nll"] == pytest.approx(sk.log_loss(y, p, labels=[0, 1]))
    confidence, right = np.maximum(p, 1 - p), (p > 0.5) == y
    right = np.where(p == 0.5, y == 0, right)  # argmax takes the first of equal ones
    bins = np.ceil(confidence * 15).astype(int) - 1
    gaps = [abs((right[bins == b] - confidence[bins == b]).sum()) for b in range(15)]
    assert found["ece"] == pytest.approx(sum(gaps) / len(p))


def test_auroc_is_the_share_of_pairs_in_order_with_ties_counted_half():
    prob, label = sample(n=60, seed=4, digits=1)
    pairs = [(a > b) + 0.5 * (a == b) for a in prob[label == 1] for b in prob[label == 0]]
    assert float(auroc(roc(prob, label))) == pytest.approx(float(sum(pairs)) / len(pairs))


def test_pauc_has_its_published_range():
    label = torch.tensor([0, 0, 1, 1])
    assert float(pauc(roc(torch.tensor([0.1, 0.2, 0.8, 0.9]), label))) == pytest.approx(0.2)
    assert float(pauc(roc(torch.full((4,), 0.3), label))) == pytest.approx(0.02)
    assert float(pauc(roc(torch.tensor([0.9, 0.8, 0.2, 0.1]), label))) == pytest.approx(0.0)


def test_sensitivity_counts_negatives_exactly():
    label = torch.tensor([1] * 4 + [0] * 10)
    prob = torch.tensor([0.9, 0.7, 0.5, 0.1] + [0.6] + [0.2] * 9)  # one of ten negatives above 0.5
    assert float(sensitivity_at(roc(prob, label), 0.90)) == 0.75
    assert float(sensitivity_at(roc(prob, label), 0.91)) == 0.5


@pytest.mark.parametrize("value", [0, 1])
def test_a_missing_class_gives_nan_where_the_class_is_needed(value):
    prob, label = torch.tensor([0.2, 0.7, 0.7]), torch.full((3,), value)
    found = {name: float(v) for name, v in binary_scores(prob, label).items()}
    assert all(np.isnan(found[name]) for name in ("auroc", "pauc", "sens_at_spec90", "sens_at_spec95"))
    assert np.isnan(found["ap"]) == (value == 0)
    assert all(np.isfinite(found[name]) for name in ("brier", "nll", "ece"))


def test_monotone_changes_of_the_probabilities_keep_all_ranking_scores():
    prob, label = sample(seed=5, digits=2)
    before, after = binary_scores(prob, label), binary_scores(prob**3 / 2, label)
    for name in ("auroc", "pauc", "ap", "sens_at_spec90", "sens_at_spec95"):
        assert float(after[name]) == pytest.approx(float(before[name]))


@pytest.mark.parametrize("shapes", [((3,), (4,)), ((3, 2), (3,)), ((0,), (0,))])
def test_shapes_that_do_not_fit_are_errors(shapes):
    with pytest.raises(ValueError, match="need .N,. twice"):
        roc(torch.zeros(shapes[0]), torch.zeros(shapes[1], dtype=torch.int64))


def test_a_large_set_takes_a_fraction_of_a_second():
    prob, label = sample(n=401_000, share=0.001)
    begin = time.process_time()
    binary_scores(prob, label)
    average_precision(roc(prob, label))
    assert time.process_time() - begin < 1, "a bootstrap calls it 200 times"


@pytest.mark.parametrize("order", ["positives last", "positives first", "one NaN"])
def test_nan_probabilities_make_every_score_nan_in_any_order(order):
    prob, label = sample(n=100)
    label = label.sort(descending=order == "positives first").values
    prob[: 1 if order == "one NaN" else 25] = torch.nan
    for p in (prob, prob.float(), torch.stack([1 - prob, prob], 1)):
        found = binary_scores(p, label)
        assert all(value.isnan() for value in found.values()), found


def test_nll_of_one_float32_column_is_not_that_of_an_impossible_event():
    """A logit of 17 on a negative costs 17 nats; in float32 its probability is 1."""
    logit, label = torch.tensor([17.0, 0.0]), torch.tensor([0, 1])
    prob = logit.sigmoid()
    assert float(prob[0]) == 1
    expected = (17 + np.log(2)) / 2
    columns = torch.stack([torch.zeros(2), logit], 1).softmax(1)
    assert float(binary_scores(columns, label)["nll"]) == pytest.approx(expected, abs=1e-6)
    assert float(binary_scores(prob, label)["nll"]) == pytest.approx((25 * np.log(2) + np.log(2)) / 2)
    assert float(binary_scores(logit.double().sigmoid(), label)["nll"]) == pytest.approx(expected, abs=1e-6)
    assert {k: float(v) for k, v in binary_scores(columns, label).items() if k != "nll"} == pytest.approx(
        {k: float(v) for k, v in binary_scores(prob, label).items() if k != "nll"}, abs=1e-6
    )
