"""Whether somebody is active, and for how long they have not been seen."""

from datetime import date
from typing import Any

import narwhals as nw
import polars as pl

from precision.engine.windows import epoch_day
from precision.shop import columns as c
from precision.shop.scopes import Scope
from segments.labels import own
from segments.labels.own import NUMBER, YES_NO, fact
from segments.labels.registry import Evidence, Source, register
from segments.methods import buying, visiting

ACTIVE, LAST_SEEN_DAYS = "active", "last_seen_days"
ACTIVE_DAYS = 90
"""Who ordered or visited within so many days is active (mission: enterprise W)."""
DEFINITIONS = (
    fact(ACTIVE, "Active", YES_NO, "", f"Ordered or visited in the {ACTIVE_DAYS} days before the date."),
    fact(
        LAST_SEEN_DAYS,
        "Days since last seen",
        NUMBER,
        "days",
        f"Date − day of the last order, or of the last visit within {visiting.WINDOW_DAYS} days, whichever is later.",
    ),
)
ORDER, VISIT = "last_order", "last_visit"


def frame(scope: Scope, as_of: date) -> pl.DataFrame:
    """Return the labels of everybody who ever ordered or visited in the last year; see `Source`."""
    events = scope.scan("events", as_of, days=visiting.WINDOW_DAYS)
    return labels(scope.scan("order_lines", as_of), events, today=epoch_day(as_of))


def labels(lines: "nw.LazyFrame[Any]", events: "nw.LazyFrame[Any]", *, today: int) -> pl.DataFrame:
    """Return the labels from all order lines before the day, and the events of the year before it."""
    ordered = buying.first_orders(lines).select(c.CUSTOMER, nw.col(buying.LAST_DAY).alias(c.DAY))
    visited = visiting.present(events).group_by(c.CUSTOMER).agg(nw.col(c.DAY).max())
    seen = nw.concat([ordered, visited]).group_by(c.CUSTOMER).agg(nw.col(c.DAY).max())
    since = (today - nw.col(c.DAY)).alias(LAST_SEEN_DAYS)
    return own.eager(
        seen.select(c.CUSTOMER, since).select(
            c.CUSTOMER, (nw.col(LAST_SEEN_DAYS) <= ACTIVE_DAYS).alias(ACTIVE), LAST_SEEN_DAYS
        )
    )


def evidence(scope: Scope, as_of: date, customer: int, key: str) -> Evidence | None:
    """Return the days of the last order and visit; None where there is neither."""
    lines = own.facts_of(scope, "order_lines", as_of, customer)
    events = own.facts_of(scope, "events", as_of, customer, days=visiting.WINDOW_DAYS)
    order = buying.first_orders(lines).collect("polars").to_native()[buying.LAST_DAY].max()
    visit = visiting.present(events).collect("polars").to_native()[c.DAY].max()
    if order is None and visit is None:
        return None
    return {
        "as_of": as_of.isoformat(),
        ORDER: own.iso(order),
        VISIT: own.iso(visit),
        "active_days": ACTIVE_DAYS,
    }


register(Source(name="activity", definitions=DEFINITIONS, frame=frame, evidence=evidence))
