"""Recurrent layers over sequences of different lengths.

Letters: B batch, T steps, D input, H units, F outputs a step: H, or 2 H where both directions are read.
"""

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

CELLS = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


class Recurrent(nn.Module):
    """An RNN, GRU or LSTM whose results padding cannot change.

    Args:
        size: D.
        hidden: H, units of each layer and direction.
        cell: ``rnn`` (tanh), ``gru`` or ``lstm``.
        layers: Layers, one on the other.
        bidirectional: Also read from the end; both results stand side by side.
        dropout: Between layers.

    Attributes:
        width: F.

    Raises:
        ValueError: Another cell.
    """

    def __init__(
        self,
        size: int,
        hidden: int,
        cell: str = "lstm",
        layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if cell not in CELLS:
            raise ValueError(f"cell={cell!r}: choose {', '.join(CELLS)}.")
        between = dropout if layers > 1 else 0.0  # PyTorch warns where there is nothing between
        self.rnn = CELLS[cell](size, hidden, layers, batch_first=True, bidirectional=bidirectional, dropout=between)
        self.width = hidden * (1 + bidirectional)

    def forward(self, inputs: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
        """States (B, T, F) of the last layer, 0 after a sample's end, and (B, F) where each direction has ended.

        Args:
            inputs: (B, T, D).
            length: int64 (B,), real steps of each sample, 1 or more.
        """
        if self.rnn.bidirectional:  # read from each sample's own end; packing waits for the device
            packed = pack_padded_sequence(inputs, length.cpu(), batch_first=True, enforce_sorted=False)
            states, _ = pad_packed_sequence(self.rnn(packed)[0], batch_first=True, total_length=inputs.shape[1])
            half = self.width // 2
            last = torch.cat([at(states[..., :half], length - 1), states[:, 0, half:]], 1)
            return states, last
        states, _ = self.rnn(inputs)  # what stands behind the end comes too late to change anything before it
        return states * real_steps(length, inputs.shape[1])[..., None], at(states, length - 1)


def at(states: Tensor, step: Tensor) -> Tensor:
    """The state (B, F) of each sample at its own step (B,) of (B, T, F)."""
    return states[torch.arange(len(states), device=states.device), step]


def real_steps(length: Tensor, steps: int) -> Tensor:
    """Whether a step is no padding: bool (B, T) of lengths (B,)."""
    return torch.arange(steps, device=length.device) < length[:, None]
