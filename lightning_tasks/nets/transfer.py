"""Networks trained on ImageNet, with an MLP on their flattened last map (assignment D5).

Letters: B batch, C channels, S side, K classes.
"""

from collections import OrderedDict

import timm
from torch import nn

VGG_POOLS = (4, 9, 16, 23, 30)  # places of VGG16's poolings: each ends a block


class TransferNet(nn.Sequential):
    """Backbone, flattening, dense ``hidden`` with ReLU, dense K: (B, C, S, S) -> logits (B, K).

    Its children are the blocks that ``unfreeze`` counts: ``block1`` to ``block5`` of VGG16, or ``stem`` and ``layer1``
    to ``layer4`` of ResNet-50, then ``head``, the MLP. At 224 pixels and K = 2 VGG16 has 17,926,338 parameters, as
    Keras counts, and ResNet-50 36,353,474: Keras' 36,433,154 has 26,560 biases in convolutions and counts the 53,120
    statistics of norms, which torch keeps in buffers.

    Args:
        in_channels: C.
        num_classes: K.
        backbone: ``vgg16`` or ``resnet50``.
        image_size: S, 32 or more.
        hidden: Units of the dense layer.
        pretrained: Load timm's weights into the backbone, which may download them.

    Raises:
        ValueError: Another backbone, or too small a picture.
    """

    def __init__(
        self,
        in_channels: int = 3,
        num_classes: int = 2,
        backbone: str = "resnet50",
        image_size: int = 224,
        hidden: int = 128,
        pretrained: bool = False,
    ) -> None:
        if backbone not in ("vgg16", "resnet50"):
            raise ValueError(f"net transfer: backbone={backbone!r}; choose vgg16 or resnet50.")
        if image_size < 32:
            raise ValueError(f"net transfer: image_size={image_size}; need 32 or more: five halvings leave one pixel.")
        net = timm.create_model(backbone, pretrained=pretrained, in_chans=in_channels, num_classes=0)
        if backbone == "vgg16":
            starts = (0, *(place + 1 for place in VGG_POOLS))
            parts = {f"block{i}": net.features[start : starts[i]] for i, start in enumerate(starts[:-1], 1)}
            side = image_size // 32
        else:
            stem = nn.Sequential(net.conv1, net.bn1, net.act1, net.maxpool)
            parts = {"stem": stem} | {f"layer{i}": getattr(net, f"layer{i}") for i in range(1, 5)}
            side = -(-image_size // 32)  # its kernels are padded, VGG's poolings are not
        head = nn.Sequential(
            nn.Flatten(),
            nn.Linear(net.num_features * side**2, hidden),
            nn.ReLU(inplace=True),
            nn.Linear(hidden, num_classes),
        )
        super().__init__(OrderedDict(parts, head=head))

    def get_classifier(self) -> nn.Module:
        """All of the MLP, under the name timm's networks give it."""
        return self.head
