"""Mars data in the course's format, its defects, and its submission."""

import csv
import resource

import numpy as np
import pytest
import torch
from PIL import Image

from datamodules import MarsDataModule
from lightning_tasks.app.members import load_members
from tests.conftest import results


def write_pack(folder, n=40, test_shape=(6, 64, 128), dtype=np.float64, **changes):
    """A small file in the course's format: blocks of classes, so that masks differ."""
    rng = np.random.default_rng(0)
    training = np.zeros((n, 2, 64, 128), dtype)
    training[:, 0] = rng.integers(0, 256, (n, 64, 128))
    training[:, 1] = np.kron(rng.integers(0, 5, (n, 8, 8)), np.ones((8, 16)))
    arrays = {"training_set": training, "test_set": rng.integers(0, 256, test_shape).astype(dtype)}
    for key, change in changes.items():
        arrays[key] = change(arrays[key])
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "mars_for_students.npz", **{k: v for k, v in arrays.items() if v is not None})
    return arrays


@pytest.mark.parametrize("dtype", [np.uint8, np.float64, np.float32, np.int64])
@pytest.mark.parametrize("shape", [(6, 64, 128), (6, 1, 64, 128), (6, 2, 64, 128)])
def test_reads_the_file_in_every_form(tmp_path, dtype, shape):
    arrays = write_pack(tmp_path / "mars", test_shape=shape, dtype=dtype)
    data = MarsDataModule(root=str(tmp_path), source="real", batch_size=7)
    data.setup()
    batches = list(data.val_dataloader())
    ids = torch.cat([b["id"] for b in batches]).numpy()
    images = torch.cat([data.on_after_batch_transfer(b, 0)["image"] for b in batches]).numpy()
    masks = torch.cat([data.on_after_batch_transfer(b, 0)["mask"] for b in batches])
    assert masks.dtype == torch.int64 and images.dtype == np.float32
    np.testing.assert_allclose(images[:, 0] * 255, arrays["training_set"][ids, 0], atol=1e-4)
    np.testing.assert_array_equal(masks.numpy(), arrays["training_set"][ids, 1])
    test = next(iter(data.predict_dataloader()))["image"]
    first = arrays["test_set"] if len(shape) == 3 else arrays["test_set"][:, 0]
    np.testing.assert_array_equal(test[:, 0].numpy(), first)
    assert data.sizes() == {"train": 32, "val": 8, "test": 8, "predict": 6}


def planted(training):
    """Give 25 different pictures one mask of two classes, and 3 others a second one."""
    training[3:28, 1] = np.kron([[1, 2], [2, 1]], np.ones((32, 64)))
    training[30:33, 1] = np.kron([[3, 2], [2, 1]], np.ones((32, 64)))
    return training


def test_planted_outliers_are_left_out_and_real_repeats_are_kept(tmp_path):
    write_pack(tmp_path / "mars", n=60, training_set=planted)
    data = MarsDataModule(root=str(tmp_path))
    data.setup()
    used = np.concatenate([data.parts["train"], data.parts["val"]])
    assert sorted(used) == [0, 1, 2, *range(28, 60)]
    assert "25 of 60 pictures share one mask" in data.notes[0]
    kept = MarsDataModule(root=str(tmp_path), clean=False)
    kept.setup()
    assert kept.sizes()["train"] + kept.sizes()["val"] == 60


def test_groups_of_the_sources_file_stay_together(tmp_path):
    write_pack(tmp_path / "mars")
    sites = [f"site_{i % 7}" for i in range(40)]
    with (tmp_path / "mars" / "sources.csv").open("w") as file:
        csv.writer(file).writerows([("id", "group"), *enumerate(sites)])
    for fold in range(3):
        data = MarsDataModule(root=str(tmp_path), fold=fold, folds=3)
        data.setup()
        sides = [{sites[i] for i in data.parts[part]} for part in ("train", "val")]
        assert not sides[0] & sides[1] and len(sides[0] | sides[1]) == 7
        assert [data.group_names[code] for code in data.pools["train"]["group"]] == sites
    single = MarsDataModule(root=str(tmp_path), groups="none")
    single.setup()
    assert "group" not in single.pools["train"]


