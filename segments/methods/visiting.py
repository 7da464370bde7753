"""What the events of a year say about somebody: visits, looks, searches, carts that were left.

A *visit* is a session in which somebody did something; events without a session make one visit a day. What others tell
of somebody (TOLD_BY_OTHERS) is no visit. Lazy narwhals frames in the dialect of `precision.shop.columns`.
"""

from typing import Any, Final

import narwhals as nw

from precision.shop import columns as c
from segments.methods.favourites import TIMES

WINDOW_DAYS: Final = 365
LOOK_DAYS: Final = 30
INQUIRY_DAYS: Final = 90

LAST_VISIT_DAYS: Final = "last_visit_days"
VISITS_7: Final = "visits_7"
VISITS_30: Final = "visits_30"
VISITS_365: Final = "visits_365"
PRODUCTS_VIEWED: Final = "products_viewed_30"
SEARCHES: Final = "searches_30"
DWELL_MINUTES: Final = "dwell_minutes_30"
WISHES: Final = "wishlist_adds_90"
COMPARISONS: Final = "comparisons_90"
INQUIRIES: Final = "inquiries_90"
CART_LEFT: Final = "cart_products_left"
PROMOTION_CLICKS: Final = "promotion_clicks_90"

VIEWED: Final = "Product Viewed"
ADDED: Final = "Product Added"
REMOVED: Final = "Product Removed"
COUNTED: Final[dict[str, tuple[str, int]]] = {
    SEARCHES: ("Products Searched", LOOK_DAYS),
    WISHES: ("Product Added to Wishlist", INQUIRY_DAYS),
    COMPARISONS: ("Product Compared", INQUIRY_DAYS),
    INQUIRIES: ("Inquiry Sent", INQUIRY_DAYS),
    PROMOTION_CLICKS: ("Promotion Clicked", INQUIRY_DAYS),
}
"""Labels that count one kind of event over so many days."""
TOLD_BY_OTHERS: Final = (
    "Customer Identified", "Shipment Delivered", "Sensor Reading", "Ticket Closed", "Order Refunded",
)  # fmt: skip
"""Events that a shop's server or a device sends of its own accord: the person was not there."""

VISIT: Final = "visit"  # Int64, tells a customer's visits apart
_ADDED_AT: Final = "_added_at"
_ADDED_DAY: Final = "_added_day"


