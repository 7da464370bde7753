"""Orders and their lines into their tables, told apart by their fingerprints.

Files, and whatever else comes by the thousand; single words come by `intake.orders`. What a file tells of an order it
tells as a whole, at its `updated_at` or else now, and never over what was told later.
"""

from dataclasses import dataclass
from datetime import datetime

import polars as pl
from django.db import IntegrityError, transaction
from psycopg import sql

from precision.engine.copying import copy_rows
from precision.shop import bulk, dead_letters
from precision.shop.bulk import ACCEPTED, DUPLICATE, OUTCOME, UPDATED
from precision.shop.importing.catalogue import add_unlisted, product_numbers, store_numbers
from precision.shop.importing.customers import identity_numbers
from precision.shop.importing.order_content import POSITION, TEXTS, complete, fingerprints, list_prices
from precision.shop.importing.order_versions import JUDGED, judged, merge_words, note_later, stored
from precision.shop.models import Identity, Order, OrderLine, Platform, Source

PEOPLE = (Identity.Kind.CUSTOMER_ID, Identity.Kind.ANONYMOUS_ID)
TRIES = 3
"""How often the orders are loaded once more because another writer put one of them there meanwhile."""


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
    orders = complete(orders, platform).with_row_index(POSITION)
    lines = list_prices(lines).join(orders.select("order_id", POSITION), on="order_id", maintain_order="left")
    orders = orders.with_columns(
        fingerprint=pl.Series(fingerprints(orders, lines)),
        version_at=pl.min_horizontal("updated_at", pl.lit(now)).fill_null(now).dt.cast_time_unit("us"),
        timed=pl.col("updated_at").is_not_null(),
    ).drop("updated_at")
    orders = judged(orders, stored(platform, orders.get_column("order_id")), confirmed=confirmed)
    known = pl.col(OUTCOME) == UPDATED
    replaced = orders.filter(known).drop(JUDGED)
    if replaced.height:
        # Seen once more under a lock: an event may have changed them since.
        locked = stored(platform, replaced.get_column("order_id"), locked=True)
        again = judged(replaced, locked, confirmed=confirmed)
        orders = pl.concat([orders.filter(~known), again]).sort(POSITION)
    outcome = orders.select("order_id", OUTCOME)
    older = orders.filter("older").height
    note_later(orders.filter((pl.col(OUTCOME) == DUPLICATE) & pl.col("timed") & ~pl.col("worded")))
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
        merged = merge_words(platform, worded, lines, source=source, now=now)
        older += merged.filter("older").height
        outcome = outcome.update(merged.select("order_id", OUTCOME), on="order_id")
    return Loaded(
        outcome=outcome,
        unknown_products=unknown_products,
        lines_of_unknown_products=unknown_lines,
        customers=customers,
        older=older,
    )


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
