"""Stores read for the reports: their four tables, and goods that sell together in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
from django.db.models import Max
from psycopg import sql

from precision.engine import runs
from precision.engine.models import Run
from precision.engine.reading import read_frame
from precision.engine.windows import Window
from precision.shop import bulk, history
from precision.shop import columns as c
from precision.shop.methods import store_pairs
from precision.shop.methods import store_tables as t
from precision.shop.models import OrderLine, Platform, StoreMonth, StorePair

MONTHS = 12
"""Months that the tables cover where nobody says which."""
PAIRS_JOB = "store-pairs"
_STORE_COLUMNS = {t.STORE: pl.Int64, "store_id": pl.String, "name": pl.String, t.TYPE: pl.String, t.REGION: pl.String,
                  t.STAR: pl.Int64}  # fmt: skip
_MONTH_COLUMNS = {t.STORE: pl.Int64, t.MONTH: pl.Int64, t.DISPLAYS: pl.Float64} | dict.fromkeys(
    (t.UNITS_E3, *t.SPLIT), pl.Int64
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """The stores of a platform in a span of months, with their figures."""

    start: date
    end: date
    """The span is half-open: months that begin on `start` or later and before `end`."""
    stores: pl.DataFrame
    """One row a store: store_id and name, STORE to ORIENTATION, DISPLAYS, UNITS, VALUE_E4 and IMPLIED_STAR."""
    months: int
    """Distinct months of the span that any store told."""

    def table(self, by: str) -> list[dict[str, Any]]:
        """Return the rows of one of the TABLES, in the order of its groups, what is not given last."""
        names = t.TABLES[by]
        found = t.groups(nw.from_native(self.stores.lazy()), names).collect("polars").to_native()
        return list(found.sort(names, nulls_last=True).iter_rows(named=True))

    def total(self) -> dict[str, Any]:
        """Return the one row of all stores together."""
        found = t.groups(nw.from_native(self.stores.lazy()), ()).collect("polars").to_native()
        return dict(found.row(0, named=True))

    def star_matrix(self) -> list[list[int]]:
        """Return counts of stores: row the given star 0 … 5, column the implied one, 0 where there is none."""
        given = self.stores.get_column(t.STAR).fill_null(0).to_numpy()
        implied = self.stores.get_column(t.IMPLIED_STAR).fill_null(0).to_numpy()
        return [row.tolist() for row in t.star_matrix(given, implied)]


def chain(platform: Platform, *, start: date | None = None, end: date | None = None) -> Chain:
    """Return the stores of a platform with their figures; by default of its last twelve months. Three queries.

    Of a store's month, the row without a product counts; what it does not tell is added up from the rows of products.
    """
    until = end or following(_last_month(platform))
    since = start or _earlier(until, MONTHS)
    stores = bulk.fetch(
        sql.SQL(
            "SELECT id, external_id, name, nullif(type, ''), nullif(region, ''), stars FROM precision_shop_store "
            "WHERE platform_id = {} ORDER BY external_id"
        ).format(sql.Literal(platform.pk)),
        _STORE_COLUMNS,
    )
    months = bulk.fetch(_month_query(platform, since, until), _MONTH_COLUMNS)
    figures = t.store_figures(nw.from_native(stores.lazy()), nw.from_native(months.lazy()))
    table = figures.collect("polars").to_native().sort(t.STORE)
    implied = t.implied_stars(
        table.get_column(t.STAR).fill_null(0).to_numpy(),
        table.get_column(t.UNITS).to_numpy().astype(np.float64),
    )
    star = pl.Series(t.IMPLIED_STAR, implied)
    return Chain(
        start=since,
        end=until,
        stores=table.with_columns(pl.when(star > 0).then(star).alias(t.IMPLIED_STAR)),
        months=months.get_column(t.MONTH).n_unique(),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """Pairs of products that sell together in stores, as the run in force found them."""

    run: Run | None
    pairs: Sequence[StorePair]
    sold: Mapping[int, bool]
    """Whether the store asked for sold the product in the run's months; empty where none was asked for."""


