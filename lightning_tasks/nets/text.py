"""Networks that read a text as one vector: the last state, attention over all states, an encoder, or the mean word.

Letters: B batch, T words, D numbers of a word vector, H hidden units, F numbers of the vector of a text.
"""

import torch
from torch import Tensor, nn

from .recurrent import CELLS, Recurrent, real_steps
from .transformer import Block

TEXT_NETS = (*CELLS, "attention", "transformer", "mean")
HEADS = 2  # of the encoder


class AdditiveAttention(nn.Module):
    """Weights of the states h_j for a query q: softmax over real steps of v . tanh(W [q; h_j] + b).

    A perceptron of two layers on [q; h_j]; its first layer is split into W_q q + W_h h_j, so that the query is
    multiplied once. The last layer has no bias, which a softmax would not see.

    Args:
        width: F, of query and states.
        hidden: Units of the first layer.

    Source: Bahdanau et al. 2015, "Neural machine translation by jointly learning to align and translate", A.1.2.
    """

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.query = nn.Linear(width, hidden)
        self.key = nn.Linear(width, hidden, bias=False)
        self.score = nn.Linear(hidden, 1, bias=False)

    def forward(self, query: Tensor, states: Tensor, length: Tensor) -> Tensor:
        """Weights (B, T), 0 behind a text's end, sum 1, of ``query`` (B, F) for ``states`` (B, T, F)."""
        hidden = torch.tanh(self.query(query)[:, None] + self.key(states))  # (B, T, hidden)
        scores = self.score(hidden).squeeze(2)
        return scores.masked_fill(~real_steps(length, states.shape[1]), -torch.inf).softmax(1)


class Encoder(nn.Module):
    """Word vectors (B, T, D) to the mean (B, H) of what pre-norm blocks make of them; each word sees all real ones.

    Positions are rotary: what a word sees of another depends on their distance, and a text may be of any length.

    Args:
        size: D.
        hidden: H, a multiple of 4.
        layers: Blocks.
        dropout: In each block.

    Raises:
        ValueError: H is no multiple of 4.
    """

    def __init__(self, size: int, hidden: int, layers: int, dropout: float) -> None:
        super().__init__()
        if hidden % (2 * HEADS):
            raise ValueError(
                f"hidden={hidden}: net='transformer' has {HEADS} heads, so need a multiple of {2 * HEADS}."
            )
        self.first = nn.Linear(size, hidden)
        self.blocks = nn.ModuleList(Block(hidden, HEADS, True, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(hidden)

    def forward(self, inputs: Tensor, length: Tensor) -> Tensor:
        """See the class; ``length`` is (B,)."""
        real = real_steps(length, inputs.shape[1])
        x = self.first(inputs)
        for block in self.blocks:
            x = block(x, real[:, None, None])
        return self.norm(x).masked_fill(~real[..., None], 0).sum(1) / length[:, None]


class TextNet(nn.Module):
    """Word vectors (B, T, D) of texts to one vector (B, F) each; padding changes nothing.

    * ``rnn``, ``gru``, ``lstm``: the state after the last word, of both directions where both are read;
    * ``attention``: an LSTM, and the sum of all its states by their weights, with the last state as query;
    * ``transformer``: ``Encoder``;
    * ``mean``: a perceptron of one hidden layer on the mean word vector: it knows no order.

    Args:
        net: One of ``TEXT_NETS``.
        size: D.
        hidden: H, units of a layer and direction; also of the attention.
        layers: Recurrent layers, or blocks.
        bidirectional: Also read from the end; of recurrent networks.
        dropout: Between recurrent layers, or in blocks.

    Attributes:
        width: F.

    Raises:
        ValueError: Layers for ``mean``, which has none, or directions for what does not read word by word.
    """

    def __init__(
        self, net: str, size: int, hidden: int, layers: int = 1, bidirectional: bool = False, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.net = net
        if net == "mean":
            if layers > 1 or bidirectional:
                raise ValueError("net='mean' has no layers and no directions: leave layers and bidirectional away.")
            self.dense, self.width = nn.Sequential(nn.Linear(size, hidden), nn.ReLU()), hidden
            return
        if net == "transformer":
            if bidirectional:
                raise ValueError("net='transformer' sees all words at once: leave bidirectional away.")
            self.encoder, self.width = Encoder(size, hidden, layers, dropout), hidden
            return
        cell = "lstm" if net == "attention" else net
        self.recurrent = Recurrent(size, hidden, cell, layers, bidirectional, dropout)
        self.width = self.recurrent.width
        if net == "attention":
            self.attention = AdditiveAttention(self.width, hidden)

    def forward(self, inputs: Tensor, length: Tensor) -> tuple[Tensor, Tensor | None]:
        """Vectors (B, F) of texts (B, T, D) of ``length`` (B,), and the weights (B, T) of their words, if any."""
        if self.net == "mean":
            real = real_steps(length, inputs.shape[1])[..., None]
            return self.dense(inputs.masked_fill(~real, 0).sum(1) / length[:, None]), None
        if self.net == "transformer":
            return self.encoder(inputs, length), None
        states, last = self.recurrent(inputs, length)
        if self.net != "attention":
            return last, None
        alpha = self.attention(last, states, length)
        return torch.einsum("bt,btf->bf", alpha, states), alpha
