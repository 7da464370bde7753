"""What sells: windowed popularity, overall or by group, and what sells faster than before.

A buyer is a known customer whose purchases of the product in the window net to more than 0; an order counts in
the same way, guests' orders too. Windows are whole local days, half-open: [as_of_day − days, as_of_day).
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from precision.shop.columns import CUSTOMER, DAY, ORDER, PRODUCT, QUANTITY_E3
from recommender.interactions import ORDERS, positions

WINDOWS = (7, 30, 90)  # days
YEAR_DAYS = 364
BUYERS = "buyers"  # Int64, distinct known customers
GROUP = "group"  # the group of a customer, as the caller names it
BEFORE = "before"  # Int64, buyers or orders of the window before
GROWTH = "growth"  # Float64, see `trending`


def popular(
    lines: nw.LazyFrame[Any],
    *,
    as_of_day: int,
    days: int,
    by: str | None = None,
    groups: nw.LazyFrame[Any] | None = None,
) -> nw.LazyFrame[Any]:
    """BUYERS and ORDERS (Int64) of each PRODUCT in the last `days` days; with `by`, of each value of that column.

    `by` is a column of `lines` (CATEGORY), or GROUP with `groups`, a frame (CUSTOMER, GROUP) with one row a
    customer: orders of guests and of customers without a group are then left out. Lines without a category
    are left out by `by=CATEGORY`.

    Raises:
        ValueError: `days` is below 1.
    """
    if days < 1:
        raise ValueError(f"days is {days}, wanted a window of at least 1 day")
    keys = [PRODUCT] if by is None else [by, PRODUCT]
    window = lines.filter(nw.col(DAY) >= as_of_day - days, nw.col(DAY) < as_of_day)
    if groups is not None:
        window = window.join(groups, on=CUSTOMER, how="inner")
    window = window.drop_nulls(keys)
    orders = _counted(window, keys, each=ORDER, name=ORDERS)
    buyers = _counted(window.drop_nulls([CUSTOMER]), keys, each=CUSTOMER, name=BUYERS)
    return orders.join(buyers, on=keys, how="left").with_columns(nw.col(BUYERS).fill_null(0))


def last_year(lines: nw.LazyFrame[Any], *, as_of_day: int, days: int = 28) -> nw.LazyFrame[Any]:
    """`popular` in the same weeks of last year: the `days` days from 52 weeks before `as_of_day` on.

    52 weeks, so that weekdays fall on weekdays. It is what sold *after* this day a year ago, and nothing of this year.
    """
    if not 1 <= days <= YEAR_DAYS:
        raise ValueError(f"days is {days}, wanted 1 to {YEAR_DAYS}: later days are not last year's")
    return popular(lines, as_of_day=as_of_day - YEAR_DAYS + days, days=days)


def trending(
    lines: nw.LazyFrame[Any],
    *,
    as_of_day: int,
    days: int = 7,
    before_days: int = 28,
    shrinkage: float = 5.0,
    by: str | None = None,
    groups: nw.LazyFrame[Any] | None = None,
) -> nw.LazyFrame[Any]:
    """GROWTH of each PRODUCT sold in the last `days` days, beside its ORDERS then and BEFORE, and its BUYERS.

    GROWTH = (orders + s) / (orders of the `before_days` before × days / before_days + s), with s = `shrinkage`
    imagined orders on either side: without them the first order ever would be infinite growth. Above 1 a
    product sells faster than before.

    Raises:
        ValueError: `shrinkage` is not above 0, or a window is below 1 day.
    """
    if not shrinkage > 0:
        raise ValueError(f"shrinkage is {shrinkage}, wanted more than 0: growth from nothing is undefined")
    keys = [PRODUCT] if by is None else [by, PRODUCT]
    now = popular(lines, as_of_day=as_of_day, days=days, by=by, groups=groups)
    then = popular(lines, as_of_day=as_of_day - days, days=before_days, by=by, groups=groups)
    before = then.select(*keys, nw.col(ORDERS).alias(BEFORE))
    expected = nw.col(BEFORE).cast(nw.Float64) * (days / before_days)
    growth = (nw.col(ORDERS).cast(nw.Float64) + shrinkage) / (expected + shrinkage)
    return (
        now.join(before, on=keys, how="left")
        .with_columns(nw.col(BEFORE).fill_null(0))
        .with_columns(growth.alias(GROWTH))
    )


@dataclass(frozen=True, slots=True)
class Ranked:
    """Products, best first, and what they were ranked by."""

    products: NDArray[np.int64]  # inner ids
    scores: NDArray[np.float64]


def ranked(frame: nw.LazyFrame[Any], *, score: str, n: int) -> Ranked:
    """The n products with the highest `score`; equal scores in order of product id."""
    table = frame.select(PRODUCT, score).collect()
    products = table.get_column(PRODUCT).to_numpy()
    values = table.get_column(score).to_numpy()
    best = np.lexsort((products, -values))[:n]
    return Ranked(products=products[best], scores=values[best].astype(np.float64))


def ranked_by(frame: nw.LazyFrame[Any], *, by: str, score: str, n: int) -> dict[Hashable, Ranked]:
    """`ranked` for each value of the column `by`."""
    table = frame.select(by, PRODUCT, score).collect()
    keys: Sequence[Hashable] = table.get_column(by).to_list()
    products = table.get_column(PRODUCT).to_numpy()
    values = table.get_column(score).to_numpy()
    rows: dict[Hashable, list[int]] = {}
    for place in np.lexsort((products, -values)):
        chosen = rows.setdefault(keys[place], [])
        if len(chosen) < n:
            chosen.append(int(place))
    return {
        key: Ranked(products=products[best], scores=values[best].astype(np.float64))
        for key, best in sorted(rows.items(), key=lambda item: str(item[0]))
    }


def as_vector(frame: nw.LazyFrame[Any], *, score: str, products: NDArray[np.int64]) -> NDArray[np.float64]:
    """The `score` of each of `products` (ascending inner ids), 0 for those that the frame does not have."""
    table = frame.select(PRODUCT, score).collect()
    place, known = positions(table.get_column(PRODUCT).to_numpy(), products)
    vector = np.zeros(len(products))
    vector[place[known]] = table.get_column(score).to_numpy()[known]
    return vector


def _counted(window: nw.LazyFrame[Any], keys: list[str], *, each: str, name: str) -> nw.LazyFrame[Any]:
    """How many distinct values of `each` bought the product, net of what they gave back in the window."""
    return (
        window.group_by(*keys, each)
        .agg(nw.col(QUANTITY_E3).sum())
        .filter(nw.col(QUANTITY_E3) > 0)
        .group_by(*keys)
        .agg(nw.len().cast(nw.Int64).alias(name))
    )
