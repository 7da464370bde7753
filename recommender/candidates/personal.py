"""All candidate sources for all customers as of a day: fitted once, then asked for lists.

The same code serves the nightly lists (as of tonight) and the offline comparison (as of the day before the held-out
days), so that what is measured is what is published.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from precision.engine.results import Factors, TopItems
from recommender import interactions
from recommender import signals as behaviour
from recommender.candidates import (
    assortment,
    buy_again,
    ease,
    factors,
    groups,
    item_item,
    popularity,
    rules,
)
from recommender.candidates.assortment import Assortment
from recommender.candidates.buy_again import Habit
from recommender.candidates.content import Describing
from recommender.candidates.ease import Ease, Regression
from recommender.candidates.factors import Factorisation
from recommender.candidates.groups import Grouped
from recommender.candidates.item_item import Similarity
from recommender.candidates.lists import free_of_one
from recommender.candidates.rules import Ruling
from recommender.interactions import History
from recommender.signals import Weights

if TYPE_CHECKING:
    from precision.engine.backends.base import Engine

ITEM_ITEM, EASE, FACTORS, BUY_AGAIN = "item-item", "ease", "factors", "buy-again"
RULES, LAST_YEAR, CONTENT = "rules", "popular-last-year", "content"
CATEGORY, CLASS = "popular-category", "popular-class"
POPULAR = {days: f"popular-{days}" for days in popularity.WINDOWS}
NEW_NAMES = (ITEM_ITEM, EASE, FACTORS, RULES, CONTENT, *POPULAR.values(), LAST_YEAR, CATEGORY, CLASS)
ALL_NAMES = (*NEW_NAMES, BUY_AGAIN)


def method(name: str) -> str:
    """Return the name of a source without its window or group: `popular-7` and `popular-class` are one method."""
    return "popular" if name.startswith("popular") else name


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """Half-lives in days and the options of each source."""

    least_weight: float = 1 / 32
    """Decayed weights below this are left out of what is similar to what (item-item, EASE): on two real shops they
    took half of the time and found nothing."""
    similarity_half_life: float = 30.0
    """Age at which a purchase counts half in what is similar to what."""
    profile_half_life: float = 60.0
    """The same in what a customer's own history asks for."""
    factors_half_life: float = 90.0
    ease_half_life: float = 60.0
    ease_profile_half_life: float = 90.0
    category_half_life: float = 90.0
    category_days: int = 30
    last_year_days: int = 28
    profile_items: int = 200
    """Most products of a customer's history that ask for similar ones; a wholesaler's thousands say little each."""
    similarity: Similarity = field(default_factory=Similarity)
    factorisation: Factorisation = field(default_factory=Factorisation)
    regression: Regression = field(default_factory=Regression)
    ruling: Ruling = field(default_factory=Ruling)
    describing: Describing = field(default_factory=lambda: Describing(k=20, champions=200, looked_at=40))
    habit: Habit = field(default_factory=Habit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """What shoppers do beside buying, and how much it says (`recommender.signals`)."""

    events: nw.LazyFrame[Any] | None
    """`history.scan("events")`: CUSTOMER, IDENTITY, EVENT, PRODUCT, DAY; None where only purchases count."""
    weights: Weights = field(default_factory=Weights)
    half_life_days: float | None = None
    """Of everything; None: each source has its own."""


@dataclass(frozen=True, slots=True)
class Sources:
    """The fitted sources; rows are `history.customers`, columns `history.products`.

    `history`, `bought` and `habits` stand on purchases alone; with signals there are rows of customers, and with an
    assortment columns of products, that have none.
    """

    history: History
    bought: csr_matrix  # (customers, products), number of days; an entry for whatever a customer still has
    popular: dict[int, NDArray[np.float64]]  # days → buyers of each product, (products,)
    last_year: NDArray[np.float64]  # buyers in the same weeks of last year, (products,)
    categories: NDArray[np.int64]  # category number of each product, -1 for none, (products,)
    prices: NDArray[np.float64]  # mean unit price so far of each product, 1/10,000, nan for none, (products,)
    by_category: Grouped
    by_class: Grouped
    neighbours: TopItems  # (products, k)
    rules: csr_matrix  # (products, products), scores of the strongest rules of each
    profiles: csr_matrix  # (customers, products), decayed, the strongest only
    factors: Factors
    ease: Ease
    ease_profiles: csr_matrix  # (customers, products), roots of decayed weights, the strongest only
    habits: csr_matrix  # (customers, products), score of buying again
    content: csr_matrix | None = (
        None  # (products, products), similar by description; None without an assortment
    )


def fit(
    engine: "Engine",
    lines: nw.LazyFrame[Any],
    *,
    as_of_day: int,
    rng: np.random.Generator,
    classes: Mapping[str, NDArray[np.int64]] | None = None,
    signals: Signals | None = None,
    goods: Assortment | None = None,
    how: Tuning | None = None,
) -> Sources:
    """Return all sources, from order lines (with guests' orders) before `as_of_day`.

    `classes` names the inner ids of the customers of each price class, ascending, as known on that day; without it
    customers are put into equal thirds by how dear their goods are among their kind. With `signals` what customers
    put into carts, wish for and look at speaks in item-item, EASE, factors and the profiles of all; who only looked
    gets a row too. With `goods`, what nobody bought yet has a column and can be proposed as similar by description.
    """
    how = how or Tuning()
    if signals is not None and signals.half_life_days is not None:
        how = _fading(how, signals.half_life_days)
    bought, spoken, guests = _histories(lines, as_of_day=as_of_day, signals=signals, goods=goods)
    products = bought.products
    popular = {
        window: _buyers(popularity.popular(lines, as_of_day=as_of_day, days=window), products)
        for window in popularity.WINDOWS
    }
    told = None if goods is None else goods.along(products)
    categories = groups.product_categories(
        lines, as_of_day=as_of_day, products=products, otherwise=None if told is None else told.categories
    )
    prices = groups.product_prices(lines, as_of_day=as_of_day, products=products)
    if told is not None:
        prices = np.where(np.isnan(prices), told.prices, prices)
    affinity = bought.matrix(half_life_days=how.category_half_life)
    tiers = (
        groups.price_levels(affinity, prices, categories)
        if classes is None
        else groups.named(bought.customers, classes)
    )
    profiles = item_item.strongest(spoken.matrix(half_life_days=how.profile_half_life), n=how.profile_items)
    half_life = how.similarity_half_life
    return Sources(
        history=bought,
        bought=bought.matrix(),
        popular=popular,
        last_year=_buyers(
            popularity.last_year(lines, as_of_day=as_of_day, days=how.last_year_days), products
        ),
        categories=categories,
        prices=prices,
        by_category=groups.by_category(affinity, categories, popular[how.category_days]),
        by_class=groups.by_class(bought, tiers),
        neighbours=item_item.similar(
            engine,
            spoken.matrix(half_life_days=half_life, least=how.least_weight),
            guests=guests.matrix(half_life_days=half_life, least=how.least_weight),
            how=how.similarity,
        ),
        rules=rules.fit(engine, lines, as_of_day=as_of_day, products=products, how=how.ruling),
        profiles=profiles,
        factors=factors.fit(
            engine,
            spoken.matrix(half_life_days=how.factors_half_life),
            rng=rng,
            recent_buyers=popular[7],
            how=how.factorisation,
        ),
        ease=ease.fit(
            spoken.matrix(half_life_days=how.ease_half_life, least=how.least_weight), how=how.regression
        ),
        ease_profiles=item_item.strongest(
            ease.roots(spoken.matrix(half_life_days=how.ease_profile_half_life)), n=how.profile_items
        ),
        habits=buy_again.scores(bought, recent_buyers=popular[30], how=how.habit),
        content=None
        if told is None
        else assortment.similar(
            told, categories=categories, prices=prices, asked=np.unique(profiles.indices),
            quality=popular[30], how=how.describing,
        ),
    )  # fmt: skip


def _histories(
    lines: nw.LazyFrame[Any], *, as_of_day: int, signals: Signals | None, goods: Assortment | None
) -> tuple[History, History, History]:
    """Return purchases, what speaks for tastes (purchases, or signals), and guests, all with the same columns.

    The first two have the same rows.
    """
    known = interactions.purchase_days(lines, as_of_day=as_of_day)
    nameless = interactions.guest_days(lines, as_of_day=as_of_day)
    bought = interactions.collect(known, as_of_day=as_of_day)
    spoken, scale = bought, 1.0
    if signals is not None:
        weights = signals.weights
        scale = weights.scale
        events = signals.events if weights.behaviour_counts else None
        known, nameless = (
            of(lines, events, as_of_day=as_of_day, weights=weights)
            for of in (behaviour.of_customers, behaviour.of_guests)
        )
        spoken = interactions.collect(known, as_of_day=as_of_day)
    products = np.union1d(bought.products, spoken.products)
    if goods is not None:
        products = np.union1d(products, goods.sellable_ids)
    customers = np.union1d(bought.customers, spoken.customers)
    guests = interactions.collect(nameless, as_of_day=as_of_day, products=products)
    return (
        bought.numbered(customers=customers, products=products),
        spoken.numbered(customers=customers, products=products).scaled(1 / scale),
        guests.scaled(1 / scale),
    )


def _fading(how: Tuning, days: float) -> Tuning:
    """Return the tuning with one half-life for all that signals speak in."""
    return replace(
        how, similarity_half_life=days, profile_half_life=days, factors_half_life=days, ease_half_life=days,
        ease_profile_half_life=days,
    )  # fmt: skip


def lists(
    engine: "Engine",
    sources: Sources,
    *,
    rows: NDArray[np.int64],
    k: int,
    new_only: bool,
    names: Collection[str] = ALL_NAMES,
) -> dict[str, TopItems]:
    """Return the k best products of each source for the customers at `rows`: name → (rows, k) lists.

    With `new_only` nobody gets what they have, and there is no buy-again list. `names` are the sources asked for;
    without an assortment there is no list of content.
    """
    held = sources.bought[rows] if new_only else None
    makers: dict[str, Callable[[], TopItems]] = {
        ITEM_ITEM: lambda: item_item.recommend(sources.profiles[rows], sources.neighbours, k=k, exclude=held),
        EASE: lambda: ease.recommend(sources.ease_profiles[rows], sources.ease, k=k, exclude=held),
        FACTORS: lambda: factors.recommend(engine, sources.factors, k=k, rows=rows, exclude=held),
        RULES: lambda: item_item.spoken_for(sources.profiles[rows], sources.rules, k=k, exclude=held),
        LAST_YEAR: lambda: free_of_one(sources.last_year, rows=len(rows), k=k, exclude=held),
        CATEGORY: lambda: groups.recommend(sources.by_category, rows=rows, k=k, exclude=held),
        CLASS: lambda: groups.recommend(sources.by_class, rows=rows, k=k, exclude=held),
    }
    if (near := sources.content) is not None:
        makers[CONTENT] = lambda: item_item.spoken_for(sources.profiles[rows], near, k=k, exclude=held)
    for days, buyers in sources.popular.items():
        makers[POPULAR[days]] = partial(free_of_one, buyers, rows=len(rows), k=k, exclude=held)
    if not new_only:
        makers[BUY_AGAIN] = lambda: buy_again.recommend(sources.habits[rows], k=k)
    return {name: make() for name, make in makers.items() if name in names}


def _buyers(frame: nw.LazyFrame[Any], products: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the buyers of each product."""
    return popularity.as_vector(frame, score=popularity.BUYERS, products=products)
