"""Best-sellers among products or customers that are alike: of a customer's own categories, of their price class.

Both are two sparse tables, whose product is the score: how much each customer belongs to each group, and how well each
product sells in it.

    category   weight of the customer in the category × buyers of the product / (buyers of the category)^NORMALISED
    class      1 where the customer is in the class × buyers of the product in that class

The exponent stands between the share of the category (1), which prefers small categories, and the plain count (0),
which prefers large ones.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags

from precision.engine.results import TopItems
from precision.shop.columns import CATEGORY, DAY, PRODUCT, QUANTITY_E3, UNIT_PRICE_E4
from recommender.candidates.item_item import spoken_for, strongest
from recommender.interactions import History, positions

NORMALISED = 0.75  # of 0, .5, .75 and 1 the best or nearly so on both sample shops
CATEGORY_LENGTH = 200
CATEGORIES = 50  # of a customer that speak: the strongest; more cost four times the time and found nothing
CLASS_LENGTH = 1_000
"""Longer than a list: what a customer has is taken out of it."""
LEVELS = 3  # price levels where no classes are given
NO_GROUP = -1

Ints = NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True)
class Grouped:
    """Members and best-sellers of groups."""

    members: csr_matrix  # (customers, groups) float32, how much each belongs to each
    best: csr_matrix  # (groups, products) float32, how well each sells there; the best only


def recommend(
    grouped: Grouped, *, k: int, rows: Ints | None = None, exclude: csr_matrix | None = None
) -> TopItems:
    """The k products with the highest score above 0 of each customer (all, or those at `rows`), best first.

    `exclude` (as many rows, products) has an entry for every product that the customer must not get.
    """
    members = grouped.members if rows is None else grouped.members[rows]
    return spoken_for(members, grouped.best, k=k, exclude=exclude)


def by_category(
    weights: csr_matrix, categories: Ints, buyers: NDArray[np.floating[Any]], *, n: int = CATEGORY_LENGTH
) -> Grouped:
    """The customers' own categories. `weights` (customers, products) are decayed by the caller.

    `categories` (products,) are numbers from 0, NO_GROUP where there is none; `buyers` (products,) are recent ones.
    """
    products = weights.shape[1]
    groups = int(categories.max(initial=NO_GROUP)) + 1
    known = np.flatnonzero(categories != NO_GROUP)
    belongs = csr_matrix(
        (np.ones(len(known), dtype=np.float32), (known, categories[known])), shape=(products, groups)
    )
    sold = csr_matrix(belongs.T @ diags(buyers, shape=(products, products)))
    total = np.maximum(np.asarray(sold.sum(axis=1), dtype=np.float64).ravel(), 1)
    share = csr_matrix(diags(total**-NORMALISED, shape=(groups, groups)) @ sold).astype(np.float32)
    members = strongest(csr_matrix(weights @ belongs), n=CATEGORIES)
    return Grouped(members=members, best=strongest(share, n=n))


def by_class(history: History, classes: Ints, *, days: int = 30, n: int = CLASS_LENGTH) -> Grouped:
    """The customers of each class. `classes` (customers,) are numbers from 0, NO_GROUP where there is none.

    A buyer bought on any of the last `days` days before `history.as_of_day`.
    """
    groups = int(classes.max(initial=NO_GROUP)) + 1
    known = np.flatnonzero(classes != NO_GROUP)
    members = csr_matrix(
        (np.ones(len(known), dtype=np.float32), (known, classes[known])),
        shape=(len(history.customers), groups),
    )
    recent = history.day >= history.as_of_day - days
    bought = csr_matrix(
        (np.ones(int(recent.sum()), dtype=np.float32), (history.row[recent], history.column[recent])),
        shape=history.shape,
    )
    bought.data[:] = 1  # a buyer of two days counts once: the constructor added them up
    return Grouped(members=members, best=strongest(csr_matrix(members.T @ bought), n=n))


def named(customers: NDArray[np.int64], classes: Mapping[str, NDArray[np.int64]]) -> NDArray[np.int64]:
    """The class number of each of `customers`, in the order of the names; NO_GROUP where they are in none.

    `classes` names the inner ids of the customers of each class, ascending.
    """
    numbers = np.full(len(customers), NO_GROUP, dtype=np.int64)
    for number, name in enumerate(sorted(classes)):
        numbers[positions(customers, classes[name])[1]] = number
    return numbers


def product_categories(
    lines: nw.LazyFrame[Any],
    *,
    as_of_day: int,
    products: NDArray[np.int64],
    otherwise: NDArray[np.int64] | None = None,
) -> NDArray[np.int64]:
    """The category number of each of `products` (ascending inner ids) by its lines before `as_of_day`.

    Numbers run from 0 in the order of the categories' ids; NO_GROUP without a category; the highest id where lines
    tell several. `otherwise` (products,) are category ids, NO_GROUP for none, of those whose lines tell none.
    """
    told = lines.filter(nw.col(DAY) < as_of_day).select(PRODUCT, CATEGORY).drop_nulls()
    table = told.group_by(PRODUCT).agg(nw.col(CATEGORY).max()).collect()
    place, known = positions(table.get_column(PRODUCT).to_numpy(), products)
    ids = np.full(len(products), NO_GROUP, dtype=np.int64)
    ids[place[known]] = table.get_column(CATEGORY).to_numpy()[known]
    if otherwise is not None:
        ids = np.where(ids == NO_GROUP, otherwise, ids)
    numbers = np.full(len(products), NO_GROUP, dtype=np.int64)
    has = ids != NO_GROUP
    numbers[has] = np.unique(ids[has], return_inverse=True)[1]
    return numbers


def product_prices(
    lines: nw.LazyFrame[Any], *, as_of_day: int, products: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The mean unit price (1/10,000) that each of `products` was sold at before `as_of_day`; nan where unknown."""
    sold = lines.filter(nw.col(DAY) < as_of_day, nw.col(QUANTITY_E3) > 0, nw.col(UNIT_PRICE_E4) > 0)
    table = (
        sold.select(PRODUCT, UNIT_PRICE_E4)
        .drop_nulls()
        .group_by(PRODUCT)
        .agg(nw.col(UNIT_PRICE_E4).sum(), nw.len().cast(nw.Int64).alias("lines"))
        .collect()
    )
    place, known = positions(table.get_column(PRODUCT).to_numpy(), products)
    prices = np.full(len(products), np.nan)
    total = table.get_column(UNIT_PRICE_E4).to_numpy()[known].astype(np.float64)
    prices[place[known]] = total / table.get_column("lines").to_numpy()[known]
    return prices