def present(events: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return the events of known people who were there."""
    return events.filter(~nw.col(c.CUSTOMER).is_null(), ~nw.col(c.EVENT).is_in(TOLD_BY_OTHERS))


def visits(events: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return a row a visit: CUSTOMER, VISIT, DAY (of its last event), and CHANNEL (the first in alphabetical order)."""
    return (
        present(events)
        # A session is a digest of 64 bits: it meets the number of a day by no chance that matters.
        .with_columns(nw.coalesce(nw.col(c.SESSION), nw.col(c.DAY)).alias(VISIT))
        .group_by(c.CUSTOMER, VISIT)
        .agg(nw.col(c.DAY).max(), nw.col(c.CHANNEL).min())
    )


def visit_labels(visited: nw.LazyFrame[Any], *, as_of: int) -> nw.LazyFrame[Any]:
    """Return CUSTOMER, LAST_VISIT_DAYS, VISITS_7, VISITS_30 and VISITS_365 from the rows of `visits`."""
    day = nw.col(c.DAY)
    return (
        visited.with_columns(
            (day >= as_of - 7).cast(nw.Int64).alias(VISITS_7),
            (day >= as_of - LOOK_DAYS).cast(nw.Int64).alias(VISITS_30),
            nw.lit(1, dtype=nw.Int64).alias(VISITS_365),
        )
        .group_by(c.CUSTOMER)
        .agg(day.max().alias("_last"), *(nw.col(name).sum() for name in (VISITS_7, VISITS_30, VISITS_365)))
        .select(c.CUSTOMER, (as_of - nw.col("_last")).alias(LAST_VISIT_DAYS), VISITS_7, VISITS_30, VISITS_365)
    )


def counted(events: nw.LazyFrame[Any], *, as_of: int) -> nw.LazyFrame[Any]:
    """Return CUSTOMER and the labels of COUNTED and DWELL_MINUTES of everybody who was there in the window."""
    day, name = nw.col(c.DAY), nw.col(c.EVENT)
    dwell = nw.when(day >= as_of - LOOK_DAYS).then(nw.col(c.DURATION_MS).fill_null(0)).otherwise(0)
    ms_in_minute = 60_000
    return (
        present(events)
        .select(
            c.CUSTOMER,
            *(
                ((name == event) & (day >= as_of - days)).cast(nw.Int64).alias(label)
                for label, (event, days) in COUNTED.items()
            ),
            dwell.cast(nw.Int64).alias(DWELL_MINUTES),
        )
        .group_by(c.CUSTOMER)
        .agg(nw.col(label).sum() for label in (*COUNTED, DWELL_MINUTES))
        .with_columns((nw.col(DWELL_MINUTES) / ms_in_minute).alias(DWELL_MINUTES))
    )


def viewed(events: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return CUSTOMER, PRODUCT, CATEGORY, DAY (of the last view) and TIMES of the products that people looked at."""
    return (
        events.filter(~nw.col(c.CUSTOMER).is_null(), nw.col(c.EVENT) == VIEWED, ~nw.col(c.PRODUCT).is_null())
        .group_by(c.CUSTOMER, c.PRODUCT)
        .agg(nw.col(c.CATEGORY).max(), nw.col(c.DAY).max(), nw.len().cast(nw.Int64).alias(TIMES))
    )


def products_viewed(views: nw.LazyFrame[Any], *, as_of: int) -> nw.LazyFrame[Any]:
    """Return CUSTOMER and PRODUCTS_VIEWED: how many different ones of `viewed` in the last LOOK_DAYS."""
    lately = views.filter(nw.col(c.DAY) >= as_of - LOOK_DAYS)
    return lately.group_by(c.CUSTOMER).agg(nw.len().cast(nw.Int64).alias(PRODUCTS_VIEWED))


def carts_left(events: nw.LazyFrame[Any], lines: nw.LazyFrame[Any], *, as_of: int) -> nw.LazyFrame[Any]:
    """Return CUSTOMER, PRODUCT and the day they were put into a cart: products of the last LOOK_DAYS left in it.

    Left is what was neither taken out later nor bought on the day it was put in or later. `lines` are order lines of at
    least those days.
    """
    since = nw.col(c.DAY) >= as_of - LOOK_DAYS
    known = events.filter(since, ~nw.col(c.CUSTOMER).is_null(), ~nw.col(c.PRODUCT).is_null())
    keys = [c.CUSTOMER, c.PRODUCT]
    added = (
        known.filter(nw.col(c.EVENT) == ADDED)
        .group_by(*keys)
        .agg(nw.col(c.SECONDS).max().alias(_ADDED_AT), nw.col(c.DAY).max().alias(_ADDED_DAY))
    )
    removed = (
        known.filter(nw.col(c.EVENT) == REMOVED)
        .group_by(*keys)
        .agg(nw.col(c.SECONDS).max().alias("_removed_at"))
    )
    bought = (
        lines.filter(since, ~nw.col(c.RETURNED), nw.col(c.QUANTITY_E3) > 0, ~nw.col(c.CUSTOMER).is_null())
        .group_by(*keys)
        .agg(nw.col(c.DAY).max().alias("_bought_day"))
    )
    return (
        added.join(removed, on=keys, how="left")
        .join(bought, on=keys, how="left")
        .filter(
            nw.col("_removed_at").is_null() | (nw.col("_removed_at") < nw.col(_ADDED_AT)),
            nw.col("_bought_day").is_null() | (nw.col("_bought_day") < nw.col(_ADDED_DAY)),
        )
        .select(*keys, nw.col(_ADDED_DAY).alias(c.DAY))
    )
