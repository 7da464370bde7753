"""Who bought what, and when, as of a day: the one table that every personal method starts from.

A purchase counts once a day for a (customer, product), however many lines or orders hold it that day. What was
given back is taken out: a pair whose quantity over the whole history nets to 0 or less is gone. Guests have no
history; they enter as baskets (`guest_days`).

Behaviour (carts, wishes, views) stands beside it in `signals`, and goes through `collect` like purchase days do.

Everything is as of a day, half-open: a line of `as_of_day` or later does not exist.
"""

from dataclasses import dataclass, replace
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from precision.shop.columns import CUSTOMER, DAY, ORDER, PRODUCT, QUANTITY_E3
from recommender.methods.pairs import encode

ORDERS = "orders"  # Int64, distinct orders that hold the pair
FIRST_DAY = "first_day"  # Int64, first day it was bought
LAST_DAY = "last_day"  # Int64, last day it was bought
DAYS = "days"  # Int64, distinct days on which it was bought
WEIGHT_E9 = "weight_e9"  # Int64, 1/1e9 of a purchase of today: the decayed number of days

# Weights are whole numbers until they are summed, so that no order of rows and no engine changes a sum.
WEIGHT = 1_000_000_000

GUEST_FROM = -1  # guests' orders stand as rows of their own, numbered downwards from here


def purchase_days(lines: nw.LazyFrame[Any], *, as_of_day: int) -> nw.LazyFrame[Any]:
    """One row (CUSTOMER, PRODUCT, DAY, ORDERS, QUANTITY_E3) for each day on which a customer bought a product.

    `lines` are order lines with CUSTOMER, ORDER, PRODUCT, DAY and QUANTITY_E3 (Int64; returns are negative).
    Orders and days whose quantity nets to 0 or less are left out, and all of a pair that nets to 0 or less.
    """
    known = lines.filter(nw.col(DAY) < as_of_day, ~nw.col(CUSTOMER).is_null(), ~nw.col(PRODUCT).is_null())
    orders = known.group_by(CUSTOMER, PRODUCT, ORDER, DAY).agg(nw.col(QUANTITY_E3).sum())
    kept = (
        orders.group_by(CUSTOMER, PRODUCT)
        .agg(nw.col(QUANTITY_E3).sum())
        .filter(nw.col(QUANTITY_E3) > 0)
        .select(CUSTOMER, PRODUCT)
    )
    return (
        orders.filter(nw.col(QUANTITY_E3) > 0)
        .group_by(CUSTOMER, PRODUCT, DAY)
        .agg(nw.len().cast(nw.Int64).alias(ORDERS), nw.col(QUANTITY_E3).sum())
        .join(kept, on=[CUSTOMER, PRODUCT], how="semi")
        .select(CUSTOMER, PRODUCT, DAY, ORDERS, QUANTITY_E3)
    )


def guest_days(lines: nw.LazyFrame[Any], *, as_of_day: int) -> nw.LazyFrame[Any]:
    """The same columns for orders without a customer, each order as a row of its own.

    CUSTOMER is −1 − ORDER: below 0, so that it is never taken for a person. A guest's return is an order of its
    own that nothing ties to the purchase, so only what one order takes back of itself is taken out.
    """
    guests = lines.filter(nw.col(DAY) < as_of_day, nw.col(CUSTOMER).is_null(), ~nw.col(PRODUCT).is_null())
    return (
        guests.group_by(ORDER, PRODUCT, DAY)
        .agg(nw.col(QUANTITY_E3).sum())
        .filter(nw.col(QUANTITY_E3) > 0)
        .select(
            (nw.lit(GUEST_FROM) - nw.col(ORDER)).cast(nw.Int64).alias(CUSTOMER),
            nw.col(PRODUCT),
            nw.col(DAY),
            nw.lit(1).cast(nw.Int64).alias(ORDERS),
            nw.col(QUANTITY_E3),
        )
    )


