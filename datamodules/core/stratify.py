"""Three ways to deal samples into parts with like classes; ``splits.partition`` chooses between them.

Letters: N samples, P parts, C classes, G groups.
"""

import numpy as np

_TINY = 1e-9  # 0.29 * 100 is 28.999999999999996: floor it as 29


def by_class(labels: np.ndarray, shares: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One class a sample: every class within one sample of its share, and parts of nearly the right size.

    Class sizes times shares are rounded down; the odd samples of each class go to the parts that are owed
    most. ``labels`` (N,) int64 from 0; ``shares`` (P,) above 0, sum 1; returns (N,) part numbers.
    """
    sizes = np.bincount(labels)
    ideal = sizes[:, None] * shares  # (C, P)
    whole = np.floor(ideal + _TINY).astype(np.int64)
    odd = np.where(ideal - whole > _TINY, ideal - whole, 0.0)
    extra = np.zeros_like(whole)
    owed = np.zeros(len(shares))  # samples by which a part is below its ideal size
    for c in rng.permutation(len(sizes)):
        owed += odd[c]
        rank = np.where(odd[c] > 0, owed + 1e-6 * rng.random(len(shares)), -np.inf)  # noise: ties fall by chance
        extra[c, np.argsort(-rank)[: sizes[c] - whole[c].sum()]] = 1
        owed -= extra[c]
    while owed.max() - owed.min() > 1:  # only for uneven shares: move an odd sample from a full part to a short one
        full, short = owed.argmin(), owed.argmax()
        movable = np.flatnonzero((extra[:, full] == 1) & (extra[:, short] == 0) & (odd[:, short] > 0))
        if not len(movable):
            break
        extra[movable[0], [full, short]] = 0, 1
        owed[[full, short]] += 1, -1
    part = np.empty(len(labels), dtype=np.int64)
    for c, counts in enumerate(whole + extra):
        part[rng.permutation(np.flatnonzero(labels == c))] = np.repeat(np.arange(len(shares)), counts)
    return part


def by_indicator(table: np.ndarray, shares: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Several classes a sample: iterative stratification (Sechidis et al., 2011, algorithm 1).

    The class with fewest samples left is dealt first, each sample to the part that lacks the class most.
    ``table`` (N, C) 0/1; ``shares`` (P,) above 0, sum 1; returns (N,) part numbers.
    """
    part = np.full(len(table), -1, dtype=np.int64)
    lacks = shares[:, None] * table.sum(0)  # (P, C)
    room = shares * len(table)  # (P,)
    while (part < 0).any():
        left = table[part < 0].sum(0)
        rarest = np.where(left > 0, left, len(table) + 1).argmin()
        # samples that hold no class at all come last and fill the parts with most room
        rows = (part < 0) & (table[:, rarest] > 0) if left.any() else part < 0
        for i in rng.permutation(np.flatnonzero(rows)):
            need = lacks[:, rarest] if left.any() else room
            p = np.lexsort((rng.random(len(shares)), room, need))[-1]  # ties: more room, then chance
            part[i] = p
            lacks[p] -= table[i]
            room[p] -= 1
    return part


def by_groups(table: np.ndarray, groups: np.ndarray, shares: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Whole groups: greedy, heaviest first, then single moves as long as one lowers the cost.

    The cost is the chi-square distance of the parts' shares of every class, and of all samples, from
    ``shares``. ``table`` (N, C) 0/1; ``groups`` (N,); ``shares`` (P,) above 0, sum 1; returns (N,) part
    numbers. Raises ValueError if there are fewer groups than parts; else no part is empty.
    """
    names, member = np.unique(groups, return_inverse=True)
    if len(names) < len(shares):
        raise ValueError(f"{len(names)} groups cannot fill {len(shares)} parts. Use {len(names)} parts or fewer.")
    columns = np.column_stack([table[:, table.any(0)], np.ones(len(table), dtype=np.int64)])
    weight = np.zeros((len(names), columns.shape[1]))
    np.add.at(weight, member, columns)
    weight /= weight.sum(0)  # (G, C + 1): share of each class, and of all samples, that a group holds
    order = rng.permutation(len(names))
    order = order[np.argsort(-np.linalg.norm(weight[order], axis=1), kind="stable")]
    held = np.zeros((len(shares), columns.shape[1]))  # (P, C + 1)
    home = np.full(len(names), -1, dtype=np.int64)
    inside = np.zeros(len(shares), dtype=np.int64)  # groups in each part: counting anew for each is O(G^2)
    for done, g in enumerate(order):
        empty = inside == 0
        must_fill = empty.sum() == len(names) - done  # the last groups go where there is none yet
        cost = np.where(empty | (not must_fill), _rise(held, weight[g], shares), np.inf)
        home[g] = cost.argmin()
        held[home[g]] += weight[g]
        inside[home[g]] += 1
    for _ in range(20):
        moved = False
        for g in order:
            old = home[g]
            if inside[old] == 1:
                continue
            held[old] -= weight[g]
            cost = _rise(held, weight[g], shares)
            home[g] = cost.argmin() if cost.min() < cost[old] - _TINY else old
            held[home[g]] += weight[g]
            inside[old] -= 1
            inside[home[g]] += 1
            moved |= home[g] != old
        if not moved:
            break
    return home[member]


def _rise(held: np.ndarray, weight: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """(P,) change of sum((held - share)^2 / share) if ``weight`` joined each part."""
    return (weight * (2 * (held - shares[:, None]) + weight)).sum(1) / shares
