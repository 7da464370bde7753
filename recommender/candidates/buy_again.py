"""What a customer buys again and again.

score = decayed number of purchase days × wear of the interval × (1 + ln(1 + recent buyers))^prior

The first factor is the personal frequency with time decay. The second knows the customer's own repurchase
interval: it is 1 until the product is overdue by `patience` intervals and halves with every further
interval, so that a habit that broke off stops being offered. The third breaks the many ties of things bought
once in favour of what still sells.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from precision.engine.results import TopItems
from recommender.candidates.lists import best_of_sparse
from recommender.interactions import History


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """How a habit is recognised."""

    half_life_days: float = 120.0
    patience: float = 3.0
    """Own intervals without a purchase after which the habit begins to wear off."""
    min_interval_days: float = 14.0
    """A shorter own interval counts as this: two orders in one week are no weekly habit."""
    prior: float = 0.5
    """Exponent of the weight of recent buyers."""

    def __post_init__(self) -> None:
        if not (self.half_life_days > 0 and self.min_interval_days > 0 and self.patience >= 0):
            raise ValueError(
                f"half_life_days is {self.half_life_days}, min_interval_days {self.min_interval_days}, patience "
                f"{self.patience}; wanted the first two above 0 and patience 0 or more"
            )


@dataclass(frozen=True, slots=True)
class Intervals:
    """Per (customer, product), in the order of `History.pair_starts`."""

    days: NDArray[np.float64]  # mean days between purchases; nan where there was one only
    since: NDArray[np.float64]  # days from the last purchase to the as-of day
    purchases: NDArray[np.int64]  # distinct days


def intervals(history: History) -> Intervals:
    """The repurchase interval of each customer for each product: (last − first day) / (purchases − 1)."""
    starts = history.pair_starts()
    ends = np.append(starts[1:], len(history)) - 1 if len(starts) else starts
    purchases = ends - starts + 1
    span = (history.day[ends] - history.day[starts]).astype(np.float64)
    days = np.full(len(starts), np.nan)
    several = purchases > 1
    days[several] = span[several] / (purchases[several] - 1)
    return Intervals(
        days=days, since=(history.as_of_day - history.day[ends]).astype(np.float64), purchases=purchases
    )


def scores(
    history: History,
    *,
    recent_buyers: NDArray[np.floating[Any]] | NDArray[np.integer[Any]] | None = None,
    how: Habit | None = None,
) -> csr_matrix:
    """The score of each pair of `history`: (customers, products), all above 0.

    `recent_buyers` (products,) are buyers in a recent window; without them the third factor is 1.

    Raises:
        ValueError: `recent_buyers` has another length than the products, or a value below 0.
    """
    how = how or Habit()
    habit = intervals(history)
    interval = np.maximum(np.where(np.isnan(habit.days), np.inf, habit.days), how.min_interval_days)
    overdue = np.maximum(habit.since / interval - how.patience, 0.0)
    matrix = history.matrix(half_life_days=how.half_life_days)
    values = matrix.data * np.exp2(-overdue)
    if recent_buyers is not None:
        if recent_buyers.shape != (len(history.products),) or (recent_buyers < 0).any():
            raise ValueError(
                f"recent_buyers has the shape {recent_buyers.shape} and the minimum "
                f"{recent_buyers.min(initial=0)}; wanted {len(history.products)} counts, 0 or more"
            )
        values *= (1 + np.log1p(recent_buyers[matrix.indices])) ** how.prior
    return history.of_pairs(values)


def recommend(pair_scores: csr_matrix, *, k: int, repeated_only: csr_matrix | None = None) -> TopItems:
    """The k products of each row with the highest score, best first.

    `repeated_only` (same shape) holds the number of purchases: pairs below 2 are then left out.
    """
    if repeated_only is not None:
        pair_scores = csr_matrix(pair_scores.multiply(repeated_only >= 2))
    return best_of_sparse(pair_scores, k=k)