BROKEN = {
    "training_set.*Found keys: test_set": {"training_set": lambda a: None},
    r"training_set has shape \(40, 64, 128\); expected \(N, 2, 64, 128\)": {"training_set": lambda a: a[:, 0]},
    "mask holds 9 in 1 samples, the first is number 5; expected 0..4": {
        "training_set": lambda a: _set(a, (5, 1, 3, 3), 9)
    },
    "image holds NaN or infinity in 1 samples, the first is number 7": {
        "training_set": lambda a: _set(a, (7, 0, 0, 0), np.nan)
    },
    "training_set is empty": {"training_set": lambda a: a[:0]},
    r"test_set has shape \(6, 128, 64\)": {"test_set": lambda a: a.transpose(0, 2, 1)},
}


def _set(array, index, value):
    array[index] = value
    return array


@pytest.mark.parametrize("message", BROKEN)
def test_broken_files_are_errors_and_never_a_fallback(tmp_path, message):
    write_pack(tmp_path / "mars", **BROKEN[message])
    with pytest.raises(ValueError, match=message):
        MarsDataModule(root=str(tmp_path), source="auto").setup()


def test_a_truncated_file_is_an_error(tmp_path):
    write_pack(tmp_path / "mars")
    path = tmp_path / "mars" / "mars_for_students.npz"
    path.write_bytes(path.read_bytes()[:10_000])
    with pytest.raises(ValueError, match="truncated"):
        MarsDataModule(root=str(tmp_path)).setup()


def test_a_missing_file_is_an_error_where_it_was_asked_for_and_a_notice_otherwise(tmp_path):
    (tmp_path / "file.npz").write_text("x")
    for root, source, found in (
        (tmp_path, "real", "not there"),
        (tmp_path, "auto", "not there.*add --data.source simulated"),
        (tmp_path / "nowhere", "auto", "nowhere is no folder.*add --data.source simulated"),
        (tmp_path / "file.npz", "auto", "file.npz is a file.*add --data.source simulated"),
        ("data", "real", "data is no folder"),
    ):
        with pytest.raises(FileNotFoundError, match=f"mars_for_students.npz in .*{found}"):
            MarsDataModule(root=str(root), source=source).setup()
    data = MarsDataModule()
    data.setup()
    assert data.data_source == "simulated" and "SIMULATED DATA" in data.notes[0]
    assert data.pools["train"]["image"].shape[1:] == (1, 64, 128)
    assert set(np.unique(data.pools["train"]["mask"])) == {0, 1, 2, 3, 4}


TINY = (
    "--model.net_args",
    "{width: 4, depth: 2}",
    "--trainer.max_epochs",
    1,
    "--trainer.enable_progress_bar",
    "false",
    "--draws",
    5,
)


def test_submission_has_a_row_for_every_test_picture_and_matches_the_prediction(tmp_path, cli, capsys):
    (tmp_path / "data").mkdir()
    write_pack(tmp_path / "data" / "mars")
    cli("fit", "--model", "MarsTask", "--data", "MarsDataModule", *TINY, "--data.batch_size", 4)
    run = tmp_path / "runs/MarsTask/default"
    assert results(run)["data_source"] == "real"
    with pytest.raises(SystemExit):
        cli("submit", "--run", run, "--tta")
    assert "--tta: training showed no mirrored pictures" in capsys.readouterr().err
    cli("submit", "--run", run, "--tta", "--data.augment", "[hflip]")
    with (run / "submission.csv").open() as file:
        rows = list(csv.reader(file))
    (member,) = load_members(run)
    picture = torch.from_numpy(member.data.pools["predict"]["image"]).float() / 255
    with torch.no_grad():
        views = (member.task(picture), member.task(picture.flip(-1)).flip(-1))  # upside down nothing was shown
    prob = sum(member.task.probabilities(logits) for logits in views)
    np.testing.assert_array_equal(np.array(rows[1:], int)[:, 1:], prob.argmax(1).flatten(1).numpy())
    assert rows[0] == ["id", *map(str, range(8192))]
    assert [r[0] for r in rows[1:]] == list("012345")
    cli("submit", "--run", run, "--out", "plain.csv")
    cli("predict", "--config", run / "config.yaml", "--ckpt_path", run / "checkpoints/best.ckpt")
    masks = np.load(run / "predictions_predict.npz")["pred"]
    plain = np.loadtxt("plain.csv", delimiter=",", skiprows=1, dtype=int)
    np.testing.assert_array_equal(plain[:, 1:].reshape(6, 64, 128), masks)
    assert not (masks == 0).any()  # background is never predicted by default
    Image.fromarray(member.data.pools["predict"]["image"][4, 0]).save("mine.png")
    capsys.readouterr()
    cli("predict", "--run", run, "--data.predict", "mine.png")
    own = np.load(run / "predictions_predict.npz")
    assert own["id"].tolist() == ["mine.png"] and (own["pred"][0] == masks[4]).all(), "a test picture given as a file"
    assert "Masks: runs/MarsTask/default/figures/predict_own.png" in capsys.readouterr().out
    assert (run / "figures/predict_own.png").is_file()
    with pytest.raises(SystemExit):
        cli("submit", "--run", run, "--data.predict", "mine.png")
    assert "a submission is of the test part that the data has" in capsys.readouterr().err


