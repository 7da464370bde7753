"""Orders and their lines into their tables, told apart by their fingerprints."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl
from psycopg import sql

from precision.engine.copying import copy_rows
from precision.shop import bulk, fingerprint
from precision.shop import columns as c
from precision.shop.bulk import ACCEPTED, DUPLICATE, OUTCOME, UPDATED
from precision.shop.importing.catalogue import add_unlisted, product_numbers, store_numbers
from precision.shop.importing.customers import identity_numbers
from precision.shop.models import Identity, Order, OrderLine, Platform

PEOPLE = (Identity.Kind.CUSTOMER_ID, Identity.Kind.ANONYMOUS_ID)
TEXTS = ("channel", "coupon", "payment_method")
HEADER = (
    "customer_id", "anonymous_id", "placed_at", "status", "currency", *TEXTS, "store_id", "context",
)  # fmt: skip
LINE = ("product_id", "quantity", "unit_price", "list_price")
POSITION = "__position"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What became of the orders: `order_id` and outcome of each, and what had to be added for them."""

    outcome: pl.DataFrame
    unknown_products: int
    lines_of_unknown_products: int
    customers: int


def load_orders(platform: Platform, orders: pl.DataFrame, lines: pl.DataFrame, *, now: datetime) -> Loaded:
    """Add the orders that are new, replace those whose content is another, leave the rest.

    `orders` has one row an order, `lines` one a line, both with `order_id`; every order has a line.
    """
    orders = _complete(orders, platform).with_row_index(POSITION)
    lines = _list_prices(lines).join(
        orders.select("order_id", POSITION), on="order_id", maintain_order="left"
    )
    orders = orders.with_columns(fingerprint=pl.Series(_fingerprints(orders, lines)))
    stored = bulk.lookup(
        Order,
        orders.select(external_id="order_id"),
        within={"platform_id": platform.pk},
        columns={"id": pl.Int64, "fingerprint": pl.Int64},
    ).rename({"external_id": "order_id", "fingerprint": "stored"})
    orders = orders.join(stored, on="order_id", how="left", maintain_order="left").with_columns(
        pl.when(pl.col("id").is_null()).then(pl.lit(ACCEPTED))
        .when(pl.col("stored") != pl.col("fingerprint")).then(pl.lit(UPDATED))
        .otherwise(pl.lit(DUPLICATE)).alias(OUTCOME)
    )  # fmt: skip
    outcome = orders.select("order_id", OUTCOME)
    orders = orders.filter(pl.col(OUTCOME) != DUPLICATE)
    lines = lines.join(orders.select(POSITION), on=POSITION, how="semi", maintain_order="left")
    if not orders.height:
        return Loaded(outcome=outcome, unknown_products=0, lines_of_unknown_products=0, customers=0)
    lines, unknown_products, unknown_lines = _resolve_products(platform, lines, now=now)
    orders, customers = _resolve_people(platform, orders, now=now)
    orders = _resolve_stores(platform, orders, now=now)
    fresh = orders.filter(pl.col(OUTCOME) == ACCEPTED)
    changed = orders.filter(pl.col(OUTCOME) == UPDATED)
    fresh = fresh.with_columns(id=bulk.reserve_ids(Order, fresh.height))
    copy_rows(Order, _order_rows(fresh, platform).with_columns(received_at=pl.lit(now)))
    _replace(changed, platform)
    numbers = pl.concat([fresh.select(POSITION, "id"), changed.select(POSITION, "id")])
    copy_rows(OrderLine, _line_rows(lines.join(numbers, on=POSITION)))
    return Loaded(
        outcome=outcome,
        unknown_products=unknown_products,
        lines_of_unknown_products=unknown_lines,
        customers=customers,
    )


def _complete(orders: pl.DataFrame, platform: Platform) -> pl.DataFrame:
    """Return the orders with all header columns, what is not given filled as the model wants it."""
    absent = [pl.lit(None, pl.String).alias(name) for name in HEADER if name not in orders.columns]
    orders = orders.with_columns(absent)
    return orders.with_columns(
        pl.col("status").fill_null(Order.Status.COMPLETED.value),
        pl.col("currency").fill_null(platform.currency),
        # A known customer beats an anonymous one.
        pl.when(pl.col("customer_id").is_null()).then(pl.col("anonymous_id")),
    )


def _list_prices(lines: pl.DataFrame) -> pl.DataFrame:
    """Return the lines with a list price: as given, else the price paid and the discount on one unit."""
    if "list_price" not in lines.columns:
        lines = lines.with_columns(list_price=pl.lit(None, pl.Int64))
    if "discount" not in lines.columns:
        return lines
    each = (pl.col("discount") * c.QUANTITY / pl.col("quantity").abs()).round().cast(pl.Int64)
    return lines.with_columns(pl.coalesce("list_price", pl.col("unit_price") + each)).drop("discount")


