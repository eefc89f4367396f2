"""Nearest neighbours: the same as brute force and as scikit-learn, choice of k, bias and variance."""

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier

from datamodules import MNISTDataModule, TwoMoonsDataModule
from lightning_tasks import NeighboursTask
from lightning_tasks.measures import nearest
from lightning_tasks.measures.nearest import Bank, vote
from lightning_tasks.problems.rows import Rows
from lightning_tasks.tasks.images.neighbours import bias_variance
from tests.conftest import ROOT, results


def brute(samples, queries, k, own=None):
    """The definition, in NumPy and int64 or float64: sorted by distance, then by row."""
    x, q = (np.asarray(a, np.float64) for a in (samples, queries))
    found = []
    for i, query in enumerate(q):
        d = ((x - query) ** 2).sum(1)
        order = [j for j in np.lexsort((np.arange(len(x)), d)) if own is None or j != own[i]]
        found.append(order[:k])
    return np.array(found)


def pixels(n, d, seed, high=256):
    return torch.randint(0, high, (n, d), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)


@pytest.mark.parametrize("k", [1, 5, 30, 300])
@pytest.mark.parametrize("kind", ["pixels", "whole floats", "ties", "float ties", "far", "floats"])
def test_search_is_brute_force(k, kind, monkeypatch):
    monkeypatch.setattr(nearest, "BLOCK", 64)  # several blocks
    samples, queries = pixels(300, 40, 0), pixels(50, 40, 1)
    if kind.endswith("ties"):  # few distances, many of them equal
        samples, queries = pixels(300, 6, 0, high=2), pixels(50, 6, 1, high=2)
    if kind in ("whole floats", "float ties"):  # the way of a GPU
        samples, queries = samples.float(), queries.float()
    if kind == "floats":
        samples, queries = torch.randn(300, 5), torch.randn(50, 5)
    if kind == "far":  # distances that float32 cannot tell apart: the bound must notice
        samples, queries = 1e4 + 1e-3 * torch.randn(300, 40), 1e4 + 1e-3 * torch.randn(50, 40)
        samples[0] = 0
    bank = Bank(samples)
    rows, distance = bank.search(queries, k)
    np.testing.assert_array_equal(rows.numpy(), brute(samples, queries, k))
    assert (distance.diff(dim=1) >= 0).all()
    assert bank.fallbacks > 0 if kind in ("ties", "float ties", "far") and k == 5 else True


def test_a_query_is_no_neighbour_of_itself_when_left_out():
    samples = pixels(200, 12, 0)
    samples[1] = samples[0]  # its duplicate is
    own = torch.arange(200)
    rows, distance = Bank(samples).search(samples, 4, own)
    assert not (rows == own[:, None]).any() and rows[0, 0] == 1 and distance[0, 0] == 0
    np.testing.assert_array_equal(rows.numpy(), brute(samples, samples, 4, own.numpy()))
    with pytest.raises(ValueError, match="k=200: there are 199 samples"):
        Bank(samples).search(samples, 200, own)
    with pytest.raises(ValueError, match=r"Queries are torch.float32, stored samples torch.uint8"):
        Bank(samples).search(samples.float(), 4)


def test_lower_precision_of_products_changes_nothing():
    samples, queries = pixels(500, 60, 0).float(), pixels(40, 60, 1).float()
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("medium")
        rows, _ = Bank(samples).search(queries, 7)
    finally:
        torch.set_float32_matmul_precision(before)
    with torch.autocast("cpu", torch.bfloat16):
        mixed, _ = Bank(samples).search(queries, 7)
    np.testing.assert_array_equal(rows.numpy(), brute(samples, queries, 7))
    assert torch.equal(rows, mixed)


def test_votes_are_those_of_scikit_learn_on_ties_too():
    data = TwoMoonsDataModule(n_train=300, n_test=500)
    data.setup()
    x, y = (torch.from_numpy(data.pools["train"][key]) for key in ("point", "label"))
    q = torch.from_numpy(data.pools["test"]["point"])
    y = (y + 2 * (torch.arange(300) % 3 == 0)).long()  # four classes: ties among several
    near, _ = Bank(x).search(q, 8)
    shares = vote(y[near], 4, [1, 2, 4, 8])
    assert (shares.topk(2, dim=2).values.diff(dim=2) == 0).any()  # there are ties
    for number, k in enumerate([1, 2, 4, 8]):
        theirs = KNeighborsClassifier(k, algorithm="brute").fit(x.double().numpy(), y.numpy())
        np.testing.assert_array_equal(shares[:, number].argmax(1).numpy(), theirs.predict(q.double().numpy()))
        np.testing.assert_allclose(shares[:, number].numpy(), theirs.predict_proba(q.double().numpy()), atol=1e-6)