def together(platform: Platform, *, store: int | None = None, count: int = 100) -> Together:
    """Return the pairs of highest lift; of a store, those of which it sells at least one. Up to four queries."""
    run = runs.published(PAIRS_JOB, platform.key)
    if run is None:
        return Together(run=None, pairs=(), sold={})
    rows = (
        StorePair.objects.filter(run=run).select_related("first", "second").order_by("-lift", "-count", "id")
    )
    if store is None:
        return Together(run=run, pairs=list(rows[:count]), sold={})
    every = list(rows)
    sold = _sold_in(platform, store, {number for pair in every for number in (pair.first_id, pair.second_id)})
    fitting = [pair for pair in every if sold[pair.first_id] or sold[pair.second_id]]
    return Together(run=run, pairs=fitting[:count], sold=sold)


def sold_by_month(platform: Platform, window: Window) -> pl.LazyFrame:
    """Return STORE, MONTH, PRODUCT and QUANTITY_E3: from store-months of products, else from the orders of stores.

    Products that the shop does not offer are left out: nobody would display them.
    """
    first, last = (0 if window.start is None else window.start // 86_400), window.end // 86_400
    told = read_frame(f"""
        SELECT m.store_id AS "{c.STORE}", (m.month - date '1970-01-01')::bigint AS "{store_pairs.MONTH}",
               coalesce(p.same_as_id, p.id) AS "{c.PRODUCT}", m.sales_units AS "{c.QUANTITY_E3}"
        FROM precision_shop_storemonth m JOIN precision_shop_product p ON p.id = m.product_id
        WHERE m.platform_id = {platform.pk:d} AND m.sales_units > 0 AND p.active AND p.listed
          AND m.month >= date '1970-01-01' + {first:d} AND m.month < date '1970-01-01' + {last:d}
    """)
    if told.height:
        return told.lazy()
    lines = history.scan("order_lines", window, platform=platform).to_native()
    month = pl.from_epoch(pl.col(c.DAY), time_unit="d").dt.truncate("1mo").cast(pl.Int32).cast(pl.Int64)
    offered = history.scan("products", window, platform=platform).to_native().filter(pl.col(c.ACTIVE))
    return (
        lines.filter(pl.col(c.STORE).is_not_null())
        .join(offered.select(c.PRODUCT), on=c.PRODUCT, how="semi")
        .select(c.STORE, month.alias(store_pairs.MONTH), c.PRODUCT, c.QUANTITY_E3)
    )


def _sold_in(platform: Platform, store: int, products: set[int]) -> dict[int, bool]:
    """Return for each product whether the store ever sold it. Two queries."""
    months = StoreMonth.objects.filter(store_id=store, product_id__in=products, sales_units__gt=0)
    found = set(months.values_list("product_id", flat=True))
    if not StoreMonth.objects.filter(platform=platform, product__isnull=False).exists():
        lines = OrderLine.objects.filter(order__store_id=store, product_id__in=products, quantity__gt=0)
        found = set(lines.values_list("product_id", flat=True).distinct())
    return {product: product in found for product in products}


def _month_query(platform: Platform, since: date, until: date) -> sql.Composed:
    """Return the query of a row a store and month; the row without a product goes before the sum of the others."""
    # Bounded like one amount is, so that no absurd number from outside runs over the eight bytes. (Least and greatest
    # leave nulls out, so a month that tells nothing has to be told apart.)
    pattern = (
        "CASE WHEN count({0}) > 0 THEN least(greatest("
        "coalesce(max({0}) FILTER (WHERE product_id IS NULL), sum({0})), -1e16), 1e16)::{1} END"
    )
    sums = sql.SQL(", ").join(
        sql.SQL(pattern).format(
            sql.Identifier(name), sql.SQL("double precision" if name == "displays" else "bigint")
        )
        for name in ("displays", "sales_units", "sales_value", "retail_value", "industry_value")
    )
    return sql.SQL(
        "SELECT store_id, (month - date '1970-01-01')::bigint, {} FROM precision_shop_storemonth "
        "WHERE platform_id = {} AND month >= {} AND month < {} GROUP BY store_id, month"
    ).format(sums, sql.Literal(platform.pk), sql.Literal(since), sql.Literal(until))


def _last_month(platform: Platform) -> date:
    """Return the newest month that a store told; this month where none did. One query by index."""
    newest = StoreMonth.objects.filter(platform=platform).aggregate(newest=Max("month"))["newest"]
    return newest or date.today().replace(day=1)  # noqa: DTZ011 any month will do: there is nothing to show


def following(month: date) -> date:
    """Return the first day of the next month."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def _earlier(day: date, months: int) -> date:
    """Return the first day of the month so many months before; no earlier than the year 1."""
    number = max(day.year * 12 + day.month - 1 - months, 12)
    return date(number // 12, number % 12 + 1, 1)
