"""Options that would train nonsense, or end in an error of somebody else, are one clear error before a fit."""

from types import SimpleNamespace

import pytest
import torch

import lightning_tasks as tasks
from lightning_tasks.measures.classification_losses import soft_loss
from lightning_tasks.nets.attention import SqueezeExcitation
from lightning_tasks.nets.dual_unet import DualUNet
from lightning_tasks.nets.small import MnistCnn
from lightning_tasks.nets.unet import UNet
from lightning_tasks.problems import Segmentation
from tests.small_fits import QUIET
from tests.toys import ToyGan

WRONG = [
    (lambda: soft_loss("ce", label_smoothing=3), "label_smoothing=3: need 0 or more, below 1"),
    (lambda: soft_loss("focal", gamma=-1), "gamma=-1: need 0 or more"),
    (lambda: tasks.BloodCellsTask(class_weights=[-1.0] + [1.0] * 7), "need 0 or more, and one above 0"),
    (lambda: tasks.BloodCellsTask(class_weights=[0.0] * 8), "need 0 or more, and one above 0"),
    (lambda: tasks.BloodCellsTask(corrupted={"suite": []}), "suite holds nothing"),
    (lambda: tasks.MarsTask(loss={"ce": -1}), "the weight of ce is -1; need more than 0"),
    (lambda: tasks.MarsTask(ignore_class=-1), "ignore_class=-1: need a number of a class"),
    (lambda: tasks.RotationTask(class_weights="inverse"), "all turns are as frequent"),
    (lambda: tasks.MarsTask(schedule="none", warmup_epochs=1), "schedule='none' has no warm-up"),
    (lambda: tasks.DiffusionTask(net="dense", dims=2, width=33), "width=33: half of it are sines"),
    (lambda: tasks.DiffusionTask(net="dense", dims=2, conditional=True, class_names=["a", "b"], guidance=1.0,
                                 unlabelled=0.0), "learns both with --model.conditional true and --model.unlabelled"),
    (lambda: tasks.DiffusionTask(net="dense", dims=2, noise_schedule="plateau"), "linear or cosine"),
    (lambda: ToyGan(betas=[0.5]), "need two numbers from 0 to below 1"),
    (lambda: tasks.LanguageModelTask(net="transformer", vocabulary=9, context=8, heads=0), "heads=0: need heads"),
    (lambda: tasks.GapClassifier(gap_samples=-3), "gap_samples=-3"),
    (lambda: MnistCnn(widths=[]), "name the channels of one convolution or more"),
    (lambda: SqueezeExcitation(8, 0), "se=0: need a ratio of 1 or more"),
    (lambda: UNet(dropout=-0.5), "dropout=-0.5: need 0 or more, below 1"),
    (lambda: DualUNet(fine_depth=0), "each must be 1 or more"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "message"), WRONG, ids=[message for _, message in WRONG])
def test_a_value_out_of_range_is_told(make, message):
    with pytest.raises(ValueError) as error:
        make()
    assert message in str(error.value)


def test_an_optimiser_without_betas_takes_none():
    with pytest.raises(ValueError, match="optimizer='sgd' has none"):
        ToyGan(betas=[0.5, 0.9], optimizer="sgd").optimizer_of("critic")
    assert ToyGan(betas=[0.5, 0.9]).optimizer_of("critic").defaults["betas"] == (0.5, 0.9)


@pytest.mark.parametrize(
    ("max_epochs", "max_steps", "accumulate", "warm"), [(10, 10, 1, 4), (-1, 20, 1, 4), (5, -1, 2, 2), (5, 3, 1, 3)]
)
def test_a_warm_up_lasts_as_many_epochs_as_it_says(max_epochs, max_steps, accumulate, warm):
    """Four batches an epoch."""
    steps = max_steps if max_steps > 0 else max_epochs * 4 // accumulate
    task = tasks.MarsTask(schedule="cosine", warmup_epochs=1, lr=1.0)
    task._trainer = SimpleNamespace(
        estimated_stepping_batches=steps, num_training_batches=4, accumulate_grad_batches=accumulate,
        max_epochs=max_epochs, check_val_every_n_epoch=1,
    )  # fmt: skip
    schedule = task.configure_optimizers()["lr_scheduler"]["scheduler"]
    rates = [schedule.lr_lambdas[0](step) for step in range(steps)]
    assert rates.index(1.0) == warm - 1


def test_the_schedule_of_the_noise_is_not_that_of_the_learning_rate(cli):
    args = ("--config", "configs/ring_diffusion.yaml", "--data.n_train", 64, "--data.n_test", 32, "--draws", 0,
            "--trainer.max_epochs", 2, "--figures", "none", "--baselines", "false", *QUIET)  # fmt: skip
    cli("fit", *args, "--model.noise_schedule", "linear", "--model.schedule", "onecycle")
    linear, cosine = (tasks.DiffusionTask(net="dense", dims=2, noise_schedule=name) for name in ("linear", "cosine"))
    assert not torch.equal(linear.signal, cosine.signal) and linear.hparams.schedule == "cosine"


def test_masks_may_hold_a_number_that_is_no_class():
    task = Segmentation(ignore_class=255, net_args={"width": 2, "depth": 1})
    task.fit_statistics({"class_counts": torch.tensor([3, 4]), "mean": torch.zeros(3), "std": torch.ones(3)})
    assert task.training_pixels.tolist() == [3, 4]
    logits, mask = torch.randn(2, 2, 8, 8), torch.zeros(2, 8, 8, dtype=torch.long)
    whole = task.criterion(logits, mask)
    mask[0, 0] = 255
    logits[0, :, 0] = 100.0
    assert torch.isfinite(loss := task.criterion(logits, mask)) and loss != whole


@pytest.mark.parametrize("args", [
    ("autoencoder_mnist", "--model.side", 32), ("rotation", "--data.augment", "[{mixup: {alpha: 0.4, p: 1.0}}]"),
    ("word2vec", "--trainer.gradient_clip_val", 1, "--trainer.gradient_clip_algorithm", "value"),
], ids=lambda args: args[0])  # fmt: skip
def test_what_data_and_trainer_do_not_fit_is_told(cli, capsys, args):
    name, *rest = args
    with pytest.raises(SystemExit):
        cli("fit", "--config", f"configs/{name}.yaml", "--data.source", "simulated", "--trainer.max_epochs", 1,
            "--trainer.limit_train_batches", 2, *rest, *QUIET)  # fmt: skip
    messages = {"autoencoder_mnist": "pictures of 28x28", "rotation": "A mixed picture has no one turn",
                "word2vec": "clips sparse gradients by their norm alone"}  # fmt: skip
    assert messages[name] in capsys.readouterr().err
