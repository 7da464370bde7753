"""What is stored of orders that come by the thousand: judged, locked, and merged where single fields were told."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import polars as pl
from psycopg import sql

from precision.shop import bulk
from precision.shop.bulk import ACCEPTED, DUPLICATE, OUTCOME, UPDATED
from precision.shop.importing.order_content import LINE, POSITION, TEXTS
from precision.shop.models import Order, Platform, Source
from precision.shop.orderbook import rows
from precision.shop.orderbook.words import CONTEXT, LINES, Line, Merged, Rank, Word

AT_ONCE = 5_000
"""Orders of which single fields were told, that are merged at a time."""
STORED: Mapping[str, Any] = {
    "order_id": pl.String, "id": pl.Int64, "stored": pl.Int64, "stored_confirmed": pl.Boolean,
    "stored_version": pl.Int64, "worded": pl.Boolean,
}  # fmt: skip
"""The version is in microseconds since 1970: whole numbers arrive several times faster than times."""
VERSION = pl.col("version_at").dt.epoch("us")
JUDGED = ("id", "stored", "stored_confirmed", "stored_version", "worded", "older", OUTCOME)
"""Columns that `judged` adds."""


def stored(platform: Platform, numbers: pl.Series, *, locked: bool = False) -> pl.DataFrame:
    """Return what the table has of these orders, with the columns of STORED."""
    keys = pl.DataFrame({"external_id": numbers})
    if not keys.height:
        return pl.DataFrame(schema=STORED)
    query = sql.SQL(
        "SELECT m.external_id, m.id, m.fingerprint, m.confirmed, "
        "(extract(epoch FROM m.version_at) * 1000000)::bigint, m.words IS NOT NULL "
        "FROM precision_shop_order AS m JOIN {} AS t ON m.external_id = t.external_id "
        "WHERE m.platform_id = {} {}"
    ).format(
        bulk.stage("keys", keys, like=Order),
        sql.Literal(platform.pk),
        # In the order of their ids, like every writer of orders.
        sql.SQL("ORDER BY m.id FOR UPDATE OF m" if locked else ""),
    )
    return bulk.fetch(query, STORED)


def judged(orders: pl.DataFrame, stored: pl.DataFrame, *, confirmed: bool) -> pl.DataFrame:
    """Return the orders with what is stored of each, and what is to become of it."""
    same = (pl.col("stored") == pl.col("fingerprint")) & (pl.col("stored_confirmed") | pl.lit(not confirmed))
    shut = pl.col("stored_confirmed") & pl.lit(not confirmed)  # a browser's word about what the shop told
    older = ~pl.col("worded") & pl.col("stored_confirmed") & (pl.col("stored_version") > VERSION)
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


def note_later(orders: pl.DataFrame) -> None:
    """Let repetitions that were told later than the stored word shut out what was told between the two."""
    later = orders.filter(pl.col("stored_version") < VERSION).select("id", "version_at")
    if later.height:
        table = bulk.stage("versions", later, like=Order)
        bulk.execute(
            sql.SQL(
                "UPDATE precision_shop_order AS m SET version_at = t.version_at FROM {} AS t "
                "WHERE m.id = t.id AND m.version_at < t.version_at AND m.words IS NULL"
            ).format(table)
        )


def merge_words(
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
