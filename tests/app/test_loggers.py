"""What TensorBoard shows of a run, asked as its page asks; loggers that a user names stand beside it."""

import csv
import io
import json
import logging
import urllib.parse
import urllib.request
from pathlib import Path

import pytest
import torch
import yaml
from PIL import Image
from tensorboard import default, program
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.metadata import EXPERIMENT_TAG, SESSION_START_INFO_TAG
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from lightning_tasks.app import main
from lightning_tasks.plots.projector import MOST, reduced, sheet, write_projector
from tests.conftest import results
from tests.small_fits import QUIET

PLAIN = ("--draws", "0", "--baselines", "false", *QUIET)
TOY = ("fit", "--model", "tests.toys.ToySequence", "--data", "tests.toys.ToyDataModule", *PLAIN)
RUN = Path("runs/ToySequence/default")


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    """``board("scalars/tags")``: what TensorBoard answers of two runs, a classifier and a language model."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("board"))
        pictures = ("--model", "ImageClassifier", "--model.net", "cnn", "--model.in_channels", "1",
                    "--model.class_names", "[dark,light]",
                    "--model.net_args", "{image_size: 12, filters: 2, neurons: 4}")  # fmt: skip
        main([*TOY[:1], *pictures, *TOY[3:], "--trainer.max_epochs", "2"])
        text = ("--config", "configs/char_lstm.yaml", "--model.width", "8", "--data.simulated", "1003",
                "--data.steps", "10", "--model.sample_length", "20")  # fmt: skip
        main(["fit", *text, *PLAIN, "--trainer.max_epochs", "1"])
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        server = program.TensorBoard(default.get_plugins())
        server.configure(
            logdir=str(Path("runs").resolve()), port=0, bind_all=False, load_fast="false", reload_interval=0
        )
        url = server.launch()
        yield lambda path, **query: json.loads(fetched(f"{url}data/plugin/{path}", query))


def fetched(address, query):
    with urllib.request.urlopen(f"{address}?{urllib.parse.urlencode(query)}") as answer:
        return answer.read()


def test_scalars_figures_texts_and_hyperparameters_are_there(board):
    pictures, words = "ImageClassifier/default", "char_lstm/default"
    scalars = board("scalars/tags")[pictures]
    assert {"train/loss", "val/loss", "val/acc", "test/acc"} <= set(scalars)
    images = board("images/tags")
    assert {"test/confusion", "test/samples", "val/samples", "train/samples"} <= set(images[pictures])
    assert {"test/surprise", "val/surprise"} <= set(images[words])
    tags = board("text/tags")[words]
    assert {"test/samples/text_summary", "val/samples/text_summary"} <= set(tags)
    (*_, shown) = board("text/text", run=words, tag="test/samples/text_summary")
    assert "Temperature" in shown["text"] and "**" not in shown["text"] and "<h3>" in shown["text"]


def test_train_and_validation_of_a_metric_share_a_chart(board):
    (category,) = board("custom_scalars/layout")["category"]
    charts = {chart["title"]: chart["multiline"]["tag"] for chart in category["chart"]}
    assert charts["loss"] == ["train/loss$", "val/loss$"] and "learning rate" in charts
    shown = board("custom_scalars/scalars", run="ImageClassifier/default", tag="train/loss$")
    assert shown["regex_valid"] and list(shown["tag_to_events"]) == ["train/loss"]
    assert len(shown["tag_to_events"]["train/loss"]) == 2


def test_the_projector_has_features_with_labels_and_pictures(board):
    run = "ImageClassifier/default"
    assert run in board("projector/runs")
    (entry,) = board("projector/info", run=run)["embeddings"]
    assert entry["tensorName"] == "features" and entry["tensorShape"][0] == 20
    assert entry["metadataPath"] == "projector/features_labels.tsv" and entry["sprite"]["singleImageDim"] == [32, 32]


def test_points_labels_and_pictures_of_the_projector_are_in_one_order(tmp_path):
    points, pictures = torch.randn(5, 3), torch.rand(5, 1, 4, 4)
    write_projector(
        tmp_path, "codes", points, {"sample": ["a\tb", "b", "c", "d", "e"], "label": list("xyxyx")}, pictures
    )
    rows = [list(map(float, line.split("\t"))) for line in (tmp_path / "projector/codes.tsv").read_text().splitlines()]
    assert torch.allclose(torch.tensor(rows), points, atol=1e-3)
    labels = (tmp_path / "projector/codes_labels.tsv").read_text().splitlines()
    assert labels == ["sample\tlabel", "a b\tx", "b\ty", "c\tx", "d\ty", "e\tx"]
    config = (tmp_path / "projector_config.pbtxt").read_text()
    assert "sprite" in config and 'metadata_path: "projector/codes_labels.tsv"' in config
    image = Image.open(io.BytesIO(sheet(pictures)))
    assert image.size == (96, 96), "five pictures of 32 pixels in a square of nine"
    assert image.getpixel((32 + 16, 32 + 16)) == tuple([round(float(pictures[4, 0, 2, 2]) * 255)] * 3)
    write_projector(tmp_path, "codes", points, {"sample": list("abcde")})
    assert (tmp_path / "projector/codes_labels.tsv").read_text().startswith("a\nb\n"), "one column has no head"


def test_many_dimensions_keep_their_distances_where_these_lie_in_few():
    points = torch.randn(50, 3) @ torch.randn(3, 200)
    small = reduced(points)
    assert small.shape == (50, 50) and MOST > 50  # as many components as points
    assert torch.allclose(torch.cdist(small, small), torch.cdist(points.double(), points.double()), atol=1e-3)
    assert reduced(points[:, :8]).shape == (50, 8)


def test_the_table_of_hyperparameters_has_values_and_scores(cli):
    cli(*TOY, "--trainer.max_epochs", 2, "--model.lr", 0.25)
    found = EventAccumulator(str(RUN)).Reload()
    content = {tag: HParamsPluginData.FromString(found.summary_metadata[tag].plugin_data.content)
               for tag in (SESSION_START_INFO_TAG, EXPERIMENT_TAG)}  # fmt: skip
    given = content[SESSION_START_INFO_TAG].session_start_info.hparams
    given = {name: getattr(value, value.WhichOneof("kind")) for name, value in given.items()}
    assert given == yaml.safe_load((RUN / "hparams.yaml").read_text())
    assert given["model.lr"] == 0.25 and given["trainer.max_epochs"] == 2 and given["model.ema"] == 0.0
    scores = {name: score["value"] for name, score in results(RUN)["metrics"].items()} | results(RUN)["best"]
    named = {info.name.tag for info in content[EXPERIMENT_TAG].experiment.metric_infos}
    assert named == {name for name, value in scores.items() if value is not None}
    assert all(found.Scalars(name)[-1].value == pytest.approx(scores[name]) for name in named)


def test_a_csv_logger_stands_beside_tensorboard(cli, caplog):
    caplog.set_level("INFO")
    logger = ("--trainer.logger", "CSVLogger", "--trainer.logger.save_dir", "logs", "--trainer.logger.version", "one")
    cli(*TOY, "--trainer.max_epochs", 2, *logger)
    with open("logs/lightning_logs/one/metrics.csv") as file:
        rows = list(csv.DictReader(file))
    values = [float(row["val/acc"]) for row in rows if row.get("val/acc")]
    table = (RUN / "metrics.csv").read_text().splitlines()
    assert len(values) == 2 and str(values[-1]) in table[-1] and any(row.get("test/acc") for row in rows)
    written = yaml.safe_load(Path("logs/lightning_logs/one/hparams.yaml").read_text())
    assert written["model.width"] == 8 and written == yaml.safe_load((RUN / "hparams.yaml").read_text())
    assert list(RUN.glob("events.out.tfevents*")) and list((RUN / "figures").glob("*.png"))
    said = [message for message in caplog.messages if "CSVLogger" in message]
    assert said == [f"CSVLogger: metrics and hyperparameters. Figures and texts go to TensorBoard and to {RUN}."]


def test_false_turns_all_loggers_off(cli):
    cli(*TOY, "--trainer.max_epochs", 1, "--trainer.logger", "false")
    assert not list(RUN.glob("events*")) and (RUN / "results.json").is_file() and not (RUN / "projector").exists()


def test_mlflow_keeps_the_same_metrics_in_its_files(cli, monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # newer versions refuse it else
    mlflow = pytest.importorskip("mlflow", reason="MLflow is no dependency")
    args = ("--trainer.logger", "MLFlowLogger", "--trainer.logger.tracking_uri", f"file:{Path.cwd()}/mlruns")
    cli(*TOY, "--trainer.max_epochs", 1, *args)
    client = mlflow.tracking.MlflowClient(f"file:{Path.cwd()}/mlruns")
    (experiment,) = [e for e in client.search_experiments() if e.name == "lightning_logs"]
    (run,) = client.search_runs([experiment.experiment_id])
    found = json.loads((RUN / "results.json").read_text())
    assert run.data.metrics["test/acc"] == pytest.approx(found["metrics"]["test/acc"]["value"])
    assert run.data.params["model.width"] == "8" and run.info.status == "FINISHED"
