"""Populations as of a day with what they did afterwards, for all targets that look equally far ahead."""

from collections.abc import Iterable
from typing import Any, Final

import narwhals as nw
import numpy as np
import polars as pl

from precision.shop import columns as c
from segments.lifecycle import features, targets, training
from segments.lifecycle.targets import Outcome, Target
from segments.lifecycle.training import Sample

STEP_DAYS: Final = 28
DATES: Final = 6
MOST_EACH: Final = 25_000
"""Customers of a population that are looked at as of one day; a random sample of them beyond that."""

Frame = nw.LazyFrame[Any]


def dates(as_of_day: int, *, horizon_days: int, first_day: int) -> list[int]:
    """Return the days to learn from, the latest last: whole horizons before `as_of_day`, STEP_DAYS apart.

    None lies before `first_day`, the first day with facts, plus one horizon: there must be something to see.
    """
    days = [as_of_day - horizon_days - STEP_DAYS * back for back in range(DATES)]
    return sorted(day for day in days if day >= first_day + horizon_days)


def table(lines: Frame, events: Frame, registered: Frame, *, as_of_day: int) -> pl.DataFrame:
    """Return the feature table as of a day with ASKED, sorted by CUSTOMER."""
    asked = targets.asked_before(events, registered, as_of_day=as_of_day)
    built = features.build(lines, events, as_of_day=as_of_day).join(asked, on=c.CUSTOMER, how="left")
    made: pl.DataFrame = built.collect("polars").to_native()
    return made.sort(c.CUSTOMER)


def samples(
    wanted: Iterable[Target],
    lines: Frame,
    events: Frame,
    registered: Frame,
    *,
    day: int,
    rng: np.random.Generator,
) -> dict[str, Sample]:
    """Return for each target, all of one horizon, its population as of the day and what they did; by key."""
    known = table(lines, events, registered, as_of_day=day)
    found = {}
    for target in wanted:
        mask = targets.population(target, known)
        chosen = np.flatnonzero(mask)
        if len(chosen) > MOST_EACH and target.outcome is not Outcome.RISES:
            chosen = np.sort(rng.choice(chosen, MOST_EACH, replace=False))
        rows = known[chosen]
        acted = targets.actors(target, lines, events, as_of_day=day).collect("polars").to_native()
        later = None
        if target.outcome is Outcome.RISES:
            then = features.build(lines, events, as_of_day=day + target.horizon_days)
            later = then.select(c.CUSTOMER, "money_365").collect("polars").to_native()
        found[target.key] = training.sample(day, rows, targets.responses(target, rows, acted, later=later))
    return found
