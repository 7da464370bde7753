"""Larger sets that stand together, by mlxtend's FP-growth on what the pairs leave over."""

from dataclasses import dataclass

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
STEP = 1.25  # how fast the search for an affordable count climbs


@dataclass(frozen=True, slots=True)
class _Rest:
    """The part of the baskets that can hold a set of three or more."""

    matrix: csr_matrix
    items: NDArray[np.int64]  # column of `matrix` → column of the whole basket matrix

    @property
    def bytes_needed(self) -> int:
        rows, columns = self.matrix.shape
        return int(BYTES_PER_CELL * rows * columns + BYTES_PER_NODE * self.matrix.nnz)


def find_itemsets(
    baskets: csr_matrix, pairs: PairCounts, *, min_count: int, max_length: int, max_bytes: int
) -> Itemsets:
    """All sets of 2 to `max_length` items in at least `min_count` baskets (see `Engine.itemsets`).

    `pairs` are those of the same baskets, cut at `min_count` or lower. A set of three is frequent only if its
    three pairs are, so items in fewer than two frequent pairs leave, and baskets with fewer than three of the
    rest: on a real shop a few hundred items stay, which FP-growth searches in seconds and not in minutes.
    """
    if max_length < 2:
        raise ValueError(f"max_length is {max_length}, wanted at least 2")
    if pairs.min_count > min_count:
        raise ValueError(f"the pairs were cut at {pairs.min_count}, wanted {min_count} or lower")
    frequent = pairs.count >= min_count
    sets: list[tuple[int, ...]] = list(
        zip(pairs.a[frequent].tolist(), pairs.b[frequent].tolist(), strict=True)
    )
    counts = pairs.count[frequent].tolist()
    if max_length > 2 and sets:
        matrix = binary(baskets)
        rest = _that_can_hold_three(matrix, pairs, min_count=min_count)
        if rest.bytes_needed > max_bytes:
            raise _refusal(matrix, pairs, rest, min_count=min_count, max_bytes=max_bytes)
        larger = _search(rest, min_count=min_count, max_length=max_length)
        sets += [found for found, _ in larger]
        counts += [count for _, count in larger]
    return Itemsets(
        sets=tuple(sets),
        count=np.array(counts, dtype=np.int64),
        item_counts=pairs.item_counts,
        baskets=pairs.baskets,
        min_count=min_count,
    )


def _that_can_hold_three(matrix: csr_matrix, pairs: PairCounts, *, min_count: int) -> _Rest:
    frequent = pairs.count >= min_count
    partners = np.bincount(
        np.concatenate([pairs.a[frequent], pairs.b[frequent]]), minlength=len(pairs.item_counts)
    )
    items = np.flatnonzero(partners >= 2)
    fewer = matrix[:, items]
    return _Rest(matrix=fewer[np.diff(fewer.indptr) >= 3], items=items)


def _refusal(
    matrix: csr_matrix, pairs: PairCounts, rest: _Rest, *, min_count: int, max_bytes: int
) -> ItemsetsTooLargeError:
    affordable = min_count
    smaller = rest
    while smaller.bytes_needed > max_bytes:
        affordable = int(np.ceil(affordable * STEP))
        smaller = _that_can_hold_three(matrix, pairs, min_count=affordable)
    return ItemsetsTooLargeError(
        f"sets of three and more in {min_count} baskets need some {rest.bytes_needed / 2**20:,.0f} MiB "
        f"({rest.matrix.shape[0]:,} baskets × {rest.matrix.shape[1]:,} items), the bound is "
        f"{max_bytes / 2**20:,.0f} MiB. Ask for {affordable} baskets or more, or raise the bound.",
        affordable_min_count=affordable,
    )


def _search(rest: _Rest, *, min_count: int, max_length: int) -> list[tuple[tuple[int, ...], int]]:
    rows = rest.matrix.shape[0]
    if rows < min_count:
        return []
    frame = pd.DataFrame.sparse.from_spmatrix(rest.matrix.astype(bool))
    # Half a basket below the count, so that rounding of the quotient cannot lose a set that just reaches it.
    found = fpgrowth(frame, min_support=(min_count - 0.5) / rows, max_len=max_length)
    sets = [tuple(sorted(rest.items[list(columns)].tolist())) for columns in found["itemsets"]]
    counts = np.rint(found["support"].to_numpy() * rows).astype(np.int64).tolist()
    larger = [(items, count) for items, count in zip(sets, counts, strict=True) if len(items) > 2]
    return sorted(larger, key=lambda entry: (len(entry[0]), entry[0]))
