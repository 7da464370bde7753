"""Larger sets that stand together, by mlxtend's FP-growth on what the smaller ones leave over.

Sets are sought one length after the other, so that the memory of each search is bounded before it begins. A set of
n + 1 items is frequent only if its n + 1 subsets of n are (the apriori property, Agrawal and Srikant 1994); so items
in fewer than n frequent sets of n leave, and baskets with fewer than n + 1 of the rest. On a real shop a few hundred
items stay, which FP-growth searches in seconds and not in minutes. How many sets there can be follows from the
triangles of the graph of frequent pairs, and for longer ones from the theorem of Kruskal and Katona.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from mlxtend.frequent_patterns import fpgrowth
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from precision.engine.backends.base import ItemsetsTooLargeError
from precision.engine.pairs import binary
from precision.engine.results import Itemsets, PairCounts

# mlxtend makes the frame dense once (one byte a cell) and a tree of Python objects, at most a node an entry.
# A node measured 359 and 363 bytes on the two demo shops (CPython 3.11); the rest is for conditional trees.
BYTES_PER_CELL = 1
BYTES_PER_NODE = 600
# A found set is a frozenset in mlxtend's frame and a tuple in ours: 445 bytes measured for sets of three.
BYTES_PER_SET = 600
STEP = 1.25  # how fast the search for an affordable count climbs
MOST_TRIANGLE_WORK = (
    50_000_000  # pairs of neighbours looked at to count triangles; above, the general bound must do
)
BLOCK_WORK = 5_000_000  # of them at once

Sets = NDArray[np.integer[Any]]  # (sets, items of each), ascending in each row


@dataclass(frozen=True, slots=True)
class _Rest:
    """The part of the baskets that can hold a set one item longer, and how many such sets there can be."""

    matrix: csr_matrix
    items: NDArray[np.int64]  # column of `matrix` → column of the whole basket matrix
    known: int  # sets found before, which the search meets again
    most: float  # may be infinite: too many to count

    @property
    def bytes_needed(self) -> float:
        rows, columns = self.matrix.shape
        tree = BYTES_PER_CELL * rows * columns + BYTES_PER_NODE * self.matrix.nnz
        return float(tree + BYTES_PER_SET * (2 * self.known + self.most))


def find_itemsets(
    baskets: csr_matrix, pairs: PairCounts, *, min_count: int, max_length: int, max_bytes: int
) -> Itemsets:
    """All sets of 2 to `max_length` items in at least `min_count` baskets (see `Engine.itemsets`).

    `pairs` are those of the same baskets, cut at `min_count` or lower.
    """
    if max_length < 2:
        raise ValueError(f"max_length is {max_length}, wanted at least 2")
    if pairs.min_count > min_count:
        raise ValueError(f"the pairs were cut at {pairs.min_count}, wanted {min_count} or lower")
    frequent = pairs.count >= min_count
    level: Sets = np.column_stack([pairs.a[frequent], pairs.b[frequent]]).astype(np.int64)
    counts = pairs.count[frequent]
    sets: list[tuple[int, ...]] = list(zip(*level.T.tolist(), strict=True))
    found = [counts]
    matrix = binary(baskets) if max_length > 2 and len(level) else None
    for length in range(3, max_length + 1):
        if matrix is None or len(level) < length:
            break  # a set of n items has n subsets of n − 1
        rest = _that_can_hold_more(matrix, level, known=len(sets), max_bytes=max_bytes)
        if rest.bytes_needed > max_bytes:
            raise _refusal(
                matrix, level, counts, rest, known=len(sets), min_count=min_count, max_bytes=max_bytes
            )
        level, counts = _search(rest, min_count=min_count, length=length)
        sets += zip(*level.T.tolist(), strict=True)
        found.append(counts)
    return Itemsets(
        sets=tuple(sets),
        count=np.concatenate(found).astype(np.int64),
        item_counts=pairs.item_counts,
        baskets=pairs.baskets,
        min_count=min_count,
    )


def _that_can_hold_more(matrix: csr_matrix, level: Sets, *, known: int, max_bytes: int) -> _Rest:
    """The part of the baskets that can hold a set one longer than those of `level`."""
    length = level.shape[1] + 1
    among = np.bincount(level.ravel(), minlength=matrix.shape[1])
    items = np.flatnonzero(among >= length - 1)
    fewer = matrix[:, items]
    rest = _Rest(
        matrix=fewer[np.diff(fewer.indptr) >= length],
        items=items,
        known=known,
        most=most_larger_sets(len(level), length - 1),
    )
    if rest.bytes_needed <= max_bytes or length > 3:
        return rest
    return _Rest(matrix=rest.matrix, items=items, known=known, most=min(rest.most, _triangles(level)))


def most_larger_sets(sets: int, length: int) -> int:
    """The most sets of `length` + 1 items all of whose subsets of `length` are among `sets` sets.

    With x ≥ `length` such that `sets` = x over `length`, it is x over `length` + 1 (Kruskal 1963, Katona 1968, in the
    form of Lovász 1979).
    """
    if sets < length + 1:
        return 0
    low, high = float(length), float(length + sets)
    while high - low > 1e-9 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if _over(middle, length) < sets else (low, middle)
    return math.floor(_over(high, length + 1) * (1 + 1e-6))  # the search ends a little above x


def _over(x: float, k: int) -> float:
    """The binomial coefficient x over k, x any number ≥ k − 1."""
    return math.prod((x - i) / (i + 1) for i in range(k))


def _triangles(pairs: Sets) -> float:
    """How many sets of three have all their pairs among these; infinite where counting would take too long.

    Each edge leads from the item with fewer pairs to that with more, so that the work is bounded by the edges times
    the square root of their number (Chiba and Nishizeki 1985).
    """
    items, ends = np.unique(pairs, return_inverse=True)
    ends = ends.reshape(pairs.shape)
    degree = np.bincount(ends.ravel())
    rank = np.empty(len(items), dtype=np.int64)
    rank[np.argsort(degree, kind="stable")] = np.arange(len(items))
    ends = np.sort(rank[ends], axis=1)
    ones = np.ones(len(ends), dtype=np.int32)
    graph = csr_matrix((ones, (ends[:, 0], ends[:, 1])), shape=(len(items), len(items)))
    outgoing = np.diff(graph.indptr).astype(np.int64)
    work = np.bincount(ends[:, 0], weights=outgoing[ends[:, 1]], minlength=len(items))
    if work.sum() > MOST_TRIANGLE_WORK:
        return math.inf
    edges = np.searchsorted(np.cumsum(work), np.arange(BLOCK_WORK, work.sum(), BLOCK_WORK), side="right")
    edges = np.unique(np.concatenate(([0], edges, [len(items)])))
    total = 0
    for first, last in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        block = graph[first:last]
        total += int((block @ graph).multiply(block).sum())
    return total


def _refusal(
    matrix: csr_matrix,
    level: Sets,
    counts: NDArray[np.int64],
    rest: _Rest,
    *,
    known: int,
    min_count: int,
    max_bytes: int,
) -> ItemsetsTooLargeError:
    affordable = min_count
    smaller = rest
    while smaller.bytes_needed > max_bytes:
        affordable = math.ceil(affordable * STEP)
        frequent = counts >= affordable
        fewer = known - int((~frequent).sum())
        smaller = _that_can_hold_more(matrix, level[frequent], known=fewer, max_bytes=max_bytes)
    words = "three" if level.shape[1] == 2 else str(level.shape[1] + 1)
    return ItemsetsTooLargeError(
        f"sets of {words} and more in {min_count} baskets need up to {rest.bytes_needed / 2**20:,.0f} MiB "
        f"({rest.matrix.shape[0]:,} baskets × {rest.matrix.shape[1]:,} items, up to {rest.most:,} sets), the bound "
        f"is {max_bytes / 2**20:,.0f} MiB. Ask for {affordable} baskets or more, or raise the bound.",
        affordable_min_count=affordable,
    )


def _search(rest: _Rest, *, min_count: int, length: int) -> tuple[Sets, NDArray[np.int64]]:
    """The sets of exactly `length` items and their counts, in order of their items."""
    rows = rest.matrix.shape[0]
    if rows < min_count:
        return np.zeros((0, length), dtype=np.int64), np.zeros(0, dtype=np.int64)
    frame = pd.DataFrame.sparse.from_spmatrix(rest.matrix.astype(bool))
    # Half a basket below the count, so that rounding of the quotient cannot lose a set that just reaches it.
    found = fpgrowth(frame, min_support=(min_count - 0.5) / rows, max_len=length)
    found = found[found["itemsets"].str.len() == length]
    columns = np.array([sorted(columns) for columns in found["itemsets"]], dtype=np.int64)
    sets = rest.items[columns.reshape(len(found), length)]
    counts = np.rint(found["support"].to_numpy() * rows).astype(np.int64)
    order = np.lexsort(sets.T[::-1])
    return sets[order], counts[order]
