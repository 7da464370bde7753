"""What people did, counted by day: the columnar form in which behaviour terms (`did`) are counted in bulk.

Events become one row per customer, event, day, product, store and channel, with a count. Orders stay one row per
order, product and store, because an order with two teas is one order. A term is then a filter and a group-by over a
slice.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

import narwhals as nw

from precision.shop import columns as c

TIMES: Final = "times"
"""Int64, how often."""
EVENT_COLUMNS: Final = (c.EVENT, c.DAY, c.CUSTOMER, c.PRODUCT, c.STORE, c.CHANNEL)
ORDER_COLUMNS: Final = (c.DAY, c.CUSTOMER, c.ORDER, c.PRODUCT, c.STORE, c.CHANNEL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """What to count."""

    event: str | None = None
    """Name of the event; None counts orders."""
    since: int | None = None
    """First day (local, since 1970-01-01); None: from the beginning."""
    before: int
    """The day after the last."""
    products: Collection[int] | None = None
    """Our numbers of the products that count; None: also what has none."""
    stores: Collection[int] | None = None
    channel: str | None = None


def of_events(events: "nw.LazyFrame[Any]", *, leave_out: Collection[str] = ()) -> "nw.LazyFrame[Any]":
    """Return EVENT_COLUMNS and TIMES of the events of `history.scan`, sorted by event, day and customer.

    Events of nobody are left out, and those of the names `leave_out`.
    """
    known = events.filter(~nw.col(c.CUSTOMER).is_null())
    if leave_out:
        known = known.filter(~nw.col(c.EVENT).is_in(list(leave_out)))
    counted = known.group_by(*EVENT_COLUMNS).agg(nw.len().cast(nw.Int64).alias(TIMES))
    return counted.sort(c.EVENT, c.DAY, c.CUSTOMER)


def of_orders(lines: "nw.LazyFrame[Any]") -> "nw.LazyFrame[Any]":
    """Return ORDER_COLUMNS of the lines of orders, once each, sorted by day and customer.

    Credit notes are no orders; orders of nobody are left out.
    """
    kept = lines.filter(~nw.col(c.CUSTOMER).is_null(), ~nw.col(c.RETURNED))
    return kept.select(*ORDER_COLUMNS).unique().sort(c.DAY, c.CUSTOMER, c.ORDER)


def counted(rows: "nw.LazyFrame[Any]", wanted: Slice) -> "nw.LazyFrame[Any]":
    """Return CUSTOMER and TIMES (at least one) of the rows of `of_events`; of `of_orders` without an event."""
    kept = nw.col(c.DAY) < wanted.before
    if wanted.since is not None:
        kept = kept & (nw.col(c.DAY) >= wanted.since)
    if wanted.event is not None:
        kept = kept & (nw.col(c.EVENT) == wanted.event)
    if wanted.products is not None:
        kept = kept & nw.col(c.PRODUCT).is_in(sorted(wanted.products))
    if wanted.stores is not None:
        kept = kept & nw.col(c.STORE).is_in(sorted(wanted.stores))
    if wanted.channel is not None:
        kept = kept & (nw.col(c.CHANNEL) == wanted.channel)
    found = rows.filter(kept)
    if wanted.event is not None:
        return found.group_by(c.CUSTOMER).agg(nw.col(TIMES).sum())
    orders = found.select(c.CUSTOMER, c.ORDER).unique()
    return orders.group_by(c.CUSTOMER).agg(nw.len().cast(nw.Int64).alias(TIMES))
