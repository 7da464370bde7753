"""Stock and flow: how many customers each stage had, gained and lost, week by week.

A week is the half-open span from a Monday to the next. For every stage and week

    opening + entries − exits = closing

and the closing of a week is the opening of the next.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

import narwhals as nw

from precision.shop import columns as c
from segments.lifecycle.stages import FROM_STAGE, STAGE, Stage

WEEK = "week"  # Int64, day of its Monday since 1970-01-01
PEOPLE = "people"  # Int64
WEEK_DAYS: Final = 7
MONDAY_SHIFT: Final = 3  # 1970-01-01 was a Thursday

Flow = tuple[date, str, str, int]
"""Monday, stage before (empty: new), stage after, customers."""


@dataclass(slots=True, kw_only=True)
class StageWeek:
    """One stage in one week."""

    week: date
    stage: Stage
    opening: int
    entries: dict[str, int] = field(default_factory=dict)
    """By the stage they came from; empty text: newly known."""
    exits: dict[str, int] = field(default_factory=dict)
    """By the stage they went to."""

    @property
    def entered(self) -> int:
        """How many came."""
        return sum(self.entries.values())

    @property
    def left(self) -> int:
        """How many went."""
        return sum(self.exits.values())

    @property
    def closing(self) -> int:
        """How many were there at the end."""
        return self.opening + self.entered - self.left


def weekly(changed: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return how many of the changes of `stages.changes` fall into each week: WEEK, FROM_STAGE, STAGE, PEOPLE."""
    monday = nw.col(c.DAY) - (nw.col(c.DAY) + MONDAY_SHIFT) % WEEK_DAYS
    return (
        changed.with_columns(monday.alias(WEEK))
        .group_by(WEEK, FROM_STAGE, STAGE)
        .agg(nw.len().cast(nw.Int64).alias(PEOPLE))
    )


def report(flows: Iterable[Flow], *, end: date, weeks: int | None = None) -> list[StageWeek]:
    """Return every stage of every week that begins before `end`, the earliest first; the last `weeks` of them.

    `flows` are all there are, since the openings are counted from them. Without any there is no week.
    """
    by_week: dict[date, list[Flow]] = {}
    for flow in flows:
        by_week.setdefault(flow[0], []).append(flow)
    stock = dict.fromkeys(Stage, 0)
    lines: list[StageWeek] = []
    for monday in _mondays(min(by_week, default=end), end):
        week = {stage: StageWeek(week=monday, stage=stage, opening=stock[stage]) for stage in Stage}
        for _, before, after, customers in by_week.get(monday, []):
            _add(week[Stage(after)].entries, before, customers)
            if before:
                _add(week[Stage(before)].exits, after, customers)
        stock = {stage: line.closing for stage, line in week.items()}
        lines += week.values()
    return lines if weeks is None else lines[len(lines) - weeks * len(Stage) :] if weeks else []


def _mondays(first: date, end: date) -> Iterator[date]:
    while first < end:
        yield first
        first += timedelta(days=WEEK_DAYS)


def _add(counts: dict[str, int], key: str, customers: int) -> None:
    counts[key] = counts.get(key, 0) + customers
