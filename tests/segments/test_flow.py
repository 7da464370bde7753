"""Stock and flow: opening + entries − exits = closing, against a count of everybody's stage day by day."""

from collections import Counter
from datetime import date, timedelta

import polars as pl
from hypothesis import given, settings

from segments.lifecycle import flow, stages
from segments.lifecycle.stages import Stage
from tests.segments.life_histories import FIRST_DAY, LAST_DAY, PEOPLE, Person, frames

EPOCH = date(1970, 1, 1)


def on(day: int) -> date:
    return EPOCH + timedelta(days=day)


def flows(people: list[Person]) -> list[flow.Flow]:
    changed = stages.changes(*frames(people), as_of=LAST_DAY)
    counts = flow.weekly(changed).collect("polars").to_native()
    weeks = counts.with_columns(pl.col(flow.WEEK).cast(pl.Int32).cast(pl.Date))
    return weeks.select(flow.WEEK, stages.FROM_STAGE, stages.STAGE, flow.PEOPLE).rows()


def stock(people: list[Person], before: date) -> Counter[str]:
    """Return how many were in each stage at the end of the day before, from the walk through the days."""
    days = (before - EPOCH).days
    ends = [each.stages(min(days, LAST_DAY)) for each in people]
    return Counter(told[-1][1] for told in ends if told and told[-1][1])


@settings(max_examples=60, deadline=None)
@given(PEOPLE)
def test_openings_and_closings_are_what_a_count_of_people_says(people: list[Person]) -> None:
    lines = flow.report(flows(people), end=on(LAST_DAY))
    for line in lines:
        assert line.opening + sum(line.entries.values()) - sum(line.exits.values()) == line.closing
        assert line.opening == stock(people, line.week)[line.stage]
        assert line.closing == stock(people, line.week + timedelta(days=7))[line.stage]
        assert line.week.weekday() == 0
    known = sum(bool(each.changes(LAST_DAY)) for each in people)
    assert sum(line.closing for line in lines[-len(Stage) :]) == known


def test_flows_by_hand_and_the_last_weeks_only() -> None:
    monday = date(2026, 11, 2)
    rows: list[flow.Flow] = [
        (monday, "", "contact", 5),
        (monday, "contact", "development", 2),
        (monday + timedelta(days=7), "development", "retention", 1),
    ]
    lines = flow.report(rows, end=date(2026, 11, 23), weeks=2)
    assert [line.week for line in lines[:: len(Stage)]] == [date(2026, 11, 9), date(2026, 11, 16)]
    by_stage = {line.stage: line for line in lines[: len(Stage)]}
    assert (by_stage[Stage.CONTACT].opening, by_stage[Stage.CONTACT].closing) == (3, 3)
    assert by_stage[Stage.DEVELOPMENT].exits == {"retention": 1}
    assert by_stage[Stage.RETENTION].entries == {"development": 1}
    assert [line.closing for line in lines[len(Stage) :]] == [3, 0, 1, 1, 0]


def test_without_flows_there_is_no_week() -> None:
    assert flow.report([], end=date(2026, 11, 23), weeks=4) == []


def test_a_week_begins_on_monday() -> None:
    person = Person(seen=FIRST_DAY, asked=None, orders={})
    ((week, _, _, count),) = flows([person])
    assert week <= on(FIRST_DAY) < week + timedelta(days=7)
    assert (week.weekday(), count) == (0, 1)