def interactions(
    lines: nw.LazyFrame[Any], *, as_of_day: int, half_life_days: float | None = None
) -> nw.LazyFrame[Any]:
    """One row a (CUSTOMER, PRODUCT) still held: ORDERS, DAYS, FIRST_DAY, LAST_DAY, QUANTITY_E3, WEIGHT_E9.

    The weight is Σ over days of 2^(−age / half_life_days), age in days before `as_of_day` (yesterday is 1);
    without a half-life it is the number of days.

    Raises:
        ValueError: `half_life_days` is not above 0.
    """
    age = (nw.lit(as_of_day) - nw.col(DAY)).cast(nw.Float64)
    weight = nw.lit(WEIGHT) if half_life_days is None else (age * _rate(half_life_days)).exp() * WEIGHT
    return (
        purchase_days(lines, as_of_day=as_of_day)
        .with_columns(weight.cast(nw.Int64).alias(WEIGHT_E9))
        .group_by(CUSTOMER, PRODUCT)
        .agg(
            nw.col(ORDERS).sum(),
            nw.len().cast(nw.Int64).alias(DAYS),
            nw.col(DAY).min().alias(FIRST_DAY),
            nw.col(DAY).max().alias(LAST_DAY),
            nw.col(QUANTITY_E3).sum(),
            nw.col(WEIGHT_E9).sum(),
        )
    )


@dataclass(frozen=True, slots=True)
class History:
    """Purchase days, or days with signals, as arrays in the order of (customer, product, day), each row one day.

    Row p: `customers[row[p]]` bought `products[column[p]]` on `day[p]`, before `as_of_day`; with signals, they did
    something with it that weighs `weight[p]`.
    """

    customers: NDArray[np.int64]  # ascending inner ids; guests' orders below 0
    products: NDArray[np.int64]  # ascending inner ids
    row: NDArray[np.int64]
    column: NDArray[np.int64]
    day: NDArray[np.int64]
    as_of_day: int
    weight: NDArray[np.float64] | None = None  # in purchases of that day, before decay; None: 1 each

    def __len__(self) -> int:
        return len(self.day)

    @property
    def shape(self) -> tuple[int, int]:
        """(customers, products) of every matrix made of this history."""
        return len(self.customers), len(self.products)

    def pair_starts(self) -> NDArray[np.int64]:
        """Where each (customer, product) begins in the rows; its days follow each other, oldest first."""
        if not len(self):
            return np.zeros(0, dtype=np.int64)
        changes = (np.diff(self.row) != 0) | (np.diff(self.column) != 0)
        return np.concatenate(([0], np.flatnonzero(changes) + 1)).astype(np.int64)

    def of_pairs(self, values: NDArray[np.floating[Any]]) -> csr_matrix:
        """A (customers, products) float32 matrix of one value a pair, in the order of `pair_starts`."""
        starts = self.pair_starts()
        lengths = np.bincount(self.row[starts], minlength=len(self.customers))
        indptr = np.concatenate(([0], np.cumsum(lengths)))
        matrix = csr_matrix(
            (values.astype(np.float32), self.column[starts].astype(np.int32), indptr), shape=self.shape
        )
        matrix.has_canonical_format = True
        return matrix

    def matrix(self, *, half_life_days: float | None = None, least: float = 0.0) -> csr_matrix:
        """The decayed number of days on which each customer bought each product (see `interactions`).

        With signals it is their decayed sum; a pair whose sum is 0 or less, or below `least`, has no entry.

        Raises:
            ValueError: `half_life_days` is not above 0.
        """
        if half_life_days is None:
            weight = np.ones(len(self))
        else:
            weight = np.exp((self.as_of_day - self.day) * _rate(half_life_days))
        starts = self.pair_starts()
        if self.weight is not None:
            weight = weight * self.weight
        total = np.add.reduceat(weight, starts) if len(starts) else weight
        if self.weight is None and least <= 0:
            return self.of_pairs(total)
        matrix = self.of_pairs(np.where(total >= max(least, 0), total, 0))
        matrix.eliminate_zeros()
        return matrix

    def numbered(self, *, customers: NDArray[np.int64], products: NDArray[np.int64]) -> "History":
        """The same history with the rows and columns of other ids, ascending, that hold all of its own."""
        return replace(
            self,
            customers=customers,
            products=products,
            row=np.searchsorted(customers, self.customers)[self.row],
            column=np.searchsorted(products, self.products)[self.column],
        )

    def scaled(self, factor: float) -> "History":
        """The same history with other weights; purchase days without weights stay 1 each."""
        return self if self.weight is None else replace(self, weight=self.weight * factor)


