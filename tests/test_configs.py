"""Every config parses, trains, tests and predicts: a new config is tested by existing."""

import re
from pathlib import Path

import pytest
import torch
import yaml

from lightning_tasks.app.headers import data_state, header_of
from tests.conftest import ROOT, measured, results

CONFIGS = sorted(
    p
    for p in [*(ROOT / "configs").glob("*.yaml"), *(ROOT / "configs/variants").glob("*.yaml")]
    if not p.name.startswith("_")
)
FILES = ["config.yaml", "checkpoints/best.ckpt", "checkpoints/last.ckpt", "metrics.csv", "results.json", "report.html"]
SMALL = (
    *("--data.source", "simulated", "--data.limit", 32, "--data.batch_size", 4),
    *("--trainer.enable_progress_bar", "false", "--trainer.enable_model_summary", "false"),
)

# Networks for a GPU: they train as they are in `fast_dev_run`; what follows is done with the smallest of their family.
SMALLEST = {
    # of fewer texts none in the validation part is of the rarer class: there is no AUROC, and no best epoch by it
    **dict.fromkeys(("phrasebank_attention", "toxic_lstm"), ("--data.limit", "400")),
    "blood_cells_convnext": ("--model.net", "timm/convnext_atto"),
    "isic_efficientnet": ("--model.net", "timm/tf_efficientnetv2_b0"),
    "mars_deeplabv3plus": ("--model.net", "smp/DeepLabV3Plus/tu-regnetx_002"),
    "mars_unet_resnet34": ("--model.net", "smp/Unet/tu-regnetx_002"),
    "mars_segformer": ("--model.net", "smp/Segformer/tu-regnetx_002"),
}


@pytest.mark.parametrize("config", CONFIGS, ids=lambda p: p.stem)
def test_each_config_runs_writes_its_directory_and_is_scored_again_alike(cli, config):
    """``fast_dev_run`` and a short run in one test: the second finds the simulated set that the first one made."""
    cli("fit", "--config", config, *SMALL, "--trainer.fast_dev_run", "true")
    assert not Path("runs").exists()

    cli("fit", "--config", config, *SMALL, "--trainer.max_epochs", 1, "--trainer.limit_train_batches", 2, "--draws", 3,
        "--baselines", "false", "--figures", "last", *SMALLEST.get(config.stem, ()))  # fmt: skip
    run = Path("runs") / config.stem / "default"
    assert [f for f in FILES if not (run / f).is_file()] == []
    assert list(run.glob("predictions.*")) and list(run.glob("events.out.tfevents*"))
    captions = re.findall("<figcaption><b>.*?</b>(.*?)</figcaption>", (run / "report.html").read_text())
    assert all(captions), "a figure that captions.RUN does not describe"
    found = results(run)
    source = data_state(header_of(config.relative_to(ROOT).as_posix()), None)
    assert found["data_source"] == source and found["experiment"] == config.stem
    assert found["monitor"] in found["best"], "the monitored metric exists"
    torch.load(run / "checkpoints/best.ckpt", weights_only=True)

    best = ("--config", run / "config.yaml", "--ckpt_path", run / "checkpoints/best.ckpt")
    cli("test", *best)
    table, tolerance = measured(run), 1e-2 if torch.cuda.is_available() else 1e-5  # a GPU convolves in TF32
    for name, metric in found["metrics"].items():
        if metric["value"] is not None:
            assert table[name] == pytest.approx(metric["value"], abs=1e-4, rel=tolerance), name
    cli("predict", *best)
    assert list(run.glob("predictions_*.*"))


OVERLAYS = {  # name -> a task's configuration it is given after, and a setting of the run
    "bf16": ("mnist_cnn", "trainer.precision", "bf16-mixed"),
    "mars_wide": ("mars_unet", "model.init_args.ema", 0.0),
}


@pytest.mark.parametrize("overlay", [p.stem for p in (ROOT / "configs/overlays").glob("*.yaml")])
def test_overlays_change_a_task_and_leave_it_its_name(cli, overlay):
    """``configs/overlays`` hold no tasks; each is given after one."""
    task, key, value = OVERLAYS[overlay]
    configs = ("--config", ROOT / f"configs/{task}.yaml", "--config", ROOT / f"configs/overlays/{overlay}.yaml")
    cli("fit", *configs, *SMALL, "--trainer.max_epochs", 1, "--trainer.limit_train_batches", 2, "--draws", 0,
        "--baselines", "false", "--figures", "none", "--name", overlay)  # fmt: skip
    setting = yaml.safe_load((Path("runs") / task / overlay / "config.yaml").read_text())
    for name in key.split("."):
        setting = setting[name]
    assert setting == value
