"""Orders and their lines into their tables, told apart by their fingerprints.

Files, and whatever else comes by the thousand; single words come by `intake.orders`. What a file tells of an order it
tells as a whole, at its `updated_at` or else now, and never over what was told later.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl
from django.db import IntegrityError, transaction
from psycopg import sql

from precision.engine.copying import copy_rows
from precision.shop import bulk, dead_letters, fingerprint
from precision.shop import columns as c
from precision.shop.bulk import ACCEPTED, DUPLICATE, OUTCOME, UPDATED
from precision.shop.importing.catalogue import add_unlisted, product_numbers, store_numbers
from precision.shop.importing.customers import identity_numbers
from precision.shop.models import Identity, Order, OrderLine, Platform, Source
from precision.shop.orderbook import rows
from precision.shop.orderbook.words import CONTEXT, LINES, Line, Merged, Rank, Word

PEOPLE = (Identity.Kind.CUSTOMER_ID, Identity.Kind.ANONYMOUS_ID)
TEXTS = ("channel", "coupon", "payment_method")
HEADER = (
    "customer_id", "anonymous_id", "placed_at", "status", "currency", *TEXTS, "store_id", "context",
)  # fmt: skip
LINE = ("product_id", "quantity", "unit_price", "list_price")
POSITION = "__position"


TRIES = 3
"""How often the orders are loaded once more because another writer put one of them there meanwhile."""
AT_ONCE = 5_000
"""Orders of which single fields were told, that are merged at a time."""
STORED: Mapping[str, Any] = {
    "order_id": pl.String, "id": pl.Int64, "stored": pl.Int64, "stored_confirmed": pl.Boolean,
    "stored_version": pl.Datetime("us", "UTC"), "worded": pl.Boolean,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What became of the orders: `order_id` and outcome of each, and what had to be added for them."""

    outcome: pl.DataFrame
    unknown_products: int
    lines_of_unknown_products: int
    customers: int
    older: int = 0
    """Duplicates of which something was told later than this."""


def load_orders(
    platform: Platform,
    orders: pl.DataFrame,
    lines: pl.DataFrame,
    *,
    now: datetime,
    source: Source | None = None,
    confirmed: bool = True,
) -> Loaded:
    """Add the orders that are new, replace those whose content is another, leave the rest.

    `orders` has one row an order, `lines` one a line, both with `order_id`; every order has a line. `updated_at` of an
    order, where given, is the time of its word: one that was told later stays as it is (counted as `older`). Without
    `confirmed` it is a browser that tells them (see `intake.orders`). Changes that waited for one of the orders are
    applied at the end. To be called within a transaction.
    """
    for attempt in range(TRIES):
        try:
            with transaction.atomic():
                loaded = _load(platform, orders, lines, source=source, confirmed=confirmed, now=now)
            break
        except IntegrityError:  # an event brought one of the orders while we wrote them
            if attempt == TRIES - 1:
                raise
    arrived = loaded.outcome.filter(pl.col(OUTCOME) != DUPLICATE).get_column("order_id")
    if len(arrived):
        dead_letters.release(platform, arrived)
    return loaded


def _load(
    platform: Platform,
    orders: pl.DataFrame,
    lines: pl.DataFrame,
    *,
    source: Source | None,
    confirmed: bool,
    now: datetime,
) -> Loaded:
    orders = _complete(orders, platform).with_row_index(POSITION)
    lines = _list_prices(lines).join(
        orders.select("order_id", POSITION), on="order_id", maintain_order="left"
    )
    orders = orders.with_columns(
        fingerprint=pl.Series(_fingerprints(orders, lines)),
        version_at=pl.min_horizontal("updated_at", pl.lit(now)).fill_null(now).dt.cast_time_unit("us"),
        timed=pl.col("updated_at").is_not_null(),
    ).drop("updated_at")
    orders = _judged(orders, _stored(platform, orders.get_column("order_id")), confirmed=confirmed)
    replaced = orders.filter(pl.col(OUTCOME) == UPDATED).get_column("order_id")
    if len(replaced):
        # Seen once more under a lock: an event may have changed them since.
        fresh = orders.filter(~pl.col("order_id").is_in(replaced.implode()))
        again = orders.filter(pl.col("order_id").is_in(replaced.implode())).select(
            fresh.columns[: -len(JUDGED)]
        )
        again = _judged(again, _stored(platform, replaced, locked=True), confirmed=confirmed)
        orders = pl.concat([fresh, again]).sort(POSITION)
    outcome = orders.select("order_id", OUTCOME)
    older = orders.filter("older").height
    _note_later(orders.filter((pl.col(OUTCOME) == DUPLICATE) & pl.col("timed") & ~pl.col("worded")))
    orders = orders.filter(pl.col(OUTCOME) != DUPLICATE)
    lines = lines.join(orders.select(POSITION), on=POSITION, how="semi", maintain_order="left")
    if not orders.height:
        return Loaded(
            outcome=outcome, unknown_products=0, lines_of_unknown_products=0, customers=0, older=older
        )
    lines, unknown_products, unknown_lines = _resolve_products(platform, lines, now=now)
    orders, customers = _resolve_people(platform, orders, now=now)
    orders = _resolve_stores(platform, orders, now=now).with_columns(
        confirmed=pl.lit(confirmed), source_id=pl.lit(source.pk if source else None, pl.Int64)
    )
    fresh = orders.filter(pl.col(OUTCOME) == ACCEPTED)
    worded = orders.filter((pl.col(OUTCOME) == UPDATED) & pl.col("worded"))
    changed = orders.filter((pl.col(OUTCOME) == UPDATED) & ~pl.col("worded"))
    fresh = fresh.with_columns(id=bulk.reserve_ids(Order, fresh.height))
    copy_rows(Order, _order_rows(fresh, platform).with_columns(received_at=pl.lit(now)))
    _replace(changed, platform)
    numbers = pl.concat([fresh.select(POSITION, "id"), changed.select(POSITION, "id")])
    copy_rows(OrderLine, _line_rows(lines.join(numbers, on=POSITION)))
    if worded.height:
        merged = _merge(platform, worded, lines, source=source, now=now)
        older += merged.filter("older").height
        outcome = outcome.update(merged.select("order_id", OUTCOME), on="order_id")
    return Loaded(
        outcome=outcome,
        unknown_products=unknown_products,
        lines_of_unknown_products=unknown_lines,
        customers=customers,
        older=older,
    )


