"""Labels from how orders are placed: channel, payment, coupons, weather."""

from datetime import date
from typing import Any

import narwhals as nw
import polars as pl

from precision.engine.reading import read_frame
from precision.engine.windows import Window, epoch_day
from precision.shop import columns as c
from precision.shop.scopes import Scope
from segments.labels import own
from segments.labels.own import NUMBER, TEXT, YES_NO, fact
from segments.labels.registry import Evidence, Source, register
from segments.methods import favourites as f
from segments.methods import order_context as o
from segments.methods.buying import WINDOW_DAYS

CHANNEL, PAYMENT = "favourite_channel", "favourite_payment"
CHANNEL_SHARE = "favourite_channel_share"
WEATHER_LABELS = (o.FAVOURITE_WEATHER, o.WEATHER_LIFT, o.WEATHER_LINKED)
COLUMN = {CHANNEL: c.CHANNEL, CHANNEL_SHARE: c.CHANNEL, PAYMENT: o.PAYMENT, o.COUPON_SHARE: o.COUPON,
          **dict.fromkeys(WEATHER_LABELS, o.WEATHER)}  # fmt: skip
"""What of an order a label is counted from."""
YEAR = f"of the last {WINDOW_DAYS} days"
DEFINITIONS = (
    fact(
        CHANNEL,
        "Favourite channel of orders",
        TEXT,
        "",
        f"The channel of most orders {YEAR}; of several the first by name.",
    ),
    fact(
        CHANNEL_SHARE,
        "Share of the favourite channel",
        NUMBER,
        "share of orders",
        f"(x + {f.PRIOR_TIMES} s) / (n + {f.PRIOR_TIMES}), x of n orders by it, s its share among everyone's.",
    ),
    fact(
        PAYMENT,
        "Favourite payment method",
        TEXT,
        "",
        f"The payment method of most orders {YEAR}; of several the first by name.",
    ),
    fact(
        o.COUPON_SHARE,
        "Coupon use",
        NUMBER,
        "share of orders",
        f"Orders with a coupon / orders, {YEAR}; unknown in a shop in which nobody used one.",
    ),
    fact(
        o.FAVOURITE_WEATHER,
        "Weather of buying",
        TEXT,
        "as the shop sent it",
        "The weather of the largest lift; of several the first by name.",
    ),
    fact(
        o.WEATHER_LIFT,
        "Lift of that weather",
        NUMBER,
        "times as often as everyone",
        f"((x + {f.PRIOR_TIMES} s) / (n + {f.PRIOR_TIMES})) / s, x of n orders of known weather in it, s its share "
        "among everyone's.",
    ),
    fact(
        o.WEATHER_LINKED,
        "Buying linked to weather",
        YES_NO,
        "",
        f"n ≥ {o.LEAST_ORDERS} and (x − n s) / √(n s (1 − s)) ≥ {o.LEAST_DEVIATION:.0f}; together, which is not why.",
    ),
)
TYPES = {c.CUSTOMER: pl.Int64, c.CHANNEL: pl.String, o.PAYMENT: pl.String, o.COUPON: pl.Boolean,
         o.WEATHER: pl.String, f.TIMES: pl.Int64}  # fmt: skip


def frame(scope: Scope, as_of: date) -> pl.DataFrame:
    """Return the labels of everybody who ordered in the last year; see `Source`."""
    return labels(_orders(scope, as_of))


def labels(orders: pl.DataFrame) -> pl.DataFrame:
    """Return the labels from rows of TYPES: how many orders somebody placed in each way."""
    channels = f.favourites(_counted(orders, c.CHANNEL), c.CHANNEL).select(
        c.CUSTOMER, nw.col(c.CHANNEL).alias(CHANNEL), nw.col(f.SHARE).alias(CHANNEL_SHARE)
    )
    payments = f.favourites(_counted(orders, o.PAYMENT), o.PAYMENT).select(
        c.CUSTOMER, nw.col(o.PAYMENT).alias(PAYMENT)
    )
    weather = o.weather_links(_counted(orders, o.WEATHER))
    everybody = o.coupon_shares(_counted(orders, o.COUPON))
    for part in (channels, payments, weather):
        everybody = everybody.join(part, on=c.CUSTOMER, how="left")
    found: pl.DataFrame = everybody.select(c.CUSTOMER, *COLUMN).collect("polars").to_native()
    return found


def evidence(scope: Scope, as_of: date, customer: int, key: str) -> Evidence | None:
    """Return how many orders of a customer were placed in each way; None for somebody without orders in the year."""
    column = COLUMN[key]
    mine = _ways(_orders(scope, as_of, customer=customer), column)
    if not mine:
        return None
    told: dict[str, Any] = {
        "from": own.iso(epoch_day(as_of) - WINDOW_DAYS),
        "until": as_of.isoformat(),
        "times": mine,
    }
    if key in (CHANNEL_SHARE, *WEATHER_LABELS):
        usual = f.everyones_shares(_counted(_orders(scope, as_of), column), column)
        told |= {"everyones_shares": {way: usual[way] for way in mine}, "prior_times": f.PRIOR_TIMES}
    if key == o.COUPON_SHARE and not _ways(_orders(scope, as_of), column).get("with"):
        return None
    return told


def _ways(orders: pl.DataFrame, column: str) -> dict[str, int]:
    counts = orders.drop_nulls(column).group_by(column).agg(pl.col(f.TIMES).sum()).sort(column)
    named = {True: "with", False: "without"}
    return {named.get(way, way): times for way, times in counts.iter_rows()}


def _counted(orders: pl.DataFrame, column: str) -> "nw.LazyFrame[Any]":
    rows = orders.lazy().group_by(c.CUSTOMER, column).agg(pl.col(f.TIMES).sum())
    return nw.from_native(rows)


def _orders(scope: Scope, as_of: date, *, customer: int | None = None) -> pl.DataFrame:
    """Return rows of TYPES of everybody known, or of one customer. One query per platform."""
    frames = []
    for platform in scope.platforms:
        window = Window.before(as_of, days=WINDOW_DAYS, timezone=platform.timezone)
        own_only = "" if customer is None else f"AND i.customer_id = {customer:d}"
        frames.append(
            read_frame(f"""
                SELECT i.customer_id AS {c.CUSTOMER}, nullif(o.channel, '') AS {c.CHANNEL},
                       nullif(o.payment_method, '') AS {o.PAYMENT}, o.coupon <> '' AS {o.COUPON},
                       CASE WHEN jsonb_typeof(o.context -> 'weather') = 'string'
                            THEN nullif(lower(left(btrim(o.context ->> 'weather'), 60)), '') END AS {o.WEATHER},
                       count(*) AS {f.TIMES}
                FROM precision_shop_order o JOIN precision_shop_identity i ON i.id = o.identity_id
                WHERE o.platform_id = {platform.pk:d} AND o.confirmed AND o.status NOT IN ('cancelled', 'returned')
                      AND o.placed_at >= to_timestamp({window.start or 0:d})
                      AND o.placed_at < to_timestamp({window.end:d})
                      {own_only}
                GROUP BY 1, 2, 3, 4, 5
            """)
        )
    together = pl.concat([each.select(pl.col(n).cast(t) for n, t in TYPES.items()) for each in frames])
    return together.group_by(*(name for name in TYPES if name != f.TIMES)).agg(pl.col(f.TIMES).sum())


register(Source(name="order context", definitions=DEFINITIONS, frame=frame, evidence=evidence))
