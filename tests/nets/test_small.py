"""Networks of the image exercises: parameter counts of the assignments, shapes, independence of samples, errors."""

import pytest
import torch

from lightning_tasks.nets.classifier import build_classifier


def count(net):
    return sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize(
    ("net", "channels", "classes", "args", "parameters"),
    [
        ("mnist_cnn", 1, 10, {}, 130_890),  # assignment D1
        ("lenet5", 3, 2, {}, 61_326),  # assignment D8
        ("mlp", 1, 10, {"hidden": [128, 128]}, 784 * 128 + 128 + 128 * 128 + 128 + 1290),
        ("mlp", 1, 3, {"image_size": 8, "hidden": [16, 16]}, 65 * 16 + 17 * 16 + 17 * 3),
        ("mlp", 1, 10, {"hidden": []}, 7850),
        ("cnn", 1, 10, {"conv_layers": 1, "filters": 64, "pools": 0, "dense_layers": 0}, 640 + 64 * 784 * 10 + 10),
        ("resnet_cifar", 3, 10, {"depth": 20}, 269_722),  # 0.27 M in He et al., table 6
        ("resnet_cifar", 3, 10, {"depth": 32}, 464_154),  # 0.46 M
    ],
)
def test_parameter_counts(net, channels, classes, args, parameters):
    assert count(build_classifier(net, channels, classes, **args)) == parameters


CASES = [
    ("mnist_cnn", 28, {}),
    ("mnist_cnn", 32, {"image_size": 32, "dropout": 0.3}),
    ("mlp", 28, {"dropout": 0.4}),
    ("lenet5", 32, {}),
    ("cnn", 28, {"conv_layers": 5, "filters": 8, "dense_layers": 5, "neurons": 16, "dropout": 0.2, "pooling": "avg"}),
    ("cnn", 28, {"conv_layers": 3, "pools": 0, "filters": 4, "kernel": 5}),
    ("resnet_cifar", 32, {"depth": 8, "width": 4}),
    ("resnet_cifar", 28, {"depth": 14, "width": 4}),
]


@pytest.mark.parametrize(("net", "side", "args"), CASES)
def test_logits_of_a_sample_depend_on_that_sample_alone(net, side, args):
    torch.manual_seed(0)
    model = build_classifier(net, 1, 7, **args).eval()
    image = torch.rand(4, 1, side, side, requires_grad=True)
    logits = model(image)
    assert logits.shape == (4, 7)
    grad = torch.autograd.grad(logits[2].sum(), image)[0].flatten(1).abs().sum(1)
    assert grad[2] > 0 and grad[[0, 1, 3]].sum() == 0
    torch.testing.assert_close(model(image[1:2]), logits[1:2], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("net", "args", "message"),
    [
        ("cnn", {"conv_layers": 5, "pools": 5}, "pools=5, but 5 convolutions on 28x28 .* allow 0..4.*Set pools to 4"),
        ("cnn", {"conv_layers": 2, "pools": 3}, "allow 0..2"),
        ("cnn", {"conv_layers": 6}, "conv_layers=6 is out of its range 1..5"),
        ("cnn", {"neurons": 300}, "neurons=300 is out of its range 1..256"),
        ("cnn", {"pooling": "min"}, "choose max or avg"),
        ("cnn", {"kernel": 4}, "odd kernel"),
        ("resnet_cifar", {"depth": 18}, "depth=18 is not 6n"),
        ("lenet5", {"image_size": 12}, "image_size is too small"),
        ("mnist_cnn", {"image_size": 7}, "image_size is too small"),
        ("mnist_cnn", {"widht": 3}, "Did you mean 'width'|has no argument 'widht'"),
    ],
)
def test_wrong_arguments_are_errors_with_the_remedy(net, args, message):
    with pytest.raises(ValueError, match=message):
        build_classifier(net, 1, 10, **args)


def test_the_head_is_found_for_unfreezing():
    from lightning_tasks.nets.parameter_groups import trainable_names

    for net, _, args in CASES:
        model = build_classifier(net, 1, 10, **args)
        assert trainable_names(model, "head") == ["head.weight", "head.bias"] and model.get_classifier() is model.head
