"""Products for a customer from association rules of pairs: what stood in one order with what they bought.

Pairs are counted as in `methods.pairs`, in the orders of the last `window_days` days, guests' orders too. The score of
the rule x → y is

    (n_xy − n_x n_y / N) / (n_x + shrinkage)

the confidence above what chance gives, P(y|x) − P(y) (the "added value" of Tan, Kumar and Srivastava 2002), held back
where x is rare. It is above 0 exactly where the lift is above 1, so that the lift filters and never sorts. Of each
product only the strongest rules stay; a customer's score for y is Σ over bought products x of weight(x) × score(x → y).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from precision.engine.results import PairCounts
from precision.shop.columns import DAY
from recommender.candidates.item_item import strongest
from recommender.interactions import positions
from recommender.methods import pairs

if TYPE_CHECKING:
    from precision.engine.backends.base import Engine


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """How rules are found."""

    window_days: int = 120
    min_count: int = 3
    """Orders that hold both."""
    max_items: int = 300
    """Larger orders are left out."""
    shrinkage: float = 20.0
    """Imagined orders with x and nothing else."""
    kept: int = 50
    """Rules of each product."""

    def __post_init__(self) -> None:
        for name in ("window_days", "min_count", "max_items", "kept"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, wanted at least 1")
        if not 0 <= self.shrinkage < np.inf:
            raise ValueError(f"shrinkage is {self.shrinkage}, wanted 0 or more and finite")


def fit(
    engine: "Engine",
    lines: nw.LazyFrame[Any],
    *,
    as_of_day: int,
    products: NDArray[np.int64],
    how: Ruling | None = None,
) -> csr_matrix:
    """The scores of rules, antecedents in the rows: (products, products) float32, `kept` entries a row at most.

    `lines` are order lines with ORDER, PRODUCT, DAY and RETURNED; `products` (ascending inner ids) are rows and
    columns, rules of others are left out.
    """
    how = how or Ruling()
    window = lines.filter(nw.col(DAY) >= as_of_day - how.window_days, nw.col(DAY) < as_of_day)
    baskets = pairs.to_matrix(pairs.purchases(window), max_items=how.max_items)
    counted = engine.pair_counts(baskets.matrix, min_count=how.min_count)
    place, known = positions(baskets.products, products)
    return of_pairs(counted, place=np.where(known, place, -1), columns=len(products), how=how)


def of_pairs(
    counted: PairCounts, *, place: NDArray[np.integer[Any]], columns: int, how: Ruling
) -> csr_matrix:
    """The scores of the rules of counted pairs; `place` numbers their items, -1 leaves one out."""
    known = (place[counted.a] >= 0) & (place[counted.b] >= 0)
    a, b = counted.a[known], counted.b[known]
    held = counted.item_counts.astype(np.float64)
    excess = counted.count[known] - held[a] * held[b] / max(counted.baskets, 1)
    speaks = excess > 0
    a, b, excess = a[speaks], b[speaks], excess[speaks]
    rows, targets = np.concatenate((a, b)), np.concatenate((b, a))
    scores = np.concatenate((excess, excess)) / (held[rows] + how.shrinkage)
    matrix = csr_matrix((scores, (place[rows], place[targets])), shape=(columns, columns), dtype=np.float32)
    return strongest(matrix, n=how.kept)