def fitted(ks, x, y, classes=2, **args):
    """A task fitted without a trainer, and the means it tracked."""
    task = NeighboursTask(k=ks, features="point", class_names=[str(c) for c in range(classes)], **args)
    task.fit_rows({"id": torch.arange(len(x)), "features": x, "label": y})
    return task


def test_k_is_chosen_by_leave_one_out_and_one_neighbour_has_no_train_error():
    data = TwoMoonsDataModule(n_train=200)
    data.setup()
    x, y = (torch.from_numpy(data.pools["train"][key]) for key in ("point", "label"))
    ks = [1, 3, 9, 27, 81, 199]
    task = fitted(ks, x, y, standardize=True, resamples=4)
    loo = []
    scaled = (x / x.std(0)).numpy()
    for k in ks:
        near = brute(scaled, scaled, k, np.arange(200))
        votes = np.array([np.bincount(y.numpy()[row], minlength=2).argmax() for row in near])
        loo.append(np.mean(votes != y.numpy()))
    np.testing.assert_allclose(task.curves[:, 1].numpy(), loo, atol=1e-6)
    assert (
        int(task.k) == max(k for k, error in zip(ks, loo, strict=True) if error == min(loo)) and 1 < int(task.k) < 199
    )
    assert float(task.curves[0, 0]) == 0  # each point is its own neighbour
    bias2, variance = task.curves[:-2, 2], task.curves[:-2, 3]
    assert variance[0] == variance.max() and bias2[-1] == bias2.max() and variance[-1] < variance[0] / 3
    assert task.curves[-1, 2].isnan()  # 199 neighbours do not fit into half of the train part


def test_a_copy_that_a_bag_drew_is_no_neighbour_when_k_is_chosen():
    data = TwoMoonsDataModule(n_train=200)
    data.setup()
    x, y = (torch.from_numpy(data.pools["train"][key]) for key in ("point", "label"))
    once = fitted([1, 3, 9, 27], x, y, resamples=3)
    twice = NeighboursTask(k=[1, 3, 9, 27], features="point", class_names=["0", "1"], resamples=3)
    ids = torch.arange(200).repeat_interleave(2)
    twice.fit_rows({"id": ids, "features": x[ids], "label": y[ids]})
    torch.testing.assert_close(twice.curves, once.curves)
    assert int(twice.k) == int(once.k) > 1 and len(twice.bank) == 400


def test_all_neighbours_predict_the_majority_class():
    x, y = torch.randn(60, 3), (torch.arange(60) < 35).long()
    task = fitted(60, x, y)
    out = task.predict_step({"id": torch.arange(20), "point": torch.randn(20, 3)})
    assert (out["prob"].argmax(1) == 1).all()
    torch.testing.assert_close(out["prob"][0], torch.tensor([25 / 60, 35 / 60]))
    with pytest.raises(ValueError, match="k=61: the train part has 60 samples"):
        fitted(61, x, y)
    with pytest.raises(ValueError, match="need 1 neighbour or more"):
        NeighboursTask(k=[0, 3])


def test_bias_and_variance_sum_to_the_squared_error():
    probs = torch.rand(6, 40, 3, 4).softmax(-1)
    label = torch.arange(40) % 4
    bias2, variance = bias_variance(probs, label)
    truth = torch.nn.functional.one_hot(label, 4)[None, :, None]
    torch.testing.assert_close(bias2 + variance, (probs - truth).square().sum(-1).mean((0, 1)))


