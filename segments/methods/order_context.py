"""How orders are placed: by which channel and payment, with a coupon, in which weather.

The weather in which somebody orders more often than everyone is that of the largest shrunk lift,

    lift = ((x + k s) / (n + k)) / s,   k = favourites.PRIOR_TIMES,

with x of their n orders of known weather in it, and s its share among everyone's. Buying is *linked* to it when n ≥
LEAST_ORDERS and the one-sided binomial deviation (x − n s) / √(n s (1 − s)) is at least LEAST_DEVIATION: by chance that
happens to about one in forty customers per kind of weather. It says that orders and weather went together, not why.
"""

from typing import Any, Final

import narwhals as nw

from precision.shop import columns as c
from segments.methods import favourites
from segments.methods.favourites import ALL_TIMES, TIMES

WEATHER: Final = "weather"  # String, as the shop sent it, in small letters
PAYMENT: Final = "payment"  # String, null when not given
COUPON: Final = "coupon"  # Boolean
LEAST_ORDERS: Final = 5
LEAST_DEVIATION: Final = 2.0

COUPON_SHARE: Final = "coupon_share"
FAVOURITE_WEATHER: Final = "favourite_weather"
WEATHER_LIFT: Final = "weather_lift"
WEATHER_LINKED: Final = "weather_linked"


def coupon_shares(orders: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return CUSTOMER and COUPON_SHARE: part of the orders with a coupon; null of all in a shop that knows no coupons.

    `orders` has CUSTOMER, COUPON and TIMES.
    """
    used = orders.with_columns((nw.col(COUPON).cast(nw.Int64) * nw.col(TIMES)).alias("_used"))
    known = used.select(nw.col("_used").sum().alias("_anybody"))
    return (
        used.group_by(c.CUSTOMER)
        .agg(nw.col("_used").sum(), nw.col(TIMES).sum())
        .join(known, how="cross")
        .select(
            c.CUSTOMER,
            nw.when(nw.col("_anybody") > 0).then(nw.col("_used") / nw.col(TIMES)).alias(COUPON_SHARE),
        )
    )


def weather_links(orders: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return CUSTOMER, FAVOURITE_WEATHER, WEATHER_LIFT and WEATHER_LINKED; see the module.

    `orders` has CUSTOMER, WEATHER and TIMES, once per pair; null is not known. Of equal lifts the first by name counts.
    """
    known = orders.filter(~nw.col(WEATHER).is_null(), ~nw.col(c.CUSTOMER).is_null())
    totals = known.group_by(c.CUSTOMER).agg(nw.col(TIMES).sum().alias(ALL_TIMES))
    share = nw.col(favourites.EVERYONES)
    lifted = (
        known.join(totals, on=c.CUSTOMER, how="inner")
        .join(favourites.everyone(known, WEATHER), on=WEATHER, how="inner")
        .with_columns((favourites.shrunk(nw.col(TIMES), nw.col(ALL_TIMES)) / share).alias(WEATHER_LIFT))
    )
    best = lifted.group_by(c.CUSTOMER).agg(nw.col(WEATHER_LIFT).max().alias("_best"))
    x, n = nw.col(TIMES), nw.col(ALL_TIMES)
    # Squared, so that no root of nothing is taken where there is one weather only.
    beyond = x - n * share
    linked = (
        (n >= LEAST_ORDERS) & (beyond > 0) & (beyond * beyond >= LEAST_DEVIATION**2 * n * share * (1 - share))
    )
    first = (
        lifted.join(best, on=c.CUSTOMER, how="inner")
        .filter(nw.col(WEATHER_LIFT) == nw.col("_best"))
        .group_by(c.CUSTOMER)
        .agg(nw.col(WEATHER).min().alias(FAVOURITE_WEATHER))
    )
    return first.join(
        lifted, left_on=[c.CUSTOMER, FAVOURITE_WEATHER], right_on=[c.CUSTOMER, WEATHER], how="inner"
    ).select(c.CUSTOMER, FAVOURITE_WEATHER, WEATHER_LIFT, linked.alias(WEATHER_LINKED))
