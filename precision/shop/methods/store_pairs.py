"""Goods that sell together in a store, as a proposal of what to display together.

A basket here is a store in a month, holding its best sellers: the `most` products with the most units sold (of equals
the lower number). All that a store sold would say little, because a large store sells everything; what is among the
best sellers of the same stores in the same months belongs to the same kind of demand. The measures are those of pairs
in baskets (support: Agrawal, Imieliński and Swami 1993; lift: Brin, Motwani, Ullman and Tsur 1997). The months of one
store are not independent of each other, so no test of significance is made of them.
"""

import math
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.sparse import csr_matrix

from precision.engine.results import PairCounts
from precision.shop.columns import PRODUCT, QUANTITY_E3, STORE

MONTH = "month"  # Int64, any number that tells months apart
FIRST = "first"  # Int64, the lower product number of a pair
SECOND = "second"  # Int64
COUNT = "count"  # Int64, store-months in which both are among the best sellers
SUPPORT = "support"  # Float64, share of all store-months
LIFT = "lift"  # Float64, how many times as often as by chance
CONFIDENCE = "confidence"  # Float64, share of the store-months of the first that have the second
CONFIDENCE_BACK = "confidence_back"  # Float64, the other way

BEST_SELLERS = 100
LEAST_COUNT, LEAST_SHARE = 3, 0.01
"""A pair counts from so many store-months on, and from this share of them: rare pairs have high lifts by chance."""


@dataclass(frozen=True, slots=True)
class StoreMonths:
    """Best sellers as a binary matrix: a row a store and month, column c the product `products[c]`."""

    matrix: csr_matrix  # (store-months, products) int32
    products: np.ndarray  # (products,) Int64, ascending


def best_sellers(sold: pl.LazyFrame, *, most: int = BEST_SELLERS) -> StoreMonths:
    """Return the best sellers of each store and month; `sold` has STORE, MONTH, PRODUCT, QUANTITY_E3 (added up)."""
    table = (
        sold.group_by(STORE, MONTH, PRODUCT)
        .agg(pl.col(QUANTITY_E3).sum())
        .filter(pl.col(QUANTITY_E3) > 0)
        .sort([STORE, MONTH, QUANTITY_E3, PRODUCT], descending=[False, False, True, False])
        .group_by(STORE, MONTH, maintain_order=True)
        .head(most)
        .with_columns(row=pl.struct(STORE, MONTH).rle_id())
        .select("row", PRODUCT)
        .collect()
    )
    products, column = np.unique(table.get_column(PRODUCT).to_numpy(), return_inverse=True)
    row = table.get_column("row").to_numpy()
    shape = (int(row[-1]) + 1 if len(row) else 0, len(products))
    return StoreMonths(csr_matrix((np.ones(len(row), np.int32), (row, column)), shape=shape), products)


def least_count(store_months: int) -> int:
    """Return the number of store-months from which on a pair counts."""
    return max(LEAST_COUNT, math.ceil(store_months * LEAST_SHARE))


def measured(counts: PairCounts, products: np.ndarray, *, most: int) -> pl.DataFrame:
    """Return the pairs that stand together more often than by chance, highest lift first, `most` of them.

    Columns FIRST … CONFIDENCE_BACK; `products` are those of the matrix that was counted.
    """
    first, second = counts.item_counts[counts.a], counts.item_counts[counts.b]
    frame = pl.DataFrame(
        {
            FIRST: products[counts.a],
            SECOND: products[counts.b],
            COUNT: counts.count,
            SUPPORT: counts.count / max(counts.baskets, 1),
            LIFT: counts.count.astype(np.float64) * counts.baskets / (first * second),
            CONFIDENCE: counts.count / first,
            CONFIDENCE_BACK: counts.count / second,
        }
    )
    kept = frame.filter(pl.col(LIFT) > 1)
    return kept.sort([LIFT, COUNT, FIRST, SECOND], descending=[True, True, False, False]).head(most)
