"""A transformer of our own: multi-head attention, positions, pre-norm blocks.

Letters: B batch, T tokens, C channels, K heads, E = C / K, V vocabulary.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

POSITIONS = ("learned", "sinusoidal", "rotary", "none")


def attention(q: Tensor, k: Tensor, v: Tensor, visible: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Mixed values (..., T, E) and weights (..., T, T): softmax(q k^T / sqrt(E)) v.

    Args:
        q: (..., T, E).
        k: As ``q``.
        v: As ``q``.
        visible: bool, broadcast to (..., T, T): whether a query (row) may look at a key; each may at one or more.

    Source: Vaswani et al. 2017, "Attention is all you need", equation 1.
    """
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])  # without the root softmax starts saturated
    if visible is not None:
        scores = scores.masked_fill(~visible, -math.inf)
    weights = scores.softmax(-1)
    return weights @ v, weights


def causal(steps: int, device: torch.device | None = None) -> Tensor:
    """A token sees itself and those before it: bool (T, T)."""
    return torch.ones(steps, steps, dtype=torch.bool, device=device).tril()


def sinusoids(steps: int, channels: int) -> Tensor:
    """Positions float32 (T, C), C even: sines, then cosines.

    Source: Vaswani et al. 2017, section 3.5.
    """
    angles = turns(steps, channels)
    return torch.cat([angles.sin(), angles.cos()], 1)


def turns(steps: int, channels: int) -> Tensor:
    """Angles (T, C / 2): position times a frequency that falls from 1 to 1/10,000."""
    half = channels // 2
    return torch.arange(steps)[:, None] * 10_000.0 ** -(torch.arange(half) / half)


def rotated(x: Tensor, angles: Tensor) -> Tensor:
    """Pairs of channels of (B, K, T, E), turned by (T, E / 2): scores then depend on the distance of tokens alone.

    Source: Su et al. 2021, "RoFormer", equation 34.
    """
    first, second = x.chunk(2, -1)
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    return torch.cat([first * cos - second * sin, first * sin + second * cos], -1)


