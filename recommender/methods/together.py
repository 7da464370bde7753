"""What is bought together: for each product those that stand in the same baskets, and lists of several merged.

A basket b of |b| products, `age` days old, speaks with the weight

    w(b) = 2^(−age / half life) / |b|^damping

so that a wholesale order of 300 products says less about each of its pairs than a basket of three. Over the weighted
baskets the score of y beside x is

    score(x → y) = n_xy / (√(n_x n_y) + evidence × mean w) × (n_y / n_max)^lean

the cosine (Ochiai 1957), held back where it rests on a basket or two (`evidence` imagined ones without the pair) and
leaning towards what sells: with neither it is the cosine itself, a lean of ½ orders like the confidence. `n` are sums
of weights. Pairs whose lift (of the unweighted counts) is not above 1 are left out (`above_chance`); lift is never what
lists are sorted by: it prefers what was bought once.

For a basket of several products the score of y is the sum over its products x, as in item-item methods (Deshpande and
Karypis 2004).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags

from precision.engine.results import NOBODY, PairCounts, TopItems
from precision.shop.columns import DAY, ORDER

if TYPE_CHECKING:
    from precision.engine.backends.base import Engine


@dataclass(frozen=True, slots=True, kw_only=True)
class Companionship:
    """How baskets speak. The defaults were chosen on weeks before those that any figure was measured on."""

    half_life_days: float = 180.0
    damping: float = 1.0
    lean: float = 0.15
    evidence: float = 5.0
    k: int = 50
    """Products kept in each list."""
    pool: int = 200
    """Products with the highest cosine among which the list is chosen."""

    def __post_init__(self) -> None:
        if not (self.half_life_days > 0 and self.damping >= 0 and self.lean >= 0 and self.evidence >= 0):
            raise ValueError(
                f"half_life_days is {self.half_life_days}, damping {self.damping}, lean {self.lean}, "
                f"evidence {self.evidence}; wanted the first above 0 and the others 0 or more"
            )
        if not 1 <= self.k <= self.pool:
            raise ValueError(f"k is {self.k}, pool {self.pool}; wanted 1 ≤ k ≤ pool")


def order_days(lines: nw.LazyFrame[Any], orders: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the day of each of `orders` (ascending inner ids), the earliest where its lines tell several.

    Raises:
        ValueError: an order has no line.
    """
    found = lines.select(ORDER, DAY).drop_nulls().group_by(ORDER).agg(nw.col(DAY).min()).collect()
    ids, days = found.get_column(ORDER).to_numpy(), found.get_column(DAY).to_numpy()
    sorting = np.argsort(ids)
    place = np.searchsorted(ids, orders, sorter=sorting)
    known = place < len(ids)
    known[known] = ids[sorting[place[known]]] == orders[known]
    if not known.all():
        raise ValueError(
            f"order {orders[~known][0]} has no line that tells its day; wanted one for every basket"
        )
    return np.asarray(days[sorting[place]], dtype=np.int64)


def together(
    engine: "Engine",
    baskets: csr_matrix,
    *,
    ages: NDArray[np.integer] | NDArray[np.floating] | None = None,
    how: Companionship | None = None,
) -> TopItems:
    """Return the products that go with each product, best first: (products, k), columns of `baskets`.

    `baskets` is (baskets, products) with an entry for each product of a basket; `ages` (baskets,) are days, 0 or more;
    without them all count alike. Memory is bounded by the engine's blocks and by products × pool.

    Raises:
        ValueError: `ages` has another length than the baskets, or a value below 0.
    """
    how = how or Companionship()
    weights = basket_weights(np.diff(baskets.indptr), ages, how)
    held = csr_matrix((np.ones(baskets.nnz), baskets.indices, baskets.indptr), shape=baskets.shape)
    spoken = csr_matrix(diags(np.sqrt(weights)) @ held).astype(np.float32)
    near = engine.neighbours(
        spoken, k=how.pool, shrinkage=how.evidence * float(weights.mean()) if len(weights) else 0.0
    )
    counts = np.asarray(held.T @ weights).ravel()
    share = counts / max(float(counts.max(initial=0)), np.finfo(np.float64).tiny)
    listed = near.items != NOBODY
    scores = np.where(listed, near.scores * share[near.items] ** how.lean, -1.0)
    best = np.argsort(-scores, axis=1, kind="stable")[:, : how.k]
    items = np.take_along_axis(near.items, best, axis=1)
    kept = np.take_along_axis(scores, best, axis=1)
    return TopItems(items=items, scores=np.where(items == NOBODY, 0, kept).astype(np.float32))


