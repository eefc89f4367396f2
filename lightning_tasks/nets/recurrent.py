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
        if torch.compiler.is_exporting():
            return self._exported(inputs, length)
        if inputs.device.type == "cpu" and torch.is_autocast_enabled("cpu"):
            with torch.autocast("cpu", enabled=False):  # not every CPU has recurrent layers in half precision
                return self(inputs.float(), length)
        if self.rnn.bidirectional:  # read from each sample's own end; packing waits for the device
            packed = pack_padded_sequence(inputs, length.cpu(), batch_first=True, enforce_sorted=False)
            states, _ = pad_packed_sequence(self.rnn(packed)[0], batch_first=True, total_length=inputs.shape[1])
            half = self.width // 2
            last = torch.cat([at(states[..., :half], length - 1), states[:, 0, half:]], 1)
            return states, last
        states, _ = self.rnn(inputs)  # what stands behind the end comes too late to change anything before it
        return states * real_steps(length, inputs.shape[1])[..., None], at(states, length - 1)

    def _exported(self, inputs: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
        """As ``forward`` in evaluation, for graphs: they cannot pack, so samples are turned within their lengths."""
        steps = inputs.shape[1]
        real = real_steps(length, steps)[..., None]
        place = (length[:, None] - 1 - torch.arange(steps, device=length.device)).clamp_min(0)[..., None]

        def turned(x: Tensor) -> Tensor:
            return x.gather(1, place.expand(-1, -1, x.shape[2]))

        for layer in range(self.rnn.num_layers):
            states = [self._one_way(inputs, f"l{layer}")]
            if self.rnn.bidirectional:
                states.append(turned(self._one_way(turned(inputs), f"l{layer}_reverse")))
            inputs = torch.cat(states, 2) * real
        ends = [at(inputs, length - 1)]
        if self.rnn.bidirectional:
            half = self.width // 2
            ends = [ends[0][:, :half], inputs[:, 0, half:]]
        return inputs, torch.cat(ends, 1)

    def _one_way(self, inputs: Tensor, name: str) -> Tensor:
        """States (B, T, H) of one layer in one direction."""
        kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        weights = [getattr(self.rnn, f"{kind}_{name}") for kind in kinds]
        start = inputs.new_zeros(1, inputs.shape[0], self.rnn.hidden_size)
        # Time first and a copy: of a turned view a graph asks whether the batch is 1, and then refuses it.
        ordered = inputs.transpose(0, 1).clone(memory_format=torch.contiguous_format)
        if isinstance(self.rnn, nn.LSTM):
            states = torch.lstm(ordered, (start, start), weights, True, 1, 0.0, False, False, False)[0]
        else:
            cell = torch.gru if isinstance(self.rnn, nn.GRU) else torch.rnn_tanh
            states = cell(ordered, start, weights, True, 1, 0.0, False, False, False)[0]
        return states.transpose(0, 1)


def at(states: Tensor, step: Tensor) -> Tensor:
    """The state (B, F) of each sample at its own step (B,) of (B, T, F)."""
    return states[torch.arange(states.shape[0], device=states.device), step]  # not len: it would fix an exported batch


def real_steps(length: Tensor, steps: int) -> Tensor:
    """Whether a step is no padding: bool (B, T) of lengths (B,)."""
    return torch.arange(steps, device=length.device) < length[:, None]
