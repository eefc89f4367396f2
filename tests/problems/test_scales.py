"""Pictures shown larger and smaller: each scale by its definition, their mean, and no views in a fit's validation."""

from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from lightning_tasks.app.console import source_words, views_of
from lightning_tasks.problems import Segmentation
from tests.conftest import measured, results

TINY = {"net": "unet", "net_args": {"width": 4, "depth": 2}, "in_channels": 1, "normalize": "none"}
IMAGE = torch.rand(2, 1, 24, 40, generator=torch.Generator().manual_seed(0))


def task(net=None, **options):
    made = Segmentation(**TINY, class_names=["background", "rock", "sand"], **options).eval()
    made.net = net or made.net
    return made


@torch.no_grad()
def probs(made, image=IMAGE):
    return made.predict_step({"image": image, "id": torch.arange(len(image))})["prob"]


class Brightness(nn.Module):
    """A class for each level of the pixel itself; keeps the sizes it saw."""

    divisor = 16

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, image):
        self.seen.append(tuple(image.shape[-2:]))
        return torch.cat([-9 * image, 9 * image, torch.full_like(image, -9.0)], 1)


@pytest.mark.parametrize(("ignore", "value"), [(None, 1.0), (0, float("nan"))])
def test_a_border_to_the_background_counts_where_the_background_is_not_ignored(ignore, value):
    made = Segmentation(**TINY, class_names=["background", "rock"], ignore_class=ignore).eval()
    mask = torch.zeros(1, 24, 40, dtype=torch.int64)
    mask[:, 8:16, 10:30] = 1
    prob = F.one_hot(mask, 2).permute(0, 3, 1, 2).float()
    rows = made.rows_of({"mask": mask}, {"prob": prob})
    assert float(made.score(rows)["boundary_f1"]) == pytest.approx(value, nan_ok=True)


def test_a_scale_is_what_the_network_says_of_the_resized_picture_at_its_own_size():
    made = task(net := Brightness(), tta_scales=[1.25])
    larger = F.interpolate(IMAGE, size=(30, 50), mode="bilinear")
    expected = F.interpolate(Brightness()(larger).softmax(1), size=(24, 40), mode="bilinear")
    torch.testing.assert_close(probs(made), expected)  # of a network of single pixels: the mirrored edge is cut off
    assert net.seen == [(32, 64)], "multiples of what the network halves"


def test_the_mean_over_scales_has_each_once_with_flips_and_without_background():
    torch.manual_seed(0)
    net = task().net
    options = {"tta": "hflip", "predict_background": False}
    own, small, both = (task(net, tta_scales=s, **options) for s in (None, [0.75], [1, 0.75]))
    torch.testing.assert_close(probs(both), (probs(own) + probs(small)) / 2)
    torch.testing.assert_close(probs(both).sum(1), torch.ones(2, 24, 40))
    assert not probs(small)[:, 0].any() and (probs(own) - probs(small)).abs().max() > 1e-3
    torch.testing.assert_close(probs(both, IMAGE.flip(-1)), probs(both).flip(-1))
    assert torch.equal(probs(task(net, tta_scales=[1])), probs(task(net)))


def test_evaluation_asks_the_network_once_for_each_view_and_says_what_prediction_says(monkeypatch):
    made, collected = task(net := Brightness(), tta="hflip", tta_scales=[0.5, 1]), {}
    monkeypatch.setattr(made, "track", lambda *_: None)
    monkeypatch.setattr(made, "collect", lambda part, batch, **rows: collected.update(rows))
    image = F.interpolate(IMAGE, size=(32, 64))
    mask = torch.randint(3, (2, 32, 64), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        made.evaluate("test", {"image": image, "mask": mask, "id": torch.arange(2)})
    assert sorted(net.seen) == [(16, 32)] * 2 + [(32, 64)] * 2, "the picture as it is: for loss and prediction at once"
    assert torch.equal(collected["pred"], probs(made, image).argmax(1).to(torch.uint8))


@pytest.mark.parametrize(
    "options, views",
    [({}, "none"), ({"tta": "hflip"}, "hflip"), ({"tta_scales": [0.5, 1]}, "scales 0.5, 1"),
     ({"tta": "hflip", "tta_scales": [0.75, 1.25]}, "hflip, scales 0.75, 1.25")],
)  # fmt: skip
def test_scores_say_over_which_views_they_average(options, views):
    made = task(Brightness(), **options)
    words = source_words(made, SimpleNamespace(part_kind={"val": "fold 0 of 5"}, data_source="real"), "val")
    said = f", means over {views} (an epoch's validation shows one view)" if options else ""
    assert views_of(made.hparams) == views and words == f"Fold 0 of 5, real data{said}"


def test_pictures_too_small_to_be_mirrored_are_refused():
    with pytest.raises(ValueError, match="0.25 makes pictures of 6x10 .* multiples of 16. Give larger factors"):
        probs(task(Brightness(), tta_scales=[1, 0.25]))


@pytest.mark.parametrize("scales", [[], [0.1], [1, 8]])
def test_other_scales_are_refused(scales):
    with pytest.raises(ValueError, match="factors from 0.25 to 4"):
        task(tta_scales=scales)


def test_a_fit_chooses_its_epoch_without_and_is_tested_with_them(cli, tmp_path, monkeypatch):
    shown, forward = [], Segmentation.forward

    def noted(self, image):
        if not self.training:
            shown.append((self._trainer and self.trainer.state.fn, tuple(image.shape[-2:])))
        return forward(self, image)

    monkeypatch.setattr(Segmentation, "forward", noted)
    cli("fit", "--config", "configs/mars_unet.yaml", "--data.source", "simulated", "--data.limit", 40,
        "--model.net_args", "{width: 4, depth: 2, stem_stride: 2}", "--model.tta_scales", "[0.75,1,1.25]",
        "--trainer.max_epochs", 1, "--draws", 0, "--baselines", "false", "--figures", "none",
        "--trainer.enable_progress_bar", "false")  # fmt: skip
    views = {(64, 128), (48, 96), (80, 160)}
    assert [size for fn, size in shown if fn == "fit"] == [(64, 128)], "one batch, seen once: neither sizes nor flips"
    assert sorted(size for fn, size in shown if fn == "test") == sorted([*views] * 2), "each size, and its mirror image"
    run = tmp_path / "runs/mars_unet/default"
    before = results(run)["metrics"]["test/miou_course"]["value"]
    cli("test", "--run", run, "--draws", 0)
    assert measured(run)["test/miou_course"] == before
    cli("export", "--run", run, "--samples", 8)
    assert "scales 0.75, 1, 1.25" in (run / "export/model.onnx.md").read_text()