class MultiHeadAttention(nn.Module):
    """Attention in K subspaces, (B, T, C) -> (B, T, C).

    Args:
        channels: C.
        heads: K, which divides C.
        rotary: Turn queries and keys by their positions.
        dropout: Of the result.
    """

    def __init__(self, channels: int, heads: int, rotary: bool = False, dropout: float = 0.0) -> None:
        super().__init__()
        self.heads, self.rotary = heads, rotary
        self.qkv = nn.Linear(channels, 3 * channels, bias=False)
        self.project = nn.Linear(channels, channels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, visible: Tensor) -> Tensor:
        """(B, T, C); ``visible`` as in ``attention``, broadcast to (B, K, T, T)."""
        q, k, v = self.parts(x)
        # the same as `attention` (tested), without keeping the weights
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=visible)
        return self.dropout(self.project(mixed.transpose(1, 2).flatten(2)))  # (B, T, C)

    def parts(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, each (B, K, T, E)."""
        q, k, v = self.qkv(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        if self.rotary:
            angles = turns(q.shape[2], q.shape[3]).to(x.device)
            q, k = rotated(q, angles), rotated(k, angles)
        return q, k, v

    def weights(self, x: Tensor, visible: Tensor) -> Tensor:
        """What each token looks at: (B, K, T, T), rows sum to 1."""
        return attention(*self.parts(x), visible)[1]


class Block(nn.Module):
    """Attention and a two-layer network, each after a norm and beside a shortcut.

    Source: Xiong et al. 2020, "On layer normalization in the transformer architecture" (pre-LN).
    """

    def __init__(self, channels: int, heads: int, rotary: bool, dropout: float) -> None:
        super().__init__()
        self.norm_attention, self.norm_mlp = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.attention = MultiHeadAttention(channels, heads, rotary, dropout)
        self.mlp = nn.Sequential(
            nn.Linear(channels, 4 * channels), nn.GELU(), nn.Linear(4 * channels, channels), nn.Dropout(dropout)
        )

    def forward(self, x: Tensor, visible: Tensor) -> Tensor:
        """(B, T, C) -> (B, T, C)."""
        x = x + self.attention(self.norm_attention(x), visible)
        return x + self.mlp(self.norm_mlp(x))


class Transformer(nn.Module):
    """Logits (B, T, V) of the next token at every place.

    Args:
        vocabulary: V.
        context: Most tokens that are read at once.
        width: C, even.
        layers: Blocks.
        heads: K, which divides C; C / K is even with rotary positions.
        positions: ``learned``, ``sinusoidal``, ``rotary`` or ``none``.
        dropout: Of embeddings, attention and networks.
        tied: The output layer has the embedding's weights.

    Raises:
        ValueError: Numbers that do not fit each other, or other positions.
    """

    def __init__(
        self,
        vocabulary: int,
        context: int,
        width: int = 128,
        layers: int = 4,
        heads: int = 4,
        positions: str = "learned",
        dropout: float = 0.0,
        tied: bool = True,
    ) -> None:
        super().__init__()
        if positions not in POSITIONS:
            raise ValueError(f"positions={positions!r}: choose {', '.join(POSITIONS)}.")
        if heads < 1 or width % (2 * heads):
            raise ValueError(f"width={width}, heads={heads}: need heads, and a width that is a multiple of twice them.")
        self.context = context
        self.embedding = nn.Embedding(vocabulary, width)
        self.positions = nn.Parameter(torch.zeros(context, width)) if positions == "learned" else None
        # of the embeddings' size: with an amplitude of 1 nothing would be seen of the tokens at first
        fixed = 0.02 * sinusoids(context, width) if positions == "sinusoidal" else None
        self.register_buffer("fixed_positions", fixed, persistent=False)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(Block(width, heads, positions == "rotary", dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocabulary, bias=False)
        self.apply(self._start)
        for block in self.blocks:  # what is added to the shortcut grows with depth otherwise (GPT-2)
            for layer in (block.attention.project, block.mlp[2]):
                nn.init.normal_(layer.weight, std=0.02 / math.sqrt(2 * layers))
        if self.positions is not None:
            nn.init.normal_(self.positions, std=0.02)
        if tied:
            self.head.weight = self.embedding.weight

    @staticmethod
    def _start(module: nn.Module) -> None:
        """Small weights, so that the first predictions are nearly uniform."""
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, std=0.02)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)

    def embedded(self, tokens: Tensor) -> Tensor:
        """(B, T, C) of tokens (B, T), with their positions.

        Raises:
            ValueError: More tokens than ``context``.
        """
        steps = tokens.shape[1]
        if steps > self.context:
            raise ValueError(f"{steps} tokens; this transformer reads {self.context} at most.")
        x = self.embedding(tokens)
        places = self.positions if self.positions is not None else self.fixed_positions
        return self.dropout(x if places is None else x + places[:steps])

    def logits(self, tokens: Tensor, visible: Tensor | None = None) -> Tensor:
        """(B, T, V) of tokens (B, T); ``visible`` (B, 1, T, T) or (T, T), causal where it is None."""
        visible = causal(tokens.shape[1], tokens.device) if visible is None else visible
        x = self.embedded(tokens)
        for block in self.blocks:
            x = block(x, visible)
        return self.head(self.norm(x))

    def maps(self, tokens: Tensor, visible: Tensor | None = None) -> Tensor:
        """What each token looks at: (layers, B, K, T, T)."""
        visible = causal(tokens.shape[1], tokens.device) if visible is None else visible
        x, computed = self.embedded(tokens), []
        for block in self.blocks:
            computed.append(block.attention.weights(block.norm_attention(x), visible))
            x = block(x, visible)
        return torch.stack(computed)

    # ---- as a language model over windows (see ``nets.language``) ------------------------------------------------

    def forward(self, tokens: Tensor, memory: tuple | None = None, goes_on: Tensor | None = None):
        """Logits (B, T, V) of a window, and what the next window needs: this one's tokens.

        Training reads each window alone. In evaluation the first half of a window is read together with the second
        half of the window before, where it goes on with that: each token but the first ones of a stream then has half
        a window before it at least, as it would in a text that is read in one pass.
        """
        computed = self.logits(tokens)
        if memory is not None and not self.training and tokens.shape[1] > 1:
            half = tokens.shape[1] // 2
            before = memory[0][: len(tokens), half - tokens.shape[1] :]
            first = self.logits(torch.cat([before, tokens[:, :half]], 1))[:, -half:]
            if goes_on is not None:
                first = torch.where(goes_on[:, None, None], first, computed[:, :half])
            computed = torch.cat([first, computed[:, half:]], 1)
        return computed, (tokens,)

    def following(self, tokens: Tensor, memory: tuple | None = None) -> tuple[Tensor, None]:
        """Logits (B, V) of the token after (B, T), of which the last ``context`` are read."""
        return self.logits(tokens[:, -self.context :])[:, -1], None
