"""Segmentation networks: shapes, sizes, names, gradients, and what each option is for."""

import re

import pytest
import torch
from torch import nn

from lightning_tasks.nets import DualUNet, UNet, build_segmenter
from lightning_tasks.nets.attention import SqueezeExcitation, TransformerLayer, positions_2d

FAMILY = ["unet", "unet_se", "unet_spatial_attention", "unet_transformer", "dual_unet"]
SMALL = {"width": 8, "depth": 2}
SMP = [
    "smp/Unet/mobilenet_v2",
    "smp/Segformer/tu-regnetx_002",
    "smp/DeepLabV3Plus/resnet18",
]
# name, arguments; one line for each network and each option of UNet
NETS = [
    *((name, SMALL) for name in FAMILY),
    ("unet", SMALL | {"norm": "group", "up": "transposed"}),
    ("unet", SMALL | {"norm": "none", "dropout": 0.2}),
    ("unet_transformer", SMALL | {"stem_stride": 2, "se": 4, "spatial_attention": True}),
    ("dual_unet", SMALL | {"coarse_width": 4, "fine_depth": 1, "transformer": 1, "se": 8}),
    *((name, {}) for name in SMP),
]


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


def build(name: str, args: dict) -> nn.Module:
    return build_segmenter(name, 1, 5, **args)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Tensors this small are not worth a second thread, which waits wherever the machine is shared."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module", params=NETS, ids=lambda case: " ".join(map(str, [case[0], *case[1].values()])))
def net(request) -> nn.Module:
    """Each network, for three channels and four classes; built once, since that takes longer than a test."""
    torch.manual_seed(0)
    name, args = request.param
    return build_segmenter(name, 3, 4, **args)


def test_output_shape(net):
    net.eval()
    for batch, height, width in ((1, 32, 64), (3, 64, 32)):
        logits = net(torch.randn(batch, 3, height, width))
        assert logits.shape == (batch, 4, height, width)
        assert logits.dtype == torch.float32 and logits.isfinite().all()


def test_output_depends_on_its_own_image_only(net):
    images = torch.randn(3, 3, 32, 32, requires_grad=True)
    (gradient,) = torch.autograd.grad(net.eval()(images)[1].sum(), images)
    reached = gradient.abs().amax((1, 2, 3)) > 0
    assert reached.tolist() == [False, True, False]


def test_every_parameter_receives_a_gradient(net):
    net.zero_grad()
    logits = net.train()(torch.randn(4, 3, 32, 64))
    (logits * torch.randn_like(logits)).sum().backward()
    assert not [n for n, p in net.named_parameters() if p.grad is None]
    # timm starts the last BatchNorm of a residual branch at 0, so there the gradient is 0 at first.
    if type(net).__module__.startswith("lightning_tasks"):
        assert not [n for n, p in net.named_parameters() if not p.grad.any()]


