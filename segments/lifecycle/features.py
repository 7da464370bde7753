"""What was known of a customer as of a day: the one table of features for training, evaluation and scoring.

`build` sees nothing of the as-of day or later. It reads order lines and events as lazy narwhals frames in the dialect
of `precision.shop.columns`, so that every engine builds the same table. What is not known is null: no order, no gap.

Windows are the days [as_of − n, as_of). A *gap* is the number of days between two days with an order. An *order* is
what was sold under one number; goods that came back count in `return_share` and in money only.

Nothing of profiles is among them: they are told as they are today, not as they were on the day, and what they tell of
income, marriage and age shall move no offer.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import narwhals as nw

from precision.shop import columns as c

WINDOWS: Final = (30, 90, 365)
LOOKS: Final = (7, 30, 90)
COUNTED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "views": "Product Viewed",
        "searches": "Products Searched",
        "carts": "Product Added",
        "inquiries": "Inquiry Sent",
        "wishes": "Product Added to Wishlist",
        "comparisons": "Product Compared",
    }
)
"""Feature and the event that it counts."""
TOLD_BY_OTHERS: Final = (
    "Customer Identified", "Shipment Delivered", "Sensor Reading", "Ticket Closed", "Order Refunded",
)  # fmt: skip
"""Events that a server or a device sends of its own accord: the person was not there."""

BUYING: Final[Mapping[str, str]] = MappingProxyType(
    {
        "recency_days": "days since the last order",
        "tenure_days": "days since the first order",
        "orders": "orders so far",
        **{f"orders_{days}": f"orders in {days} days" for days in WINDOWS},
        "mean_gap_days": "mean days between orders",
        "overdue": "days since the last order, in own gaps",
        "orders_trend": "orders of the last 90 days against the year's pace",
        "money": "money spent so far",
        "money_90": "money spent in 90 days",
        "money_365": "money spent in 365 days",
        "order_value": "mean order value",
        "units_per_order": "units an order",
        "products": "different products bought",
        "categories": "different categories bought",
        "stores": "different stores visited",
        "return_share": "share of lines that came back",
        "weekend_share": "share of orders on weekends",
        "listed_saving": "share of the list price saved",
        "discounted_share": "share of lines bought below the list price",
        "price_level": "price paid, against the mean of the same categories",
    }
)
"""Features from order lines, in words."""
LOOKING: Final[Mapping[str, str]] = MappingProxyType(
    {
        "seen_days_ago": "days since the last visit",
        "known_days": "days since the first visit",
        **{f"visit_days_{days}": f"days with a visit in {days} days" for days in LOOKS},
        **{
            f"{name}_{days}": f"{words} in {days} days"
            for name, words in (
                ("views", "products looked at"),
                ("searches", "searches"),
                ("carts", "products put into the cart"),
                ("inquiries", "inquiries"),
                ("wishes", "wishes noted"),
                ("comparisons", "products compared"),
            )
            for days in LOOKS
        },
        "dwell_minutes_30": "minutes on pages in 30 days",
        "visits_trend": "visits of the last 30 days against the pace of 90",
        "channels": "different channels",
        "main_channel_share": "share of actions in the channel used most",
    }
)
"""Features from events, in words."""
ANSWERED_DAY: Final = "answered_day"
"""Int64, the day of the first answer to a campaign; null: not answered."""
REACHED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "campaigns_365": "campaigns received in a year",
        "answers_365": "campaigns answered in a year",
        "answered_days_ago": "days since the last answer to a campaign",
    }
)
"""Features from campaigns, in words."""
WORDS: Final[Mapping[str, str]] = MappingProxyType({**BUYING, **LOOKING, **REACHED})
"""Every feature, in the order of the columns of `build`, with the words of reasons."""
WEEKEND: Final = 6
MINUTE_MS: Final = 60_000


def build(
    lines: nw.LazyFrame[Any],
    events: nw.LazyFrame[Any],
    *,
    as_of_day: int,
    campaigns: nw.LazyFrame[Any] | None = None,
) -> nw.LazyFrame[Any]:
    """Return CUSTOMER (Int64, once each) and the columns of WORDS (Float64) for everybody seen before `as_of_day`.

    `campaigns` has CUSTOMER, DAY and ANSWERED_DAY, once for each campaign that reached somebody. Counts are 0 for those
    who did nothing; days, shares and means are null where nothing gives them.
    """
    bought = _buying(lines, as_of_day)
    looked = _looking(events, as_of_day)
    everybody = nw.concat([bought.select(c.CUSTOMER), looked.select(c.CUSTOMER)]).unique(c.CUSTOMER)
    joined = everybody.join(bought, on=c.CUSTOMER, how="left").join(looked, on=c.CUSTOMER, how="left")
    if campaigns is None:
        nothing = nw.lit(None, nw.Int64)
        joined = joined.with_columns(nothing.alias(name) for name in REACHED)
    else:
        joined = joined.join(_reached(campaigns, as_of_day), on=c.CUSTOMER, how="left")
    return joined.select(
        c.CUSTOMER,
        *(
            (nw.col(name).fill_null(0) if _is_count(name) else nw.col(name)).cast(nw.Float64).alias(name)
            for name in WORDS
        ),
    )


def _is_count(name: str) -> bool:
    """Return whether nothing done is 0, not unknown."""
    plain = {
        "orders",
        "money",
        "products",
        "categories",
        "stores",
        "channels",
        "campaigns_365",
        "answers_365",
    }
    parts = ("orders_", "money_", "visit_days_", "dwell_", *(f"{name}_" for name in COUNTED))
    return (name in plain or name.startswith(parts)) and name != "orders_trend"


def _within(days: int, as_of_day: int) -> nw.Expr:
    return nw.col(c.DAY) >= as_of_day - days


def _sum_if(condition: nw.Expr, value: nw.Expr) -> nw.Expr:
    return nw.when(condition).then(value).otherwise(nw.lit(0)).sum()


def _buying(lines: nw.LazyFrame[Any], as_of_day: int) -> nw.LazyFrame[Any]:
    """Return CUSTOMER and the features of BUYING."""
    known = lines.filter(~nw.col(c.CUSTOMER).is_null(), nw.col(c.DAY) < as_of_day)
    sold = known.filter(~nw.col(c.RETURNED), nw.col(c.QUANTITY_E3) > 0)
    orders = sold.group_by(c.CUSTOMER, c.ORDER).agg(
        nw.col(c.DAY).min(),
        nw.col(c.WEEKDAY).min(),
        nw.col(c.QUANTITY_E3).sum().alias("_units"),
    )
    one = nw.lit(1)
    made = orders.group_by(c.CUSTOMER).agg(
        nw.col(c.DAY).max().alias("_last"),
        nw.col(c.DAY).min().alias("_first"),
        nw.len().cast(nw.Int64).alias("orders"),
        *(_sum_if(_within(days, as_of_day), one).alias(f"orders_{days}") for days in WINDOWS),
        _sum_if(nw.col(c.WEEKDAY) >= WEEKEND, one).alias("_weekend"),
        nw.col("_units").sum().alias("_units"),
    )
    days = orders.select(c.CUSTOMER, c.DAY).unique([c.CUSTOMER, c.DAY])
    days = days.group_by(c.CUSTOMER).agg(nw.len().cast(nw.Int64).alias("_days"))
    amount = nw.col(c.AMOUNT_E4)
    money = known.group_by(c.CUSTOMER).agg(
        amount.sum().alias("_money"),
        *(_sum_if(_within(days, as_of_day), amount).alias(f"_money_{days}") for days in WINDOWS[1:]),
        nw.len().cast(nw.Int64).alias("_lines"),
        _sum_if(nw.col(c.RETURNED) | (nw.col(c.QUANTITY_E3) < 0), one).alias("_returned"),
    )
    listed = nw.col(c.LIST_PRICE_E4) > 0
    paid = sold.group_by(c.CUSTOMER).agg(
        _sum_if(listed, nw.col(c.LIST_PRICE_E4) * nw.col(c.QUANTITY_E3)).alias("_list"),
        _sum_if(listed, nw.col(c.UNIT_PRICE_E4) * nw.col(c.QUANTITY_E3)).alias("_paid"),
        _sum_if(listed, one).alias("_listed"),
        _sum_if(listed & (nw.col(c.UNIT_PRICE_E4) < nw.col(c.LIST_PRICE_E4)), one).alias("_below"),
    )
    level = _price_level(sold)
    joined = made.join(days, on=c.CUSTOMER, how="left").join(money, on=c.CUSTOMER, how="left")
    joined = joined.join(paid, on=c.CUSTOMER, how="left").join(level, on=c.CUSTOMER, how="left")
    for name, column in (("products", c.PRODUCT), ("categories", c.CATEGORY), ("stores", c.STORE)):
        pairs = sold.filter(~nw.col(column).is_null()).select(c.CUSTOMER, column).unique([c.CUSTOMER, column])
        counted = pairs.group_by(c.CUSTOMER).agg(nw.len().cast(nw.Int64).alias(name))
        joined = joined.join(counted, on=c.CUSTOMER, how="left")
    recency = as_of_day - nw.col("_last")
    gap = _share(nw.col("_last") - nw.col("_first"), nw.col("_days") - 1)
    orders_seen = nw.col("orders").cast(nw.Float64)
    return joined.with_columns(recency.alias("recency_days"), gap.alias("mean_gap_days")).select(
        c.CUSTOMER,
        "recency_days",
        (as_of_day - nw.col("_first")).alias("tenure_days"),
        "orders",
        *(f"orders_{days}" for days in WINDOWS),
        "mean_gap_days",
        _share(nw.col("recency_days"), nw.col("mean_gap_days")).alias("overdue"),
        _share(nw.col("orders_90") * 365, nw.col("orders_365") * 90).alias("orders_trend"),
        (nw.col("_money") / c.MONEY).alias("money"),
        *((nw.col(f"_money_{days}") / c.MONEY).alias(f"money_{days}") for days in WINDOWS[1:]),
        (nw.col("_money") / c.MONEY / orders_seen).alias("order_value"),
        (nw.col("_units") / c.QUANTITY / orders_seen).alias("units_per_order"),
        "products",
        "categories",
        "stores",
        _share(nw.col("_returned"), nw.col("_lines")).alias("return_share"),
        _share(nw.col("_weekend"), nw.col("orders")).alias("weekend_share"),
        (1 - _share(nw.col("_paid"), nw.col("_list"))).alias("listed_saving"),
        _share(nw.col("_below"), nw.col("_listed")).alias("discounted_share"),
        "price_level",
    )


def _price_level(sold: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return CUSTOMER and `price_level`: what was paid over the same units at the mean price of each category."""
    priced = sold.filter(~nw.col(c.CATEGORY).is_null())
    paid = (nw.col(c.UNIT_PRICE_E4) * nw.col(c.QUANTITY_E3)).sum().alias("_paid")
    units = nw.col(c.QUANTITY_E3).sum().alias("_units")
    bought = priced.group_by(c.CUSTOMER, c.CATEGORY).agg(paid, units)
    means = bought.group_by(c.CATEGORY).agg(
        nw.col("_paid").sum().alias("_all_paid"), nw.col("_units").sum().alias("_all_units")
    )
    usual = nw.col("_units") * _share(nw.col("_all_paid"), nw.col("_all_units"))
    compared = bought.join(means, on=c.CATEGORY, how="left").with_columns(usual.alias("_usual"))
    sums = compared.group_by(c.CUSTOMER).agg(nw.col("_paid").sum(), nw.col("_usual").sum())
    return sums.select(c.CUSTOMER, _share(nw.col("_paid"), nw.col("_usual")).alias("price_level"))