def test_a_run_on_two_moons_scales_its_features_and_draws_its_maps(cli):
    common = ("--data", "TwoMoonsDataModule", "--data.n_train", 120, "--data.n_test", 300, "--trainer.max_epochs", 1,
              "--draws", 3, "--trainer.enable_progress_bar", "false", "--data.batch_size", 50,
              "--model.features", "point", "--model.k", "[1, 5, 15, 60]")  # fmt: skip
    for name, flag in (("scaled", "true"), ("raw", "false")):
        cli("fit", "--model", "NeighboursTask", *common, "--model.standardize", flag, "--name", name)
    run, raw = (results(__import__("pathlib").Path(f"runs/NeighboursTask/{name}")) for name in ("scaled", "raw"))
    acc = [r["metrics"]["test/acc"]["value"] for r in (run, raw)]
    assert acc[0] > 0.86 and acc[0] > acc[1] + 0.03  # one axis is 20 times as long
    assert run["metrics"]["test/acc_k1"]["value"] < acc[0] and {"train/k", "train/bias2"} <= set(run["last"])
    from pathlib import Path

    figures = {p.name for p in Path("runs/NeighboursTask/scaled/figures").iterdir()}
    assert {"test_decision_maps.png", "test_error_over_k.png"} <= figures
    with torch.serialization.safe_globals([]):
        state = torch.load("runs/NeighboursTask/scaled/checkpoints/best.ckpt", weights_only=True)["state_dict"]
    assert len(state["bank"]) == 96  # 4 folds of 5, the short last batch included


def test_features_of_a_trained_network(cli):
    small = ("--data", "MNISTDataModule", "--data.limit", 200, "--trainer.max_epochs", 1, "--draws", 0,
             "--trainer.enable_progress_bar", "false", "--baselines", "false",
             "--model.class_names", "['0','1','2','3','4','5','6','7','8','9']")  # fmt: skip
    cli("fit", "--model", "ImageClassifier", *small, "--model.net", "mlp", "--model.net_args", "{hidden: [16]}",
        "--model.in_channels", 1)  # fmt: skip
    cli(
        "fit",
        "--model",
        "NeighboursTask",
        *small,
        "--model.features",
        "runs/ImageClassifier/default",
        "--model.k",
        3,
    )
    from lightning_tasks.app.members import load_run

    loaded = load_run("runs/NeighboursTask/default")
    assert loaded.task.bank.shape == (160, 16) and not loaded.task.net.training
    assert not any(p.requires_grad for p in loaded.task.net.parameters())


@pytest.mark.realdata
def test_mnist_is_classified_as_by_scikit_learn(realdata):
    data = MNISTDataModule(root=str(realdata), source="real")
    data.setup()
    x, y = (torch.from_numpy(data.pools["train"][key][:20_000]) for key in ("image", "label"))
    q = torch.from_numpy(data.pools["test"]["image"][:300]).flatten(1)
    bank = Bank(x.flatten(1))
    near, distance = bank.search(q, 10)
    theirs = KNeighborsClassifier(5, algorithm="brute").fit(x.flatten(1).double().numpy(), y.numpy())
    far, _ = theirs.kneighbors(q.double().numpy(), 10)
    np.testing.assert_allclose(distance.sqrt().numpy(), far, rtol=1e-9)
    ours = vote(y[near], 10, [5])[:, 0].argmax(1).numpy()
    np.testing.assert_array_equal(ours, theirs.predict(q.double().numpy()))
    rows = Rows(("a",))  # the same number from the rows a run keeps
    rows.update(a=torch.from_numpy(ours == data.pools["test"]["label"][:300]))
    assert rows.compute()["a"].float().mean() > 0.94


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--model.cv_samples", 0], "cv_samples=0, resamples=40: need 1 or more"),
        (["--model.features", "pixels"], "features='pixels' needs 'image'; the data has point, label"),
        (["--model.class_names", "[a]"], "labels go up to 1, but class_names names 1"),
    ],
)
def test_what_cannot_be_searched_is_one_clear_error(cli, capsys, args, message):
    with pytest.raises(SystemExit):
        cli("fit", "--config", ROOT / "configs/variants/knn_two_moons.yaml", *args)
    assert message in capsys.readouterr().err


def test_the_majority_class_stands_beside_it(cli):
    cli(
        "fit",
        "--config",
        ROOT / "configs/variants/knn_two_moons.yaml",
        "--draws",
        0,
        "--trainer.enable_progress_bar",
        "false",
    )
    found = results(Path("runs/knn_two_moons/default"))
    assert found["baselines"]["majority class"]["acc"] == pytest.approx(0.5, abs=0.05) and found["parameters"] == 0
