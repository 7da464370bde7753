"""Populations as of a day with what they did afterwards, for all targets that look equally far ahead.

The last day is there to judge by. All earlier ones lie at least one horizon before it: what they learn from had
happened by the day on which the judged chances are told.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import narwhals as nw
import numpy as np
import polars as pl
from numpy.typing import NDArray

from precision.shop import columns as c
from segments.lifecycle import features, targets, training
from segments.lifecycle.targets import Outcome, Target
from segments.lifecycle.training import Sample

STEP_DAYS: Final = 28
DATES: Final = 6
MOST_EACH: Final = 25_000
"""Customers of a population that are looked at as of one day; a random sample of them beyond that."""

Frame = nw.LazyFrame[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What features and targets are made of, each read again for every day."""

    lines: Frame
    events: Frame
    registered: Frame
    """CUSTOMER and DAY of registrations that profiles tell."""
    campaigns: Frame
    """CUSTOMER, DAY and ANSWERED_DAY of `features.build`."""


def dates(as_of_day: int, *, horizon_days: int, first_day: int) -> list[int]:
    """Return the days to learn from, the latest last: that one is a whole horizon before `as_of_day`, to judge by.

    The others are at least a horizon before it, STEP_DAYS apart. None lies before `first_day`, the first day with
    facts, plus one horizon: there must be something to see.
    """
    judged = as_of_day - horizon_days
    days = [judged, *(judged - horizon_days - STEP_DAYS * back for back in range(DATES - 1))]
    return sorted(day for day in days if day >= first_day + horizon_days)


def table(facts: Facts, *, as_of_day: int) -> pl.DataFrame:
    """Return the feature table as of a day with ASKED and VALUE_DECILE, sorted by CUSTOMER."""
    asked = targets.asked_before(facts.events, facts.registered, as_of_day=as_of_day)
    built = features.build(facts.lines, facts.events, as_of_day=as_of_day, campaigns=facts.campaigns)
    made: pl.DataFrame = built.join(asked, on=c.CUSTOMER, how="left").collect("polars").to_native()
    return targets.with_value_decile(made.sort(c.CUSTOMER))


def samples(
    wanted: Iterable[Target], facts: Facts, *, day: int, rng: np.random.Generator
) -> dict[str, Sample]:
    """Return for each target, all of one horizon, its population as of the day and what they did; by key."""
    known = table(facts, as_of_day=day)
    found = {}
    for target in wanted:
        mask = targets.population(target, known)
        if target.outcome is Outcome.ANSWERS:
            mask &= _within(known, targets.reached(facts.campaigns, as_of_day=day))
        chosen = np.flatnonzero(mask)
        if len(chosen) > MOST_EACH:
            chosen = np.sort(rng.choice(chosen, MOST_EACH, replace=False))
        rows = known[chosen]
        later = None
        if target.outcome is Outcome.RISES:
            then = features.build(facts.lines, facts.events, as_of_day=day + target.horizon_days)
            money: pl.DataFrame = then.select(c.CUSTOMER, "money_365").collect("polars").to_native()
            later = targets.with_value_decile(money)
        found[target.key] = training.sample(
            day, rows, targets.responses(target, rows, _acted(target, facts, day), later=later)
        )
    return found


def _acted(target: Target, facts: Facts, day: int) -> pl.DataFrame:
    if target.outcome is Outcome.ANSWERS:
        frame = targets.answerers(target, facts.campaigns, as_of_day=day)
    else:
        frame = targets.actors(target, facts.lines, facts.events, as_of_day=day)
    acted: pl.DataFrame = frame.collect("polars").to_native()
    return acted


def _within(rows: pl.DataFrame, people: Frame) -> NDArray[np.bool_]:
    some: pl.DataFrame = people.collect("polars").to_native()
    return rows.get_column(c.CUSTOMER).is_in(some.get_column(c.CUSTOMER).implode()).to_numpy()
