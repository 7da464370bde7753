"""Events by the thousand into their table: files and web server logs; single calls come by `intake.receive`.

An event is received when it is loaded, however long ago it happened, and stands in the partition of that month.
Whether it is there already is asked of every month since it happened, not only of the last 90 days: a file that is
loaded again adds nothing, whenever that is, as long as the months of its events are kept.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import orjson
import polars as pl
from django.db import IntegrityError, transaction
from psycopg import sql

from precision.engine.copying import copy_rows
from precision.shop import bulk, segment_spec, stitching
from precision.shop.bulk import ACCEPTED, DUPLICATE, OUTCOME
from precision.shop.importing.catalogue import known_stores, product_numbers
from precision.shop.importing.messages import MESSAGE, known, messages
from precision.shop.importing.names import identity_numbers
from precision.shop.importing.properties import with_members
from precision.shop.intake import events_table
from precision.shop.intake.order_events import OrderEvent
from precision.shop.intake.orders import apply_events
from precision.shop.models import Event, Identity, Platform, Source

PEOPLE: Final = (Identity.Kind.CUSTOMER_ID.value, Identity.Kind.ANONYMOUS_ID.value)
UNKNOWN_PRODUCT: Final = "unknown_product"
ORDERS_AT_ONCE: Final = 5_000
COLUMNS: Final[Mapping[str, Any]] = {
    "event_id": pl.String, "event": pl.String, "customer_id": pl.String, "anonymous_id": pl.String,
    "at": pl.Datetime("us", "UTC"), "channel": pl.String, "session_id": pl.String, "duration_s": pl.Float64,
    "store_id": pl.String, "query": pl.String, "product_id": pl.String, "recommendation_id": pl.String,
    "properties": pl.String,
}  # fmt: skip
"""The columns of events, and their types; `properties` is the text of a JSON object."""
CONTENT: Final = [name for name in COLUMNS if name != "event_id"]
_INSERT = """
INSERT INTO precision_shop_event ({columns}) SELECT {columns} FROM {table}
ON CONFLICT DO NOTHING RETURNING '\\x' || encode(message, 'hex')
"""


def load_events(
    platform: Platform,
    events: pl.DataFrame,
    *,
    source: Source,
    now: datetime,
    links: list[pl.DataFrame] | None = None,
) -> pl.DataFrame:
    """Add the events that are new; return the outcome of each row, and whether its product is unknown, in their order.

    `events` has some of COLUMNS, typed as there, among them `event`; other columns are left alone. What is null is not
    told: an event without a time happened now, one without an id is told from others by its content. Product and store
    that nobody described stay among the properties. Customers and visitors that are new are added; a row that names
    both tells that they are one person, which is appended to `links` (see `load_customers`) or linked at once. Events
    that are orders, or change them, do so. To be called within a transaction that holds `bulk.lock`.
    """
    if not events.height:
        return pl.DataFrame(schema={OUTCOME: pl.String, UNKNOWN_PRODUCT: pl.Boolean})
    events_table.ensure_months({now.astimezone(UTC).date()})
    frame = _complete(events)
    timed = frame.get_column("at")
    frame = frame.with_columns(
        messages(frame, CONTENT),
        pl.col("at").fill_null(now).clip(upper_bound=pl.lit(now)),
        place=pl.int_range(pl.len()),
    )
    once = frame.unique(MESSAGE, keep="first").sort(MESSAGE)
    since = None if timed.has_nulls() else timed.min()
    fresh = once.filter(~known(platform, once.get_column(MESSAGE), since=since))  # type: ignore[arg-type]
    fresh = _resolved(platform, fresh, now=now)
    added = _write(_rows(platform, fresh, source=source, now=now))
    fresh = fresh if added is None else fresh.filter(pl.col(MESSAGE).is_in(added.implode()))
    _tell_orders(platform, fresh, source=source, now=now)
    told = _links(fresh)
    if links is not None:
        links.append(told)
    else:
        stitching.link_many(platform.organisation_id, told)
    outcome = fresh.select("place", UNKNOWN_PRODUCT, pl.lit(ACCEPTED).alias(OUTCOME))
    return (
        frame.select("place")
        .join(outcome, on="place", how="left", maintain_order="left")
        .select(pl.col(OUTCOME).fill_null(DUPLICATE), pl.col(UNKNOWN_PRODUCT).fill_null(value=False))
    )


def _complete(events: pl.DataFrame) -> pl.DataFrame:
    """Return the events with all columns, and their names as they are kept."""
    named = events.get_column("event").unique().to_list()
    canonical = {name: segment_spec.canonical(name) for name in named}
    return events.select(
        (pl.col(name) if name in events.columns else pl.lit(None)).cast(kind).alias(name)
        for name, kind in COLUMNS.items()
    ).with_columns(pl.col("event").replace_strict(canonical, return_dtype=pl.String))


def _resolved(platform: Platform, events: pl.DataFrame, *, now: datetime) -> pl.DataFrame:
    """Return the events with our numbers of people, products and stores; the known customer before the visitor."""
    made = events
    for kind in PEOPLE:
        numbers, _ = identity_numbers(platform, events.get_column(kind), kind=kind, now=now)
        numbers = numbers.rename({"value": kind, "identity": f"{kind}_number"})
        made = made.join(numbers, on=kind, how="left", maintain_order="left")
    products = product_numbers(platform, events.get_column("product_id").unique().drop_nulls())
    stores = known_stores(platform, events.get_column("store_id").unique().drop_nulls())
    made = made.join(products, on="product_id", how="left", maintain_order="left").join(
        stores, on="store_id", how="left", maintain_order="left"
    )
    absent = {
        name: pl.when(pl.col(number).is_null()).then(pl.col(name))
        for name, number in (("product_id", "product"), ("store_id", "store"))
    }
    return made.with_columns(
        (pl.col("product_id").is_not_null() & pl.col("product").is_null()).alias(UNKNOWN_PRODUCT),
        properties=with_members(made, absent),
    )


def _rows(platform: Platform, events: pl.DataFrame, *, source: Source, now: datetime) -> pl.DataFrame:
    """Return the rows of the table."""
    text = {
        "channel": "channel",
        "session": "session_id",
        "query": "query",
        "recommendation": "recommendation_id",
    }
    return events.select(
        "at", "duration_s", "properties", MESSAGE,
        name="event",
        platform_id=pl.lit(platform.pk, pl.Int64),
        source_id=pl.lit(source.pk, pl.Int64),
        received_at=pl.lit(now),
        identity_id=pl.coalesce(f"{kind}_number" for kind in PEOPLE),
        product_id="product",
        store_id="store",
        **{column: pl.col(name).fill_null("") for column, name in text.items()},
    )  # fmt: skip


def _write(rows: pl.DataFrame) -> pl.Series | None:
    """Add the rows; return the digests of those that were added where some were there, None where all were added.

    They come in the order of their digests, like those of every writer of events, so that none waits for another in a
    circle.
    """
    try:
        with transaction.atomic():
            copy_rows(Event, rows)
    except IntegrityError:  # a call brought one of them while we looked
        table = bulk.stage("events", rows, like=Event)
        columns = sql.SQL(", ").join(map(sql.Identifier, rows.columns))
        added = bulk.fetch(sql.SQL(_INSERT).format(columns=columns, table=table), {MESSAGE: pl.String})
        return added.get_column(MESSAGE)
    return None


def _tell_orders(platform: Platform, events: pl.DataFrame, *, source: Source, now: datetime) -> None:
    """Let the events that are orders, or change them, do so; refusals are kept as dead letters."""
    orders = events.filter(pl.col("event").is_in(sorted(segment_spec.ORDERS))).sort("at", "place")
    for some in orders.iter_slices(ORDERS_AT_ONCE):
        told = [
            OrderEvent(
                row["event"], orjson.loads(row["properties"]), row["at"], row["customer_id"] or "",
                row["anonymous_id"] or "",
            )
            for row in some.iter_rows(named=True)
        ]  # fmt: skip
        apply_events(platform, told, source=source, trusted=True, received_at=now)


def _links(events: pl.DataFrame) -> pl.DataFrame:
    """Return the links, as `stitching.link_many` takes them, of customers and visitors that one row names."""
    first, second = (f"{kind}_number" for kind in PEOPLE)
    return (
        events.drop_nulls([first, second])
        .group_by(first=first, second=second)
        .agg(pl.col("at").min())
        .select(
            "first", "second", pl.lit("event").alias("origin"), pl.lit(value=True).alias("verified"), "at"
        )
    )
