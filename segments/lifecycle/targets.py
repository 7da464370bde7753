"""What is predicted: a table of targets, each with who may, what counts as yes, and within how many days.

A target says for the feature table as of a day who is in its population; whether they did is read from the days after.
Nothing of the days after reaches the features.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

import narwhals as nw
import numpy as np
import polars as pl
from numpy.typing import NDArray

from precision.shop import columns as c
from segments.lifecycle import features
from segments.lifecycle.stages import ASKING

Flags = NDArray[np.bool_]
VALUE_DECILE: Final = "value_decile"
"""Int64 1 to 10 by the money of 365 days among all who spent some, 10 the most; 0 for the others."""
ASKED: Final = "asked"  # Boolean, had inquired, registered or put something into a cart before the day
SILENT_DAYS: Final = 120
"""Without an order for so long, somebody is to be won back."""
LIVELY_DAYS: Final = 365
"""Whoever ordered within so many days can still be lost, or rise."""
REACH_DAYS: Final = 28
"""A campaign that reached somebody so long after a day is what the models of that day are asked about."""
DECILES: Final = 10


class Outcome(StrEnum):
    """What has to happen within the horizon."""

    ASKS = "asks"
    """Inquires, registers, puts something into a cart, or orders."""
    ORDERS = "orders"
    SILENT = "silent"
    """Does not order."""
    ANSWERS = "answers"
    """Clicks, answers, converts or redeems what a campaign sent."""
    RISES = "rises"
    """Is in a higher decile of the year's money, among all customers, than as of the day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One row of the table of targets."""

    key: str
    title: str
    population: str
    """Who is asked about, in words."""
    outcome: Outcome
    horizon_days: int
    baseline: str
    """Feature that alone says most; what a model has to beat."""
    lower_is_likelier: bool
    """Whether a lower value of the baseline makes a yes likelier."""
    stage: str
    """Stage of the life cycle that uses it."""


TARGETS: Final[Mapping[str, Target]] = MappingProxyType(
    {
        target.key: target
        for target in (
            Target(
                key="response", title="Response of visitors", outcome=Outcome.ASKS, horizon_days=28,
                population="visitors who neither inquired, registered, used a cart nor ordered",
                baseline="seen_days_ago", lower_is_likelier=True, stage="contact",
            ),
            Target(
                key="propensity", title="Propensity to a first order", outcome=Outcome.ORDERS, horizon_days=28,
                population="people who inquired, registered or used a cart, and never ordered",
                baseline="seen_days_ago", lower_is_likelier=True, stage="acquisition",
            ),
            Target(
                key="churn", title="Churn", outcome=Outcome.SILENT, horizon_days=60,
                population=f"customers who ordered in the last {LIVELY_DAYS} days",
                baseline="recency_days", lower_is_likelier=False, stage="retention",
            ),
            Target(
                key="win-back", title="Return of silent customers", outcome=Outcome.ORDERS, horizon_days=60,
                population=f"customers without an order for {SILENT_DAYS} days",
                baseline="recency_days", lower_is_likelier=True, stage="win_back",
            ),
            Target(
                key="value-rise", title="Rise in value", outcome=Outcome.RISES, horizon_days=90,
                population=f"customers who ordered in the last {LIVELY_DAYS} days, not in the highest decile",
                baseline="recency_days", lower_is_likelier=True, stage="development",
            ),
            Target(
                key="campaign-response", title="Response to a campaign", outcome=Outcome.ANSWERS, horizon_days=56,
                population=f"people seen in the last {LIVELY_DAYS} days, if a campaign reaches them within "
                f"{REACH_DAYS} days",
                baseline="answers_365", lower_is_likelier=False, stage="development",
            ),
        )
    }
)  # fmt: skip


def population(target: Target, table: pl.DataFrame) -> Flags:
    """Return which rows of the feature table (with ASKED and VALUE_DECILE) the target asks about, shape (rows,)."""
    bought = pl.col("orders") > 0
    asked = pl.col(ASKED).fill_null(value=False)
    lively = bought & (pl.col("recency_days") <= LIVELY_DAYS)
    chosen = {
        "response": ~bought & ~asked & pl.col("known_days").is_not_null(),
        "propensity": ~bought & asked,
        "churn": lively,
        "win-back": bought & (pl.col("recency_days") > SILENT_DAYS),
        "value-rise": lively & pl.col(VALUE_DECILE).is_between(1, DECILES - 1),
        "campaign-response": lively | (pl.col("seen_days_ago") <= LIVELY_DAYS),
    }
    mask = table.select(chosen[target.key].fill_null(value=False)).to_series().to_numpy()
    return np.array(mask, dtype=np.bool_)


