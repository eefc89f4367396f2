"""What a user may get wrong with an exercise is one clear error, with the remedy, and leaves nothing behind."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lightning_tasks.common.json_files import read_json

WRONG = {
    ("G99",): "exercise 'G99' is unknown. Did you mean",
    ("G3",): "G3 is trained, not computed: python cli.py fit --config configs/two_class_relu.yaml.",
    ("f6",): "F6 is trained, not computed: python cli.py fit --config configs/headlines_naive_bayes.yaml.",
    ("D13",): "D13 is trained, not computed: python cli.py fit --config configs/knn_mnist.yaml (1 more: ",
    ("g8",): "exercise 'g8' is unknown. Did you mean 'G8'",
    ("G8", "--kernel", "[[1, 2, 3, 4]]"): "kernel (1, 4) on input (3, 3): need two matrices, the kernel no larger",
    ("G8", "--image", "[[1, 2], [3]]"): "image: rows of [2, 1] numbers; need rows of the same length",
    (
        "G15",
        "--start",
        "{layers: [0.5, 0.5, 0.5, 0.5]}",
    ): "whose sum is 2: need 4 probabilities above 0 that sum to one",
    ("G15", "--start", "{layers: [0.5, 0.5]}"): "need 4 probabilities",
    ("G15", "--start", "{layer: [0.5, 0.5]}"): "no setting 'layer'. Did you mean 'layers'",
    ("G4", "--keep", "1.5"): "keep=1.5",
    ("G6", "--newer", "[lionn]"): "optimizer='lionn' is unknown. Did you mean 'lion'",
    ("G2", "--samples", "many"): "samples='many': expected",
    ("G17", "--sizes", "[60]"): "need two sizes",
    ("G17", "--sizes", "[0, 60]"): "need two sizes of 10 or more",
    ("F4", "--temperature", ".nan"): "temperature=nan: need a finite number",
    ("G6", "--lr", ".inf"): "need a finite number",
    ("G9", "--length", "33"): "length=33: the three convolutions and poolings need 34 steps or more",
    ("G20", "--seed", "-1"): "seed=-1: need 0 or more",
    ("G17", "--seeds", "[0, -1]"): "seeds=(0, -1): need 0 or more",
    ("G19", "--side", "10"): "a multiple of 4",
    ("G19", "--data", "MNISTDataModul"): "no such class. Did you mean 'MNISTDataModule'",
    ("G19", "--data", "TwoMoonsDataModule"): "the data has no pictures",
    ("G19", "--samples", "9999999"): "the train part has 2400. Ask for fewer",
    ("G19", "--data.root", "nowhere"): "nowhere",
    ("G8", "--data.root", "data"): "exercise G8 reads no data: leave --data and --data.root away",
}


@pytest.mark.parametrize("args", WRONG, ids=" ".join)
def test_wrong_input_is_one_error(cli, capsys, args):
    with pytest.raises(SystemExit):
        cli("exercise", *args)
    shown = capsys.readouterr().err
    assert shown.count("error: ") == 1 and WRONG[args] in shown.split("error: ")[1]
    assert "Traceback" not in shown.split("error: ")[1] and len(shown.split("error: ")[1].strip().splitlines()) <= 3
    assert not Path("runs").exists()


def test_other_matrices_are_checked_by_autograd_alone(cli, capsys):
    cli("exercise", "G8", "--image", "[[1, 2, 0, 1], [0, 1, 3, 2]]", "--kernel", "[[1, -1, 2]]")
    shown = capsys.readouterr().out
    assert "dX by autograd" in shown and "a reported solution" not in shown


def test_points_of_a_file_are_clustered_and_reported(cli, tmp_path):
    points = np.random.default_rng(0).normal(size=(60, 2)) + 6 * np.arange(60)[:, None] % 12
    pd.DataFrame(points, columns=["X", "Y"]).to_csv(tmp_path / "points.csv", index=False)
    cli("exercise", "G20", "--csv", tmp_path / "points.csv")
    assert read_json(Path("runs/exercises/G20/results.json"))["options"]["csv"] == str(tmp_path / "points.csv")


@pytest.mark.parametrize("args", [("G13", "--steps", 100), ("G10", "--kernel", 9)], ids=lambda args: args[0])
def test_long_sequences_and_wide_kernels_keep_the_checks(cli, args):
    cli("exercise", *args)
    assert all(check["holds"] for check in read_json(Path(f"runs/exercises/{args[0]}/results.json"))["checks"])
