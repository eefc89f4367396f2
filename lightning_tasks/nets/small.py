"""Small networks of the image exercises, each as its assignment gives it.

Letters: B batch, C channels of the image, S its side (images are square), K classes. All take (B, C, S, S) and give
logits (B, K).
"""

import torch.nn.functional as F
from torch import Tensor, nn

from .cnn_small import Residual


class Net(nn.Module):
    """Layers from the image to the head: (B, C, S, S) -> (B, K).

    Args:
        features: Everything but the last layer.
        head: The last layer.
    """

    def __init__(self, features: nn.Module, head: nn.Linear) -> None:
        super().__init__()
        self.features, self.head = features, head

    def forward(self, image: Tensor) -> Tensor:
        """Logits (B, K)."""
        return self.head(self.features(image))

    def get_classifier(self) -> nn.Module:
        """The last layer, under the name timm's networks give it."""
        return self.head


class MnistCnn(Net):
    """The CNN of assignment D1: three 3x3 convolutions, each with ReLU and pooling by 2, then two dense layers.

    For 28x28 gray pictures the maps are 28, 14 and 7 wide, and 64 x 3 x 3 = 576 values reach the dense layers:
    130,890 parameters.

    Args:
        in_channels: C.
        num_classes: K.
        image_size: S, 8 or more.
        widths: Channels of the three convolutions.
        hidden: Units of the dense layer.
        dropout: In front of both dense layers.
    """

    def __init__(
        self,
        in_channels: int = 1,
        num_classes: int = 10,
        image_size: int = 28,
        widths: list[int] | None = None,
        hidden: int = 128,
        dropout: float = 0.0,
    ) -> None:
        layers: list[nn.Module] = []
        channels = in_channels
        if widths is not None and not widths:
            raise ValueError("widths=[]: name the channels of one convolution or more, or leave it at null.")
        for width in widths or [32, 64, 64]:
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2)]
            image_size, channels = image_size // 2, width
        _check_left(image_size, "mnist_cnn")
        flat = channels * image_size**2
        layers += [
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(flat, hidden),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
        ]
        super().__init__(nn.Sequential(*layers), nn.Linear(hidden, num_classes))


class Mlp(Net):
    """Dense layers with ReLU on the flattened image.

    Args:
        in_channels: C.
        num_classes: K.
        image_size: S.
        hidden: Units of each hidden layer; an empty list is a linear model.
        dropout: After each hidden layer.
    """

    def __init__(
        self,
        in_channels: int = 1,
        num_classes: int = 10,
        image_size: int = 28,
        hidden: list[int] | None = None,
        dropout: float = 0.0,
    ) -> None:
        widths = [in_channels * image_size**2, *([128, 128] if hidden is None else hidden)]
        if min(widths) < 1:
            raise ValueError(f"hidden={hidden}: each layer needs 1 unit or more.")
        layers: list[nn.Module] = [nn.Flatten()]
        for a, b in zip(widths, widths[1:], strict=False):
            layers += [nn.Linear(a, b), nn.ReLU(inplace=True), nn.Dropout(dropout)]
        super().__init__(nn.Sequential(*layers), nn.Linear(widths[-1], num_classes))