JUDGED = ("id", "stored", "stored_confirmed", "stored_version", "worded", "older", OUTCOME)
"""Columns that `_judged` adds."""


def _stored(platform: Platform, numbers: pl.Series, *, locked: bool = False) -> pl.DataFrame:
    """Return what the table has of these orders, with the columns of STORED."""
    keys = pl.DataFrame({"external_id": numbers})
    if not keys.height:
        return pl.DataFrame(schema=STORED)
    query = sql.SQL(
        "SELECT m.external_id, m.id, m.fingerprint, m.confirmed, m.version_at, m.words IS NOT NULL "
        "FROM precision_shop_order AS m JOIN {} AS t ON m.external_id = t.external_id "
        "WHERE m.platform_id = {} {}"
    ).format(
        bulk.stage("keys", keys, like=Order),
        sql.Literal(platform.pk),
        # In the order of their ids, like every writer of orders.
        sql.SQL("ORDER BY m.id FOR UPDATE OF m" if locked else ""),
    )
    return bulk.fetch(query, STORED)


def _judged(orders: pl.DataFrame, stored: pl.DataFrame, *, confirmed: bool) -> pl.DataFrame:
    """Return the orders with what is stored of each, and what is to become of it."""
    same = (pl.col("stored") == pl.col("fingerprint")) & (pl.col("stored_confirmed") | pl.lit(not confirmed))
    shut = pl.col("stored_confirmed") & pl.lit(not confirmed)  # a browser's word about what the shop told
    older = ~pl.col("worded") & pl.col("stored_confirmed") & (pl.col("version_at") < pl.col("stored_version"))
    return (
        orders.join(stored, on="order_id", how="left", maintain_order="left")
        .with_columns(pl.col("worded").fill_null(value=False))
        .with_columns(older=(older & ~same).fill_null(value=False))
        .with_columns(
            pl.when(pl.col("id").is_null()).then(pl.lit(ACCEPTED))
            .when(same | shut | pl.col("older")).then(pl.lit(DUPLICATE))
            .otherwise(pl.lit(UPDATED)).alias(OUTCOME)
        )
    )  # fmt: skip


def _note_later(orders: pl.DataFrame) -> None:
    """Let repetitions that were told later than the stored word shut out what was told between the two."""
    later = orders.filter(pl.col("version_at") > pl.col("stored_version")).select("id", "version_at")
    if later.height:
        table = bulk.stage("versions", later, like=Order)
        bulk.execute(
            sql.SQL(
                "UPDATE precision_shop_order AS m SET version_at = t.version_at FROM {} AS t "
                "WHERE m.id = t.id AND m.version_at < t.version_at AND m.words IS NULL"
            ).format(table)
        )


def _merge(
    platform: Platform, orders: pl.DataFrame, lines: pl.DataFrame, *, source: Source | None, now: datetime
) -> pl.DataFrame:
    """Tell orders of which single fields were told before; return `order_id`, outcome, and whether it was older."""
    by_order = lines.join(orders.select(POSITION), on=POSITION, how="semi").partition_by(
        POSITION, as_dict=True
    )
    made = []
    for chunk in orders.iter_slices(AT_ONCE):
        entries = rows.read(platform, chunk.get_column("order_id").to_list())
        for order in chunk.iter_rows(named=True):
            entry = entries[order["order_id"]]
            done = entry.state.merge(_word(order, by_order[order[POSITION],]))
            entry.touched = done in {Merged.CHANGED, Merged.NOTED}
            if entry.touched:
                entry.fingerprint = order["fingerprint"]
            outcome = UPDATED if done is Merged.CHANGED else DUPLICATE
            made.append((order["order_id"], outcome, done is Merged.OLDER))
        rows.write(platform, entries.values(), source=source, now=now)
    return pl.DataFrame(
        made, schema={"order_id": pl.String, OUTCOME: pl.String, "older": pl.Boolean}, orient="row"
    )


def _word(order: Mapping[str, Any], lines: pl.DataFrame) -> Word:
    """Return what a file says about an order, in our own numbers."""
    context = json.loads(order["context"] or "{}")
    fields = {
        "person": order["identity_id"],
        "placed_at": rows.microseconds(order["placed_at"]),
        "store": order["store"],
        **{name: order[name] for name in ("status", "currency", *TEXTS)},
        **{CONTEXT + name: value for name, value in context.items()},
        LINES: tuple(Line(*line) for line in lines.select("product", *LINE[1:]).iter_rows()),
    }
    return Word(
        rank=Rank(trusted=order["confirmed"], at=rows.microseconds(order["version_at"])),
        fields=fields,
        whole=True,
        timed=order["timed"],
        fingerprint=order["fingerprint"],
    )


def _complete(orders: pl.DataFrame, platform: Platform) -> pl.DataFrame:
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
        "id", "identity_id", "placed_at", "status", "currency", "fingerprint", "confirmed", "version_at",
        "source_id", pl.col(*TEXTS).fill_null(""),
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