def test_eval_is_deterministic(net):
    net.eval()
    image = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(net(image), net(image))
        torch.testing.assert_close(net(image)[1:], net(image[1:]), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", FAMILY)
def test_memory_format_does_not_change_the_result(name):
    net, image = build(name, SMALL).eval(), torch.randn(2, 1, 32, 32)
    with torch.no_grad():
        expected = net(image)
        found = net.to(memory_format=torch.channels_last)(image.to(memory_format=torch.channels_last))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def parameters(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def test_parameter_counts():
    """The "32-64-128" U-Net of the assignment has 472k parameters."""
    assert round(parameters(UNet(width=32, depth=2)) / 1000) == 472
    # by hand: 3x3 kernels, two BatchNorm numbers per channel and convolution, the 1x1 head with its bias
    kernels = [(1, 4), (4, 4), (4, 8), (8, 8), (8 + 4, 4), (4, 4)]
    expected = sum(9 * i * o + 2 * o for i, o in kernels) + 4 * 5 + 5
    assert parameters(UNet(width=4, depth=1)) == expected
    assert parameters(UNet(width=4, depth=1, stem_stride=2)) == expected


def test_options_change_what_they_name():
    plain = UNet(**SMALL)
    se = build("unet_se", SMALL)
    assert sum(isinstance(m, SqueezeExcitation) for m in se.modules()) == 5  # one per block
    assert not any(isinstance(m, SqueezeExcitation) for m in plain.modules())
    overridden = build("unet_se", SMALL | {"se": 2})
    assert parameters(plain) < parameters(se) < parameters(overridden)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in UNet(**SMALL, norm="group").modules())
    dropping = UNet(**SMALL, dropout=0.5).train()
    image = torch.randn(2, 1, 16, 16)
    assert not torch.equal(dropping(image), dropping(image))


def test_transformer_sees_the_whole_image():
    """A corner of the output depends on the far corner of the image only with the transformer."""
    image = torch.randn(1, 1, 16, 256, requires_grad=True)
    reached = {}
    for name in ("unet", "unet_transformer"):
        net = build(name, SMALL).eval()
        (gradient,) = torch.autograd.grad(net(image)[0, :, 0, 0].sum(), image)
        reached[name] = bool(gradient[0, 0, :, -8:].any())
    assert reached == {"unet": False, "unet_transformer": True}


def test_dual_unet_uses_both_paths():
    """The logits are the enlarged coarse logits plus the correction of the fine path, which sees them."""
    net, image = DualUNet(**SMALL).eval(), torch.randn(1, 1, 32, 32)
    with torch.no_grad():
        before = net(image)
        for p in net.fine.head.parameters():
            p.zero_()
        coarse = net.coarse(nn.functional.avg_pool2d(image, 2))
        enlarged = nn.functional.interpolate(coarse, size=(32, 32), mode="bilinear")
    torch.testing.assert_close(net(image), enlarged)
    assert not torch.allclose(before, enlarged)
    assert net.fine.down_blocks[0][0].in_channels == 1 + 5


def test_transformer_layer_against_torch():
    """Our layer is torch's pre-norm encoder layer without the biases of queries, keys and values."""
    ours = TransformerLayer(16, heads=4)
    theirs = nn.TransformerEncoderLayer(16, 4, 32, 0.0, "gelu", batch_first=True, norm_first=True)
    theirs.self_attn.in_proj_bias.data.zero_()
    pairs = [
        (theirs.self_attn.in_proj_weight, ours.qkv.weight),
        (theirs.self_attn.out_proj.weight, ours.project.weight),
        (theirs.self_attn.out_proj.bias, ours.project.bias),
        (theirs.linear1.weight, ours.mlp[0].weight),
        (theirs.linear1.bias, ours.mlp[0].bias),
        (theirs.linear2.weight, ours.mlp[3].weight),
        (theirs.linear2.bias, ours.mlp[3].bias),
    ]
    for target, source in pairs:
        target.data.copy_(source.data)
    tokens = torch.randn(2, 7, 16)
    torch.testing.assert_close(ours(tokens), theirs(tokens), rtol=1e-5, atol=1e-5)


def test_positions_against_formula():
    grid = positions_2d(3, 5, 8, torch.device("cpu")).view(3, 5, 8)
    expected = torch.empty(3, 5, 8)
    for y in range(3):
        for x in range(5):
            angles = [y, y / 100, x, x / 100]  # 10000 ** (-i / 2) for i = 0, 1
            sin, cos = (f(torch.tensor(angles)) for f in (torch.sin, torch.cos))
            expected[y, x] = torch.cat([sin[:2], cos[:2], sin[2:], cos[2:]])
    torch.testing.assert_close(grid, expected)
    assert len(grid.view(-1, 8).unique(dim=0)) == 15


# --- sizes and errors --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "args", "size", "remedy"),
    [
        ("unet", {"depth": 3}, (60, 100), "multiples of 8. Pad or resize to 64x104 or 56x96"),
        ("unet", {"depth": 2, "stem_stride": 2}, (64, 100), "of 8. Pad or resize to 64x104 or 64x96"),
        ("dual_unet", {"depth": 2}, (4, 12), "multiples of 8. Pad or resize to 8x16 or 8x8"),
        ("dual_unet", {"depth": 1, "fine_depth": 3}, (12, 16), "of 8. Pad or resize to 16x16 or 8x16"),
    ],
)
def test_size_error_names_sizes_that_work(name, args, size, remedy):
    net = build(name, {"width": 4} | args).eval()
    with pytest.raises(ValueError, match=re.escape(remedy)) as error:
        net(torch.randn(1, 1, *size))
    assert f"image is {size[0]}x{size[1]}" in str(error.value)
    for height, width in re.findall(r"(\d+)x(\d+)", remedy):
        net(torch.randn(1, 1, int(height), int(width)))


@pytest.mark.parametrize(
    ("name", "args", "message"),
    [
        ("unett", {}, "'unett' is unknown. Did you mean 'unet'.* Networks: unet, unet_se, .*smp/<Arch"),
        ("vgg", {}, "'vgg' is unknown. Networks: unet"),
        ("smp/Unet", {}, "three parts expected"),
        ("smp/Segformr/resnet18", {}, "Did you mean 'smp/Segformer/resnet18'"),
        ("smp/unet/resnet18", {}, "Did you mean 'smp/Unet/resnet18'"),
        ("smp/Unet/resnet19", {}, "Did you mean 'smp/Unet/resnet18'"),
        ("smp/Unet/tu-regnetx_16", {}, "Did you mean 'smp/Unet/tu-regnetx_160'"),
        ("unet", {"widht": 8}, "no argument widht. Did you mean 'width'.*Valid: depth, dropout, .*width"),
        ("dual_unet", {"stem_stride": 2}, "no argument stem_stride"),
        ("smp/Unet/resnet18", {"encoder_dept": 4}, "no argument encoder_dept. Did you mean 'encoder_depth'"),
        ("smp/Unet/resnet18", {"encoder_weights": "imagenet"}, "no argument encoder_weights"),
        ("smp/DPT/resnet18", {}, "Only Timm encoders are supported"),
        ("unet", {"norm": "layer"}, "norm='layer': choose \"batch\""),
        ("unet", {"up": "nearest"}, "up='nearest': choose \"bilinear\""),
        ("unet", {"stem_stride": 4}, "stem_stride=4: choose 1 or 2"),
        ("unet", {"depth": 0}, "depth=0: each must be 1 or more"),
        ("unet_transformer", {"width": 3, "depth": 1}, "6 bottleneck channels.*multiple of 4"),
    ],
)
def test_error_messages(name, args, message):
    with pytest.raises(ValueError, match=message) as error:
        build(name, args)
    assert "\n" not in str(error.value)


def test_smp_arguments_reach_the_network():
    args = {"encoder_depth": 3, "decoder_channels": [32, 16, 8]}
    with pytest.raises(ValueError, match="smp/Unet/resnet18.*Unrecognized normalization"):
        build("smp/Unet/resnet18", args | {"decoder_use_norm": "groupnorm"})
    net = build("smp/Unet/resnet18", args | {"decoder_use_norm": "identity"})
    assert not any(isinstance(m, nn.BatchNorm2d) for m in net.decoder.modules())
    assert net.eval()(torch.randn(1, 1, 8, 16)).shape == (1, 5, 8, 16)
    drop = build("smp/Segformer/tu-regnetx_002", {"drop_path_rate": 0.5})
    assert any(type(m).__name__ == "DropPath" for m in drop.modules())
