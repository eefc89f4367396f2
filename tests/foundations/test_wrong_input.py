"""What a user may get wrong with an exercise is one clear error, with the remedy, and leaves nothing behind."""

from pathlib import Path

import pytest

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
