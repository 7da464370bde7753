"""What may be shown: sellable goods, not bought already, within filters and the price tier of the class.

Everything works on arrays over the products of one platform, so that the same few functions serve one request
(a mask and a handful of items) and a job (lists of all customers).
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from precision.engine.results import NOBODY
from precision.shop.columns import (
    ACTIVE,
    CATEGORY,
    DAY,
    IN_STOCK,
    LIST_PRICE_E4,
    PRICE_E4,
    PRODUCT,
    QUANTITY,
    QUANTITY_E3,
    REPEATABLE,
    UNIT_PRICE_E4,
)
from recommender.interactions import positions

Mask = NDArray[np.bool_]  # (products,)

NONE = -1  # stands for no category and no price
PREMIUM, BARGAIN = "A", "B"

LISTED, SAVED = "listed", "saved"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The products of a platform as arrays in step, ascending by inner id."""

    products: NDArray[np.int64]
    category: NDArray[np.int64]  # -1 for none
    price_e4: NDArray[np.int64]  # -1 for none
    sellable: Mask  # active and in stock
    repeatable: Mask  # may be offered again to who has it; False when unknown


def catalogue(products: nw.LazyFrame[Any]) -> Catalogue:
    """The catalogue of a product frame (PRODUCT, CATEGORY, PRICE_E4, IN_STOCK, ACTIVE, REPEATABLE).

    Unknown stock or activity counts as not sellable.

    Raises:
        ValueError: a product has two rows.
    """
    columns = [PRODUCT, CATEGORY, PRICE_E4, IN_STOCK, ACTIVE, REPEATABLE]
    table = products.select(columns).collect().sort(PRODUCT)
    ids = table.get_column(PRODUCT).to_numpy()
    if len(np.unique(ids)) < len(ids):
        raise ValueError(f"{len(ids)} product rows for {len(np.unique(ids))} products; wanted one row each")

    def numbers(name: str) -> NDArray[np.int64]:
        values: NDArray[np.int64] = table.get_column(name).cast(nw.Int64).fill_null(NONE).to_numpy()
        return values

    def flags(name: str) -> Mask:
        values: Mask = table.get_column(name).cast(nw.Boolean).fill_null(value=False).to_numpy()
        return values

    return Catalogue(
        products=ids,
        category=numbers(CATEGORY),
        price_e4=numbers(PRICE_E4),
        sellable=flags(IN_STOCK) & flags(ACTIVE),
        repeatable=flags(REPEATABLE),
    )


