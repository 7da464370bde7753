"""Order lines written by hand, and small shops made by a rule."""

from typing import Any

import narwhals as nw
import numpy as np
import polars as pl

from precision.shop.columns import (
    CATEGORY,
    CUSTOMER,
    DAY,
    LIST_PRICE_E4,
    ORDER,
    PRODUCT,
    QUANTITY_E3,
    RETURNED,
    UNIT_PRICE_E4,
)
from recommender.candidates.assortment import Assortment
from recommender.candidates.content import NO_GROUP
from recommender.candidates.facts import Facts
from recommender.ranking.descriptions import Catalogue

SCHEMA = {
    CUSTOMER: pl.Int64,
    ORDER: pl.Int64,
    PRODUCT: pl.Int64,
    DAY: pl.Int64,
    QUANTITY_E3: pl.Int64,
}


def known(lines: nw.LazyFrame[Any], *, day: int = 10_000) -> Facts:
    """The facts of a shop of which only its lines are known; whatever was sold before `day` can be sold today."""
    ids = lines.filter(nw.col(DAY) < day).select(PRODUCT).unique().sort(PRODUCT).collect().get_column(PRODUCT)
    goods = Assortment(
        ids=ids.to_numpy(), categories=np.full(len(ids), NO_GROUP), prices=np.full(len(ids), np.nan),
        sellable=np.ones(len(ids), dtype=np.bool_),
        catalogue=Catalogue(np.zeros(0, dtype=np.int64), [], []),
    )  # fmt: skip
    return Facts(lines=lines, goods=goods)


def frame(*rows: tuple[Any, ...]) -> pl.DataFrame:
    """Rows of (customer, order, product, day, units); units below 0 are returns."""
    table = pl.DataFrame([(*row[:4], row[4] * 1000) for row in rows], schema=SCHEMA, orient="row")
    return table.with_columns(
        (pl.col(QUANTITY_E3) < 0).alias(RETURNED),
        pl.lit(None, dtype=pl.Int64).alias(CATEGORY),
        pl.lit(10_000, dtype=pl.Int64).alias(UNIT_PRICE_E4),
        pl.lit(None, dtype=pl.Int64).alias(LIST_PRICE_E4),
    )


def lazy(table: pl.DataFrame) -> nw.LazyFrame:
    """A frame as methods take it."""
    return nw.from_native(table.lazy())


def shuffled(table: pl.DataFrame, *, seed: int = 0) -> pl.DataFrame:
    """The same rows in another order."""
    return table[np.random.default_rng(seed).permutation(len(table))]


def two_tastes(*, customers: int = 40, products: int = 20, day: int = 90) -> list[tuple[int, ...]]:
    """Even customers buy among the even products, odd ones among the odd: four orders of three items each."""
    rng = np.random.default_rng(7)
    rows = []
    for customer in range(customers):
        taste = np.arange(customer % 2, products, 2)
        for visit in range(4):
            order = customer * 10 + visit
            for product in rng.choice(taste, size=3, replace=False):
                rows.append((customer, order, int(product), day + visit, 1))
    return rows
