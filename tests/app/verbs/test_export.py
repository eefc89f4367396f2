"""What ``export`` writes says what the task says: for each kind of network, and for the mean of several."""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import numpy as np
import pytest
import torch

from datamodules.readers.words import TOKEN
from lightning_tasks.app.members import load_members, mean_batches
from lightning_tasks.app.verbs.export import graph
from tests.conftest import ROOT, results

PLAIN = ("--draws", 0, "--baselines", "false", "--figures", "none", "--trainer.enable_progress_bar", "false",
         "--trainer.max_epochs", 1)  # fmt: skip
FEW = (*PLAIN, *(f"--trainer.limit_{part}_batches=2" for part in ("train", "val", "test")))
PICTURES = ("--data.limit", 64)
KINDS = {
    "mnist_cnn": PICTURES,
    "mars_unet": (*PICTURES, "--model.net_args.width", 4),
    "isic": ("--data.limit", 200),
    "rotation": PICTURES,
    "phrasebank_attention": (),
    "toxic_lstm": ("--model.bidirectional", "true", "--model.layers", 2),
    "headlines_naive_bayes": (),
    "argmax_attention": (),
    "gas_lstm": ("--data.window", 24, "--data.limit", 64),
    "two_class_relu": (),
    "binary_regression": ("--model.link", "probit"),
    "autoencoder_mnist": (*PICTURES, "--model.noise_variance", 0.1),
    "variants/mnist_gan": (*PICTURES, "--model.width", 4, "--needs", "null"),
    "mixture_vae": (),
    "ring_gan": (),
    "ring_diffusion": (),
    "mnist_diffusion": (*PICTURES, "--model.width", 8, "--model.sampling_steps", 5, "--needs", "null",
                        "--model.samples", 16, "--model.eta", 0.5),
}  # fmt: skip


@pytest.fixture
def trained(cli):
    """``trained("two_class_relu")``: the directory of a run that was trained for a step or two."""

    def run(config: str, *args) -> Path:
        stem = Path(config).name
        cli(
            "fit",
            "--config",
            ROOT / f"configs/{config}.yaml",
            *(FEW if config != "binary_regression" else PLAIN),
            *args,
        )
        return Path("runs") / stem / "default"

    return run


def record_of(path: Path) -> dict:
    return json.loads(path.with_name(f"{path.name}.json").read_text())