def member(shop: Catalogue, products: Collection[int] | NDArray[np.int64]) -> Mask:
    """True for the products with these inner ids; ids that the platform does not have are passed over."""
    ids = np.fromiter((int(product) for product in products), dtype=np.int64, count=len(products))
    place, known = positions(ids, shop.products)
    mask = np.zeros(len(shop.products), dtype=np.bool_)
    mask[place[known]] = True
    return mask


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one request, or one rule of the shop, allows."""

    categories: frozenset[int] | None = None
    """Inner ids; None: any."""
    price_min_e4: int | None = None
    """Inclusive, 1/10,000 of the currency unit."""
    price_max_e4: int | None = None
    """Inclusive."""
    excluded: frozenset[int] = frozenset()
    """Inner ids of products that must not be shown."""

    def __post_init__(self) -> None:
        low, high = self.price_min_e4, self.price_max_e4
        if low is not None and high is not None and low > high:
            raise ValueError(f"price_min_e4 is {low}, above price_max_e4 {high}; no product can satisfy that")


def allowed(
    shop: Catalogue, *, limits: Limits | None = None, bought: Collection[int] | NDArray[np.int64] = ()
) -> Mask:
    """True for what may be shown: sellable, within `limits`, and not `bought` (inner ids) unless repeatable.

    A product without a price fails every price limit, one without a category every category filter.
    """
    limits = limits or Limits()
    mask = shop.sellable.copy()
    if len(bought):
        mask &= ~member(shop, bought) | shop.repeatable
    if limits.excluded:
        mask &= ~member(shop, limits.excluded)
    if limits.categories is not None:
        mask &= np.isin(shop.category, np.fromiter(limits.categories, dtype=np.int64))
    if limits.price_min_e4 is not None:
        mask &= shop.price_e4 >= max(limits.price_min_e4, 0)
    if limits.price_max_e4 is not None:
        mask &= (shop.price_e4 != NONE) & (shop.price_e4 <= limits.price_max_e4)
    return mask


def price_positions(shop: Catalogue) -> NDArray[np.float64]:
    """Where the price of each product stands within its category: 0 the cheapest, 1 the dearest.

    (products cheaper + half of the others at the same price) / (priced products of the category − 1). nan
    without a price, or where the category has one price only: there is nothing to stand above.
    """
    position = np.full(len(shop.products), np.nan)
    priced = np.flatnonzero(shop.price_e4 != NONE)
    order = priced[np.lexsort((shop.price_e4[priced], shop.category[priced]))]
    if not len(order):
        return position
    category, price = shop.category[order], shop.price_e4[order]
    new_category = np.concatenate(([True], category[1:] != category[:-1]))
    new_price = new_category | np.concatenate(([True], price[1:] != price[:-1]))
    group, tie = np.cumsum(new_category) - 1, np.cumsum(new_price) - 1
    first_of_group, first_of_tie = np.flatnonzero(new_category), np.flatnonzero(new_price)
    size, ties = np.bincount(group), np.bincount(tie)
    several_prices = np.bincount(group, weights=new_price) > 1
    cheaper = first_of_tie[tie] - first_of_group[group]
    defined = several_prices[group]
    position[order[defined]] = ((cheaper + (ties[tie] - 1) / 2) / np.maximum(size[group] - 1, 1))[defined]
    return position


def discount_shares(
    lines: nw.LazyFrame[Any], shop: Catalogue, *, as_of_day: int, days: int = 30
) -> NDArray[np.float64]:
    """The share of list value that buyers of each product saved in the last `days` days.

    Σ (list − unit price) × quantity / Σ list × quantity over bought lines with a list price; below 0 where it
    was sold above its list price; nan for a product without such a line: nobody knows whether it is discounted.
    """
    sold = lines.filter(
        nw.col(DAY) >= as_of_day - days,
        nw.col(DAY) < as_of_day,
        nw.col(QUANTITY_E3) > 0,
        nw.col(LIST_PRICE_E4) > 0,
        ~nw.col(UNIT_PRICE_E4).is_null(),
    )
    # In floating point: 1/10,000 of money times 1/1,000 of goods, summed, can pass 2^63.
    quantity = nw.col(QUANTITY_E3).cast(nw.Float64) / QUANTITY
    listed = nw.col(LIST_PRICE_E4).cast(nw.Float64) * quantity
    saved = (nw.col(LIST_PRICE_E4) - nw.col(UNIT_PRICE_E4)).cast(nw.Float64) * quantity
    table = (
        sold.select(nw.col(PRODUCT), listed.alias(LISTED), saved.alias(SAVED))
        .group_by(PRODUCT)
        .agg(nw.col(LISTED).sum(), nw.col(SAVED).sum())
        .collect()
    )
    place, known = positions(table.get_column(PRODUCT).to_numpy(), shop.products)
    share = np.full(len(shop.products), np.nan)
    share[place[known]] = (table.get_column(SAVED).to_numpy() / table.get_column(LISTED).to_numpy())[known]
    return share


@dataclass(frozen=True, slots=True, kw_only=True)
class Tiers:
    """From where on a product lies in the tier of a class."""

    premium_from: float = 2 / 3
    """Least price position for class A: the upper third of each category."""
    discount_from: float = 0.05
    """Least share of list value saved for class B."""


def tier(
    letter: str,
    *,
    price_position: NDArray[np.float64],
    discount_share: NDArray[np.float64],
    tiers: Tiers | None = None,
) -> Mask:
    """True for the products in the price tier of a class: A the dear ones, B the discounted, all else every one.

    A product whose position or discount is unknown (nan) lies in neither A's nor B's tier.
    """
    tiers = tiers or Tiers()
    if letter == PREMIUM:
        return np.nan_to_num(price_position, nan=-1.0) >= tiers.premium_from
    if letter == BARGAIN:
        share = np.nan_to_num(discount_share, nan=-1.0)
        return (share > 0) & (share >= tiers.discount_from)
    return np.ones(len(price_position), dtype=np.bool_)


def keep(items: NDArray[np.int32], mask: Mask) -> NDArray[np.int32]:
    """Lists (customers, n) of column positions with only what the mask allows, moved up; -1 fills the end."""
    stays = (items != NOBODY) & mask[items]
    return _moved_up(items, stays)


def cap_per_category(items: NDArray[np.int32], category: NDArray[np.int64], *, cap: int) -> NDArray[np.int32]:
    """Lists (customers, n) with at most `cap` items of each category, the best ones; -1 fills the end.

    `category` (products,) is -1 for none: such products are not capped, they have nothing in common.

    Raises:
        ValueError: `cap` is below 1.
    """
    if cap < 1:
        raise ValueError(f"cap is {cap}, wanted at least 1 item a category")
    rows, places = np.nonzero(items != NOBODY)
    kind = category[items[rows, places]]
    order = np.lexsort((places, kind, rows))
    starts = np.ones(len(order), dtype=np.bool_)
    row, group = rows[order], kind[order]
    starts[1:] = (row[1:] != row[:-1]) | (group[1:] != group[:-1])
    first = np.maximum.accumulate(np.where(starts, np.arange(len(order)), 0))
    nth = np.empty(len(order), dtype=np.int64)
    nth[order] = np.arange(len(order)) - first
    stays = np.zeros(items.shape, dtype=np.bool_)
    stays[rows, places] = (nth < cap) | (kind == NONE)
    return _moved_up(items, stays)


def _moved_up(items: NDArray[np.int32], stays: NDArray[np.bool_]) -> NDArray[np.int32]:
    """The items that stay, in their order, from the left."""
    order = np.argsort(~stays, axis=1, kind="stable")
    return np.take_along_axis(np.where(stays, items, NOBODY), order, axis=1).astype(np.int32)