class LeNet5(Net):
    """LeNet-5 as assignment D8 gives it: two 5x5 convolutions with max pooling, dense 120 and 84, all with ReLU.

    32x32 pictures give maps of 28, 14, 10 and 5, so 400 values reach the dense layers: 61,326 parameters for three
    channels and two classes.

    Args:
        in_channels: C.
        num_classes: K.
        image_size: S, 16 or more.
        dropout: In front of the dense layers.

    Source: LeCun et al. 1998, "Gradient-based learning applied to document recognition", section II.B, which has
    trained subsampling, tanh and a Gaussian output layer instead.
    """

    def __init__(self, in_channels: int = 3, num_classes: int = 2, image_size: int = 32, dropout: float = 0.0) -> None:
        side = ((image_size - 4) // 2 - 4) // 2
        _check_left(side, "lenet5")
        features = nn.Sequential(
            nn.Conv2d(in_channels, 6, 5),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(16 * side**2, 120),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(120, 84),
            nn.ReLU(inplace=True),
        )
        super().__init__(features, nn.Linear(84, num_classes))


class TunedCnn(Net):
    """The family that the tuner of assignment D2 searches.

    ``conv_layers`` times (convolution, ReLU), the first ``pools`` of them followed by pooling by 2; then
    ``dense_layers`` times (dense, ReLU, dropout); then the head.

    Args:
        in_channels: C.
        num_classes: K.
        image_size: S.
        conv_layers: 1 to 5.
        filters: Channels of the last convolution; each pooling before it halves them, down to 8. As the pictures
            shrink the channels grow, which keeps the work of the layers alike.
        kernel: Side of the kernels, odd.
        pools: Pooled layers, at most ``conv_layers``; None pools after each as long as the picture allows.
        pooling: ``max`` or ``avg``.
        dense_layers: 0 to 5.
        neurons: Units of each dense layer.
        dropout: After each dense layer.
        input_size: Side to which pictures are shrunk first, by means over areas; None leaves them as they are.

    Raises:
        ValueError: More pools than the picture or the layers allow, or a number out of its range.
    """

    LIMITS = {"conv_layers": (1, 5), "dense_layers": (0, 5), "filters": (1, 256), "neurons": (1, 256)}

    def __init__(
        self,
        in_channels: int = 1,
        num_classes: int = 10,
        image_size: int = 28,
        conv_layers: int = 2,
        filters: int = 32,
        kernel: int = 3,
        pools: int | None = None,
        pooling: str = "max",
        dense_layers: int = 1,
        neurons: int = 128,
        dropout: float = 0.0,
        input_size: int | None = None,
    ) -> None:
        if input_size is not None and not 1 <= input_size <= image_size:
            raise ValueError(f"net cnn: input_size={input_size} of pictures with {image_size}: choose 1..{image_size}.")
        image_size = input_size or image_size
        settings = {"conv_layers": conv_layers, "dense_layers": dense_layers, "filters": filters, "neurons": neurons}
        for name, value in settings.items():
            low, high = self.LIMITS[name]
            if not low <= value <= high:
                raise ValueError(f"net cnn: {name}={value} is out of its range {low}..{high}.")
        if pooling not in ("max", "avg") or kernel % 2 == 0:
            raise ValueError(f"net cnn: pooling={pooling!r}, kernel={kernel}: choose max or avg, and an odd kernel.")
        possible = min(conv_layers, image_size.bit_length() - 1)  # halvings that leave one pixel
        pools = possible if pools is None else pools
        if not 0 <= pools <= possible:
            raise ValueError(
                f"net cnn: pools={pools}, but {conv_layers} convolutions on {image_size}x{image_size} pictures allow "
                f"0..{possible}: every pooling halves the side. Set pools to {possible} or fewer, or leave it out."
            )
        pool = nn.MaxPool2d if pooling == "max" else nn.AvgPool2d
        layers: list[nn.Module] = [] if input_size is None else [nn.AdaptiveAvgPool2d(input_size)]
        channels, side = in_channels, image_size
        for number in range(conv_layers):
            halvings = min(pools, conv_layers - 1) - min(number, pools)  # poolings between this layer and the last
            width = max(min(filters, 8), filters >> halvings)
            layers += [nn.Conv2d(channels, width, kernel, padding=kernel // 2), nn.ReLU(inplace=True)]
            if number < pools:
                layers.append(pool(2))
                side //= 2
            channels = width
        layers.append(nn.Flatten())
        units = channels * side**2
        for _ in range(dense_layers):
            layers += [nn.Linear(units, neurons), nn.ReLU(inplace=True), nn.Dropout(dropout)]
            units = neurons
        super().__init__(nn.Sequential(*layers), nn.Linear(units, num_classes))


class ResNetCifar(Net):
    """ResNet for pictures of about 32 pixels: a 3x3 stem, three stages of n blocks, 6n + 2 layers.

    Stages have ``width``, 2 ``width`` and 4 ``width`` channels and sides S, S / 2 and S / 4; then mean and head.
    Shortcuts across stages subsample and pad with zeros (option A: no parameters). ResNet-20 has 269,722 and
    ResNet-32 464,154 parameters for three channels and ten classes.

    Args:
        in_channels: C.
        num_classes: K.
        depth: 6n + 2: 8, 14, 20, 32, 44, 56 or 110.
        width: Channels of the first stage.

    Raises:
        ValueError: ``depth`` is not 6n + 2.

    Source: He et al. 2016, "Deep residual learning for image recognition", section 4.2.
    """

    def __init__(self, in_channels: int = 3, num_classes: int = 10, depth: int = 20, width: int = 16) -> None:
        blocks, remainder = divmod(depth - 2, 6)
        if remainder or blocks < 1:
            raise ValueError(f"net resnet_cifar: depth={depth} is not 6n + 2. Choose 8, 14, 20, 32, 44, 56 or 110.")
        stem = [nn.Conv2d(in_channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
        layers, channels = stem, width
        for stage in range(3):
            for number in range(blocks):
                stride = 2 if stage and not number else 1
                out = width * 2**stage
                layers.append(Residual(channels, out, stride, PlainShortcut(out - channels, stride)))
                channels = out
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        super().__init__(nn.Sequential(*layers), nn.Linear(channels, num_classes))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


class PlainShortcut(nn.Module):
    """A shortcut without parameters: every ``stride``-th pixel, and zeros as the ``missing`` channels."""

    def __init__(self, missing: int, stride: int) -> None:
        super().__init__()
        self.missing, self.stride = missing, stride

    def forward(self, x: Tensor) -> Tensor:
        """(B, in, S, S) -> (B, in + missing, S / stride, S / stride)."""
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.missing))


def _check_left(side: int, net: str) -> None:
    if side < 1:
        raise ValueError(f"net {net}: image_size is too small, nothing is left after its poolings.")
