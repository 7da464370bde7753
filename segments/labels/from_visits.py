"""Labels from events: visits, looks, searches, carts that were left, questions."""

from datetime import date
from typing import Any

import narwhals as nw
import polars as pl

from precision.engine.windows import epoch_day
from precision.shop import columns as c
from precision.shop.scopes import Scope
from segments.labels import own
from segments.labels.own import NUMBER, TEXT, Names, fact
from segments.labels.registry import Evidence, Source, register
from segments.methods import buying
from segments.methods import favourites as f
from segments.methods import visiting as v

CHANNEL, CATEGORY, CATEGORY_SHARE = "visit_channel", "browsed_category", "browsed_category_share"
CATEGORY_DAYS = 90
TITLES = {
    v.SEARCHES: "Searches in 30 days", v.WISHES: "Added to the wishlist in 90 days",
    v.COMPARISONS: "Products compared in 90 days", v.INQUIRIES: "Inquiries in 90 days",
    v.PROMOTION_CLICKS: "Promotions clicked in 90 days",
}  # fmt: skip
DEFINITIONS = (
    fact(
        v.LAST_VISIT_DAYS,
        "Days since the last visit",
        NUMBER,
        "days",
        f"Date − day of the last event of the last visit within {v.WINDOW_DAYS} days. A visit is a "
        "session; without one, a day.",
    ),
    fact(
        v.VISITS_7,
        "Visits in 7 days",
        NUMBER,
        "visits",
        "Visits whose last event is in the 7 days before the date.",
    ),
    fact(
        v.VISITS_30,
        "Visits in 30 days",
        NUMBER,
        "visits",
        "Visits whose last event is in the 30 days before the date.",
    ),
    fact(
        v.VISITS_365,
        "Visits in a year",
        NUMBER,
        "visits",
        "Visits whose last event is in the 365 days before the date.",
    ),
    *(
        fact(key, TITLES[key], NUMBER, "events", f"Events “{event}” in the {days} days before the date.")
        for key, (event, days) in v.COUNTED.items()
    ),
    fact(
        v.DWELL_MINUTES,
        "Minutes spent in 30 days",
        NUMBER,
        "minutes",
        "Sum of the told durations of events in the 30 days before the date.",
    ),
    fact(
        v.PRODUCTS_VIEWED,
        "Products viewed in 30 days",
        NUMBER,
        "products",
        f"Different products of events “{v.VIEWED}” in the 30 days before the date.",
    ),
    fact(
        v.CART_LEFT,
        "Products left in the cart",
        NUMBER,
        "products",
        "Products put into a cart in the 30 days before the date and neither taken out later nor bought on that day "
        "or later.",
    ),
    fact(
        CHANNEL,
        "Channel of visits",
        TEXT,
        "",
        f"The channel of most visits of {v.WINDOW_DAYS} days; of several the first by name.",
    ),
    fact(
        CATEGORY,
        "Category most looked at",
        TEXT,
        "path from the root",
        f"The category of most events “{v.VIEWED}” of {CATEGORY_DAYS} days; of several the one that is longest known.",
    ),
    fact(
        CATEGORY_SHARE,
        "Share of the category most looked at",
        NUMBER,
        "share of views",
        f"(x + {f.PRIOR_TIMES} s) / (n + {f.PRIOR_TIMES}), x of n views in it, s its share among everyone's.",
    ),
)


def frame(scope: Scope, as_of: date) -> pl.DataFrame:
    """Return the labels of everybody who visited in the last year; see `Source`."""
    events = scope.scan("events", as_of, days=v.WINDOW_DAYS)
    lines = scope.scan("order_lines", as_of, days=v.LOOK_DAYS)
    return labels(events, lines, own.names(scope), today=epoch_day(as_of))


def labels(
    events: "nw.LazyFrame[Any]", lines: "nw.LazyFrame[Any]", names: Names, *, today: int
) -> pl.DataFrame:
    """Return the labels from the events of the year before the day, and order lines of LOOK_DAYS at least."""
    visits = own.once(v.visits(events))
    views = own.once(v.viewed(events.filter(nw.col(c.DAY) >= today - CATEGORY_DAYS)))
    left = v.carts_left(events, lines, as_of=today)
    everybody = own.eager(v.visit_labels(visits, as_of=today))
    for part in (
        own.eager(v.counted(events, as_of=today)),
        own.eager(v.products_viewed(views, as_of=today)),
        own.eager(left.group_by(c.CUSTOMER).agg(nw.len().cast(nw.Int64).alias(v.CART_LEFT))),
        own.eager(f.favourites(_channels(visits), c.CHANNEL)).select(
            c.CUSTOMER, pl.col(c.CHANNEL).alias(CHANNEL)
        ),
        own.eager(f.favourites(buying.lines_of(views, c.CATEGORY), c.CATEGORY))
        .join(names.categories, on=c.CATEGORY, how="left")
        .select(c.CUSTOMER, pl.col("name").alias(CATEGORY), pl.col(f.SHARE).alias(CATEGORY_SHARE)),
    ):
        everybody = everybody.join(part, on=c.CUSTOMER, how="left")
    return everybody.with_columns(pl.col(v.PRODUCTS_VIEWED, v.CART_LEFT).fill_null(0)).select(
        c.CUSTOMER, *(each.key for each in DEFINITIONS)
    )


