"""Association rules of three and more products, in the same form as those of pairs."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from precision.engine.results import Itemsets
from recommender.methods.rules import Floats, Ints, confidence, leverage, lift, support

Items = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SetRules:
    """Rules antecedent → consequent between sets; entry r of each field is rule r.

    In order of the whole set's size, then of antecedent and consequent. The fields are those of `PairRules`,
    but for the two sides, which are ascending tuples of column positions.
    """

    antecedent: tuple[Items, ...]
    consequent: tuple[Items, ...]
    count: Ints  # baskets with all of both sides
    support: Floats
    confidence: Floats
    lift: Floats
    leverage: Floats

    def __len__(self) -> int:
        return len(self.antecedent)


def from_itemsets(
    found: Itemsets, *, min_length: int = 3, min_confidence: float = 0.0, min_lift: float = 0.0
) -> SetRules:
    """All rules of the sets with at least `min_length` items that reach both thresholds (inclusive).

    Every split of a set into two sides is a rule (Agrawal and Srikant 1994); each side is itself frequent,
    so its count is known. Thresholds on count and support belong into the search for the sets.

    Raises:
        ValueError: a subset of a set is not among the sets, so that they were not all found.
    """
    counts: dict[Items, int] = {(item,): int(count) for item, count in enumerate(found.item_counts)}
    counts.update(zip(found.sets, found.count.tolist(), strict=True))
    long_enough = [items for items in found.sets if len(items) >= min_length]
    try:
        rows = [
            (len(whole), x, y, counts[whole], counts[x], counts[y])
            for whole in long_enough
            for x, y in _splits(whole)
        ]
    except KeyError as error:
        raise ValueError(
            f"the items {error.args[0]} are part of a frequent set but not among the sets themselves; "
            "wanted sets closed under subsets, as an engine's `itemsets` gives them"
        ) from error
    rows.sort()
    table = np.array([row[3:] for row in rows], dtype=np.int64).reshape(len(rows), 3)
    count, of_x, of_y = table[:, 0], table[:, 1], table[:, 2]
    baskets = found.baskets
    share = confidence(count, antecedent_count=of_x)
    times = lift(count, antecedent_count=of_x, consequent_count=of_y, baskets=baskets)
    kept: NDArray[np.int64] = np.flatnonzero((share >= min_confidence) & (times >= min_lift))
    beyond = leverage(count, antecedent_count=of_x, consequent_count=of_y, baskets=baskets)
    return SetRules(
        antecedent=tuple(rows[r][1] for r in kept),
        consequent=tuple(rows[r][2] for r in kept),
        count=count[kept],
        support=support(count, baskets=baskets)[kept],
        confidence=share[kept],
        lift=times[kept],
        leverage=beyond[kept],
    )


def _splits(whole: Items) -> Iterator[tuple[Items, Items]]:
    """Every way to cut a set into two sides, neither empty."""
    for size in range(1, len(whole)):
        for x in combinations(whole, size):
            yield x, tuple(item for item in whole if item not in x)