def price_levels(
    weights: csr_matrix, prices: NDArray[np.floating[Any]], categories: Ints, *, levels: int = LEVELS
) -> NDArray[np.int64]:
    """The price level of each customer, 0 (cheap) to `levels` − 1: equal shares by how dear their goods are.

    The dearness of a product is ln(price) less the mean ln(price) of its category (of all without one), a customer's
    the mean over what they bought, weighted by `weights`. NO_GROUP where no price is known. It stands in for A/B/C
    where these are not known as of the day: today's classes have seen the days after it.
    """
    known = np.isfinite(prices) & (prices > 0)
    logarithm = np.log(np.where(known, prices, 1.0))
    group = categories + 1  # without a category: 0
    count = np.bincount(group[known], minlength=int(group.max(initial=0)) + 1)
    mean = np.bincount(group[known], weights=logarithm[known], minlength=len(count)) / np.maximum(count, 1)
    dear = np.where(known, logarithm - mean[group], 0.0)
    total = np.asarray(weights @ known.astype(np.float64)).ravel()
    level = np.asarray(weights @ dear).ravel() / np.where(total > 0, total, 1)
    numbers = np.full(weights.shape[0], NO_GROUP, dtype=np.int64)
    has = np.flatnonzero(total > 0)
    if len(has):
        borders = np.quantile(level[has], np.arange(1, levels) / levels)
        numbers[has] = np.searchsorted(borders, level[has])
    return numbers
