"""Where every customer stands: the stage, what led to it, and which orders are expected next."""

from typing import Final

import narwhals as nw
import numpy as np
import polars as pl

from precision.shop import columns as c
from segments.lifecycle.rule import StageRule
from segments.lifecycle.stages import LIMIT_DAYS, STAGE, WIN_BACK_DAYS, Stage
from segments.methods import gaps

SINCE = "since"  # Date, first day of the stage
KNOWN_SINCE = "known_since"  # Date, first day of the first stage
ASKED = "asked"  # Date, first inquiry, registration or cart
LAST_ORDER = "last_order"  # Date
GAP_DAYS = "gap_days"  # Float64, median of the gap expected
NEXT_STAGE_AT = "next_stage_at"  # Date, when the next stage begins without an order
EXPECTED_AT, EXPECTED_FROM, EXPECTED_UNTIL = "expected_at", "expected_from", "expected_until"  # Date
NEXT_CATEGORIES = "next_categories"  # List(Int64), the soonest first; the lists run in step
NEXT_EXPECTED, NEXT_FROM, NEXT_UNTIL = "next_expected", "next_from", "next_until"  # List(Date)
FILE_ONLY: Final = (ASKED, gaps.PRIOR, gaps.SPREAD)
"""Evidence of labels that the table in the database does without."""

QUANTILES: Final = {EXPECTED_AT: 0.5, EXPECTED_FROM: 0.1, EXPECTED_UNTIL: 0.9}
"""Of the remaining gap, given the silence so far: the expected day and the borders of its 80 % interval."""
MOST_CATEGORIES: Final = 5
LEAST_CATEGORY_DAYS: Final = 2
"""Days on which a customer bought of a category before a next one is told: once is no habit."""


def limited(expected: gaps.Frame, rule: StageRule) -> gaps.Frame:
    """Return the rows of `gaps.expectations` with the two limits of the rule: LIMIT_DAYS and WIN_BACK_DAYS."""
    most = {"least": rule.least_days, "most": rule.most_days}
    first = gaps.limit(rule.retention_share, **most)
    second = gaps.limit(rule.win_back_share, least=rule.least_days, most=2 * rule.most_days)
    return expected.with_columns(first.alias(LIMIT_DAYS), second.alias("_second")).with_columns(
        # One day of retention at least, so that nobody is given up on the day that he is late.
        nw.max_horizontal(nw.col("_second"), nw.col(LIMIT_DAYS) + 1).alias(WIN_BACK_DAYS)
    )


def standing(
    changed: pl.DataFrame, asked: pl.DataFrame, last: pl.DataFrame, due: pl.DataFrame, *, as_of: int
) -> pl.DataFrame:
    """Return one row per customer, sorted: CUSTOMER and the columns named above, with STAGE, ORDERS and the limits.

    `changed`: the rows of `stages.changes`; `asked`: CUSTOMER, DAY of the first inquiry; `last`: the rows of `limited`
    without a NEXT_DAY; `due`: `due_next`. What needs an order is null for those who never bought; what is
    expected, also in win-back.
    """
    life = changed.group_by(c.CUSTOMER).agg(
        pl.col(STAGE).sort_by(c.DAY).last(),
        pl.col(c.DAY).max().alias(SINCE),
        pl.col(c.DAY).min().alias(KNOWN_SINCE),
    )
    first = asked.rename({c.DAY: ASKED})
    found = life.join(last, on=c.CUSTOMER, how="left").join(due, on=c.CUSTOMER, how="left")
    found = found.join(first, on=c.CUSTOMER, how="left")
    active = pl.col(STAGE).is_in([Stage.DEVELOPMENT, Stage.RETENTION])
    stage_end = (
        pl.when(pl.col(STAGE) == Stage.DEVELOPMENT)
        .then(LIMIT_DAYS)
        .when(pl.col(STAGE) == Stage.RETENTION)
        .then(WIN_BACK_DAYS)
    )
    return (
        _expected(found, as_of=as_of)
        .with_columns(pl.when(active).then(pl.col(name)).alias(name) for name in QUANTILES)
        .select(
            c.CUSTOMER,
            STAGE,
            _date(SINCE),
            _date(KNOWN_SINCE),
            pl.col(gaps.ORDERS).fill_null(0),
            _date(c.DAY).alias(LAST_ORDER),
            pl.col(gaps.CENTRE).exp().alias(GAP_DAYS),
            LIMIT_DAYS,
            WIN_BACK_DAYS,
            (pl.col(c.DAY) + stage_end + 1).cast(pl.Int32).cast(pl.Date).alias(NEXT_STAGE_AT),
            *map(_date, QUANTILES),
            _date(ASKED),
            gaps.PRIOR,
            gaps.SPREAD,
            *(pl.when(active).then(name).fill_null([]).alias(name) for name in due.columns[1:]),
        )
        .sort(c.CUSTOMER)
    )


def due_next(last: pl.DataFrame, *, as_of: int) -> pl.DataFrame:
    """Return the categories due next: CUSTOMER, NEXT_CATEGORIES, NEXT_EXPECTED, NEXT_FROM, NEXT_UNTIL.

    `last`: CUSTOMER, CATEGORY, DAY, ORDERS, CENTRE, SPREAD, WIN_BACK_DAYS of the last order of each customer and
    category. The soonest first; at most MOST_CATEGORIES of those bought on LEAST_CATEGORY_DAYS and more, and only while
    the silence is not past the limit. Customers without any have no row.
    """
    habits = last.filter(
        (pl.col(gaps.ORDERS) >= LEAST_CATEGORY_DAYS)
        & (pl.col(c.CATEGORY) != gaps.NO_CATEGORY)
        & (as_of - 1 - pl.col(c.DAY) <= pl.col(WIN_BACK_DAYS))
    )
    return (
        _expected(habits, as_of=as_of)
        .sort(c.CUSTOMER, EXPECTED_AT, c.CATEGORY)
        .group_by(c.CUSTOMER, maintain_order=True)
        .agg(
            pl.col(c.CATEGORY).head(MOST_CATEGORIES).alias(NEXT_CATEGORIES),
            _date(EXPECTED_AT).head(MOST_CATEGORIES).alias(NEXT_EXPECTED),
            _date(EXPECTED_FROM).head(MOST_CATEGORIES).alias(NEXT_FROM),
            _date(EXPECTED_UNTIL).head(MOST_CATEGORIES).alias(NEXT_UNTIL),
        )
    )


def _expected(last: pl.DataFrame, *, as_of: int) -> pl.DataFrame:
    """Return the frame with the day of each of QUANTILES, `as_of` or later; null where there was no order."""
    told = last[c.DAY].is_not_null()
    day, centre, spread = (
        last[name].cast(pl.Float64).fill_null(1.0).to_numpy() for name in (c.DAY, gaps.CENTRE, gaps.SPREAD)
    )
    silent = np.maximum(as_of - 1.0 - day, 0.0)
    days = {
        # Rounded up: the day on which the share is reached.
        name: pl.Series(day + np.ceil(gaps.remaining(centre, spread, silent, share))).cast(pl.Int64)
        for name, share in QUANTILES.items()
    }
    late = {name: days[name].clip(as_of, None) for name in days}
    return last.with_columns(pl.when(told).then(values).alias(name) for name, values in late.items())


def _date(name: str) -> pl.Expr:
    """Return the days since 1970-01-01 of that name as a date."""
    return pl.col(name).cast(pl.Int32).cast(pl.Date)
