"""Recency, frequency and money of customers as of a day, their scores from 1 to 5, and named groups.

The classic scoring by fifths (A. M. Hughes, "Strategic Database Marketing", 1994), with ties settled by
mid-rank, so that equal customers always get equal scores.
"""

from dataclasses import dataclass
from typing import Any

import narwhals as nw

from precision.shop import columns as col
from segments.methods import mid_ranks

RECENCY_DAYS = "recency_days"  # Int64, days from the last order to the as-of day, at least 1
FREQUENCY = "frequency"  # Int64, orders
MONEY_E4 = "money_e4"  # Int64, net of returns; may be negative
RECENCY_SCORE = "recency_score"  # Int64 1..5, 5 the most recent fifth
FREQUENCY_SCORE = "frequency_score"  # Int64 1..5, 5 the fifth with most orders
MONEY_SCORE = "money_score"  # Int64 1..5, 5 the fifth that spent most
RFM_GROUP = "rfm_group"  # String, key of one of GROUPS
CUSTOMERS = "customers"  # Int64, how many

FIFTHS = 5


@dataclass(frozen=True, kw_only=True)
class RfmGroup:
    """A named part of the 5 × 5 × 5 cube of scores; bounds are inclusive."""

    key: str
    name: str
    recency: tuple[int, int] = (1, FIFTHS)
    frequency: tuple[int, int] = (1, FIFTHS)
    money: tuple[int, int] = (1, FIFTHS)
    action: str


# The first group that fits counts; the last one takes whoever is left.
GROUPS = (
    RfmGroup(
        key="champions",
        name="Champions",
        recency=(4, 5),
        frequency=(4, 5),
        money=(4, 5),
        action="Reward them and show them new goods first.",
    ),
    RfmGroup(
        key="cannot_lose",
        name="Cannot lose",
        recency=(1, 2),
        frequency=(4, 5),
        money=(4, 5),
        action="Win them back in person; they were among the best.",
    ),
    RfmGroup(
        key="loyal",
        name="Loyal",
        recency=(3, 5),
        frequency=(3, 5),
        action="Offer what goes with what they buy.",
    ),
    RfmGroup(
        key="big_spenders",
        name="Big spenders",
        recency=(3, 5),
        money=(4, 5),
        action="Few but large orders: show the better goods.",
    ),
    RfmGroup(
        key="new",
        name="New",
        recency=(5, 5),
        frequency=(1, 2),
        action="Welcome them and make a second order easy.",
    ),
    RfmGroup(
        key="promising",
        name="Promising",
        recency=(3, 4),
        frequency=(1, 2),
        action="Remind them of what they looked at.",
    ),
    RfmGroup(
        key="at_risk",
        name="At risk",
        recency=(1, 2),
        frequency=(3, 5),
        action="A product-specific offer before they are lost.",
    ),
    RfmGroup(
        key="sleeping",
        name="Sleeping",
        recency=(2, 2),
        action="A light touch; do not spend much.",
    ),
    RfmGroup(
        key="lost",
        name="Lost",
        action="A care message at most, with a stop rule.",
    ),
)


def recency_frequency_money(
    lines: nw.LazyFrame[Any], *, as_of: int, window_days: int | None = None
) -> nw.LazyFrame[Any]:
    """Return CUSTOMER, RECENCY_DAYS, FREQUENCY and MONEY_E4 of everybody who ordered before the day `as_of`.

    RECENCY_DAYS = as_of - day of the last order; FREQUENCY counts orders with a sold line; MONEY_E4 sums the
    amounts, returned goods being negative. With `window_days` only [as_of - window_days, as_of) counts.
    Guests, and customers who only returned goods, have no row: their recency is unknown.
    """
    seen = (nw.col(col.DAY) < as_of) & ~nw.col(col.CUSTOMER).is_null()
    if window_days is not None:
        seen &= nw.col(col.DAY) >= as_of - window_days
    known = lines.filter(seen)
    orders = (
        known.filter(~nw.col(col.RETURNED))
        .group_by(col.CUSTOMER)
        .agg(
            nw.col(col.DAY).max().alias("_last_day"),
            nw.col(col.ORDER).n_unique().cast(nw.Int64).alias(FREQUENCY),
        )
    )
    money = known.group_by(col.CUSTOMER).agg(nw.col(col.AMOUNT_E4).sum().alias(MONEY_E4))
    return orders.join(money, on=col.CUSTOMER, how="left").select(
        col.CUSTOMER, (as_of - nw.col("_last_day")).cast(nw.Int64).alias(RECENCY_DAYS), FREQUENCY, MONEY_E4
    )


def scored(customers: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return the customers of `recency_frequency_money` with the three scores (`mid_ranks`) and RFM_GROUP added."""
    for value, score, better_when_small in (
        (RECENCY_DAYS, RECENCY_SCORE, True),
        (FREQUENCY, FREQUENCY_SCORE, False),
        (MONEY_E4, MONEY_SCORE, False),
    ):
        found = mid_ranks.scores(customers, value, score, parts=FIFTHS, better_when_small=better_when_small)
        customers = customers.join(found, on=value, how="left")
    return customers.with_columns(_group().alias(RFM_GROUP))


def grid(
    customers: nw.LazyFrame[Any], *, by: tuple[str, ...] = (RECENCY_SCORE, FREQUENCY_SCORE)
) -> nw.LazyFrame[Any]:
    """Return CUSTOMERS, FREQUENCY and MONEY_E4 (sums) by the scores `by`; cells without anybody have no row."""
    return customers.group_by(*by).agg(
        nw.len().cast(nw.Int64).alias(CUSTOMERS), nw.col(FREQUENCY).sum(), nw.col(MONEY_E4).sum()
    )


def _group() -> nw.Expr:
    """The key of the first of GROUPS that fits the scores."""
    key: nw.Expr = nw.lit(GROUPS[-1].key)
    for group in reversed(GROUPS[:-1]):
        fits = (
            nw.col(RECENCY_SCORE).is_between(*group.recency)
            & nw.col(FREQUENCY_SCORE).is_between(*group.frequency)
            & nw.col(MONEY_SCORE).is_between(*group.money)
        )
        key = nw.when(fits).then(nw.lit(group.key)).otherwise(key)
    return key
