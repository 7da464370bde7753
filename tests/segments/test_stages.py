"""Stages: the machine against a plain walk through the days, and its dates by hand."""

import polars as pl
from hypothesis import given, settings

from precision.shop import columns as c
from segments.lifecycle import stages
from segments.lifecycle.stages import Stage
from segments.lifecycle.words import WORDS, title
from segments.models import StageName
from tests.segments.life_histories import FIRST_DAY, LAST_DAY, PEOPLE, Person, frames

Change = tuple[int, int, str, str]


def told(people: list[Person], as_of: int) -> list[Change]:
    found = stages.changes(*frames(people), as_of=as_of).collect("polars").to_native()
    assert found.columns == [c.CUSTOMER, c.DAY, stages.FROM_STAGE, stages.STAGE]
    assert found.schema[c.DAY] == pl.Int64
    return sorted(found.rows())


@settings(max_examples=60, deadline=None)
@given(PEOPLE)
def test_the_machine_agrees_with_a_walk_through_the_days(people: list[Person]) -> None:
    expected = [(key, *change) for key, each in enumerate(people) for change in each.changes(LAST_DAY)]
    assert told(people, LAST_DAY) == sorted(expected)


@settings(max_examples=40, deadline=None)
@given(PEOPLE)
def test_what_comes_later_moves_no_earlier_change(people: list[Person]) -> None:
    halfway = FIRST_DAY + 30
    assert told(people, halfway) == [each for each in told(people, LAST_DAY) if each[1] < halfway]


@settings(max_examples=40, deadline=None)
@given(PEOPLE)
def test_now_is_the_stage_at_the_end_of_the_last_day(people: list[Person]) -> None:
    changed = stages.changes(*frames(people), as_of=LAST_DAY)
    found = dict(stages.now(changed).select(c.CUSTOMER, stages.STAGE).collect("polars").to_native().rows())
    ends = {key: each.stages(LAST_DAY)[-1][1] for key, each in enumerate(people)}
    assert found == {key: stage for key, stage in ends.items() if stage}


def test_retention_begins_on_the_first_day_past_the_limit_whenever_the_job_runs() -> None:
    person = Person(seen=None, asked=None, orders={FIRST_DAY: (5, 9)})
    bought = (0, FIRST_DAY, stages.NEW, "development")
    late = (0, FIRST_DAY + 6, "development", "retention")
    silent = (0, FIRST_DAY + 10, "retention", "win_back")
    assert told([person], FIRST_DAY + 6) == [bought]
    assert told([person], FIRST_DAY + 7) == [bought, late]
    assert told([person], FIRST_DAY + 10) == [bought, late]
    assert told([person], FIRST_DAY + 50) == [bought, late, silent]


def test_an_order_on_the_very_day_prevents_the_change() -> None:
    orders = {FIRST_DAY: (5, 9), FIRST_DAY + 6: (5, 9), FIRST_DAY + 13: (50, 60)}
    assert told([Person(seen=None, asked=None, orders=orders)], FIRST_DAY + 20) == [
        (0, FIRST_DAY, stages.NEW, "development"),
        (0, FIRST_DAY + 12, "development", "retention"),
        (0, FIRST_DAY + 13, "retention", "development"),
    ]


def test_nobody_gives_no_change() -> None:
    assert told([], LAST_DAY) == []


def test_every_stage_has_words_and_the_models_know_the_same_stages() -> None:
    assert list(WORDS) == list(Stage)
    assert StageName.values == [str(stage) for stage in Stage]
    assert [title(stage) for stage in ("", "win_back")] == ["new", "win-back"]
