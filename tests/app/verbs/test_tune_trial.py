"""What a trial tells the study, and what it cannot see."""

from types import SimpleNamespace

import pytest
import torch

from lightning_tasks.app.verbs.tune.trial import Report, TrialCLI
from tests.app.verbs.test_tune import TOY


def test_a_metric_that_is_missing_or_not_finite_is_an_error():
    report = Report(None, "val/ac", "max")
    trainer = SimpleNamespace(callback_metrics={}, current_epoch=0, max_epochs=1, sanity_checking=True)
    report.on_validation_end(trainer, None)  # an untrained network is no epoch
    assert report.epochs == 0
    trainer.sanity_checking, trainer.callback_metrics = False, {"val/acc": torch.tensor(1.0)}
    with pytest.raises(ValueError, match="Did you mean 'val/acc'"):
        report.on_validation_end(trainer, None)
    trainer.callback_metrics = {"val/ac": torch.tensor(float("nan"))}
    with pytest.raises(ValueError, match="is nan at epoch 1"):
        report.on_validation_end(trainer, None)


def test_a_trial_cannot_see_the_test_part(tmp_path):
    report = Report(SimpleNamespace(report=lambda *a: None, should_prune=lambda: False), "val/acc", "max")
    cli = TrialCLI(["fit", *TOY, "--trainer.max_epochs", "1"], report)
    assert len(report.values) == 1 and not cli.run_dir.results.exists() and not cli.run_dir.checkpoints.exists()
    with pytest.raises(RuntimeError, match="must not touch the test part"):
        cli.trainer.test(cli.model, datamodule=cli.datamodule)
