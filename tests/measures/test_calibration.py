"""Calibration measures against loops, torchmetrics and scikit-learn; fits against what they must find."""

import numpy as np
import pytest
import torch
from sklearn.calibration import calibration_curve
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import brier_score_loss, log_loss
from torchmetrics.functional import calibration_error

from lightning_tasks.measures import calibration, recalibration
from lightning_tasks.measures.calibration import (
    brier,
    brier_decomposition,
    classwise_ece,
    ece,
    mce,
    nll,
    reliability_bins,
)
from lightning_tasks.measures.recalibration import apply_temperature, fit_temperature, logits_of, recalibrate


def sample(n=600, k=4, scale=2.0, seed=0):
    """Probabilities, labels drawn from them, and their logits times ``scale``: overconfident by a known factor."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(n, k, generator=generator) * 1.5
    label = torch.multinomial(logits.softmax(1), 1, generator=generator).squeeze(1)
    return (logits * scale).softmax(1), label, logits * scale


def loop_gaps(value, hit, bins=15):
    """The definition, bin by bin: share of the samples and |accuracy - confidence|."""
    found = []
    for b in range(bins):
        low, high = b / bins, (b + 1) / bins
        inside = ((value > low) | (b == 0)) & (value <= high)
        if inside.any():
            found.append((inside.mean(), abs(hit[inside].mean() - value[inside].mean())))
    return found


def test_ece_and_mce_against_a_loop():
    prob, label, _ = sample()
    p, y = prob.double().numpy(), label.numpy()
    gaps = loop_gaps(p.max(1), p.argmax(1) == y)
    assert float(ece(prob, label)) == pytest.approx(sum(share * gap for share, gap in gaps), abs=1e-12)
    assert float(mce(prob, label)) == pytest.approx(max(gap for _, gap in gaps), abs=1e-12)
    mean = np.mean([sum(s * g for s, g in loop_gaps(p[:, k], y == k)) for k in range(4)])
    assert float(classwise_ece(prob, label)) == pytest.approx(mean, abs=1e-12)
    theirs = calibration_error(prob, label, "multiclass", n_bins=15, norm="l1", num_classes=4)
    assert float(ece(prob, label)) == pytest.approx(float(theirs), abs=1e-6)  # no confidence is exactly 1 here


def test_bins_are_closed_above_and_confidence_of_exactly_one_belongs_to_the_last():
    value = torch.tensor([0.0, 0.1, 0.25, 0.2500001, 0.5, 0.75, 1.0], dtype=torch.float64)
    assert calibration.bin_numbers(value, 4).tolist() == [0, 0, 0, 1, 1, 2, 3]
    prob = torch.tensor([[1.0, 0.0], [0.95, 0.05], [0.96, 0.04], [0.0, 1.0]])
    label = torch.tensor([0, 0, 1, 0])
    count, confidence, accuracy = reliability_bins(prob, label)
    assert count.tolist() == [0] * 14 + [4] and float(accuracy[-1]) == 0.5
    assert float(ece(prob, label)) == pytest.approx(abs(0.5 - (1 + 0.95 + 0.96 + 1) / 4), abs=1e-7)


def test_equal_mass_bins_hold_equally_many_and_keep_equal_values_together():
    prob, label, _ = sample(n=602)
    count, confidence, _ = reliability_bins(prob, label, 15, "equal_mass")
    assert count.sum() == 602 and count.max() - count.min() <= 1
    p, y = prob.double().numpy(), label.numpy()
    order = np.argsort(p.max(1))
    rank = np.arange(602) * 15 // 602
    gaps = [abs((p.argmax(1) == y)[order[rank == b]].mean() - p.max(1)[order[rank == b]].mean()) for b in range(15)]
    shares = [np.mean(rank == b) for b in range(15)]
    assert float(ece(prob, label, 15, "equal_mass")) == pytest.approx(np.dot(gaps, shares), abs=1e-12)
    tied = torch.tensor([[0.7, 0.3]] * 6 + [[0.9, 0.1]] * 2)
    hits = torch.tensor([0, 0, 0, 1, 1, 1, 0, 0])
    assert float(ece(tied, hits, 4, "equal_mass")) == pytest.approx((6 * 0.2 + 2 * 0.1) / 8)
    order = torch.randperm(8, generator=torch.Generator().manual_seed(1))
    assert float(ece(tied[order], hits[order], 4, "equal_mass")) == pytest.approx((6 * 0.2 + 2 * 0.1) / 8)
    with pytest.raises(ValueError, match="equal_width or equal_mass"):
        ece(prob, label, kind="equal")


def test_the_curve_of_scikit_learn_is_another_definition():
    """It plots the share of positives over P(class 1); reliability bins plot accuracy over the top confidence."""
    prob, label, _ = sample(k=2)
    share, mean = calibration_curve(label.numpy(), prob[:, 1].double().numpy(), n_bins=15)
    number = calibration.bin_numbers(prob[:, 1], 15)
    ours = [float(label[number == b].double().mean()) for b in number.unique()]
    np.testing.assert_allclose(ours, share, atol=1e-12)
    assert float(reliability_bins(prob, label)[0][:7].sum()) == 0  # no confidence below 0.5 with two classes


def test_nll_and_brier_against_scikit_learn_and_a_loop():
    prob, label, _ = sample()
    p = prob.double().numpy()
    assert float(nll(prob, label)) == pytest.approx(log_loss(label.numpy(), p / p.sum(1, keepdims=True)), abs=1e-6)
    loop = np.mean([sum((p[i, k] - (int(label[i]) == k)) ** 2 for k in range(4)) for i in range(600)])
    assert float(brier(prob, label)) == pytest.approx(float(loop), abs=1e-12)
    two, which = prob[:, :2] / prob[:, :2].sum(1, keepdim=True), (label > 1).long()
    assert float(brier(two, which)) == pytest.approx(brier_score_loss(which.numpy(), two[:, 1].numpy()), abs=1e-6)


def test_brier_decomposition_sums_to_the_score_and_is_exact_for_binned_forecasts():
    prob, label, _ = sample()
    d = {k.removeprefix("brier_"): float(v) for k, v in brier_decomposition(prob, label).items()}
    total = d["reliability"] - d["resolution"] + d["uncertainty"] + d["within"]
    assert total == pytest.approx(float(brier(prob, label)), abs=1e-12)
    base = np.bincount(label.numpy()) / 600
    assert d["uncertainty"] == pytest.approx(1 - (base**2).sum(), abs=1e-12)
    assert abs(d["within"]) < 0.02  # forecasts of one bin differ by less than 1/15
    forecast = torch.tensor([0.1, 0.5, 0.9]).repeat_interleave(50)  # three forecasts, hence three bins
    hit = (torch.arange(150) % 50 < torch.tensor([10, 20, 45]).repeat_interleave(50)).long()
    d = brier_decomposition(torch.stack([1 - forecast, forecast], 1), hit)
    assert float(d["brier_within"]) == pytest.approx(0, abs=1e-7)
    expected = np.mean([(0.1 - 0.2) ** 2, (0.5 - 0.4) ** 2, (0.9 - 0.9) ** 2])
    assert float(d["brier_reliability"]) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("scale", [0.4, 1.0, 2.5])
def test_temperature_recovers_a_known_factor(scale):
    prob, label, logits = sample(20_000, scale=scale)
    temperature = fit_temperature(logits, label)
    low, high = recalibration.temperature_interval(logits, label, temperature)
    assert low < temperature < high and (high - low) / temperature < 0.08
    assert low * 0.99 < scale < high * 1.01
    assert fit_temperature(logits_of(prob), label) == pytest.approx(temperature, abs=1e-4)  # a constant a row apart
    loss = torch.nn.functional.cross_entropy
    best = float(loss(logits.double() / temperature, label))
    grid = [float(loss(logits.double() / t, label)) for t in np.exp(np.linspace(-2, 2, 81))]
    assert best <= min(grid) + 1e-9


def test_the_interval_of_the_temperature_covers_it_about_as_often_as_it_says():
    found = []
    for seed in range(60):
        _, label, logits = sample(400, scale=1.7, seed=seed)
        low, high = recalibration.temperature_interval(logits, label, fit_temperature(logits, label))
        found.append(low < 1.7 < high)
    assert 0.85 <= np.mean(found) <= 1


def test_a_is_one_over_t_below_one_softens_and_above_sharpens():
    prob, _, logits = sample()
    confidence = prob.max(1).values.mean()
    for a, sharper in ((0.5, False), (2.0, True)):
        scaled = apply_temperature(logits, 1 / a)
        torch.testing.assert_close(scaled, (a * logits.double()).softmax(1))
        assert (scaled.max(1).values.mean() > confidence) == sharper


@pytest.mark.parametrize("method", ["temperature", "isotonic"])
def test_the_predicted_class_never_changes(method):
    prob, label, _ = sample(4000, k=10)
    near = torch.tensor([[0.2, 0.5, 0.3], [0.4, 0.4, 0.2], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    near[0, 0] = torch.nextafter(near[0, 1], torch.tensor(0.0))  # one float32 step below the top
    for p, y in ((prob, label), (near, torch.tensor([1, 0, 0, 2]))):
        fitted = recalibration.fit(method, p, y)
        for again in (fitted, fitted | ({"temperature": 19.0} if method == "temperature" else {})):
            out = recalibrate(p, again)
            assert torch.equal(out.argmax(1), p.argmax(1))
            torch.testing.assert_close(out.sum(1), torch.ones(len(p), dtype=torch.float64))


@pytest.mark.parametrize("sign, word", [(1, "0 of 1000 samples are predicted wrong: the sharper"),
                                        (-1, "1000 of 1000 samples are predicted wrong: the softer")])  # fmt: skip
def test_where_all_is_right_or_all_is_wrong_no_temperature_is_made_up(sign, word):
    generator = torch.Generator().manual_seed(0)
    label = torch.arange(2).repeat(500)
    margin = 1 + torch.rand(1000, generator=generator) * 4
    logits = sign * torch.nn.functional.one_hot(label, 2) * margin[:, None]
    prob = logits.softmax(1)
    fitted = recalibration.fit("temperature", prob, label)
    assert fitted["temperature"] == 1 and not fitted.keys() & {"low", "high"} and fitted["reason"].startswith(word)
    assert fit_temperature(logits, label) == 1
    torch.testing.assert_close(recalibrate(prob, fitted), prob.double(), rtol=0, atol=1e-7)
    flipped = 1 if sign == 1 else 600  # one that is wrong, or more right than wrong: a best T exists, and is found
    label[:flipped] = 1 - label[:flipped]
    found = recalibration.fit("temperature", prob, label)
    assert "reason" not in found and found["low"] < found["temperature"] < found["high"]
    grid = np.exp(np.linspace(-3, 3, 3001))
    losses = [float(nll(apply_temperature(logits, t), label)) for t in grid]
    assert found["temperature"] == pytest.approx(grid[np.argmin(losses)], rel=0.003)


def test_the_interval_of_the_temperature_takes_whole_groups():
    """A hundred copies of each sample say no more than the sample: the interval must not shrink tenfold."""
    _, label, logits = sample(300, scale=1.7)
    temperature = fit_temperature(logits, label)
    alone = recalibration.temperature_interval(logits, label, temperature)
    copies = (logits.repeat_interleave(100, 0), label.repeat_interleave(100))
    group = torch.arange(300).repeat_interleave(100)
    together = recalibration.temperature_interval(*copies, temperature, group)
    assert together == pytest.approx(alone, rel=1e-9)
    low, high = recalibration.temperature_interval(*copies, temperature)
    assert np.log(together[1] / together[0]) == pytest.approx(10 * np.log(high / low), rel=0.01)
    fitted = recalibration.fit("temperature", copies[0].softmax(1), copies[1], group)
    assert (fitted["low"], fitted["high"]) == pytest.approx(alone, rel=1e-4)
    one = torch.zeros(300, dtype=torch.long)  # a single group is none: samples are the units
    assert recalibration.temperature_interval(logits, label, temperature, one) == alone


@pytest.mark.parametrize("repeats, least", [(60, 0.87), pytest.param(300, 0.92, marks=pytest.mark.long)])
def test_the_interval_of_the_temperature_covers_it_with_correlated_groups(repeats, least):
    """Forty groups of one sample and ten noisy copies: over samples the interval covers about 70 %."""
    found = []
    for seed in range(repeats):
        _, label, logits = sample(40, scale=1.7, seed=seed)
        noise = torch.randn(40, 10, 4, generator=torch.Generator().manual_seed(seed)) * 0.05
        logits, label = (logits[:, None] + noise).flatten(0, 1), label.repeat_interleave(10)
        if recalibration.no_best_temperature(logits, label):
            continue
        group = torch.arange(40).repeat_interleave(10)
        low, high = recalibration.temperature_interval(logits, label, fit_temperature(logits, label), group)
        found.append(low < 1.7 < high)
    assert len(found) > 0.9 * repeats and np.mean(found) >= least


def test_vector_scaling_finds_a_shift_and_its_loss_is_never_above_that_of_the_temperature():
    prob, label, logits = sample(8000)
    shifted = logits * torch.tensor([1.0, 2.0, 1.0, 0.5]) + torch.tensor([1.0, 0.0, -1.0, 0.0])
    weight, bias = recalibration.fit_vector_scaling(shifted, label)
    torch.testing.assert_close(weight, torch.tensor([0.5, 0.25, 0.5, 1.0], dtype=torch.float64), rtol=0.15, atol=0)
    out = recalibration.apply_vector_scaling(shifted, weight, bias)
    assert (
        float(nll(out, label)) < float(nll(apply_temperature(shifted, fit_temperature(shifted, label)), label)) - 0.05
    )
    assert float(ece(out, label)) < 0.02


def test_isotonic_is_that_of_scikit_learn_and_lowers_the_error():
    prob, label, _ = sample(8000, scale=3.0)
    top, hit = prob.max(1).values, prob.argmax(1) == label
    x, y = recalibration.fit_isotonic(top, hit)
    model = IsotonicRegression(y_min=1 / 8002, y_max=8001 / 8002, out_of_bounds="clip")
    model.fit(top.double().numpy(), hit.numpy())
    probe = torch.linspace(0, 1, 999, dtype=torch.float64)
    np.testing.assert_allclose(recalibration.interpolate(probe, x, y).numpy(), model.predict(probe.numpy()), atol=1e-9)
    fitted = recalibration.fit("isotonic", prob, label)
    assert float(ece(recalibrate(prob, fitted), label)) < 0.02 < float(ece(prob, label))


def test_wrong_input_is_an_error():
    with pytest.raises(ValueError, match="choose temperature, vector, isotonic"):
        recalibration.fit("platt", torch.rand(4, 2), torch.zeros(4).long())
    with pytest.raises(ValueError, match=r"need \(N, K\) and \(N,\)"):
        recalibration.fit("temperature", torch.rand(4, 2, 8, 8), torch.zeros(4).long())


def test_risk_coverage_and_the_error_of_perfect_calibration():
    prob, label, logits = sample(scale=1.0)
    kept, risk = calibration.risk_coverage(prob, label)
    assert float(kept[-1]) == 1 and float(risk[-1]) == pytest.approx(float((prob.argmax(1) != label).double().mean()))
    mean, high = calibration.ece_of_perfect(prob)
    assert 0 < mean < high < 0.1 and float(ece(prob, label)) < 1.5 * high  # drawn from its own probabilities
    overconfident = (logits * 3).softmax(1)
    assert float(ece(overconfident, label)) > calibration.ece_of_perfect(overconfident)[1]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("bins", [7, 10, 15])
def test_shares_on_an_edge_belong_below_it_in_any_precision(dtype, bins):
    share = torch.arange(1, bins + 1, dtype=dtype) / bins
    assert calibration.bin_numbers(share, bins).tolist() == list(range(bins))
    above = torch.nextafter(share[:-1], torch.ones((), dtype=dtype))
    assert calibration.bin_numbers(above, bins).tolist() == list(range(1, bins))


def test_ece_of_float32_shares_on_an_edge():
    """20 x 14/15, all right, and 20 x 1, of which 17 are right: (1/15 + 3/20) / 2."""
    from lightning_tasks.measures import binary
    from lightning_tasks.measures.classification import classification_scores

    top = torch.tensor([14 / 15, 1.0]).repeat_interleave(20)
    label = torch.tensor([0] * 37 + [1] * 3)
    prob = torch.stack([top, 1 - top], 1)
    expected = pytest.approx((1 / 15 + 3 / 20) / 2, abs=1e-6)
    assert float(ece(prob, label)) == expected
    assert float(classification_scores(prob, label, ["a", "b"])["ece"]) == expected
    assert float(binary.ece(top, 1 - label)) == expected
    second = abs(3 / 40 - 1 / 30)  # 1/15 and 0 share the first bin
    assert float(classwise_ece(prob, label)) == pytest.approx(((1 / 15 + 3 / 20) / 2 + second) / 2, abs=1e-6)


def test_one_nan_makes_every_measure_nan():
    from lightning_tasks.measures.classification import classification_scores

    for k in (2, 4):
        prob, label, _ = sample(k=k)
        prob[17, 1] = torch.nan
        names = [f"c{i}" for i in range(k)]
        found = calibration.calibration_scores(prob, label) | classification_scores(prob, label, names)
        assert all(value.isnan() for value in found.values()), found
        assert calibration.hits(prob, label).isnan().nonzero().tolist() == [[17]]
        for method in recalibration.METHODS:
            with pytest.raises(ValueError, match="1 of 600 samples have probabilities that are NaN"):
                recalibration.fit(method, prob, label)
