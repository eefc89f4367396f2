"""What every augmentation op shares: random draws, the registry, the per-sample choice, argument checks.

An op is a function ``(batch, draw, **arguments) -> changed keys``. It changes every sample it is given; the choice
which samples these are (argument ``p``) is made here, for all ops alike.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

REQUIRED = inspect.Parameter.empty
Span = float | tuple[float, float] | list[float]


class Draw:
    """Random numbers for a batch of B samples, all from one generator on the device of the batch.

    Nothing here waits for the device. Shapes are ``(B, *shape)``.
    """

    def __init__(self, generator: torch.Generator, image: Tensor) -> None:
        self.generator, self.count, self.device = generator, len(image), image.device

    def of(self, image: Tensor) -> "Draw":
        """The same stream for another number of samples."""
        return Draw(self.generator, image)

    def uniform(self, low: float = 0.0, high: float = 1.0, *shape: int) -> Tensor:
        """float32 in [low, high)."""
        size = (self.count, *shape)
        return torch.rand(size, generator=self.generator, device=self.device) * (high - low) + low

    def chance(self, p: float) -> Tensor:
        """Bool (B,), true with probability p."""
        return self.uniform() < p

    def sign(self) -> Tensor:
        """-1 or 1, (B,) float32."""
        return self.chance(0.5) * 2.0 - 1.0

    def integers(self, low: int, high: int, *shape: int) -> Tensor:
        """int64 in [low, high]."""
        size = (self.count, *shape)
        return torch.randint(low, high + 1, size, generator=self.generator, device=self.device)

    def normal(self, like: Tensor) -> Tensor:
        """Standard normal noise of the shape of ``like``."""
        return torch.empty_like(like).normal_(generator=self.generator)

    def gamma(self, alpha: float, *shape: int) -> Tensor:
        """Gamma(alpha, 1); normalised to sum 1 it is a Beta or Dirichlet draw."""
        if alpha <= 0:
            raise ValueError(f"alpha={alpha}: need a number above 0.")
        # torch.distributions draws from the global generator only; this is the function it calls
        concentration = torch.full((self.count, *shape), float(alpha), device=self.device)
        return torch._standard_gamma(concentration, generator=self.generator).clamp_min(1e-30)

    def beta(self, alpha: float) -> Tensor:
        """Beta(alpha, alpha), (B,) float32."""
        pair = self.gamma(alpha, 2)
        return pair[:, 0] / pair.sum(1)

    def partner(self) -> Tensor:
        """(B,) int64, another sample for each: a random cycle, so nobody is its own partner (B > 1)."""
        order = torch.rand(self.count, generator=self.generator, device=self.device).argsort()
        return torch.empty_like(order).scatter_(0, order, order.roll(1))

    def on_host(self) -> torch.Generator:
        """A generator on the CPU that follows from the state of this one, for choices that fix shapes.

        The state of a CUDA generator is kept on the host: reading it does not wait for the device.
        """
        if self.generator.device.type == "cpu":
            return self.generator
        state = bytes(self.generator.get_state().tolist())
        self.uniform()  # draws, so that the next call finds another state
        return torch.Generator().manual_seed(hash_of(state))


def hash_of(state: bytes) -> int:
    """63-bit number from bytes, the same in every process (Python's own hash is salted)."""
    number = 1469598103934665603  # FNV-1a
    for byte in state:
        number = ((number ^ byte) * 1099511628211) & 0x7FFFFFFFFFFFFFFF
    return number


@dataclass(frozen=True)
class Op:
    """A registered op: its function, the default ``p``, and whether it takes from other samples."""

    function: Callable[..., dict[str, Tensor]]
    p: float
    mixes: bool

    def arguments(self) -> dict:
        """Valid arguments and their defaults, ``REQUIRED`` for those without."""
        parameters = list(inspect.signature(self.function).parameters.values())[2:]
        return {parameter.name: parameter.default for parameter in parameters} | {"p": self.p}

    def __call__(self, batch: dict, draw: Draw, p: float, **arguments: object) -> dict:
        """A new batch in which each sample was changed with probability ``p``."""
        if self.mixes:  # on chosen rows alone they are no quicker: to gather and to put back takes as long
            return {**batch, **self.function(batch, draw, p=p, **arguments)}
        if p >= 1:
            return {**batch, **self.function(batch, draw, **arguments)}
        chosen = draw.chance(p)
        if draw.device.type == "cpu":
            return self.of_rows(batch, draw, chosen.nonzero().squeeze(1), arguments)
        # a GPU would have to be waited for to learn how many are chosen
        return self.of_all(batch, draw, chosen, arguments)

    def of_rows(self, batch: dict, draw: Draw, rows: Tensor, arguments: dict) -> dict:
        """Change some ``rows`` (n,) int64; n may be 0."""
        if not len(rows):
            return dict(batch)
        part = {key: batch[key].index_select(0, rows) for key in ("image", "mask") if key in batch}
        changed = self.function(part, draw.of(part["image"]), **arguments)
        return {**batch, **{key: batch[key].index_copy(0, rows, new) for key, new in changed.items()}}

    def of_all(self, batch: dict, draw: Draw, chosen: Tensor, arguments: dict) -> dict:
        """Change all samples, and keep the change of the ``chosen`` (B,) bool: no shape depends on their number."""
        changed = self.function(batch, draw, **arguments)
        return {**batch, **{key: choose(chosen, new, batch[key]) for key, new in changed.items()}}


OPS: dict[str, Op] = {}


def op(p: float = 1.0, mixes: bool = False) -> Callable:
    """Register a function under its own name. ``mixes`` ops get ``p`` themselves."""

    def register(function: Callable) -> Callable:
        OPS[function.__name__] = Op(function, p, mixes)
        return function

    return register


def choose(chosen: Tensor, new: Tensor, old: Tensor) -> Tensor:
    """``new`` where ``chosen`` (B,) is true, else ``old``; both (B, ...)."""
    return torch.where(column(chosen, old), new, old)


def column(values: Tensor, like: Tensor) -> Tensor:
    """(B,) -> (B, 1, ..., 1) with as many axes as ``like``."""
    return values.view(-1, *[1] * (like.dim() - 1))


def span(value: Span, name: str, around: float = 0.0) -> tuple[float, float]:
    """``[low, high]`` as it stands; one number v means ``around - v`` to ``around + v``.

    Raises:
        ValueError: if it is neither, or low is above high.
    """
    if isinstance(value, (int, float)):
        return around - abs(value), around + abs(value)
    if len(value) != 2 or value[0] > value[1]:
        raise ValueError(f"{name}={list(value)}: need one number or [low, high] with low <= high.")
    return float(value[0]), float(value[1])


def amounts(value: Span, name: str) -> tuple[float, float]:
    """``[low, high]`` of what cannot be negative, such as a size; one number means exactly that.

    Raises:
        ValueError: as ``span``, or low is negative.
    """
    low, high = span([value, value] if isinstance(value, (int, float)) else value, name)
    if low < 0:
        raise ValueError(f"{name}={value}: need one number or [low, high] of 0 or more.")
    return low, high
