"""All candidate sources for all customers as of a day: fitted once, then asked for lists.

The same code serves the nightly lists (as of tonight) and the offline comparison (as of the day before the held-out
days), so that what is measured is what is published.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from precision.engine.results import NOBODY, Factors, TopItems
from recommender import interactions
from recommender.candidates import buy_again, ease, factors, item_item, popularity
from recommender.candidates.buy_again import Habit
from recommender.candidates.ease import Ease, Regression
from recommender.candidates.factors import Factorisation
from recommender.candidates.item_item import Similarity
from recommender.candidates.lists import same_for_all
from recommender.interactions import History

if TYPE_CHECKING:
    from precision.engine.backends.base import Engine

ITEM_ITEM, EASE, FACTORS, BUY_AGAIN = "item-item", "ease", "factors", "buy-again"
POPULAR = {days: f"popular-{days}" for days in popularity.WINDOWS}


def method(name: str) -> str:
    """Return the name of a source without its window: `popular-7` and `popular-30` are one method."""
    return "popular" if name in POPULAR.values() else name


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """Half-lives in days and the options of each source."""

    similarity_half_life: float = 30.0
    """Age at which a purchase counts half in what is similar to what."""
    profile_half_life: float = 60.0
    """The same in what a customer's own history asks for."""
    factors_half_life: float = 90.0
    ease_half_life: float = 60.0
    ease_profile_half_life: float = 90.0
    profile_items: int = 200
    """Most products of a customer's history that ask for similar ones; a wholesaler's thousands say little each."""
    similarity: Similarity = field(default_factory=Similarity)
    factorisation: Factorisation = field(default_factory=Factorisation)
    regression: Regression = field(default_factory=Regression)
    habit: Habit = field(default_factory=Habit)


@dataclass(frozen=True, slots=True)
class Sources:
    """The fitted sources; rows are `history.customers`, columns `history.products`."""

    history: History
    bought: csr_matrix  # (customers, products), number of days; an entry for whatever a customer still has
    popular: dict[int, NDArray[np.float64]]  # days → buyers of each product, (products,)
    neighbours: TopItems  # (products, k)
    profiles: csr_matrix  # (customers, products), decayed, the strongest only
    factors: Factors
    ease: Ease
    ease_profiles: csr_matrix  # (customers, products), roots of decayed weights, the strongest only
    habits: csr_matrix  # (customers, products), score of buying again


def fit(
    engine: "Engine",
    lines: nw.LazyFrame[Any],
    *,
    as_of_day: int,
    rng: np.random.Generator,
    how: Tuning | None = None,
) -> Sources:
    """Return all sources, from order lines (with guests' orders) before `as_of_day`."""
    how = how or Tuning()
    days = interactions.purchase_days(lines, as_of_day=as_of_day)
    history = interactions.collect(days, as_of_day=as_of_day)
    guests = interactions.collect(
        interactions.guest_days(lines, as_of_day=as_of_day), as_of_day=as_of_day, products=history.products
    )
    popular = {
        window: popularity.as_vector(
            popularity.popular(lines, as_of_day=as_of_day, days=window),
            score=popularity.BUYERS,
            products=history.products,
        )
        for window in popularity.WINDOWS
    }
    half_life = how.similarity_half_life
    neighbours = item_item.similar(
        engine,
        history.matrix(half_life_days=half_life),
        guests=guests.matrix(half_life_days=half_life),
        how=how.similarity,
    )
    return Sources(
        history=history,
        bought=history.matrix(),
        popular=popular,
        neighbours=neighbours,
        profiles=item_item.strongest(
            history.matrix(half_life_days=how.profile_half_life), n=how.profile_items
        ),
        factors=factors.fit(
            engine,
            history.matrix(half_life_days=how.factors_half_life),
            rng=rng,
            recent_buyers=popular[7],
            how=how.factorisation,
        ),
        ease=ease.fit(history.matrix(half_life_days=how.ease_half_life), how=how.regression),
        ease_profiles=item_item.strongest(
            ease.roots(history.matrix(half_life_days=how.ease_profile_half_life)), n=how.profile_items
        ),
        habits=buy_again.scores(history, recent_buyers=popular[30], how=how.habit),
    )


def lists(
    engine: "Engine", sources: Sources, *, rows: NDArray[np.int64], k: int, new_only: bool
) -> dict[str, TopItems]:
    """Return the k best products of each source for the customers at `rows`: name → (rows, k) lists.

    With `new_only` nobody gets what they have, and there is no buy-again list.
    """
    held = sources.bought[rows] if new_only else None
    found = {
        ITEM_ITEM: item_item.recommend(sources.profiles[rows], sources.neighbours, k=k, exclude=held),
        EASE: ease.recommend(sources.ease_profiles[rows], sources.ease, k=k, exclude=held),
        FACTORS: factors.recommend(engine, sources.factors, k=k, rows=rows, exclude=held),
    }
    if not new_only:
        found[BUY_AGAIN] = buy_again.recommend(sources.habits[rows], k=k)
    for days, buyers in sources.popular.items():
        found[POPULAR[days]] = _popular(buyers, held, rows=len(rows), k=k)
    return found


def _popular(buyers: NDArray[np.float64], held: csr_matrix | None, *, rows: int, k: int) -> TopItems:
    """Return the best-sellers for each row, without what the row has; a longer list is cut, so it may run short."""
    if held is None:
        return same_for_all(buyers, rows=rows, k=k)
    longest = int(np.diff(held.indptr).max(initial=0))
    best = same_for_all(buyers, rows=1, k=min(k + longest, len(buyers)))
    items, scores = best.items[0], best.scores[0]
    items, scores = items[items != NOBODY], scores[items != NOBODY]
    out = TopItems(
        items=np.full((rows, k), NOBODY, dtype=np.int32), scores=np.zeros((rows, k), dtype=np.float32)
    )
    for row in range(rows):
        has = held.indices[held.indptr[row] : held.indptr[row + 1]]
        free = np.flatnonzero(~np.isin(items[: k + len(has)], has))[:k]
        out.items[row, : len(free)] = items[free]
        out.scores[row, : len(free)] = scores[free]
    return out