def above_chance(lists: TopItems, counted: PairCounts, *, min_lift: float = 1.0) -> TopItems:
    """Return the lists without the pairs whose lift is `min_lift` or less; what is left moves up.

    A pair that is not counted stood together in fewer baskets than the pairs were cut at: it goes where even one basket
    less than that would not be enough, and stays where it may be.
    """
    row, place = np.nonzero(lists.items != NOBODY)
    if not len(row):
        return lists
    item = lists.items[row, place]
    counts = counted.item_counts.astype(np.float64)
    width = len(counts)
    keys = counted.a.astype(np.int64) * width + counted.b
    asked = np.minimum(row, item).astype(np.int64) * width + np.maximum(row, item)
    at = np.minimum(np.searchsorted(keys, asked), max(len(keys) - 1, 0))
    known = keys[at] == asked if len(keys) else np.zeros(len(asked), dtype=np.bool_)
    together_in = np.full(len(asked), counted.min_count - 1, dtype=np.float64)
    together_in[known] = counted.count[at[known]]
    enough = together_in * counted.baskets > min_lift * counts[row] * counts[item]
    items = lists.items.copy()
    scores = lists.scores.copy()
    items[row[~enough], place[~enough]] = NOBODY
    scores[row[~enough], place[~enough]] = 0
    order = np.argsort(items == NOBODY, axis=1, kind="stable")
    return TopItems(
        items=np.take_along_axis(items, order, axis=1), scores=np.take_along_axis(scores, order, axis=1)
    )


def basket_weights(
    sizes: NDArray[np.integer],
    ages: NDArray[np.integer] | NDArray[np.floating] | None,
    how: Companionship,
) -> NDArray[np.float64]:
    """Return w(b) of baskets of these sizes and ages.

    Raises:
        ValueError: as `together`.
    """
    weights: NDArray[np.float64] = np.maximum(sizes, 1).astype(np.float64) ** -how.damping
    if ages is None:
        return weights
    if ages.shape != sizes.shape or (ages < 0).any():
        raise ValueError(
            f"ages has the shape {ages.shape} and the minimum {ages.min(initial=0)}; wanted {len(sizes)}, 0 or more"
        )
    return np.asarray(weights * np.exp2(-ages.astype(np.float64) / how.half_life_days), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Merged:
    """A product of a merged list."""

    product: int
    score: float
    anchor: int  # which of the given lists said most for it: its position


def merged(
    lists: Sequence[Sequence[tuple[int, float]]], *, without: frozenset[int] = frozenset()
) -> list[Merged]:
    """Return the products of the lists of several anchors by the sum of their scores, the highest first.

    A list is (product, score) pairs. Equal sums come in order of product; `without` are the anchors themselves.
    """
    sums: dict[int, float] = {}
    said: dict[int, tuple[float, int]] = {}
    for anchor, pairs in enumerate(lists):
        for product, score in pairs:
            if product in without:
                continue
            sums[product] = sums.get(product, 0.0) + score
            if product not in said or score > said[product][0]:
                said[product] = (score, anchor)
    order = sorted(sums, key=lambda product: (-sums[product], product))
    return [Merged(product=product, score=sums[product], anchor=said[product][1]) for product in order]
