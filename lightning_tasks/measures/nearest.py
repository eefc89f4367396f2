"""Exact nearest neighbours by batched matrix products.

Letters: Q queries, N stored samples, D features, k neighbours. Squared Euclidean distances order the neighbours; of
equal distances the sample with the lower row number comes first.
"""

from collections.abc import Callable

import torch
from torch import Tensor

BLOCK = 8192  # stored samples a product: 256 queries then need 8 MB, which stays in the cache
SPARE = 8  # candidates beyond k
# Relative error of one float32 operation in a product, by torch's setting: the lower ones are TF32 and bf16 passes.
UNIT = {"highest": 2.0**-24, "high": 2.0**-11, "medium": 2.0**-8}
MOST_BYTES = 40_000  # features of one byte: with more, 2 q.x - |x|^2 could leave int32


class Bank:
    """Stored samples (N, D), searched exactly.

    Candidates are the samples of largest nearness ``2 q.x - |x|^2 = |q|^2 - d^2``, by matrix products. Of bytes on CPUs
    these are products of integers, fast and exact. Of other numbers they are float32 products, fast and inexact:
    distances of candidates are then computed in float64, and a bound on the error of the product tells whether a
    sample that was no candidate could be nearer. Queries for which it could (rare: many samples at nearly one
    distance) are searched again in float64.

    Args:
        samples: float (N, D), or uint8, of which four times as many fit into memory.
    """

    def __init__(self, samples: Tensor) -> None:
        self.samples = samples
        self.fallbacks = 0
        # On a GPU float32 products are fast enough, and integer ones want shapes that are multiples of 8.
        vectors = torch.backends.cpu.get_cpu_capability().startswith("AVX")
        self.bytes = samples.dtype == torch.uint8 and samples.device.type == "cpu" and vectors and (
            samples.shape[1] <= MOST_BYTES)  # fmt: skip
        if self.bytes:
            self.ready = signed(samples)
            self.square = torch.cat([b.int().square().sum(1, dtype=torch.int32) for b in self.ready.split(BLOCK)])
            return
        self.center = samples.float().mean(0) if len(samples) else None  # smaller numbers: a smaller error
        centered = self._ready(samples)
        self.square = centered.double().square().sum(1).float()  # (N,) |x|^2
        self.longest = float(centered.norm(dim=1).max()) if len(samples) else 0.0

    def _ready(self, samples: Tensor) -> Tensor:
        return samples.float() - self.center

    def __len__(self) -> int:
        return len(self.samples)

    @torch.no_grad()
    def search(self, queries: Tensor, k: int, excluded: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Rows int64 (Q, k) of the nearest samples, nearest first, and their squared distances float64 (Q, k).

        Args:
            queries: (Q, D), of the samples' type.
            k: At most N (N - 1 with ``excluded``).
            excluded: int64 (Q,), a row for each query that is no neighbour of it: the query itself.

        Raises:
            ValueError: ``k`` is out of range, or queries of another type.
        """
        most = len(self) - (excluded is not None)
        if not 1 <= k <= most:
            raise ValueError(f"k={k}: there are {most} samples to choose neighbours from; need 1 to {most}.")
        if queries.dtype != self.samples.dtype:
            raise ValueError(f"Queries are {queries.dtype}, stored samples {self.samples.dtype}: give one type.")
        count, find = min(k + SPARE, most), self._by_integers if self.bytes else self._by_floats
        with torch.autocast(queries.device.type, enabled=False):
            distance, rows, outside = find(queries, count, excluded)
            if count < most:
                safe = distance[:, k - 1] < outside
                if not safe.all():
                    doubt = (~safe).nonzero().squeeze(1)
                    self.fallbacks += len(doubt)
                    excluded_subset = None if excluded is None else excluded[doubt]
                    distance[doubt, :k], rows[doubt, :k] = self._brute(queries[doubt], k, excluded_subset)
        return rows[:, :k], distance[:, :k]

    def _by_integers(self, queries: Tensor, count: int, excluded: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Distances and rows (Q, count), and (Q,) below which distance no other sample can lie."""
        ready = signed(queries)

        def nearness(block: slice) -> Tensor:
            return torch._int_mm(ready, self.ready[block].T).mul_(2).sub_(self.square[block])

        score, rows = self._candidates(nearness, count, excluded)
        distance = ready.double().square().sum(1, keepdim=True) - score.double()
        return *_sorted(distance, rows), distance[:, -1]

    def _by_floats(self, queries: Tensor, count: int, excluded: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """As ``_by_integers``, from float32 products."""
        centered = self._ready(queries)

        def nearness(block: slice) -> Tensor:
            return torch.addmm(-self.square[block], centered, self._ready(self.samples[block]).T, alpha=2)

        score, rows = self._candidates(nearness, count, excluded)
        norm = centered.double().norm(dim=1)
        unit = UNIT[torch.get_float32_matmul_precision()]
        error = 2 * unit * (queries.shape[1] + 8) * self.longest * (norm + self.longest)
        distance = self.distances(queries, rows)
        return *_sorted(distance, rows), norm.square() - (score[:, -1].double() + error)

    def _candidates(
        self, nearness: Callable[[slice], Tensor], count: int, excluded: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """The ``count`` of largest nearness, best first: nearness and rows (Q, count)."""
        best = rows = None
        for start in range(0, len(self), BLOCK):
            scores = nearness(slice(start, start + BLOCK))  # (Q, block)
            if excluded is not None:
                inside = ((excluded >= start) & (excluded < start + scores.shape[1])).nonzero().squeeze(1)
                lowest = -torch.inf if scores.is_floating_point() else torch.iinfo(scores.dtype).min
                scores[inside, excluded[inside] - start] = lowest
            top, place = scores.topk(min(count, scores.shape[1]), dim=1, sorted=False)
            if best is not None:
                top, place = torch.cat([best, top], 1), torch.cat([rows, place + start], 1)
                top, chosen = top.topk(min(count, top.shape[1]), dim=1)
                place = place.gather(1, chosen)
            best, rows = top, place
        best, order = best.sort(dim=1, descending=True)
        return best, rows.gather(1, order)

    def distances(self, queries: Tensor, rows: Tensor) -> Tensor:
        """Squared distances float64 (Q, C) of each query (Q, D) to its own rows (Q, C); exact for whole numbers."""
        squared = torch.empty(rows.shape, dtype=torch.float64, device=queries.device)
        for c in range(rows.shape[1]):  # one column at a time: memory for one
            squared[:, c] = (queries.double() - self.samples[rows[:, c]].double()).square().sum(1)
        return squared

    def _brute(self, queries: Tensor, k: int, excluded: Tensor | None) -> tuple[Tensor, Tensor]:
        """Distances and rows (Q, k) by float64 differences to every sample, query by query."""
        distances, rows = [], []
        for i, query in enumerate(queries.double()):
            d = torch.cat([(part.double() - query).square().sum(1) for part in self.samples.split(BLOCK)])
            if excluded is not None:
                d[excluded[i]] = torch.inf
            d, order = d.sort(stable=True)
            distances.append(d[:k])
            rows.append(order[:k])
        return torch.stack(distances), torch.stack(rows)


def signed(samples: Tensor) -> Tensor:
    """uint8 as int8, less 128: distances stay."""
    return (samples ^ 128).view(torch.int8)


def _sorted(distance: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Both (Q, C) by distance, then by row."""
    rows, order = rows.sort(dim=1)
    distance = distance.gather(1, order)
    distance, order = distance.sort(dim=1, stable=True)
    return distance, rows.gather(1, order)


def vote(labels: Tensor, num_classes: int, ks: list[int]) -> Tensor:
    """Share of each class among the first k neighbours, for each k: float32 (Q, len(ks), K).

    Args:
        labels: int64 (Q, max(ks)), classes of the neighbours, nearest first.
        num_classes: K.
        ks: Numbers of neighbours; a number above those given takes all.

    The class with most votes is its ``argmax``, on a tie the lowest class, as in scikit-learn's
    ``KNeighborsClassifier`` with uniform weights.
    """
    counts = torch.zeros(len(labels), num_classes, device=labels.device)
    shares, done = {}, 0
    for k in sorted(set(ks)):
        counts = counts.scatter_add(1, labels[:, done:k], torch.ones_like(labels[:, done:k], dtype=counts.dtype))
        shares[k], done = counts / counts.sum(1, keepdim=True), k
    return torch.stack([shares[k] for k in ks], 1)
