"""What the engine's primitives give back: frozen arrays with their meaning, the same for every backend."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NOBODY = -1  # stands where there is no item; its score is 0 and means nothing


@dataclass(frozen=True, slots=True)
class PairCounts:
    """Pairs of items that stand together in at least `min_count` baskets.

    Entry p: items `a[p]` < `b[p]` (column positions of the basket matrix) are both in `count[p]` baskets.
    Entries are in ascending order of (a, b). A pair that is absent stands together in fewer than `min_count`
    baskets; how many is not known, unless `min_count` is 1, where absent means 0.
    """

    a: NDArray[np.int32]
    b: NDArray[np.int32]
    count: NDArray[np.int64]
    item_counts: NDArray[np.int64]  # (items,) baskets with the item, also of items in no frequent pair
    baskets: int  # all baskets, the base of every support
    min_count: int  # what the pairs were cut at

    def __len__(self) -> int:
        return len(self.a)


@dataclass(frozen=True, slots=True)
class Itemsets:
    """Sets of two and more items that stand together in at least `min_count` baskets.

    `sets[s]` is an ascending tuple of column positions and is in `count[s]` baskets. Every subset of two or
    more items of a listed set is listed too. Sets are in order of length, then of their items.
    """

    sets: tuple[tuple[int, ...], ...]
    count: NDArray[np.int64]
    item_counts: NDArray[np.int64]  # (items,) baskets with the item
    baskets: int
    min_count: int

    def __len__(self) -> int:
        return len(self.sets)


@dataclass(frozen=True, slots=True)
class TopItems:
    """The best items of each row, best first.

    Both arrays are (rows, n). Where a row has fewer than n items, `items` is -1 (NOBODY) and `scores` 0.
    Scores are finite always.
    """

    items: NDArray[np.int32]
    scores: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Factors:
    """Latent factors: the affinity of row u to item i is `rows[u] @ items[i]`. A row without data is 0."""

    rows: NDArray[np.float32]  # (rows, factors)
    items: NDArray[np.float32]  # (items, factors)


@dataclass(frozen=True, slots=True)
class Clusters:
    """A hard clustering: which of the k centres each point is nearest to."""

    labels: NDArray[np.int32]  # (points,) 0..k-1
    centres: NDArray[np.float64]  # (k, dimensions)
    inertia: float  # sum of squared distances of the points to their centre
