"""What the order lines of a year say about how somebody buys: how often, how much, what, when and where.

All frames are narwhals LazyFrames in the dialect of `precision.shop.columns`. A line is *sold* when it takes no goods
back (not returned, quantity above zero). Guests have no labels.
"""

from typing import Any, Final

import narwhals as nw

from precision.shop import columns as c
from segments.methods.favourites import TIMES

WINDOW_DAYS: Final = 365
"""Days of orders that habits are learnt from."""
WEEKEND: Final = 6  # Saturday; 7 is Sunday

LAST_DAY: Final = "last_day"  # Int64, day of the last order ever
FIRST_ORDER_DAYS: Final = "first_order_days"
ORDERS_30: Final = "orders_30"
ORDERS_90: Final = "orders_90"
ORDERS_365: Final = "orders_365"
SPEND_365: Final = "spend_365"  # money of 1/10,000 until `in_units`
AVERAGE_ORDER: Final = "average_order_value"
LARGEST_ORDER: Final = "largest_order"
LINES_PER_ORDER: Final = "items_per_order"
CATEGORIES: Final = "distinct_categories"
PRODUCTS: Final = "distinct_products"
WEEKEND_SHARE: Final = "weekend_share"
RETURN_SHARE: Final = "return_share"

AMOUNT: Final = "amount"  # Int64, what was paid for the sold lines of an order
NET: Final = "net"  # Int64, the same less what came back
BACK: Final = "back"  # Int64, value of what came back, not below 0
LINES: Final = "lines"  # Int64, sold lines


def first_orders(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return CUSTOMER, `first_day` and LAST_DAY of all orders with a sold line."""
    return (
        lines.filter(_sold(), ~nw.col(c.CUSTOMER).is_null())
        .group_by(c.CUSTOMER)
        .agg(nw.col(c.DAY).min().alias("first_day"), nw.col(c.DAY).max().alias(LAST_DAY))
    )


def per_order(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return one row an order or credit note of a known customer: DAY, HOUR, WEEKDAY, STORE, LINES, AMOUNT, BACK, NET.

    LINES is 0 where goods only came back.
    """
    sold = _sold()
    return (
        lines.filter(~nw.col(c.CUSTOMER).is_null())
        .select(
            c.CUSTOMER, c.ORDER, c.DAY, c.HOUR, c.WEEKDAY, c.STORE,
            sold.cast(nw.Int64).alias(LINES),
            nw.when(sold).then(nw.col(c.AMOUNT_E4)).otherwise(0).alias(AMOUNT),
            nw.when(~sold & (nw.col(c.AMOUNT_E4) < 0)).then(-nw.col(c.AMOUNT_E4)).otherwise(0).alias(BACK),
            nw.col(c.AMOUNT_E4).alias(NET),
        )
        .group_by(c.CUSTOMER, c.ORDER)
        .agg(
            *(nw.col(name).min() for name in (c.DAY, c.HOUR, c.WEEKDAY, c.STORE)),
            *(nw.col(name).sum() for name in (LINES, AMOUNT, BACK, NET)),
        )
    )  # fmt: skip


def per_product(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return CUSTOMER, PRODUCT, CATEGORY and TIMES, the sold lines."""
    return (
        lines.filter(_sold(), ~nw.col(c.CUSTOMER).is_null())
        .select(c.CUSTOMER, c.PRODUCT, c.CATEGORY, nw.lit(1, dtype=nw.Int64).alias(TIMES))
        .group_by(c.CUSTOMER, c.PRODUCT)
        .agg(nw.col(c.CATEGORY).max(), nw.col(TIMES).sum())
    )


def habits(orders: nw.LazyFrame[Any], *, as_of: int) -> nw.LazyFrame[Any]:
    """Return what the rows of `per_order` of a year add up to: CUSTOMER and the labels from ORDERS_30 on.

    Amounts are Float64 of currency units. Averages and shares are null for somebody without an order in the year.
    """
    ordered = nw.col(LINES) > 0
    weekend = ordered & (nw.col(c.WEEKDAY) >= WEEKEND)
    sums = orders.with_columns(
        *(
            (ordered & (nw.col(c.DAY) >= as_of - days)).cast(nw.Int64).alias(name)
            for name, days in ((ORDERS_30, 30), (ORDERS_90, 90), (ORDERS_365, WINDOW_DAYS))
        ),
        weekend.cast(nw.Int64).alias("_weekend"),
        nw.col(AMOUNT).alias("_largest"),
    )
    totals = sums.group_by(c.CUSTOMER).agg(
        *(nw.col(name).sum() for name in (ORDERS_30, ORDERS_90, ORDERS_365, "_weekend", LINES, AMOUNT, BACK, NET)),
        nw.col("_largest").max(),
    )  # fmt: skip
    any_order, orders_365 = nw.col(ORDERS_365) > 0, nw.col(ORDERS_365)
    returned = nw.col(BACK) / nw.col(AMOUNT)
    return totals.select(
        c.CUSTOMER,
        ORDERS_30,
        ORDERS_90,
        ORDERS_365,
        (nw.col(NET) / c.MONEY).alias(SPEND_365),
        nw.when(any_order).then(nw.col(AMOUNT) / orders_365 / c.MONEY).alias(AVERAGE_ORDER),
        nw.when(any_order).then(nw.col("_largest") / c.MONEY).alias(LARGEST_ORDER),
        nw.when(any_order).then(nw.col(LINES) / orders_365).alias(LINES_PER_ORDER),
        nw.when(any_order).then(nw.col("_weekend") / orders_365).alias(WEEKEND_SHARE),
        # Goods of an earlier year may come back in this one: no more than all of it is counted.
        nw.when(nw.col(AMOUNT) > 0)
        .then(nw.when(returned > 1).then(nw.lit(1.0)).otherwise(returned))
        .alias(RETURN_SHARE),
    )


def variety(products: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return CUSTOMER, PRODUCTS and CATEGORIES, how many different ones the rows of `per_product` have."""
    different = products.group_by(c.CUSTOMER).agg(nw.len().cast(nw.Int64).alias(PRODUCTS))
    categories = (
        products.filter(~nw.col(c.CATEGORY).is_null())
        .group_by(c.CUSTOMER, c.CATEGORY)
        .agg(nw.len().alias("_rows"))
        .group_by(c.CUSTOMER)
        .agg(nw.len().cast(nw.Int64).alias(CATEGORIES))
    )
    return different.join(categories, on=c.CUSTOMER, how="left")


def times_of(rows: nw.LazyFrame[Any], value: str) -> nw.LazyFrame[Any]:
    """Return CUSTOMER, `value` and TIMES: orders (rows of `per_order` with a sold line) by one of their columns."""
    return (
        rows.filter(nw.col(LINES) > 0).group_by(c.CUSTOMER, value).agg(nw.len().cast(nw.Int64).alias(TIMES))
    )


def lines_of(products: nw.LazyFrame[Any], value: str) -> nw.LazyFrame[Any]:
    """Return CUSTOMER, `value` and TIMES: sold lines (of `per_product`) by a column of their products."""
    return products.group_by(c.CUSTOMER, value).agg(nw.col(TIMES).sum())


def _sold() -> nw.Expr:
    return ~nw.col(c.RETURNED) & (nw.col(c.QUANTITY_E3) > 0)
