"""Knowledge distillation: the loss, the teacher that stays as it is, and what the user is told of it."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from lightning_tasks import DistillationTask
from lightning_tasks.plots.soft_labels import soft_label_figure
from lightning_tasks.runs import frozen
from lightning_tasks.tasks.images.distillation import distillation_loss
from tests.conftest import ROOT, results
from tests.tasks.images.test_exercises import QUIET

DIGITS = ("--data", "MNISTDataModule", "--data.limit", 120, "--data.batch_size", 16,
          "--model.net", "mlp", "--model.net_args", "{hidden: [12], dropout: 0.2}")  # fmt: skip


def weights(run):
    return torch.load(Path(run) / "checkpoints/last.ckpt", weights_only=True)["state_dict"]


def test_the_distillation_loss_against_its_definition():
    student, teacher = torch.randn(6, 5), torch.randn(6, 5)
    for t in (1.0, 4.0):
        p, q = ((z.double() / t).softmax(1).numpy() for z in (teacher, student))
        loop = np.mean([sum(p[i, k] * math.log(p[i, k] / q[i, k]) for k in range(5)) for i in range(6)]) * t**2
        assert float(distillation_loss(student, teacher, t)) == pytest.approx(loop, rel=1e-5)
    assert float(distillation_loss(teacher, teacher, 4.0)) == pytest.approx(0, abs=1e-6)
    assert float(distillation_loss(teacher + 3, teacher, 2.0)) == pytest.approx(0, abs=1e-6)  # a shift is no difference


def test_its_gradient_reaches_the_student_alone_and_hardly_depends_on_the_temperature():
    teacher = torch.randn(64, 10, requires_grad=True)
    norms = []
    for t in (4.0, 8.0, 16.0):
        student = torch.zeros(64, 10, requires_grad=True)
        distillation_loss(student, teacher, t).backward()
        norms.append(float(student.grad.norm()))
    assert teacher.grad is None
    assert max(norms) / min(norms) < 1.3  # without T^2 the last would be a fourth of the first or less


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    """A finished run."""
    from lightning_tasks.app import main

    folder = tmp_path_factory.mktemp("teacher")
    main([str(a) for a in ("fit", "--model", "ImageClassifier", *DIGITS, *QUIET, "--trainer.max_epochs", 2,
                           "--runs", folder)])  # fmt: skip
    return folder / "ImageClassifier" / "default"


def test_alpha_zero_is_plain_training_to_the_last_bit(cli, teacher):
    cli("fit", "--model", "DistillationTask", *DIGITS, *QUIET, "--trainer.max_epochs", 2, "--model.alpha", 0)
    plain, student = weights(teacher), weights("runs/DistillationTask/default")
    assert plain.keys() == student.keys() and all(torch.equal(plain[k], student[k]) for k in plain)


def test_a_teacher_from_a_run_is_fixed_and_in_evaluation_mode(cli, teacher, monkeypatch):
    seen = []
    teach = DistillationTask.teach

    def spy(self, image):
        seen.append((self._teacher[0].training, any(p.requires_grad for p in self._teacher[0].parameters())))
        return teach(self, image)

    monkeypatch.setattr(DistillationTask, "teach", spy)
    best = Path(teacher) / "checkpoints/best.ckpt"
    before = best.read_bytes()
    cli("fit", "--model", "DistillationTask", *DIGITS, *QUIET, "--trainer.max_epochs", 1, "--model.teacher", teacher,
        "--baselines", "true")  # fmt: skip
    assert set(seen) == {(False, False)}
    found = results(Path("runs/DistillationTask/default"))
    assert {"train/loss_teacher", "train/loss_labels", "val/agreement"} <= set(found["last"])
    assert "acc" in next(v for k, v in found["baselines"].items() if k.startswith("teacher, "))
    assert best.read_bytes() == before
    assert Path("runs/DistillationTask/default/figures/test_soft_labels.png").stat().st_size > 5000
    assert not any("teacher" in name for name in weights("runs/DistillationTask/default"))


def test_the_user_is_told_what_a_teacher_may_have_seen(cli, teacher, capsys):
    shown = []
    for fold in (0, 1):
        cli("fit", "--model", "DistillationTask", *DIGITS, *QUIET, "--trainer.max_epochs", 1, "--name", f"fold{fold}",
            "--data.fold", fold, "--model.teacher", teacher)  # fmt: skip
        shown.append(" ".join(results(Path(f"runs/DistillationTask/fold{fold}"))["notes"]))
    assert "another split" in shown[1] and "another split" not in shown[0]
    cli("fit", "--config", ROOT / "configs/knn_mnist.yaml", "--data.limit", 120, *QUIET, "--model.resamples", 0)
    with pytest.raises(SystemExit):
        cli("fit", "--model", "DistillationTask", *DIGITS, *QUIET, "--model.teacher", "runs/knn_mnist/default")
    assert "is no classifier of 0, 1, 2" in capsys.readouterr().err


def test_a_student_that_is_its_teacher_has_nothing_to_learn_from_it(teacher):
    task = frozen.load_frozen(teacher)
    image = torch.rand(8, 1, 28, 28)
    assert float(distillation_loss(task(image), task(image), 4.0)) == pytest.approx(0, abs=1e-6)
    assert not task.train().training and not task.net.training


def test_soft_labels_are_drawn_of_the_pictures_on_which_the_teacher_doubts():
    teacher = torch.tensor([[9.0, 0, 0], [1.0, 0.9, 0], [4.0, 0, 0]])
    student = torch.tensor([[0.9, 0.1, 0], [0.5, 0.3, 0.2], [0.8, 0.1, 0.1]])
    figure = soft_label_figure(torch.rand(3, 1, 8, 8), teacher, student, 2.0, ["a", "b", "c"], count=2)
    bars = [[bar.get_height() for bar in group] for group in figure.axes[1].containers]  # all pictures of a source
    expected = [torch.cat([rows[1], rows[2]]) for rows in (teacher.softmax(1), (teacher / 2).softmax(1), student)]
    torch.testing.assert_close(torch.tensor(bars), torch.stack(expected), check_dtype=False)


def test_a_teacher_is_another_run_that_the_config_names_and_equal_needs_share_it(cli, capsys):
    needs = "{teacher: {config: configs/variants/mnist_mlp.yaml, trainer.max_epochs: 1}}"
    args = ("fit", "--config", ROOT / "configs/distill_mnist.yaml", "--data.limit", 120, *QUIET, "--needs", needs)
    args = (*args, "--trainer.max_epochs", 1)
    cli(*args, "--name", "one")
    (needed,) = Path("runs/mnist_mlp").glob("needed_*")
    stamp = (needed / "results.json").stat().st_mtime_ns
    teacher, student = results(needed), results(Path("runs/distill_mnist/one"))
    assert teacher["data_fingerprint"] == student["data_fingerprint"]  # it saw nothing that is scored here
    assert student["notes"] == teacher["notes"] and not Path("runs/mnist_mlp/latest").exists()
    cli(*args, "--name", "two", "--model.temperature", 2)
    assert (needed / "results.json").stat().st_mtime_ns == stamp
    cli(*args, "--name", "three", "--data.fold", 1)
    assert len(list(Path("runs/mnist_mlp").glob("needed_*"))) == 2
    whole = weights("runs/distill_mnist/one")
    (Path("runs/distill_mnist/one") / "results.json").unlink()
    cli(*args, "--name", "one", "--resume")  # the same need, the same teacher
    assert all(torch.equal(v, weights("runs/distill_mnist/one")[k]) for k, v in whole.items())
    for needs, message in (
        ("{techer: {config: configs/mnist_cnn.yaml}}", "the task has no argument 'techer'. Did you mean 'teacher'?"),
        ("{teacher: {trainer.max_epochs: 1}}", "teacher names no run"),
        ("null", "there is no teacher: set --model.teacher"),
    ):
        with pytest.raises(SystemExit):
            cli(*args, "--needs", needs, "--name", "wrong")
        assert message in capsys.readouterr().err


def test_distillation_errors(teacher, cli, capsys):
    for wrong in ({"alpha": 1.2}, {"temperature": 0.0}):
        with pytest.raises(ValueError, match="need 0 <= alpha <= 1"):
            DistillationTask(net="mlp", in_channels=1, class_names=list("0123456789"), **wrong)
    with pytest.raises(FileNotFoundError, match="Give the directory of a finished run"):
        frozen.load_frozen("runs/none")
