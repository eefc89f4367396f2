"""Grad-CAM, saliency and SmoothGrad against captum and closed forms, and the verb ``explain``."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import timm
import torch
import torch.nn.functional as F
import yaml
from captum.attr import LayerAttribution, LayerGradCam, Saliency

from datamodules.core.base import DataModule
from lightning_tasks.measures.explanations import GradCam, as_map, saliency, smooth_grad, unit
from lightning_tasks.nets.classifier import build_classifier
from lightning_tasks.problems import ImageClassifier
from tests.conftest import ROOT

SQUARE = 8
NET = "{width: 8, blocks: [1, 1], stem_stride: 1}"


def net(name="cnn_small", channels=3, classes=5, seed=0, **args):
    torch.manual_seed(seed)
    model = build_classifier(name, channels, classes, **args).eval()
    torch.nn.init.normal_(model.get_classifier().weight)  # else the bias decides, and many maps are zero everywhere
    return model


def likely(model, image, place=0):
    """The likeliest class of each image, or the next ones: untrained networks have nothing for many classes."""
    with torch.no_grad():
        return model(image).argsort(1, descending=True)[:, place]


def images(n=4, channels=3, side=32, seed=1):
    return torch.rand(n, channels, side, side, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("name", "args", "layer", "side", "channels"),
    [
        ("cnn_small", {"width": 8}, "stages", 32, 3),
        ("mnist_cnn", {}, "features.7", 28, 1),  # ReLU after the last convolution: 7x7, not the pooled 3x3
        ("timm/resnet18", {}, "layer4", 64, 3),
    ],
)
def test_grad_cam_is_captums_on_the_layer_it_finds(name, args, layer, side, channels):
    model, image = net(name, channels, **args), images(3, channels, side)
    target = likely(model, image)
    cam = GradCam(model)
    ours = cam(model, image, target)
    assert ours.flatten(1).any(1).all()
    assert cam.layer == layer
    theirs = LayerGradCam(model, model.get_submodule(layer)).attribute(image, target, relu_attributions=True)
    theirs = LayerAttribution.interpolate(theirs, (side, side), "bilinear")[:, 0].detach()
    torch.testing.assert_close(ours, theirs / theirs.amax((1, 2), keepdim=True).clamp_min(1e-30), atol=1e-5, rtol=1e-4)
    if name == "mnist_cnn":
        assert as_map(model.features[:8](image), image, model).shape == (3, 64, 7, 7)


def test_with_mean_pooling_and_a_linear_head_it_is_the_class_activation_map():
    model, image = net(width=8), images()  # Zhou et al. 2016: the weights of the class, up to 1 / (h w)
    target = likely(model, image)
    with torch.no_grad():
        maps = model.stages(model.stem(image))
        cam = torch.einsum("bc,bchw->bhw", model.head.weight[target], maps).relu()
    cam = F.interpolate(cam[:, None], (32, 32), mode="bilinear")[:, 0]
    assert cam.flatten(1).any(1).all()
    torch.testing.assert_close(GradCam(model)(model, image, target), unit(cam), atol=1e-5, rtol=1e-4)


def test_a_map_is_the_same_alone_and_in_a_batch_with_classes_of_their_own():
    model, image = net(width=8), images()
    target = torch.stack([likely(model, image), likely(model, image, 1)], 1).view(-1)[:4]
    image = image.repeat_interleave(2, 0)[:4]  # each picture with two classes
    cam = GradCam(model)
    together = cam(model, image, target)
    for i in range(4):
        torch.testing.assert_close(
            cam(model, image[i : i + 1], target[i : i + 1])[0], together[i], atol=1e-5, rtol=1e-4
        )
    assert together.flatten(1).any(1).all() and not torch.allclose(together[0], together[1], atol=0.01)


def test_saliency_is_captums_and_smooth_grad_of_a_linear_model_is_its_weight():
    model, image, target = net(width=8), images(), torch.tensor([1, 1, 0, 4])
    theirs = Saliency(model).attribute(image.clone().requires_grad_(), target).amax(1)
    torch.testing.assert_close(saliency(model, image, target), theirs, atol=1e-7, rtol=1e-4)
    linear = net("mlp", 3, image_size=32, hidden=[])
    weight = linear.head.weight[target].view(4, 3, 32, 32).abs().amax(1).detach()
    torch.testing.assert_close(smooth_grad(linear, image, target, draws=3), weight)
    noisy = smooth_grad(model, image, target, draws=4)
    assert not torch.allclose(noisy, smooth_grad(model, image, target, draws=4, seed=1))
    torch.testing.assert_close(noisy[1:2], smooth_grad(model, image[1:2], target[1:2], draws=4), atol=1e-6, rtol=1e-4)


def test_it_works_frozen_under_inference_mode_and_in_bf16():
    model, image = net(width=8), images()
    target = likely(model, image)
    plain = GradCam(model)(model, image, target)
    assert plain.flatten(1).any(1).all()
    model.requires_grad_(False)
    with torch.inference_mode():
        torch.testing.assert_close(GradCam(model)(model, image * 1, target), plain)
        assert saliency(model, image * 1, target).shape == (4, 32, 32)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = GradCam(model)(model, image, target)
    low = GradCam(model.bfloat16())(model, image.bfloat16(), target)
    assert mixed.dtype == low.dtype == torch.float32
    assert (mixed - plain).abs().mean() < 0.05 and (low - plain).abs().mean() < 0.05


@pytest.mark.parametrize(
    ("name", "layer", "shape"),
    [
        ("resnet10t", "layer4", (2, 2)),
        ("efficientnet_b0", "bn2", (2, 2)),
        ("mobilenetv3_small_050", "blocks", (2, 2)),  # its last convolution comes after the pooling
        ("vgg11", "features.19", (4, 4)),  # before the last pooling
        ("convnext_atto", "norm_pre", (2, 2)),
        ("swin_tiny_patch4_window7_224", "norm", (7, 7)),  # channels last
        ("vit_tiny_patch16_224", "blocks.11.norm1", (14, 14)),  # reads its class token
        ("vit_base_patch16_siglip_224", None, (14, 14)),  # pools by attention
    ],
)
def test_the_last_feature_map_of_timms_networks_is_found(name, layer, shape):
    small = {"depth": 2, "embed_dim": 48, "num_heads": 3} if "siglip" in name else {}
    torch.manual_seed(0)
    model = timm.create_model(name, num_classes=3, **small).eval()
    side = 224 if "224" in name else 64
    seen = {}
    cam = GradCam(model)
    maps = cam(model, images(1, 3, side), torch.tensor([1]))
    assert maps.shape == (1, side, side) and (layer is None or cam.layer == layer), cam.layer
    hook = model.get_submodule(cam.layer).register_forward_hook(lambda m, i, o: seen.update(found=o))
    model(images(1, 3, side))
    hook.remove()
    assert as_map(seen["found"], images(1, 3, side), model).shape[2:] == shape


def test_images_that_are_not_square_and_layers_that_do_not_suit():
    model = net("timm/resnet18")
    image = torch.rand(2, 3, 64, 128)
    assert GradCam(model)(model, image, torch.tensor([0, 1])).shape == (2, 64, 128)
    with pytest.raises(ValueError, match="no such module. Did you mean .*layer4"):
        GradCam(model, "layer44")
    with pytest.raises(ValueError, match="gives no feature map"):
        GradCam(model, "fc")(model, image, torch.tensor([0, 1]))
    linear = net("mlp", 3, image_size=32, hidden=[4])
    with pytest.raises(ValueError, match="no feature map larger than one pixel"):
        GradCam(linear)(linear, images(), torch.zeros(4, dtype=torch.long))


class Squares(DataModule):
    """Noise; in pictures of class 1 a bright square stands somewhere."""

    title = "squares"

    def simulate(self):
        rng = np.random.default_rng(0)
        label = rng.integers(0, 2, 320)
        image = rng.integers(0, 160, (320, 3, 32, 32), dtype=np.uint8)
        for i, (top, left) in enumerate(places()):
            if label[i]:
                image[i, :, top : top + SQUARE, left : left + SQUARE] += 90
        return {"train": {"image": image, "label": label}}


def places():
    return np.random.default_rng(1).integers(0, 32 - SQUARE, (320, 2))


@pytest.fixture(scope="module")
def squares(tmp_path_factory):
    """A network that learnt to find the square."""
    from lightning_tasks.app import main

    runs = tmp_path_factory.mktemp("squares")
    args = f"fit --model ImageClassifier --model.lr 0.01 --data {__name__}.Squares --data.source simulated"
    args += " --trainer.max_epochs 6 --trainer.enable_progress_bar false --baselines false --draws 3 --name a"
    main([*args.split(), "--runs", str(runs), "--model.net_args", NET])
    return runs / "ImageClassifier" / "a"


def inside(maps, rows):
    """Share of each map that lies on the square, with a margin of a cell of the feature map."""
    shares = []
    for one, (top, left) in zip(maps, places()[rows], strict=True):
        window = one[max(0, top - 4) : top + SQUARE + 4, max(0, left - 4) : left + SQUARE + 4]
        shares.append(float(window.sum() / one.sum()))
    return np.array(shares)


def test_maps_lie_on_what_decides_and_random_weights_change_them(squares):
    from lightning_tasks.app.members import load_run

    loaded = load_run(str(squares))
    arrays = loaded.data.arrays("val")
    rows = arrays["id"][arrays["label"] == 1].numpy()
    image, target = arrays["image"][arrays["label"] == 1], torch.ones(len(rows), dtype=torch.long)
    task = loaded.task
    trained = GradCam(task.net)(task, image, target)
    gradients = smooth_grad(task, image, target, draws=8)
    area = (SQUARE + 8) ** 2 / 32**2  # share by chance, at most
    assert np.median(inside(trained, rows)) > 3 * area and np.median(inside(gradients, rows)) > area
    # Adebayo et al. 2018, "Sanity checks for saliency maps": a map that does not change with the weights shows none.
    random = ImageClassifier(net_args=yaml.safe_load(NET)).eval()
    random.mean.copy_(task.mean), random.std.copy_(task.std)
    others = GradCam(random.net)(random, image, target)
    assert np.nanmedian(inside(others, rows)) < 0.6 * np.median(inside(trained, rows))
    assert (trained - others).abs().flatten(1).mean(1).median() > 0.1


def test_the_verb_draws_each_kind_and_writes_what_it_chose(squares, cli, capsys):
    cli("explain", "--run", squares, "--count", 2, "--draws", 2)
    out = capsys.readouterr().out
    note = json.loads((squares / "explain.json").read_text())
    surest = note["groups"]["true_positives"][0]
    assert f"{surest['id']} (truth positive; positive {surest['prob_positive']:.3f})" in out
    assert list(note["groups"]) == ["true_positives", "false_positives", "false_negatives", "true_negatives"]
    table = pd.read_csv(squares / "predictions.csv")
    positives, negatives = (
        np.sort(table["prob_positive"][table["label"] == name]) for name in ("positive", "negative")
    )
    chosen = {kind: [s["prob_positive"] for s in found] for kind, found in note["groups"].items()}
    np.testing.assert_allclose(chosen["true_positives"], positives[::-1][:2], atol=1e-5)
    np.testing.assert_allclose(chosen["true_negatives"], negatives[:2], atol=1e-5)
    for kind, found in note["groups"].items():
        assert (squares / "figures" / f"explain_{kind}.png").is_file() == bool(found), kind
        assert kind.replace("_", " ") in out
    labels = table["label"] == "positive"
    bound = np.quantile(table["prob_positive"], 1 - labels.mean())
    rule = f"Positive is positive, predicted where its probability is above {bound:.3f}: as many lie above it"
    report = (squares / "report.html").read_text()
    assert rule in out and rule in report and (table["prob_positive"] > bound).sum() == labels.sum()
    assert "Explanations" in report and "Surest true positives" in report
    first = note["groups"]["true_positives"][0]["id"]
    cli("explain", "--run", squares, "--ids", first, "--draws", 1, "--layer", "net.stages.0")
    note = json.loads((squares / "explain.json").read_text())
    assert note["layer"] == "net.stages.0" and [s["id"] for s in note["groups"]["chosen"]] == [first]
    assert sorted(p.name for p in (squares / "figures").glob("explain_*")) == ["explain_chosen.png"]
    assert "Positive is" not in capsys.readouterr().out, "samples that were named are chosen by no threshold"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--positive", "postive"], "--positive 'postive' is no class. Did you mean 'positive'"),
        (["--ids", "9999"], "--ids '9999': no such sample"),
        (["--count", "0"], "need 1 or more"),
        (["--remove", "2"], "--remove is for text; ImageClassifier reads pictures"),
        (["--threshold", "7"], "--threshold 7: need a probability, from 0 to 1"),
        (["--threshold", "0.5", "--ids", "1"], "--threshold chooses samples that count as positive: with --ids none"),
        (["--threshold", "0.5", "--part", "predict"], "count as positive: of --part predict no truth is known"),
        (["--part", "predict"], "--part predict: this data has no unlabelled part"),
        (["--layer", "net.stage"], "no such module. Did you mean 'net.stages"),
    ],
)
def test_mistakes_are_told(squares, cli, capsys, args, message):
    with pytest.raises(SystemExit):
        cli("explain", "--run", squares, *args)
    assert message in capsys.readouterr().err


def test_tasks_that_classify_no_images_are_refused(toy, cli, capsys):
    run = toy("ToySequence", "--trainer.max_epochs", 1)
    with pytest.raises(SystemExit):
        cli("explain", "--run", Path(run))
    assert "explain has no meaning for ToySequence: it classifies no pictures" in capsys.readouterr().err


def test_a_network_without_feature_maps_is_explained_by_its_gradients(tmp_path, cli, capsys):
    cli("fit", "--config", ROOT / "configs/variants/mnist_mlp.yaml", "--data.limit", 100, "--trainer.max_epochs", 1,
        "--draws",
        0, "--baselines", "false", "--trainer.enable_progress_bar", "false")  # fmt: skip
    run = tmp_path / "runs/mnist_mlp/default"
    cli("explain", "--run", run, "--count", 1, "--draws", 1)
    assert "Grad-CAM does not apply to it. Saliency and SmoothGrad do." in capsys.readouterr().out
    assert json.loads((run / "explain.json").read_text())["layer"] is None
    assert "there is no feature map for Grad-CAM" in (run / "report.html").read_text()
