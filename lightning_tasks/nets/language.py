"""Networks that say which token comes next, over windows of a text that follow each other.

Each gives ``net(tokens, memory, goes_on)``: logits (B, T, V) of a window and its memory for the next one, and
``following(tokens, memory)``: logits (B, V) of the token after a text, for sampling.
"""

import torch
from torch import Tensor, nn

from .recurrent import CELLS
from .transformer import Transformer

NETS = (*CELLS, "transformer")


class RecurrentLanguageModel(nn.Module):
    """Embedding, recurrent layers, output layer; its memory is the detached state of all layers.

    Args:
        vocabulary: V.
        width: H, of the embedding and of each layer.
        layers: Layers, one on the other.
        cell: ``rnn``, ``gru`` or ``lstm``.
        dropout: Before, between and behind the layers.
        tied: The output layer has the embedding's weights (Press & Wolf 2017).

    Raises:
        ValueError: Another cell.
    """

    def __init__(
        self,
        vocabulary: int,
        width: int = 256,
        layers: int = 1,
        cell: str = "lstm",
        dropout: float = 0.0,
        tied: bool = False,
    ) -> None:
        super().__init__()
        if cell not in CELLS:
            raise ValueError(f"cell={cell!r}: choose {', '.join(CELLS)}.")
        self.embedding = nn.Embedding(vocabulary, width)
        between = dropout if layers > 1 else 0.0
        self.rnn = CELLS[cell](width, width, layers, batch_first=True, dropout=between)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width, vocabulary)
        nn.init.normal_(self.embedding.weight, std=width**-0.5)
        nn.init.zeros_(self.head.bias)
        if tied:
            self.head.weight = self.embedding.weight

    def forward(
        self, tokens: Tensor, memory: tuple[Tensor, ...] | None = None, goes_on: Tensor | None = None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Logits (B, T, V) and the state after the window, without its history.

        Args:
            tokens: (B, T).
            memory: Of the window before, each (layers, B or more, H); None begins with zeros.
            goes_on: bool (B,), which windows go on with the one before; others begin with zeros. None for all.
        """
        if memory is not None:
            memory = tuple(state[:, : len(tokens)].contiguous() for state in memory)  # streams that have ended
            if goes_on is not None:
                memory = tuple(state * goes_on[:, None].to(state.dtype) for state in memory)
        state = None if memory is None else memory if len(memory) > 1 else memory[0]
        outputs, state = self.rnn(self.dropout(self.embedding(tokens)), state)
        kept = state if isinstance(state, tuple) else (state,)
        return self.head(self.dropout(outputs)), tuple(part.detach() for part in kept)

    def following(self, tokens: Tensor, memory: tuple[Tensor, ...] | None = None) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Logits (B, V) of the token after (B, T), and the state; with a memory only the last token is read."""
        logits, memory = self(tokens if memory is None else tokens[:, -1:], memory)
        return logits[:, -1], memory


def language_net(
    net: str,
    vocabulary: int,
    context: int,
    width: int,
    layers: int,
    heads: int,
    positions: str,
    dropout: float,
    tied: bool,
) -> nn.Module:
    """The network of a name of ``NETS``; ``context``, ``heads`` and ``positions`` are for transformers alone.

    Raises:
        ValueError: Another name.
    """
    if net == "transformer":
        return Transformer(vocabulary, context, width, layers, heads, positions, dropout, tied)
    if net not in CELLS:
        raise ValueError(f"net={net!r}: choose {', '.join(NETS)}.")
    return RecurrentLanguageModel(vocabulary, width, layers, net, dropout, tied)


def choose(logits: Tensor, uniform: Tensor, temperature: float, top_p: float) -> Tensor:
    """A token (B,) for each of logits (B, V), by numbers (B,) in [0, 1): the place where the summed chances pass it.

    Args:
        logits: (B, V).
        uniform: (B,).
        temperature: Logits are divided by it; 0 takes the most probable token.
        top_p: Choose among the most probable tokens, as few as have this probability together.

    Source: Holtzman et al. 2020, "The curious case of neural text degeneration", section 3.1 (top-p).
    """
    if temperature == 0:
        return logits.argmax(1)
    chances, order = (logits.double() / temperature).softmax(1).sort(1, descending=True)
    before = chances.cumsum(1) - chances
    chances = chances * (before < top_p)
    sums = chances.cumsum(1)
    place = (sums < uniform.double()[:, None] * sums[:, -1:]).sum(1)
    return order[torch.arange(len(order), device=order.device), place]
