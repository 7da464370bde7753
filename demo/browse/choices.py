"""Which products the people look at and buy: by their class, their favourite category and the week's promotions."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from demo.browse.catalogue import PER_TIER, TIERS
from demo.browse.people import CLASSES, TOPS, People

KINDS_PER_TOP = 5
FAVOURITE_SHARE = 0.7
TIER_SHARE = np.array(
    [
        [0.02, 0.05, 0.13, 0.30, 0.50],  # A: well off, takes the good things
        [0.40, 0.27, 0.18, 0.10, 0.05],  # B: price-sensitive
        [0.20, 0.20, 0.20, 0.20, 0.20],  # C: price does not matter
    ]
)
"""How often a class looks at each tier, rows A, B, C."""
LOOKED_THROUGH = 5
"""How many offers somebody of class B goes through to find one on promotion."""
GOES_WITH = {
    0: 1,
    1: 0,
    2: 4,
    5: 7,
    7: 5,
    6: 9,
    8: 5,
    10: 12,
    11: 12,
    13: 14,
    14: 12,
    15: 17,
    16: 19,
    20: 23,
    22: 11,
}
"""Kind of goods → the kind that is bought with it: the association rules planted here."""


def look(
    rng: np.random.Generator,
    people: People,
    discounts: NDArray[np.float64],
    *,
    visitor: NDArray[np.int64],
    week: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Return the product that each visitor looks at in each week given, arrays of one length."""
    size = len(visitor)
    favourite = rng.random(size) < FAVOURITE_SHARE
    top = np.where(favourite, people.favourite[visitor], rng.integers(0, TOPS, size))
    first = _draw(rng, people, visitor, top)
    bargain = people.letter[visitor] == CLASSES.index("B")
    for _ in range(LOOKED_THROUGH - 1):
        other = _draw(rng, people, visitor, top)
        better = bargain & (discounts[week, first] == 0) & (discounts[week, other] > 0)
        first = np.where(better, other, first)
    return first


def companions(rng: np.random.Generator, products: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each product one of the kind that goes with it, in the same tier; -1 where nothing does."""
    per_kind = len(TIERS) * PER_TIER
    kind, tier = products // per_kind, products % per_kind // PER_TIER
    table = np.full(TOPS * KINDS_PER_TOP, -1)
    table[list(GOES_WITH)] = list(GOES_WITH.values())
    other = table[kind]
    found = other * per_kind + tier * PER_TIER + rng.integers(0, PER_TIER, len(products))
    return np.where(other >= 0, found, -1)


def order_lines(
    rng: np.random.Generator,
    people: People,
    catalogue: pl.DataFrame,
    discounts: NDArray[np.float64],
    *,
    visits: pl.DataFrame,
    bought: NDArray[np.int64],
) -> pl.DataFrame:
    """Return the lines of the orders: visit, product, quantity, unit_price, list_price (EUR).

    `visits` are those that end in an order, `bought` is the main product of each.
    """
    visit = visits.get_column("visit").to_numpy()
    visitor, week = visits.get_column("visitor").to_numpy(), visits.get_column("week").to_numpy()
    with_it = companions(rng, bought)
    also = look(rng, people, discounts, visitor=visitor, week=week)
    parts = [(visit, week, bought)]
    chosen = (rng.random(len(visit)) < 0.45) & (with_it >= 0)
    parts.append((visit[chosen], week[chosen], with_it[chosen]))
    more = rng.random(len(visit)) < 0.35
    parts.append((visit[more], week[more], also[more]))
    visit, week, product = (np.concatenate(each) for each in zip(*parts, strict=True))
    price = catalogue.get_column("price").to_numpy()[product]
    again = catalogue.get_column("repeatable").to_numpy()[product]
    paid = np.round(price * (1 - discounts[week, product]), 2)
    quantity = np.where(again, 1 + rng.binomial(3, 0.25, len(product)), 1)
    lines = pl.DataFrame(
        {"visit": visit, "product": product, "quantity": quantity, "unit_price": paid, "list_price": price}
    )
    return lines.unique(["visit", "product"], keep="first", maintain_order=True).sort(
        "visit", maintain_order=True
    )


def _draw(
    rng: np.random.Generator, people: People, visitor: NDArray[np.int64], top: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return a product of the category for each visitor, in a tier that the class likes; the first kinds more often."""
    size = len(visitor)
    tier = (rng.random(size)[:, None] > np.cumsum(TIER_SHARE, axis=1)[people.letter[visitor]][:, :-1]).sum(
        axis=1
    )
    kind = top * KINDS_PER_TOP + np.minimum(rng.geometric(0.3, size) - 1, KINDS_PER_TOP - 1)
    number = np.minimum(rng.geometric(0.35, size) - 1, PER_TIER - 1)
    drawn: NDArray[np.int64] = (kind * len(TIERS) + tier) * PER_TIER + number
    return drawn