def collect(
    days: nw.LazyFrame[Any],
    *,
    as_of_day: int,
    products: NDArray[np.int64] | None = None,
    customers: NDArray[np.int64] | None = None,
) -> History:
    """The purchase days of a frame (`purchase_days`, `guest_days` or both, one under the other) as arrays.

    Of `signals` it takes the weights too. With `products` (ascending inner ids) the columns are these, and what
    other products took part in is left out; with `customers` so are the rows. So several histories share one
    numbering.

    Raises:
        ValueError: `products` or `customers` is not strictly ascending.
    """
    weighed = WEIGHT_E9 in days.collect_schema().names()
    table = days.select(CUSTOMER, PRODUCT, DAY, *([WEIGHT_E9] if weighed else [])).collect()
    day = table.get_column(DAY).to_numpy()
    row, customers, known = _numbered(table.get_column(CUSTOMER).to_numpy(), customers, name="customers")
    column, products, listed = _numbered(table.get_column(PRODUCT).to_numpy(), products, name="products")
    known &= listed
    row, column, day = row[known], column[known], day[known]
    weight = table.get_column(WEIGHT_E9).to_numpy()[known] / WEIGHT if weighed else None
    order = np.lexsort((day, column, row))
    return History(
        customers=customers,
        products=products,
        row=row[order],
        column=column[order],
        day=day[order],
        as_of_day=as_of_day,
        weight=None if weight is None else weight[order],
    )


def _numbered(
    ids: NDArray[np.int64], by: NDArray[np.int64] | None, *, name: str
) -> tuple[NDArray[np.signedinteger[Any]], NDArray[np.int64], NDArray[np.bool_]]:
    """The positions of ids, the ids that they are positions of, and which of them have one."""
    if by is None:
        place, distinct = encode(ids)
        return place, distinct, np.ones(len(ids), dtype=np.bool_)
    if len(by) > 1 and not (np.diff(by) > 0).all():
        raise ValueError(f"the {name} to number by are not strictly ascending; sort them, each id once")
    place, known = positions(ids, by)
    return place, by, known


def positions(
    ids: NDArray[np.int64], among: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Where each id stands among ascending ids, and whether it is there at all (a position means nothing if not)."""
    if not len(among):
        return np.zeros(len(ids), dtype=np.int64), np.zeros(len(ids), dtype=np.bool_)
    place = np.minimum(np.searchsorted(among, ids), len(among) - 1)
    return place, among[place] == ids


@dataclass(frozen=True, slots=True)
class Interactions:
    """A sparse matrix with the inner ids of its rows and columns."""

    matrix: csr_matrix  # (customers, products) float32
    customers: NDArray[np.int64]  # ascending
    products: NDArray[np.int64]  # ascending


def to_matrix(frame: nw.LazyFrame[Any]) -> Interactions:
    """The matrix of the weights (in purchases, not their 1e-9) of a frame that `interactions` gave."""
    table = frame.select(CUSTOMER, PRODUCT, WEIGHT_E9).collect()
    row, customers = encode(table.get_column(CUSTOMER).to_numpy())
    column, products = encode(table.get_column(PRODUCT).to_numpy())
    weight = (table.get_column(WEIGHT_E9).to_numpy() / WEIGHT).astype(np.float32)
    matrix = csr_matrix((weight, (row, column)), shape=(len(customers), len(products)))
    matrix.sort_indices()
    return Interactions(matrix=matrix, customers=customers, products=products)


def _rate(half_life_days: float) -> float:
    """The exponent of one day of age."""
    if not half_life_days > 0:
        raise ValueError(f"half_life_days is {half_life_days}, wanted more than 0, or None for no decay")
    return -float(np.log(2)) / half_life_days