def _reached(campaigns: nw.LazyFrame[Any], as_of_day: int) -> nw.LazyFrame[Any]:
    """Return CUSTOMER and the features of REACHED: an answer counts from its own day on."""
    known = campaigns.filter(~nw.col(c.CUSTOMER).is_null(), nw.col(c.DAY) < as_of_day)
    answered = nw.col(ANSWERED_DAY).fill_null(as_of_day) < as_of_day
    since = nw.when(answered).then(as_of_day - nw.col(ANSWERED_DAY)).otherwise(None)
    year = _within(WINDOWS[-1], as_of_day)
    return known.group_by(c.CUSTOMER).agg(
        _sum_if(year, nw.lit(1)).alias("campaigns_365"),
        _sum_if(year & answered, nw.lit(1)).alias("answers_365"),
        since.min().alias("answered_days_ago"),
    )


def _looking(events: nw.LazyFrame[Any], as_of_day: int) -> nw.LazyFrame[Any]:
    """Return CUSTOMER and the features of LOOKING."""
    seen = events.filter(
        ~nw.col(c.CUSTOMER).is_null(), nw.col(c.DAY) < as_of_day, ~nw.col(c.EVENT).is_in(TOLD_BY_OTHERS)
    )
    one = nw.lit(1)
    days = seen.select(c.CUSTOMER, c.DAY).unique([c.CUSTOMER, c.DAY])
    visits = days.group_by(c.CUSTOMER).agg(
        nw.col(c.DAY).max().alias("_seen"),
        nw.col(c.DAY).min().alias("_since"),
        *(_sum_if(_within(span, as_of_day), one).alias(f"visit_days_{span}") for span in LOOKS),
    )
    counts = seen.group_by(c.CUSTOMER).agg(
        *(
            _sum_if((nw.col(c.EVENT) == event) & _within(span, as_of_day), one).alias(f"{name}_{span}")
            for name, event in COUNTED.items()
            for span in LOOKS
        ),
        _sum_if(_within(30, as_of_day), nw.col(c.DURATION_MS).fill_null(0)).alias("_dwell"),
    )
    used = seen.filter(~nw.col(c.CHANNEL).is_null()).group_by(c.CUSTOMER, c.CHANNEL)
    channels = (
        used.agg(nw.len().cast(nw.Int64).alias("_times"))
        .group_by(c.CUSTOMER)
        .agg(
            nw.len().cast(nw.Int64).alias("channels"),
            nw.col("_times").max().alias("_most"),
            nw.col("_times").sum().alias("_all"),
        )
    )
    joined = visits.join(counts, on=c.CUSTOMER, how="left").join(channels, on=c.CUSTOMER, how="left")
    return joined.select(
        c.CUSTOMER,
        (as_of_day - nw.col("_seen")).alias("seen_days_ago"),
        (as_of_day - nw.col("_since")).alias("known_days"),
        *(f"visit_days_{span}" for span in LOOKS),
        *(f"{name}_{span}" for name in COUNTED for span in LOOKS),
        (nw.col("_dwell") / MINUTE_MS).alias("dwell_minutes_30"),
        _share(nw.col("visit_days_30") * 90, nw.col("visit_days_90") * 30).alias("visits_trend"),
        "channels",
        _share(nw.col("_most"), nw.col("_all")).alias("main_channel_share"),
    )


def _share(part: nw.Expr, whole: nw.Expr) -> nw.Expr:
    """Return part / whole as Float64, null where the whole is 0."""
    divisor = nw.when(whole != 0).then(whole.cast(nw.Float64)).otherwise(None)
    return part.cast(nw.Float64) / divisor
