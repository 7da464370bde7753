"""Association rules of pairs: if X is in a basket, Y is too.

All measures are made of four counts: n_xy baskets with both, n_x and n_y with either, N baskets.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from precision.engine.results import PairCounts

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def support(count: Ints, *, baskets: int) -> Floats:
    """Share of baskets with the whole set: n_xy / N (Agrawal, Imieliński and Swami 1993); nan if N is 0."""
    return _ratio(count, np.float64(baskets))


def confidence(count: Ints, *, antecedent_count: Ints) -> Floats:
    """Share of the baskets with X that hold Y: n_xy / n_x (Agrawal and Srikant 1994); nan if n_x is 0."""
    return _ratio(count, antecedent_count)


def lift(count: Ints, *, antecedent_count: Ints, consequent_count: Ints, baskets: int) -> Floats:
    """How many times as often as by chance: n_xy N / (n_x n_y) (Brin, Motwani, Ullman and Tsur 1997).

    They call it interest. 1 means independent; it is unstable for rare items. nan if n_x or n_y is 0.
    """
    return _ratio(count.astype(np.float64) * baskets, antecedent_count.astype(np.float64) * consequent_count)


def leverage(count: Ints, *, antecedent_count: Ints, consequent_count: Ints, baskets: int) -> Floats:
    """Share of baskets beyond what chance gives: n_xy / N − (n_x / N)(n_y / N) (Piatetsky-Shapiro 1991)."""
    return _ratio(count, np.float64(baskets)) - _ratio(
        antecedent_count.astype(np.float64) * consequent_count, np.float64(baskets) ** 2
    )


def shrunk_confidence(count: Ints, *, antecedent_count: Ints, shrinkage: float) -> Floats:
    """The confidence held back where X is rare: n_xy / (n_x + shrinkage).

    As if `shrinkage` more baskets with X had been seen, all without Y. It orders what is bought together: a
    pair seen twice in two baskets does not come before one seen 300 times in 400.
    """
    return _ratio(count, antecedent_count + shrinkage)


def _ratio(numerator: Any, denominator: Any) -> Floats:
    top = np.asarray(numerator, dtype=np.float64)
    bottom = np.asarray(denominator, dtype=np.float64)
    undefined = np.full(np.broadcast_shapes(top.shape, bottom.shape), np.nan)
    ratio: Floats = np.divide(top, bottom, out=undefined, where=bottom != 0)
    return ratio


@dataclass(frozen=True, slots=True)
class PairRules:
    """Rules antecedent → consequent, one entry of each array a rule, in order of (antecedent, consequent)."""

    antecedent: NDArray[np.int32]  # column position of X in the basket matrix
    consequent: NDArray[np.int32]  # column position of Y
    count: Ints  # baskets with both
    support: Floats
    confidence: Floats
    lift: Floats
    leverage: Floats

    def __len__(self) -> int:
        return len(self.antecedent)

    def take(self, which: NDArray[Any]) -> "PairRules":
        """The rules at these positions, or where this mask is True, in that order."""
        return PairRules(**{field.name: getattr(self, field.name)[which] for field in fields(self)})


def required_count(*, baskets: int, min_count: int = 1, min_support: float = 0.0) -> int:
    """The smallest number of baskets that meets both thresholds: what to ask an engine's `pair_counts` for.

    Raises:
        ValueError: `min_count` is below 1 or `min_support` is no share.
    """
    if min_count < 1:
        raise ValueError(f"min_count is {min_count}, wanted at least 1")
    if not 0 <= min_support <= 1:
        raise ValueError(f"min_support is {min_support}, wanted a share between 0 and 1")
    needed = int(np.ceil(min_support * baskets))
    # The product is rounded (0.07 × 100 is a little above 7); the quotient is what the threshold means.
    while needed > 0 and (needed - 1) / baskets >= min_support:
        needed -= 1
    while needed and needed / baskets < min_support:
        needed += 1
    return max(needed, min_count)


def from_pairs(
    pairs: PairCounts,
    *,
    min_count: int = 1,
    min_support: float = 0.0,
    min_confidence: float = 0.0,
    min_lift: float = 0.0,
) -> PairRules:
    """Both rules of every pair, those kept that reach all thresholds (each is inclusive).

    Raises:
        ValueError: the pairs were cut at a higher count than these thresholds, so rules would be missing.
    """
    needed = required_count(baskets=pairs.baskets, min_count=min_count, min_support=min_support)
    if pairs.min_count > needed:
        raise ValueError(
            f"the pairs were cut at {pairs.min_count} baskets, these thresholds want {needed}; "
            "count pairs with a lower min_count or raise the thresholds"
        )
    kept = pairs.count >= needed
    a, b, once = pairs.a[kept], pairs.b[kept], pairs.count[kept]
    x, y = np.concatenate([a, b]), np.concatenate([b, a])
    count = np.concatenate([once, once])
    of_x, of_y = pairs.item_counts[x], pairs.item_counts[y]
    rules = PairRules(
        antecedent=x,
        consequent=y,
        count=count,
        support=support(count, baskets=pairs.baskets),
        confidence=confidence(count, antecedent_count=of_x),
        lift=lift(count, antecedent_count=of_x, consequent_count=of_y, baskets=pairs.baskets),
        leverage=leverage(count, antecedent_count=of_x, consequent_count=of_y, baskets=pairs.baskets),
    )
    strong = np.flatnonzero((rules.confidence >= min_confidence) & (rules.lift >= min_lift))
    order = np.lexsort((rules.consequent[strong], rules.antecedent[strong]))
    return rules.take(strong[order])


def bought_together(
    pairs: PairCounts, *, limit: int, shrinkage: float, min_lift: float = 1.0
) -> tuple[PairRules, Floats]:
    """The `limit` best rules of each antecedent, best first, and their score, the shrunk confidence.

    Lift above `min_lift` is a filter (popular goods go with everything) and never the order: the highest
    lifts belong to the rarest pairs. Equal scores are in order of count, then of consequent.

    Raises:
        ValueError: `limit` is below 1 or `shrinkage` is negative.
    """
    if limit < 1:
        raise ValueError(f"limit is {limit}, wanted at least 1")
    if not shrinkage >= 0:
        raise ValueError(f"shrinkage is {shrinkage}, wanted 0 or more")
    rules = from_pairs(pairs, min_count=pairs.min_count)
    rules = rules.take(rules.lift > min_lift)
    score = shrunk_confidence(
        rules.count, antecedent_count=pairs.item_counts[rules.antecedent], shrinkage=shrinkage
    )
    order = np.lexsort((rules.consequent, -rules.count, -score, rules.antecedent))
    antecedent = rules.antecedent[order]
    rank = np.arange(len(order)) - np.searchsorted(antecedent, antecedent)
    best = order[rank < limit]
    return rules.take(best), score[best]


@dataclass(frozen=True, slots=True)
class RuleMatrix:
    """Pair counts and confidences of chosen products: row X, column Y, the rule X → Y.

    On the diagonal `counts` has the baskets with X and `confidence` None (X → X says nothing). A count is
    None where it is only known to be below the count that the pairs were cut at. A confidence is None where
    its count is, and in the row of a product that is in no basket.
    """

    products: tuple[int, ...]  # column positions in the basket matrix, as asked for
    baskets: int
    counts: list[list[int | None]]
    confidence: list[list[float | None]]


def matrix(pairs: PairCounts, products: Sequence[int]) -> RuleMatrix:
    """The tables of pair counts and confidences of these products (column positions), in their order.

    Raises:
        ValueError: a product stands twice or is no column of the basket matrix.
    """
    chosen = np.array(products, dtype=np.int64)
    items = len(pairs.item_counts)
    if len(np.unique(chosen)) < len(chosen) or ((chosen < 0) | (chosen >= items)).any():
        raise ValueError(
            f"the products are {list(products)}; wanted different positions from 0 to {items - 1}"
        )
    size = len(chosen)
    # Unknown is -1 until the very end; a pair that is absent at min_count 1 never stood together.
    counts = np.full((size, size), 0 if pairs.min_count == 1 else -1, dtype=np.int64)
    place = np.full(items, -1, dtype=np.int64)
    place[chosen] = np.arange(size)
    rows, columns = place[pairs.a], place[pairs.b]
    both = (rows >= 0) & (columns >= 0)
    counts[rows[both], columns[both]] = counts[columns[both], rows[both]] = pairs.count[both]
    np.fill_diagonal(counts, pairs.item_counts[chosen])
    shares = confidence(counts, antecedent_count=pairs.item_counts[chosen][:, None])
    known = (counts >= 0) & np.isfinite(shares) & ~np.eye(size, dtype=np.bool_)
    return RuleMatrix(
        products=tuple(chosen.tolist()),
        baskets=pairs.baskets,
        counts=[[value if value >= 0 else None for value in row] for row in counts.tolist()],
        confidence=[
            [share if real else None for share, real in zip(row, reals, strict=True)]
            for row, reals in zip(shares.tolist(), known.tolist(), strict=True)
        ],
    )
