"""What each customer's orders and contacts consist of: how often and how much, by kind of goods, channel and hour.

A long table of habits, from which portraits take shares and product labels take affinities. All frames are narwhals
LazyFrames in the dialect of `precision.shop.columns`; every function is a few group-bys.
"""

from collections.abc import Sequence
from typing import Any, Final

import narwhals as nw

from precision.shop import columns as c

DIMENSION: Final = "dimension"  # String, one of the names below or of the label columns given to `bought`
VALUE: Final = "value"  # String
TIMES: Final = "times"  # Int64: order lines, orders or contacts
WEIGHT: Final = "weight"  # Int64: 1/10,000 of money (goods and orders), 1/1,000 s of dwell (contacts)
COLUMNS: Final = (c.CUSTOMER, DIMENSION, VALUE, TIMES, WEIGHT)

CHANNEL: Final = "channel"  # contacts of any kind: events, orders, messages
HOUR: Final = "hour"  # contacts that the customer began: events and orders
ORDER_HOUR: Final = "order_hour"
ORDER_WEEKDAY: Final = "order_weekday"

_AMOUNT: Final = "_amount"


def bought(
    lines: nw.LazyFrame[Any], goods: nw.LazyFrame[Any], *, labels: Sequence[str]
) -> list[nw.LazyFrame[Any]]:
    """Return what customers bought by each label of the goods: one frame of COLUMNS a label.

    `goods` has PRODUCT and the String columns `labels`. Lines that were returned count nothing, and neither do those of
    products without the label, of guests, or of none or less. TIMES counts lines, WEIGHT adds up what was paid.
    """
    sold = lines.filter(~nw.col(c.RETURNED), nw.col(c.QUANTITY_E3) > 0, ~nw.col(c.CUSTOMER).is_null()).select(
        c.CUSTOMER, c.PRODUCT, c.AMOUNT_E4
    )
    # By product first: the labels are then joined to far fewer rows.
    per_product = sold.group_by(c.CUSTOMER, c.PRODUCT).agg(
        nw.len().cast(nw.Int64).alias(TIMES), nw.col(c.AMOUNT_E4).sum().alias(WEIGHT)
    )
    labelled = per_product.join(goods.select(c.PRODUCT, *labels), on=c.PRODUCT, how="inner")
    return [_long(labelled.filter(~nw.col(label).is_null()), label, value=nw.col(label)) for label in labels]


def ordered(lines: nw.LazyFrame[Any]) -> list[nw.LazyFrame[Any]]:
    """Return when customers order: ORDER_HOUR (0..23) and ORDER_WEEKDAY (1 Monday .. 7), one frame of COLUMNS each.

    TIMES counts orders (returned ones not), WEIGHT adds up what was paid.
    """
    orders = _orders(lines).with_columns(
        nw.lit(1, dtype=nw.Int64).alias(TIMES), nw.col(_AMOUNT).alias(WEIGHT)
    )
    return [
        _long(orders, ORDER_HOUR, value=nw.col(c.HOUR).cast(nw.String)),
        _long(orders, ORDER_WEEKDAY, value=nw.col(c.WEEKDAY).cast(nw.String)),
    ]


def contacts(
    events: nw.LazyFrame[Any], lines: nw.LazyFrame[Any], told: nw.LazyFrame[Any]
) -> list[nw.LazyFrame[Any]]:
    """Return by which CHANNEL and at which HOUR customers are in contact, one frame of COLUMNS each.

    Contacts are events, orders (of `lines`) and what `told` counts: rows of CUSTOMER, CHANNEL (String) and TIMES, the
    channels of orders and messages. Events without a channel count by hour only. WEIGHT is the dwell of events; where
    none was told it is 0.
    """
    known = events.filter(~nw.col(c.CUSTOMER).is_null()).with_columns(
        nw.lit(1, dtype=nw.Int64).alias(TIMES),
        nw.col(c.DURATION_MS).fill_null(0).cast(nw.Int64).alias(WEIGHT),
    )
    nothing = nw.lit(0, dtype=nw.Int64).alias(WEIGHT)
    by_channel = nw.concat(
        [
            known.filter(~nw.col(c.CHANNEL).is_null(), nw.col(c.CHANNEL) != "").select(
                c.CUSTOMER, c.CHANNEL, TIMES, WEIGHT
            ),
            told.select(c.CUSTOMER, c.CHANNEL, nw.col(TIMES).cast(nw.Int64)).with_columns(nothing),
        ]
    )
    by_hour = nw.concat(
        [
            known.select(c.CUSTOMER, c.HOUR, TIMES, WEIGHT),
            _orders(lines)
            .with_columns(nw.lit(1, dtype=nw.Int64).alias(TIMES), nothing)
            .select(c.CUSTOMER, c.HOUR, TIMES, WEIGHT),
        ]
    )
    return [
        _long(by_channel, CHANNEL, value=nw.col(c.CHANNEL)),
        _long(by_hour, HOUR, value=nw.col(c.HOUR).cast(nw.String)),
    ]


def _orders(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return one row an order of somebody known, with its hour, weekday and amount."""
    return (
        lines.filter(~nw.col(c.RETURNED), ~nw.col(c.CUSTOMER).is_null())
        .group_by(c.CUSTOMER, c.ORDER)
        .agg(nw.col(c.HOUR).min(), nw.col(c.WEEKDAY).min(), nw.col(c.AMOUNT_E4).sum().alias(_AMOUNT))
    )


def _long(rows: nw.LazyFrame[Any], dimension: str, *, value: nw.Expr) -> nw.LazyFrame[Any]:
    """Return the rows added up by customer and value, as COLUMNS."""
    return (
        rows.with_columns(value.alias(VALUE))
        .group_by(c.CUSTOMER, VALUE)
        .agg(nw.col(TIMES).sum(), nw.col(WEIGHT).sum())
        .with_columns(nw.lit(dimension).alias(DIMENSION))
        .select(*COLUMNS)
    )
