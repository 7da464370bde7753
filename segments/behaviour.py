"""How often customers did what behaviour terms (`did`) name: of everybody from a nightly file, of some from PostgreSQL.

A window of `within_days` n is the last n whole local days of each platform, today the last of them: [as_of − n, as_of),
where `as_of` is the day after today (of a historical platform the day after its last order). Without a window
everything up to today counts. Orders count as the event “Order Completed”: confirmed, neither cancelled nor a credit
note, with at least one line, once each however many lines fit.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

import narwhals as nw
import polars as pl
from django.db import connection

from precision.engine import runs
from precision.engine.models import Run
from precision.engine.windows import epoch_day, midnight
from precision.shop import columns as c
from precision.shop import segment_spec
from precision.shop.history import layout, manifest
from precision.shop.scopes import Scope
from segments import dimensions, kept
from segments.conditions import Did
from segments.dimensions import Where
from segments.methods import behaviour as m

JOB: Final = "behaviour"
EVENTS: Final = "behaviour-events"
ORDERS: Final = "behaviour-orders"
ORDER_COMPLETED: Final = segment_spec.ORDER_COMPLETED
Counts = dict[str, dict[int, int]]
"""Key of a term → customer → times; who never did it is left out."""


def write(run: Run, events: pl.DataFrame, orders: pl.DataFrame) -> None:
    """Keep the frames of `methods.behaviour`; readers see them once the run is published."""
    kept.write(run, EVENTS, events)
    kept.write(run, ORDERS, orders)


def published(scope: str) -> Run | None:
    """Return the run whose behaviour is in force; None before the first. One query."""
    return runs.published(JOB, scope)


def everybody(scope: Scope, terms: Sequence[Did], run: Run | None, *, as_of: date) -> dict[str, pl.DataFrame]:
    """Return for each key of the terms CUSTOMER and TIMES of whoever did it, sorted by CUSTOMER, from a run's files.

    Without a run nobody did anything. Costs the queries of `dimensions.resolved` and a scan of the slices.
    """
    if not terms:
        return {}
    wanted = dimensions.resolved(scope, terms)
    frames = [_slice(run, term, wanted[term.key], as_of) for term in terms]
    found = pl.collect_all([frame.sort(c.CUSTOMER) for frame in frames])
    return {term.key: frame for term, frame in zip(terms, found, strict=True)}


def of_customers(scope: Scope, customers: Collection[int], terms: Sequence[Did], *, as_of: date) -> Counts:
    """Return how often these customers did the terms, as PostgreSQL has it at this moment. One query for all terms.

    Where PostgreSQL has let go of old events (`retention`), those of earlier days come from the published file.
    """
    counts: Counts = {term.key: {} for term in terms}
    if not terms or not customers:
        return counts
    wanted = dimensions.resolved(scope, terms)
    gone = _gone_before(scope)
    parts, values = _statement(scope, terms, wanted, as_of=as_of, gone=gone)
    who = {"customers": list(customers), "platforms": [platform.pk for platform in scope.platforms]}
    with connection.cursor() as cursor:
        cursor.execute(_WHO + " UNION ALL ".join(parts), {**values, **who})
        for place, customer, times in cursor.fetchall():
            counts[terms[place].key][customer] = times
    if gone is not None:
        _add_older(counts, scope, customers, terms, wanted, as_of=as_of, gone=gone)
    return counts


def names(scope: Scope) -> list[str]:
    """Return the events that conditions of a scope may name: those of the dialect, and those its people ever did.

    Of the latter those that the nightly file has, and of the last two days. Two queries.
    """
    run = published(scope.key)
    seen = run.measures.get("events", []) if run else []
    recent = """
        SELECT DISTINCT name FROM (
            SELECT name FROM precision_shop_event
            WHERE platform_id = ANY(%s) AND at >= now() - interval '2 days' LIMIT %s
        ) lately
    """
    with connection.cursor() as cursor:
        cursor.execute(recent, [[platform.pk for platform in scope.platforms], RECENT_ROWS])
        lately = [row[0] for row in cursor.fetchall()]
    return sorted({*segment_spec.EVENTS, *seen, *lately} - segment_spec.ORDER_CHANGES)


RECENT_ROWS: Final = 100_000
"""Events looked at for names that the nightly file has not seen yet."""

_WHO = """
WITH who AS MATERIALIZED (
    SELECT id, customer_id, platform_id FROM precision_shop_identity
    WHERE customer_id = ANY(%(customers)s) AND platform_id = ANY(%(platforms)s)
)
"""


def _slice(run: Run | None, term: Did, where: Where, as_of: date) -> pl.LazyFrame:
    orders = term.event == ORDER_COMPLETED
    rows = kept.scan(run.pk, ORDERS if orders else EVENTS) if run else None
    if rows is None:
        return pl.LazyFrame(schema={c.CUSTOMER: pl.Int64, m.TIMES: pl.Int64})
    before = epoch_day(as_of)
    wanted = m.Slice(
        event=None if orders else term.event,
        since=None if term.within_days is None else before - term.within_days,
        before=before,
        products=where.products,
        stores=where.stores,
        channel=where.channel,
    )
    counted: pl.LazyFrame = m.counted(nw.from_native(rows), wanted).to_native()
    return counted


def _statement(
    scope: Scope, terms: Sequence[Did], wanted: Mapping[str, Where], *, as_of: date, gone: date | None
) -> tuple[list[str], dict[str, Any]]:
    """Return a SELECT of (place of the term, customer, times) for each term, and their values."""
    parts: list[str] = []
    values: dict[str, Any] = {}
    for place, term in enumerate(terms):
        where = wanted[term.key]
        orders = term.event == ORDER_COMPLETED
        since = None if term.within_days is None else as_of - timedelta(days=term.within_days)
        if gone is not None and not orders:
            since = gone if since is None else max(since, gone)
        rows = []
        for number, platform in enumerate(scope.platforms):
            start = None if since is None else midnight(since, timezone=platform.timezone)
            values |= {
                f"platform{number}": platform.pk,
                f"since{place}_{number}": start,
                f"before{number}": midnight(as_of, timezone=platform.timezone),
            }
            rows.append(f"(%(platform{number})s, %(since{place}_{number})s::bigint, %(before{number})s)")
        span = f"JOIN (VALUES {', '.join(rows)}) AS span (platform, since, before) ON span.platform = who.platform_id"
        values |= {
            f"name{place}": term.event,
            f"products{place}": None if where.products is None else list(where.products),
            f"stores{place}": None if where.stores is None else list(where.stores),
            f"channel{place}": where.channel,
        }
        more = ""
        if where.stores is not None:
            more += f" AND fact.store_id = ANY(%(stores{place})s)"
        if where.channel is not None:
            more += f" AND fact.channel = %(channel{place})s"
        product = "" if where.products is None else f" AND {{}}.product_id = ANY(%(products{place})s)"
        if orders:
            parts.append(f"""
                SELECT {place:d}, who.customer_id, count(*) FROM who {span}
                JOIN precision_shop_order fact ON fact.identity_id = who.id
                WHERE {_within("placed_at")} AND fact.confirmed AND fact.status NOT IN ('cancelled', 'returned') {more}
                  AND EXISTS (
                    SELECT FROM precision_shop_orderline line
                    WHERE line.order_id = fact.id {product.format("line")})
                GROUP BY who.customer_id""")
        else:
            parts.append(f"""
                SELECT {place:d}, who.customer_id, count(*) FROM who {span}
                JOIN precision_shop_event fact ON fact.identity_id = who.id
                WHERE {_within("at")} AND fact.name = %(name{place})s {more} {product.format("fact")}
                GROUP BY who.customer_id""")
    return parts, values


def _within(column: str) -> str:
    return (
        f"fact.{column} < to_timestamp(span.before) "
        f"AND (span.since IS NULL OR fact.{column} >= to_timestamp(span.since))"
    )


def _gone_before(scope: Scope) -> date | None:
    """Return the day before which PostgreSQL may lack events of any of the platforms; None: it has them all."""
    state = manifest.load(layout.root())
    known = [] if state is None else [state.platforms.get(platform.pk) for platform in scope.platforms]
    bounds = [each.dropped["events"] for each in known if each is not None and "events" in each.dropped]
    # A day further than UTC says: it is another day elsewhere.
    return date(1970, 1, 1) + timedelta(days=max(bounds) // 86_400 + 2) if bounds else None


def _add_older(
    counts: Counts,
    scope: Scope,
    customers: Collection[int],
    terms: Iterable[Did],
    wanted: Mapping[str, Where],
    *,
    as_of: date,
    gone: date,
) -> None:
    """Add what happened before `gone` as the published file has it."""
    run = published(scope.key)
    frame = kept.scan(run.pk, EVENTS) if run else None
    if frame is None:
        return
    rows = nw.from_native(frame.filter(pl.col(c.CUSTOMER).is_in(list(customers))))
    for term in terms:
        since = None if term.within_days is None else epoch_day(as_of) - term.within_days
        before = min(epoch_day(gone), epoch_day(as_of))
        if term.event == ORDER_COMPLETED or (since is not None and since >= before):
            continue
        where = wanted[term.key]
        wanted_slice = m.Slice(
            event=term.event, since=since, before=before,
            products=where.products, stores=where.stores, channel=where.channel,
        )  # fmt: skip
        older: pl.DataFrame = m.counted(rows, wanted_slice).collect("polars").to_native()
        own = counts[term.key]
        for customer, times in older.iter_rows():
            own[customer] = own.get(customer, 0) + times