def test_a_submission_of_the_full_test_set_is_written_in_bounded_memory(tmp_path):
    def batches():
        for start in range(0, 10_022, 64):
            ids = torch.arange(start, min(start + 64, 10_022))
            masks = (ids[:, None, None] + torch.arange(64)[:, None] + torch.arange(128)) % 5
            yield {"id": ids, "prob": torch.nn.functional.one_hot(masks, 5).permute(0, 3, 1, 2).float()}

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert MarsDataModule().write_submission(tmp_path / "s.csv", batches()) == 10_022
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # KiB; all probabilities are 1.6 GB
    with (tmp_path / "s.csv").open() as file:
        assert next(file).strip() == ",".join(["id", *map(str, range(8192))])
        for number, line in enumerate(file):
            name, *cells = line.strip().split(",")
            assert int(name) == number and len(cells) == 8192
            if number % 1000 == 0:
                found = np.array(cells, int).reshape(64, 128)
                np.testing.assert_array_equal(found, (number + np.arange(64)[:, None] + np.arange(128)) % 5)
    assert number == 10_021


def test_submission_of_a_run_on_simulated_data_is_refused(tmp_path, cli, capsys):
    cli("fit", "--model", "MarsTask", "--data", "MarsDataModule", *TINY, "--data.limit", 30, "--baselines", "false")
    with pytest.raises(SystemExit):
        cli("submit", "--run", "runs/MarsTask/default")
    assert "simulated data" in capsys.readouterr().err
    cli("submit", "--run", "runs/MarsTask/default", "--allow-simulated")


@pytest.mark.realdata
def test_the_real_pack_holds_110_outliers(realdata):
    data = MarsDataModule(root=str(realdata), source="real")
    data.setup()
    assert "110 of 2615 pictures share one mask" in data.notes[0]
    assert data.sizes()["train"] + data.sizes()["val"] == 2505
    assert data.sizes()["predict"] == 2985


def test_one_picture_without_a_prediction_makes_every_score_nan():
    from lightning_tasks import MarsTask

    task = MarsTask(net_args={"width": 4, "depth": 2})
    generator = torch.Generator().manual_seed(0)
    mask = torch.randint(0, 5, (3, 16, 16), generator=generator)
    prob = torch.rand(3, 5, 16, 16, generator=generator).softmax(1)
    batch = {"mask": mask}
    whole = task.score(task.rows_of(batch, {"prob": prob}))
    assert all(value.isfinite() for value in whole.values())
    prob[1, 2, 5, 5] = torch.nan
    assert all(value.isnan() for value in task.score(task.rows_of(batch, {"prob": prob})).values())


def test_each_site_has_its_score_where_sites_hold_several_pictures():
    from lightning_tasks import MarsTask

    task = MarsTask(net_args={"width": 4, "depth": 2})
    generator = torch.Generator().manual_seed(0)
    mask = torch.randint(0, 5, (5, 16, 16), generator=generator)
    prob = torch.rand(5, 5, 16, 16, generator=generator).softmax(1)
    rows = task.rows_of({"mask": mask}, {"prob": prob}) | {
        "id": torch.arange(5),
        "group": torch.tensor([2, 0, 0, 2, 2]),
    }
    assert task.group_scores(rows) == {}  # names are not known
    task.group_names = ["a", "b", "c"]
    scores = task.group_scores(rows)
    assert {name: n for name, (_, n) in scores.items()} == {"a": 2, "c": 3}
    alone = task.score({key: value[1:3] for key, value in rows.items()})
    assert scores["a"][0] == float(alone["miou_course"])
    assert set(task.figures_of_rows(rows)) == {"confusion", "groups"}
    assert task.group_scores({**rows, "group": torch.arange(5)}) == {}  # single pictures are no groups
