"""The only bulk reader of facts: `scan(table, window, platform=…)` gives a lazy frame.

It reads PostgreSQL through ADBC (columns arrive as Arrow, without a Python object per value). The columns and their
units are those of `columns.py`; the identity → customer map and the product → same-product map are joined here, once,
so that facts themselves never change when people or names are joined.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import narwhals as nw
import polars as pl

from precision.engine.reading import read_frame
from precision.engine.windows import Window
from precision.shop import columns as c
from precision.shop.models import Order, Platform

_snapshot: ContextVar[dict[tuple[str, Window, int], pl.DataFrame] | None] = ContextVar(
    "snapshot", default=None
)


@contextmanager
def snapshot() -> Iterator[None]:
    """Within the block each scan is read once and kept: the jobs of one night see the same facts."""
    token = _snapshot.set({})
    try:
        yield
    finally:
        _snapshot.reset(token)


def scan(table: str, window: Window, *, platform: Platform) -> nw.LazyFrame[pl.LazyFrame]:
    """Return the facts of a platform within a window as a lazy frame.

    `order_lines`: CUSTOMER, IDENTITY, ORDER, PRODUCT, CATEGORY, STORE, SECONDS, DAY, HOUR, WEEKDAY, QUANTITY_E3,
    UNIT_PRICE_E4, LIST_PRICE_E4, AMOUNT_E4, RETURNED; one row a line, cancelled orders left out.
    `products`: PRODUCT, CATEGORY, PRICE_E4, LIST_PRICE_E4, IN_STOCK, ACTIVE, REPEATABLE; one row for each product that
    stands for itself (the window is not used: the catalogue is as of now).
    Raises KeyError for a table it does not know.
    """
    readers = {"order_lines": _order_lines, "products": _products}
    if table not in readers:
        raise KeyError(f"history.scan knows no table {table!r}; it knows {', '.join(sorted(readers))}.")
    kept = _snapshot.get()
    key = (table, window, platform.pk)
    if kept is not None and key in kept:
        return nw.from_native(kept[key].lazy())
    frame = readers[table](window, platform)
    if kept is not None:
        kept[key] = frame
    return nw.from_native(frame.lazy())


def _order_lines(window: Window, platform: Platform) -> pl.DataFrame:
    """Read order lines; uses the index precision_order_time, then a hash join with the lines."""
    since = "" if window.start is None else f"AND o.placed_at >= to_timestamp({window.start:d})"
    frame = read_frame(f"""
        SELECT i.customer_id AS "{c.CUSTOMER}", o.identity_id AS "{c.IDENTITY}", o.id AS "{c.ORDER}",
               coalesce(p.same_as_id, p.id) AS "{c.PRODUCT}", coalesce(s.category_id, p.category_id) AS "{c.CATEGORY}",
               o.store_id AS "{c.STORE}", o.placed_at AS placed_at, l.quantity AS "{c.QUANTITY_E3}",
               l.unit_price AS "{c.UNIT_PRICE_E4}", l.list_price AS "{c.LIST_PRICE_E4}",
               o.status = '{Order.Status.RETURNED}' AS "{c.RETURNED}"
        FROM precision_shop_order o
        JOIN precision_shop_orderline l ON l.order_id = o.id
        JOIN precision_shop_product p ON p.id = l.product_id
        LEFT JOIN precision_shop_product s ON s.id = p.same_as_id
        LEFT JOIN precision_shop_identity i ON i.id = o.identity_id
        WHERE o.platform_id = {platform.pk:d} AND o.status <> '{Order.Status.CANCELLED}'
          AND o.placed_at < to_timestamp({window.end:d}) {since}
    """)
    local = pl.col("placed_at").dt.convert_time_zone(platform.timezone)
    amount = pl.col(c.QUANTITY_E3) * pl.col(c.UNIT_PRICE_E4)
    half_up = (amount.abs() + c.QUANTITY // 2) // c.QUANTITY * amount.sign()
    return frame.with_columns(
        pl.col("placed_at").dt.epoch("s").alias(c.SECONDS),
        local.dt.date().cast(pl.Int32).cast(pl.Int64).alias(c.DAY),
        local.dt.hour().cast(pl.Int64).alias(c.HOUR),
        local.dt.weekday().cast(pl.Int64).alias(c.WEEKDAY),
        half_up.alias(c.AMOUNT_E4),
    ).drop("placed_at")


def _products(window: Window, platform: Platform) -> pl.DataFrame:
    """Read the catalogue; what the shop never described counts as not active."""
    return read_frame(f"""
        SELECT id AS "{c.PRODUCT}", category_id AS "{c.CATEGORY}", price AS "{c.PRICE_E4}",
               list_price AS "{c.LIST_PRICE_E4}", in_stock AS "{c.IN_STOCK}", (active AND listed) AS "{c.ACTIVE}",
               repeatable AS "{c.REPEATABLE}"
        FROM precision_shop_product WHERE platform_id = {platform.pk:d} AND same_as_id IS NULL
    """)
