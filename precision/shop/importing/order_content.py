"""What files say of orders and lines, made whole, and the digests that tell a repetition from a change."""

from collections.abc import Iterable

import numpy as np
import polars as pl

from precision.shop import columns as c
from precision.shop import fingerprint
from precision.shop.models import Order, Platform

TEXTS = ("channel", "coupon", "payment_method")
HEADER = (
    "customer_id", "anonymous_id", "placed_at", "status", "currency", *TEXTS, "store_id", "context",
)  # fmt: skip
LINE = ("product_id", "quantity", "unit_price", "list_price")
POSITION = "__position"


def complete(orders: pl.DataFrame, platform: Platform) -> pl.DataFrame:
    """Return the orders with all header columns, what is not given filled as the model wants it."""
    absent = [pl.lit(None, pl.String).alias(name) for name in HEADER if name not in orders.columns]
    if "updated_at" not in orders.columns:
        absent.append(pl.lit(None, pl.Datetime("us", "UTC")).alias("updated_at"))
    orders = orders.with_columns(absent)
    return orders.with_columns(
        pl.col("status").fill_null(Order.Status.COMPLETED.value),
        pl.col("currency").fill_null(platform.currency),
        # A known customer beats an anonymous one.
        pl.when(pl.col("customer_id").is_null()).then(pl.col("anonymous_id")),
    )


def list_prices(lines: pl.DataFrame) -> pl.DataFrame:
    """Return the lines with a list price: as given, else the price paid and the discount on one unit."""
    if "list_price" not in lines.columns:
        lines = lines.with_columns(list_price=pl.lit(None, pl.Int64))
    if "discount" not in lines.columns:
        return lines
    each = (pl.col("discount") * c.QUANTITY / pl.col("quantity").abs()).round().cast(pl.Int64)
    return lines.with_columns(pl.coalesce("list_price", pl.col("unit_price") + each)).drop("discount")


def fingerprints(orders: pl.DataFrame, lines: pl.DataFrame) -> np.ndarray:
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