def with_value_decile(table: pl.DataFrame) -> pl.DataFrame:
    """Return the feature table with VALUE_DECILE."""
    money = table.get_column("money_365").fill_null(0.0).to_numpy()
    found = np.zeros(table.height, dtype=np.int64)
    found[money > 0] = deciles(money[money > 0])
    return table.with_columns(pl.Series(VALUE_DECILE, found, dtype=pl.Int64))


def asked_before(
    events: nw.LazyFrame[Any], registered: nw.LazyFrame[Any], *, as_of_day: int
) -> nw.LazyFrame[Any]:
    """Return CUSTOMER and ASKED (true) of everybody who asked before the day.

    `registered`: CUSTOMER and DAY of registrations that profiles tell.
    """
    told = events.filter(nw.col(c.EVENT).is_in(ASKING)).select(c.CUSTOMER, c.DAY)
    both = nw.concat([told, registered.select(c.CUSTOMER, c.DAY)])
    known = both.filter(~nw.col(c.CUSTOMER).is_null(), nw.col(c.DAY) < as_of_day)
    return known.select(c.CUSTOMER).unique(c.CUSTOMER).with_columns(nw.lit(value=True).alias(ASKED))


def actors(
    target: Target, lines: nw.LazyFrame[Any], events: nw.LazyFrame[Any], *, as_of_day: int
) -> nw.LazyFrame[Any]:
    """Return CUSTOMER, once each, of everybody who ordered (or asked) in [as_of_day, as_of_day + horizon)."""
    within = (nw.col(c.DAY) >= as_of_day) & (nw.col(c.DAY) < as_of_day + target.horizon_days)
    acted = lines.filter(within, ~nw.col(c.RETURNED), nw.col(c.QUANTITY_E3) > 0).select(c.CUSTOMER)
    if target.outcome is Outcome.ASKS:
        asked = events.filter(within, nw.col(c.EVENT).is_in(ASKING)).select(c.CUSTOMER)
        acted = nw.concat([acted, asked])
    return acted.filter(~nw.col(c.CUSTOMER).is_null()).unique(c.CUSTOMER)


def reached(campaigns: nw.LazyFrame[Any], *, as_of_day: int) -> nw.LazyFrame[Any]:
    """Return CUSTOMER, once each, of everybody whom a campaign reached in [as_of_day, as_of_day + REACH_DAYS)."""
    within = (nw.col(c.DAY) >= as_of_day) & (nw.col(c.DAY) < as_of_day + REACH_DAYS)
    return campaigns.filter(within, ~nw.col(c.CUSTOMER).is_null()).select(c.CUSTOMER).unique(c.CUSTOMER)


def answerers(target: Target, campaigns: nw.LazyFrame[Any], *, as_of_day: int) -> nw.LazyFrame[Any]:
    """Return CUSTOMER, once each, of those `reached` who answered before as_of_day + horizon."""
    within = (nw.col(c.DAY) >= as_of_day) & (nw.col(c.DAY) < as_of_day + REACH_DAYS)
    answered = nw.col(features.ANSWERED_DAY).fill_null(as_of_day + target.horizon_days)
    told = campaigns.filter(within, answered < as_of_day + target.horizon_days, ~nw.col(c.CUSTOMER).is_null())
    return told.select(c.CUSTOMER).unique(c.CUSTOMER)


def responses(
    target: Target, rows: pl.DataFrame, acted: pl.DataFrame, *, later: pl.DataFrame | None = None
) -> Flags:
    """Return whether each row of a population did what the target asks, shape (rows,).

    `acted` are the `actors` (or `answerers`) of the days after; `later` is the feature table as of their end, with
    VALUE_DECILE, which RISES compares with.
    """
    if target.outcome is Outcome.RISES:
        if later is None:
            raise ValueError("A rise needs the feature table as of the end of the horizon; give `later`.")
        then = rows.select(c.CUSTOMER).join(
            later.select(c.CUSTOMER, VALUE_DECILE), on=c.CUSTOMER, how="left", maintain_order="left"
        )
        after = then.get_column(VALUE_DECILE).fill_null(0).to_numpy()
        return np.asarray(after > rows.get_column(VALUE_DECILE).to_numpy())
    did = rows.get_column(c.CUSTOMER).is_in(acted.get_column(c.CUSTOMER).implode()).to_numpy()
    return np.asarray(~did if target.outcome is Outcome.SILENT else did)


def deciles(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the decile of each value, 1 to 10, 10 the highest; equal values share the lowest of theirs."""
    if not len(values):
        return np.empty(0, dtype=np.int64)
    below = np.searchsorted(np.sort(values), values, side="left")
    return np.asarray(below * DECILES // len(values) + 1, dtype=np.int64)