def predicted(*args) -> str:
    """What the example prints where nothing but numpy, onnxruntime and Pillow can be imported."""
    gone = [
        name for name in ("torch", "lightning", "lightning_tasks", "datamodules", "pandas", "scipy", "onnx", "timm")
    ]
    example = str(ROOT / "examples/predict_onnx.py")
    code = f"import runpy, sys; sys.modules |= dict.fromkeys({gone}); sys.argv = {[example, *map(str, args)]}; "
    done = subprocess.run([sys.executable, "-c", f"{code} runpy.run_path({example!r}, run_name='__main__')"],
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def handmade(path: str, port: dict, node: list, **more) -> None:
    """A file as ``export`` writes it, with a graph of one or two nodes."""
    onnx = pytest.importorskip("onnx")
    h, kinds = onnx.helper, {"uint8": onnx.TensorProto.UINT8, "int64": onnx.TensorProto.INT64}
    inputs = [h.make_tensor_value_info(name, kinds[kind], axes) for name, (kind, axes) in port.items()]
    output = h.make_tensor_value_info("prob", onnx.TensorProto.FLOAT, ["batch", 3])
    made = h.make_model(h.make_graph([h.make_node(*n[:3], **n[3]) for n in node], "g", inputs, [output]),
                        opset_imports=[h.make_opsetid("", 17)], ir_version=8)  # fmt: skip
    signature = {
        "inputs": [{"name": n, "dtype": d, "axes": a, "meaning": "m"} for n, (d, a) in port.items()],
        "outputs": [{"name": "prob", "dtype": "float32", "axes": ["batch", 3], "meaning": "m"}],
        "classes": ["red", "green", "blue"],
        **more,
    }
    h.set_model_props(made, {graph.KEY: json.dumps(signature)})
    onnx.save(made, path)


def test_the_example_reads_pictures_and_texts():
    from PIL import Image

    float32 = 1
    handmade(
        "colours.onnx",
        {"image": ("uint8", ["batch", 3, 4, 6])},
        [("Cast", ["image"], ["x"], {"to": float32}), ("ReduceMean", ["x"], ["prob"], {"axes": [2, 3], "keepdims": 0})],
    )
    Image.new("RGB", (12, 8), (10, 200, 30)).save("green.png")
    assert predicted("colours.onnx", "green.png") == "green.png: red 10.000, green 200.000, blue 30.000\n"
    assert "input image: uint8 ['batch', 3, 4, 6]" in predicted("colours.onnx")
    handmade("words.onnx", {"tokens": ("int64", ["batch", "time"]), "length": ("int64", ["batch"])},
             [("Cast", ["tokens"], ["prob"], {"to": float32})], vocabulary=["a", "profit", "000"], digits=False,
             marks=False, stop_words=True, ngrams=1, longest=3)  # fmt: skip
    said = predicted("words.onnx", "--text", "Profit, 123!", "a b profit profit")
    assert said.splitlines()[0] == "Profit, 123!: red 3.000, green 4.000, blue 0.000"
    assert f'r"{TOKEN.pattern}"' in (ROOT / "examples/predict_onnx.py").read_text()  # the example has no other words
    assert said.splitlines()[1].endswith(": red 2.000, green 1.000, blue 3.000")


@pytest.fixture
def folds(cli):
    """Two folds on token rows, of which one is calibrated."""
    cli("kfold", "--model", "tests.toys.ToySequence", "--data", "tests.toys.ToyDataModule", "--folds", 2,
        "--experiment", "toy", *PLAIN)  # fmt: skip
    cli("calibrate", "--run", "runs/toy/kfold/fold_1", "--draws", 0, "--method", "isotonic")
    return Path("runs/toy/kfold")


def test_a_kfold_directory_becomes_one_file_with_the_mean_of_its_members(cli, folds, capsys):
    cli("export", "--run", folds)
    path = folds / "export/model.onnx"
    assert "the mean of 2 networks" in capsys.readouterr().out
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for batch in mean_batches(load_members(folds), "test"):
        inputs = {name: batch[name].long().numpy() for name in ("tokens", "length")}
        (prob,) = session.run(["prob"], inputs)
        np.testing.assert_allclose(prob, batch["prob"].numpy(), atol=1e-6)
    (alone,) = session.run(["prob"], {name: value[-1:] for name, value in inputs.items()})
    np.testing.assert_allclose(alone, prob[-1:], atol=1e-6)  # a batch of any size
    assert [axis for i in session.get_inputs() for axis in i.shape] == ["batch", "time", "batch"]
    known = json.loads(session.get_modelmeta().custom_metadata_map[graph.KEY])
    assert known["classes"] == ["negative", "positive"] and [p["name"] for p in known["inputs"]] == ["tokens", "length"]
    assert record_of(path)["parity"]["samples"] == 50
    np.savez("asked.npz", **inputs)
    said = predicted(path, "--arrays", "asked.npz", "--out", "said.npz")
    np.testing.assert_allclose(np.load("said.npz")["prob"], prob)
    assert len(said.splitlines()) == len(prob) and said.startswith("0: negative ")
    card = path.with_name("model.onnx.md").read_text()
    for words in ("| networks | 2, the file gives their mean", "| calibrated | 1 of 2 |", "simulated", "oof/acc",
                  "scores of the single networks", "no weights of others"):  # fmt: skip
        assert words in card


def test_torch_files_need_no_other_package(cli, trained, monkeypatch):
    monkeypatch.setattr(graph, "find_spec", lambda name: None)
    run = trained("ring_gan")
    cli("export", "--run", run, "--format", "torch", "--samples", 8)
    path = run / "export/model.pt2"
    record, extra = record_of(path), {graph.KEY: ""}
    module = torch.export.load(path, extra_files=extra).module()
    shapes = [[1 if n == "batch" else n for n in port["axes"]] for port in record["inputs"]]
    inputs = [
        torch.randn(shape) if port["dtype"] == "float32" else torch.ones(shape, dtype=torch.int64)
        for shape, port in zip(shapes, record["inputs"], strict=True)
    ]
    assert [list(out.shape[1:]) for out in module(*inputs)] == [port["axes"][1:] for port in record["outputs"]]
    assert json.loads(extra[graph.KEY])["task"] == record["task"]
    assert record["parity"]["difference"] <= record["parity"]["allowed"]


def test_a_file_that_says_something_else_is_not_kept(cli, trained, monkeypatch):
    run = trained("two_class_relu")
    opened = graph.open_graph
    monkeypatch.setattr(
        "lightning_tasks.app.verbs.export.export.open_graph",
        lambda *args: lambda inputs: [out + 0.01 for out in opened(*args)(inputs)],
    )
    with pytest.raises(RuntimeError, match="differs from the task by 0.01 on .* samples"):
        cli("export", "--run", run, "--format", "torch", "--debug")
    assert not list((run / "export").iterdir())


def test_what_cannot_be_exported_is_told_with_the_reason(cli, trained, toy, monkeypatch, capsys):
    def told(*args) -> str:
        with pytest.raises(SystemExit):
            cli("export", *args)
        return capsys.readouterr().err

    run = trained("two_class_relu")
    assert "a file of format onnx ends in .onnx" in told("--run", run, "--out", "model.pt2")
    assert "add --out FILE.onnx" in told("--run", run, run)
    assert "it predicts nothing for single samples" in told("--run", toy("ToyGan", *PLAIN), "--format", "torch")
    monkeypatch.setattr(graph, "find_spec", lambda name: None)
    assert 'pip install "lightning-tasks[export]"' in told("--run", run)
    folder = Path("runs/two_class_relu/ensemble")
    folder.mkdir()
    (folder / "results.json").write_text(json.dumps({"kind": "ensemble", "members": [{"run": "a"}, {"run": "b"}]}))
    assert "export --run a b --out FILE" in told("--run", folder, "--format", "torch")
    other = toy("ToySequence", *PLAIN, name="one")
    assert "given twice" in told("--run", other, "runs/ToySequence/latest", "--out", "mean.pt2", "--format", "torch")
    assert f"{run} and" in (said := told("--run", run, other, "--out", "mean.pt2", "--format", "torch"))
    assert f"from different tasks ({results(run)['task']}, ToySequence): their predictions cannot be averaged" in said
    members = (str(other), str(toy("ToySequence", *PLAIN, "--model.width", 2, name="two")))
    cli("ensemble", "--runs", *members, "--draws", 0)
    assert f"export --run {' '.join(members)} --out FILE" in told(
        "--run", "runs/ToySequence/ensemble", "--format", "torch"
    )


def test_tasks_that_have_no_graph_say_why():
    import lightning_tasks

    refusing = [name for name in lightning_tasks.__all__ if "export" in getattr(lightning_tasks, name).refuses]
    assert refusing == ["LanguageModelTask", "NeighboursTask", "SequenceChangeTask", "Word2VecTask"]


@pytest.mark.export
@pytest.mark.parametrize("kind", ["onnx", "torch"])
@pytest.mark.parametrize("config", KINDS)
def test_each_kind_of_network(config, kind, cli, trained):
    run = trained(config, *KINDS[config])
    cli("export", "--run", run, "--format", kind, "--samples", 64)
    parity = record_of(run / f"export/model{graph.SUFFIXES[kind]}")["parity"]
    assert parity["samples"] > 1 and parity["difference"] <= parity["allowed"]
    is_made = results(run)["data_source"] == "made"
    card = (run / f"export/model{graph.SUFFIXES[kind]}.md").read_text()
    assert is_made == ("there is no real set of it" in card) and is_made != ("say nothing about the real task" in card)


@pytest.fixture(scope="module")
def bare(tmp_path_factory) -> str:
    """Python of a new environment with onnxruntime, numpy and what these need; skips where pip finds no index."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, with_pip=True)
    python = str(folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))
    pip = [python, "-I", "-m", "pip"]
    done = subprocess.run([*pip, "install", "-q", "--retries", "1", "--timeout", "30", "onnxruntime", "numpy"],
                          capture_output=True, text=True, check=False)  # fmt: skip
    if done.returncode:
        pytest.skip(f"pip cannot install onnxruntime and numpy: {done.stderr.strip().splitlines()[-1]}")
    listed = subprocess.run([*pip, "list", "--format", "json"], capture_output=True, text=True, check=True).stdout
    names = {package["name"].lower() for package in json.loads(listed)}
    assert {"numpy", "onnxruntime"} <= names and not names & {"torch", "lightning", "lightning-tasks", "pillow"}
    return python


@pytest.mark.export
def test_the_example_runs_in_an_environment_with_onnxruntime_and_numpy_alone(bare, cli, trained):
    def said(*args, right: bool = True) -> str:
        command = [bare, "-I", str(ROOT / "examples/predict_onnx.py"), *map(str, args)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode == 0) == right, done.stderr
        return done.stdout if right else done.stderr

    def file_of(config: str) -> Path:
        cli("export", "--run", trained(config, *KINDS[config]), "--samples", 8)
        return Path("runs") / config / "default/export/model.onnx"

    texts, generator, digits = map(file_of, ("phrasebank_attention", "ring_gan", "mnist_cnn"))
    batch = next(iter(mean_batches(load_members(digits.parents[1]), "test")))
    np.savez("asked.npz", image=(batch["image"] * 255).round().to(torch.uint8).numpy())
    said(digits, "--arrays", "asked.npz", "--out", "said.npz")
    np.testing.assert_allclose(np.load("said.npz")["prob"], batch["prob"].numpy(), atol=1e-5)
    assert "pip install pillow" in said(digits, "digit.png", right=False)
    (line,) = said(texts, "--text", "Profit fell.").splitlines()
    assert sum(float(share.split()[-1]) for share in line.split(": ")[1].split(", ")) == pytest.approx(1, abs=2e-3)
    said(generator, "--draw", 16, "--out", "points.npz")
    (points,) = np.load("points.npz").values()
    assert points.shape == (16, 2) and np.isfinite(points).all() and len(np.unique(points, axis=0)) == 16


@pytest.mark.export
def test_a_calibration_by_corners_is_in_the_file(cli, trained):
    run = trained("mnist_cnn", "--data.limit", 200)
    cli("calibrate", "--run", run, "--method", "isotonic", "--draws", 0)
    cli("export", "--run", run)
    assert "| calibrated | 1 of 1 |" in (run / "export/model.onnx.md").read_text()


@pytest.mark.export
def test_folds_with_vocabularies_of_their_own_do_not_become_one_file(cli, capsys):
    cli("kfold", "--config", ROOT / "configs/phrasebank_attention.yaml", "--folds", 2, *FEW)
    with pytest.raises(SystemExit):
        cli("export", "--run", "runs/phrasebank_attention/kfold")
    assert "The members read 'tokens' of the same samples differently" in capsys.readouterr().err