def evidence(scope: Scope, as_of: date, customer: int, key: str) -> Evidence | None:
    """Return the visits, events or products behind a label; None for somebody who did not visit in the year."""
    today = epoch_day(as_of)
    events = own.facts_of(scope, "events", as_of, customer, days=v.WINDOW_DAYS)
    visits = v.visits(events)
    visited = own.eager(visits).sort(c.DAY, v.VISIT)
    if not visited.height:
        return None
    told: dict[str, Any] = {"as_of": as_of.isoformat()}
    if key in (v.LAST_VISIT_DAYS, v.VISITS_7, v.VISITS_30, v.VISITS_365):
        return {**told, "visits": [own.iso(day) for day in visited[c.DAY].to_list()]}
    if key == CHANNEL:
        return _times(told, own.eager(_channels(visits)).drop_nulls(c.CHANNEL), c.CHANNEL)
    if key in v.COUNTED:
        event, days = v.COUNTED[key]
        lately = own.eager(v.present(events)).filter(pl.col(c.EVENT) == event, pl.col(c.DAY) >= today - days)
        return {**told, "days": days, "events": [own.iso(day) for day in lately[c.DAY].sort().to_list()]}
    if key == v.DWELL_MINUTES:
        lately = own.eager(v.present(events)).filter(pl.col(c.DAY) >= today - v.LOOK_DAYS)
        return {
            **told,
            "days": v.LOOK_DAYS,
            "seconds": [ms / 1_000 for ms in lately[c.DURATION_MS].drop_nulls()],
        }
    if key == v.PRODUCTS_VIEWED:
        views = own.eager(v.viewed(events)).filter(pl.col(c.DAY) >= today - v.LOOK_DAYS)
        looked = views[c.PRODUCT].to_list()
        ids = own.shop_ids(scope, looked)
        return {**told, "days": v.LOOK_DAYS, "products": sorted(ids[product] for product in looked)}
    if key == v.CART_LEFT:
        lines = own.facts_of(scope, "order_lines", as_of, customer, days=v.LOOK_DAYS)
        left = own.eager(v.carts_left(events, lines, as_of=today)).sort(c.PRODUCT)
        ids = own.shop_ids(scope, left[c.PRODUCT])
        return {**told, "left": {ids[product]: own.iso(day) for _, product, day in left.iter_rows()}}
    return _looked(scope, as_of, events, told)


def _looked(scope: Scope, as_of: date, events: "nw.LazyFrame[Any]", told: dict[str, Any]) -> Evidence | None:
    """Return how often each category was looked at, and everyone's share of the favourite."""
    since = epoch_day(as_of) - CATEGORY_DAYS
    counts = buying.lines_of(v.viewed(events.filter(nw.col(c.DAY) >= since)), c.CATEGORY)
    best = own.eager(f.favourites(counts, c.CATEGORY))
    if not best.height:
        return None
    everyone = v.viewed(scope.scan("events", as_of, days=CATEGORY_DAYS))
    usual = f.everyones_shares(buying.lines_of(everyone, c.CATEGORY), c.CATEGORY)
    mine = own.eager(counts).drop_nulls(c.CATEGORY).sort(c.CATEGORY)
    named = mine.join(own.categories(scope), on=c.CATEGORY, how="left", maintain_order="left")
    return {
        **told,
        "times": dict(named.select("name", f.TIMES).iter_rows()),
        "everyones_share": usual[best[c.CATEGORY].item()],
        "prior_times": f.PRIOR_TIMES,
    }


def _times(told: dict[str, Any], counts: pl.DataFrame, value: str) -> Evidence | None:
    return (
        {**told, "times": dict(counts.sort(value).select(value, f.TIMES).iter_rows())}
        if counts.height
        else None
    )


def _channels(visits: "nw.LazyFrame[Any]") -> "nw.LazyFrame[Any]":
    return visits.group_by(c.CUSTOMER, c.CHANNEL).agg(nw.len().cast(nw.Int64).alias(f.TIMES))


register(Source(name="visits", definitions=DEFINITIONS, frame=frame, evidence=evidence))
