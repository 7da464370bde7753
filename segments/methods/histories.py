"""Histories of buying as the models of value read them: one row a customer, from the days with an order."""

from typing import Any, Final

import narwhals as nw
import numpy as np

from precision.shop import columns as c
from segments.methods.value import Buyers

REPEATS = "repeats"  # Int64, days with an order, the first one not counted
RECENCY_DAYS = "recency_days"  # Int64, from the first order to the last
AGE_DAYS = "age_days"  # Int64, from the first order to the as-of day
VALUED = "valued"  # Int64, repeat days whose orders are worth more than 0
MEAN_E4 = "mean_e4"  # Int64, mean value of those days; null where there is none
COLUMNS: Final = (c.CUSTOMER, REPEATS, RECENCY_DAYS, AGE_DAYS, VALUED, MEAN_E4)

Frame = nw.LazyFrame[Any]


def order_days(lines: Frame) -> Frame:
    """Return the days with an order: CUSTOMER, DAY, AMOUNT_E4 of what was sold; no guests, no goods taken back."""
    sold = lines.filter(~nw.col(c.CUSTOMER).is_null() & ~nw.col(c.RETURNED))
    return sold.group_by(c.CUSTOMER, c.DAY).agg(nw.col(c.AMOUNT_E4).sum())


def histories(days: Frame, *, as_of: int) -> Frame:
    """Return COLUMNS of everybody who ordered before the day `as_of`, as of then."""
    before = days.filter(nw.col(c.DAY) < as_of)
    spans = before.group_by(c.CUSTOMER).agg(
        (nw.len().cast(nw.Int64) - 1).alias(REPEATS),
        nw.col(c.DAY).min().alias("_first"),
        nw.col(c.DAY).max().alias("_last"),
    )
    worth = (
        before.join(spans.select(c.CUSTOMER, "_first"), on=c.CUSTOMER, how="inner")
        .filter((nw.col(c.DAY) > nw.col("_first")) & (nw.col(c.AMOUNT_E4) > 0))
        .group_by(c.CUSTOMER)
        .agg(nw.len().cast(nw.Int64).alias(VALUED), nw.col(c.AMOUNT_E4).mean().alias("_mean"))
    )
    # A mean below 1/20,000 of the currency unit would become 0, which the model of spending cannot take.
    mean = nw.max_horizontal((nw.col("_mean") + 0.5).cast(nw.Int64), nw.lit(1, nw.Int64))
    return spans.join(worth, on=c.CUSTOMER, how="left").select(
        c.CUSTOMER,
        REPEATS,
        (nw.col("_last") - nw.col("_first")).alias(RECENCY_DAYS),
        (as_of - nw.col("_first")).alias(AGE_DAYS),
        nw.col(VALUED).fill_null(0),
        nw.when(~nw.col("_mean").is_null()).then(mean).alias(MEAN_E4),
    )


def buyers(frame: nw.DataFrame[Any]) -> Buyers:
    """Return the rows of `histories` as the models take them; money in currency units."""
    columns = {name: frame[name].fill_null(0).to_numpy().astype(np.float64) for name in COLUMNS[1:]}
    return Buyers(
        repeats=columns[REPEATS],
        recency=columns[RECENCY_DAYS],
        age=columns[AGE_DAYS],
        valued=columns[VALUED],
        mean=columns[MEAN_E4] / c.MONEY,
    )
