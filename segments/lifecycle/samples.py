"""Populations as of a day with what they did afterwards, for all targets that look equally far ahead.

The last day is there to judge by. All earlier ones lie at least one horizon before it: what they learn from had
happened by the day on which the judged chances are told.
"""

from collections.abc import Iterable
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


def dates(as_of_day: int, *, horizon_days: int, first_day: int) -> list[int]:
    """Return the days to learn from, the latest last: that one is a whole horizon before `as_of_day`, to judge by.

    The others are at least a horizon before it, STEP_DAYS apart. None lies before `first_day`, the first day with
    facts, plus one horizon: there must be something to see.
    """
    judged = as_of_day - horizon_days
    days = [judged, *(judged - horizon_days - STEP_DAYS * back for back in range(DATES - 1))]
    return sorted(day for day in days if day >= first_day + horizon_days)


def table(
    lines: Frame, events: Frame, registered: Frame, *, as_of_day: int, campaigns: Frame | None = None
) -> pl.DataFrame:
    """Return the feature table as of a day with ASKED and VALUE_DECILE, sorted by CUSTOMER."""
    asked = targets.asked_before(events, registered, as_of_day=as_of_day)
    built = features.build(lines, events, as_of_day=as_of_day, campaigns=campaigns)
    made: pl.DataFrame = built.join(asked, on=c.CUSTOMER, how="left").collect("polars").to_native()
    return targets.with_value_decile(made.sort(c.CUSTOMER))


def samples(
    wanted: Iterable[Target],
    lines: Frame,
    events: Frame,
    registered: Frame,
    *,
    day: int,
    rng: np.random.Generator,
    campaigns: Frame | None = None,
) -> dict[str, Sample]:
    """Return for each target, all of one horizon, its population as of the day and what they did; by key.

    `registered`: CUSTOMER and DAY of registrations that profiles tell. `campaigns` as in `features.build`; without them
    nobody is asked whether they answer one.
    """
    known = table(lines, events, registered, as_of_day=day, campaigns=campaigns)
    found = {}
    for target in wanted:
        mask = targets.population(target, known)
        later = None
        if target.outcome is Outcome.ANSWERS:
            if campaigns is None:
                mask[:] = False
                acted = pl.DataFrame(schema={c.CUSTOMER: pl.Int64})
            else:
                mask &= _within(known, targets.reached(campaigns, as_of_day=day))
                acted = _collected(targets.answerers(target, campaigns, as_of_day=day))
        else:
            acted = _collected(targets.actors(target, lines, events, as_of_day=day))
        if target.outcome is Outcome.RISES:
            then = features.build(lines, events, as_of_day=day + target.horizon_days)
            later = targets.with_value_decile(_collected(then.select(c.CUSTOMER, "money_365")))
        chosen = np.flatnonzero(mask)
        if len(chosen) > MOST_EACH:
            chosen = np.sort(rng.choice(chosen, MOST_EACH, replace=False))
        rows = known[chosen]
        responses = targets.responses(target, rows, acted, later=later)
        found[target.key] = training.sample(day, rows, responses)
    return found


def _collected(frame: Frame) -> pl.DataFrame:
    made: pl.DataFrame = frame.collect("polars").to_native()
    return made


def _within(rows: pl.DataFrame, people: Frame) -> NDArray[np.bool_]:
    some = _collected(people).get_column(c.CUSTOMER)
    return rows.get_column(c.CUSTOMER).is_in(some.implode()).to_numpy()