def _fingerprints(orders: pl.DataFrame, lines: pl.DataFrame) -> np.ndarray:
    """Return the digest of each order with its lines."""
    return fingerprint.order_fingerprints(
        _sums(orders, HEADER), _sums(lines, LINE), lines.get_column(POSITION).cast(pl.Int64).to_numpy()
    )


def _sums(frame: pl.DataFrame, names: Iterable[str]) -> fingerprint.Codes:
    coded = {name: _codes(frame.get_column(name)) for name in names if frame.schema[name] != pl.Null}
    return fingerprint.row_sums(coded, rows=frame.height)


def _codes(column: pl.Series) -> tuple[fingerprint.Codes, np.ndarray]:
    """Return the codes of a column and where it has a value."""
    given = column.is_not_null().to_numpy()
    if column.dtype == pl.String:
        distinct = column.unique().drop_nulls()
        table = pl.DataFrame({"text": distinct, "code": fingerprint.text_codes(distinct.to_list())})
        joined = column.to_frame("text").join(table, on="text", how="left", maintain_order="left")
        return joined.get_column("code").fill_null(0).to_numpy().astype(np.uint64), given
    return column.cast(pl.Int64).fill_null(0).to_numpy().astype(np.int64).view(np.uint64), given


def _resolve_products(
    platform: Platform, lines: pl.DataFrame, *, now: datetime
) -> tuple[pl.DataFrame, int, int]:
    """Return the lines with `product`, adding products nobody described; how many, and the lines that name
    them.
    """
    named = lines.get_column("product_id").unique()
    numbers = product_numbers(platform, named)
    unknown = named.filter(~named.is_in(numbers.get_column("product_id").implode()))
    count = 0
    if len(unknown):
        count = lines.filter(pl.col("product_id").is_in(unknown.implode())).height
        add_unlisted(platform, unknown.sort(), now=now)
        numbers = product_numbers(platform, named)
    return lines.join(numbers, on="product_id", maintain_order="left"), len(unknown), count


def _resolve_people(platform: Platform, orders: pl.DataFrame, *, now: datetime) -> tuple[pl.DataFrame, int]:
    """Return the orders with `identity_id` (null: a guest) and how many people are new."""
    added = 0
    made = orders
    for kind in PEOPLE:
        numbers, new = identity_numbers(platform, orders.get_column(kind.value), kind=kind.value, now=now)
        added += new
        made = made.join(
            numbers, left_on=kind.value, right_on="value", how="left", maintain_order="left"
        ).rename({"identity": f"{kind.value}_number"})
    number = pl.coalesce(f"{kind.value}_number" for kind in PEOPLE)
    return made.with_columns(identity_id=number), added


def _resolve_stores(platform: Platform, orders: pl.DataFrame, *, now: datetime) -> pl.DataFrame:
    """Return the orders with `store` (our number, null where none is given)."""
    named = orders.get_column("store_id").unique().drop_nulls()
    if not len(named):
        return orders.with_columns(store=pl.lit(None, pl.Int64))
    return orders.join(
        store_numbers(platform, named, now=now), on="store_id", how="left", maintain_order="left"
    )


def _order_rows(orders: pl.DataFrame, platform: Platform) -> pl.DataFrame:
    """Return the rows of the order table, without the time of receipt."""
    return orders.select(
        "id", "identity_id", "placed_at", "status", "currency", "fingerprint", pl.col(*TEXTS).fill_null(""),
        pl.col("context").fill_null("{}"), external_id="order_id", store_id="store",
        platform_id=pl.lit(platform.pk, pl.Int64),
    )  # fmt: skip


def _line_rows(lines: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of the table of lines, those of one order together."""
    return lines.sort("id", maintain_order=True).select(
        "quantity", "unit_price", "list_price", order_id="id", product_id="product"
    )


def _replace(orders: pl.DataFrame, platform: Platform) -> None:
    """Give the stored orders their new content, and take their lines away."""
    if not orders.height:
        return
    rows = _order_rows(orders, platform)
    table = bulk.stage("orders", rows, like=Order)
    bulk.execute(
        sql.SQL("DELETE FROM precision_shop_orderline AS l USING {} AS t WHERE l.order_id = t.id").format(
            table
        )
    )
    changes = sql.SQL(", ").join(
        sql.SQL("{0} = t.{0}").format(sql.Identifier(name)) for name in rows.columns if name != "id"
    )
    bulk.execute(
        sql.SQL("UPDATE precision_shop_order AS m SET {} FROM {} AS t WHERE m.id = t.id").format(
            changes, table
        )
    )
