"""``list`` says what the heads of the configurations say, and whether the data is there."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import datamodules
from datamodules.sets import blood_cells, gas, isic
from lightning_tasks.app.headers import data_state, data_text, headers
from tests.conftest import ROOT

KNOWN = {header.path: header for header in headers()}
MAIN = [path for path in KNOWN if path.count("/") == 1]


def test_every_configuration_is_known_with_title_data_and_command():
    files = {p.relative_to(ROOT).as_posix() for p in (ROOT / "configs").rglob("*.yaml")}
    overlays = {name for name in files if name.startswith("configs/overlays/")}
    assert files - set(KNOWN) == {"configs/_base.yaml", *overlays}
    for path, header in KNOWN.items():
        assert header.title and data_text(header) and header.commands, path
        assert header.of("Run").startswith(("python cli.py", "python")), path
        assert any(path in command for _, command in header.commands), path
        is_task = Path(path).parent.name in ("configs", "variants")  # sweeps and searches compare: docs/results.md
        assert header.of("Expect") or not is_task, f"{path} does not say what to expect"
        assert header.takes or path not in MAIN, f"{path} does not say how long it takes"
    assert [path for path in MAIN if not KNOWN[path].assignments] == ["configs/image_folder.yaml"]


@pytest.mark.parametrize("path", MAIN)
def test_data_is_looked_for_where_the_data_module_looks(path):
    import yaml

    import datamodules
    from datamodules.core.made import MadeDataModule

    config = yaml.safe_load((ROOT / path).read_text())
    data = config["data"] if isinstance(config["data"], str) else config["data"]["class_path"]
    made = issubclass(getattr(datamodules, data), MadeDataModule)
    assert data_state(KNOWN[path], None) == ("made" if made else "simulated")


def test_data_is_there_simulated_or_missing():
    header = KNOWN["configs/mars_unet.yaml"]
    assert data_state(header, None) == "simulated" and data_state(header, "elsewhere") == "missing"
    Path("elsewhere").mkdir()
    Path("elsewhere/mars_for_students.npz").touch()
    assert data_state(header, "elsewhere") == "there"
    Path("data/mars").mkdir(parents=True)
    Path("data/mars/mars_for_students.npz").touch()
    sweep = KNOWN["configs/sweeps/fashion_mlp.yaml"]
    variant = KNOWN["configs/variants/mars_segformer.yaml"]
    assert [data_state(h, None) for h in (header, variant, sweep)] == ["there", "there", "simulated"]


def test_time_and_score_come_from_the_head():
    header = KNOWN["configs/mixture_vae.yaml"]
    assert header.takes == "7 minutes a seed on a fifth of a core"
    assert header.of("Expect").endswith("7 minutes a seed on a fifth of a core") and "inside .79" in header.of("Expect")
    assert KNOWN["configs/two_class_relu.yaml"].takes == "under a minute"
    assert KNOWN["configs/sweeps/gas.yaml"].takes == "15 runs, about 25 minutes on one core"
    assert ("Score", "python cli.py test --config configs/blood_cells.yaml --ckpt_path "
            "runs/blood_cells/latest/checkpoints/best.ckpt") in KNOWN["configs/blood_cells.yaml"].lines  # fmt: skip


def test_the_table_the_details_and_json(cli, capsys):
    cli("list")
    table = capsys.readouterr().out
    assert "mars_unet" in table and "A1" in table and "6 min on 2 cores" in table and "exercise NAME" in table
    cli("list", "mars")
    details = capsys.readouterr().out
    assert "  Submit: python cli.py submit --run runs/mars_unet/latest --tta\n" in details
    assert "not there, a simulated set takes its place" in details and "configs/variants/mars_segformer.yaml" in details
    cli("list", "d9", "--json")
    rows = json.loads(capsys.readouterr().out)
    assert {row["config"] for row in rows} >= {"configs/distill_mnist.yaml", "configs/sweeps/distill_mnist.yaml"}
    cli("list", "--json", "--data.root", "nowhere")
    everything = json.loads(capsys.readouterr().out)
    assert everything["exercises"]["G14"].startswith("TP, FP") and len(everything["configurations"]) == len(KNOWN)
    assert {row["data"] for row in everything["configurations"]} == {"missing", "made"}


@pytest.mark.parametrize(("name", "words"), [("marss", "Did you mean"), ("G14", "python cli.py exercise G14")])
def test_an_unknown_name_is_told(name, words, cli, capsys):
    with pytest.raises(SystemExit):
        cli("list", name)
    assert words in capsys.readouterr().err


def test_it_imports_no_torch_and_answers_at_once():
    code = "import sys; sys.modules |= dict.fromkeys(['torch', 'numpy', 'pandas']); sys.argv[1:] = ['list']; "
    done = subprocess.run([sys.executable, "-c", f"{code} import time, lightning_tasks.app as app; app.main(); "
                           "print(time.process_time())"], capture_output=True, text=True, check=False,
                          env={"PYTHONPATH": str(ROOT)})  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.split()[-1]) < 0.5, "seconds of CPU"


NAMES = [
    ("isic", isic.TABLES["train"]),
    ("blood_cells", (*blood_cells.COURSE, *blood_cells.MEDMNIST)),
    ("gas_lstm", (gas.CSV, gas.XLSX)),
    ("toxic_lstm", datamodules.ToxicDataModule.FILES),
    ("mnist_cnn", ("raw/train-images-idx3-ubyte", "mnist.npz")),
    ("fashion_mlp", ("fashion_mnist.npz",)),
    ("cifar", ("cifar10.npz", "cifar-10-batches-py/data_batch_1")),
]


@pytest.mark.parametrize(("config", "file"), [(config, name) for config, names in NAMES for name in names])
def test_every_name_that_a_file_may_have_is_looked_for(tmp_path, config, file):
    header = KNOWN[f"configs/{'inception_cifar10' if config == 'cifar' else config}.yaml"]
    title = {"mnist_cnn": "MNIST", "fashion_mlp": "FashionMNIST", "cifar": "cifar10", "gas_lstm": "gas",
             "toxic_lstm": "text"}.get(config, config)  # fmt: skip
    (path := Path("data", title, file)).parent.mkdir(parents=True)
    path.touch()
    assert data_state(header, None) == "there"
