"""Who is asked about, what counts as yes, and on which days: by hand."""

from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
import pytest

from precision.shop import columns as c
from segments.jobs import scores
from segments.lifecycle import features, samples, targets
from segments.lifecycle.campaigns import CAMPAIGN, by_campaign
from segments.lifecycle.targets import TARGETS
from segments.lifecycle.training import Sample
from tests.segments.test_features import CAMPAIGNS, DAY, EVENTS, LINES, line


def facts(
    lines: list[Any] | None = None, events: list[Any] | None = None, told: list[Any] | None = None,
    registered: list[Any] | None = None,
) -> dict[str, Any]:  # fmt: skip
    def frame(rows: list[Any] | None, schema: Any) -> Any:
        return nw.from_native(pl.DataFrame(rows or [], schema=schema, orient="row").lazy())

    return {
        "lines": frame(lines, LINES), "events": frame(events, EVENTS), "campaigns": frame(told, CAMPAIGNS),
        "registered": frame(registered, {c.CUSTOMER: pl.Int64, c.DAY: pl.Int64}),
    }  # fmt: skip


def event(customer: int, name: str, ago: int) -> tuple[Any, ...]:
    return (customer, name, DAY - ago, "web", None)


def asked(key: str, given: dict[str, Any], *, day: int = DAY) -> dict[int, bool]:
    """Return the population of a target on a day with what they did."""
    rng = np.random.default_rng(1)
    found = samples.samples([TARGETS[key]], day=day, rng=rng, **given)[key]
    return dict(zip(found.customers.tolist(), found.responses.tolist(), strict=True))


def test_visitors_answer_a_first_contact() -> None:
    given = facts(
        lines=[line(4, 1, 3), line(5, 2, -9)],
        events=[
            *(event(who, "Page Viewed", 9) for who in (1, 2, 3, 4, 5, 6)),
            event(2, "Inquiry Sent", -27), event(3, "Product Added", 4), event(6, "Product Added", -28),
        ],
    )  # fmt: skip
    # 3 asked before, 4 ordered before; 2 inquires within 28 days, 5 orders, 6 comes a day late.
    assert asked("response", given) == {1: False, 2: True, 5: True, 6: False}


def test_who_asked_orders_first_within_four_weeks() -> None:
    given = facts(
        lines=[line(2, 1, -5), line(3, 2, -28), line(4, 3, 50)],
        events=[event(who, "Product Added", 2) for who in (1, 2, 3, 4)] + [event(6, "Page Viewed", 1)],
        registered=[(6, DAY - 40), (7, DAY - 40), (8, DAY)],
    )
    assert asked("propensity", given) == {1: False, 2: True, 3: False, 6: False}


def test_who_is_lost_and_who_comes_back() -> None:
    lines = [line(1, 1, 10), line(1, 2, -59), line(2, 3, 10), line(2, 4, -60), line(3, 5, 365), line(4, 6, 366),
             line(4, 7, 0), line(5, 8, 121), line(6, 9, 10), line(6, 10, -3, units=-1, returned=True)]  # fmt: skip
    assert asked("churn", facts(lines)) == {1: False, 2: True, 3: True, 5: True, 6: True}
    assert asked("win-back", facts(lines)) == {3: False, 4: True, 5: False}


def test_who_rises_is_told_among_all_customers() -> None:
    lines = [line(who, who, 30, price=10.0 * who) for who in range(1, 11)]
    lines += [line(1, 20, -5, price=200.0), line(2, 21, -90, price=500.0)]
    found = asked("value-rise", facts(lines))
    # 10 is in the highest decile already; 1 jumps over all, so that the others fall; 2 buys a day too late.
    assert found == {1: True, **dict.fromkeys(range(2, 10), False)}


def test_campaigns_are_asked_of_those_they_reach() -> None:
    told = [(1, DAY, DAY + 3), (2, DAY + 27, DAY + 55), (3, DAY + 27, DAY + 56), (4, DAY + 28, DAY + 29),
            (5, DAY - 1, DAY + 3), (6, DAY + 1, None), (7, DAY + 1, DAY + 2)]  # fmt: skip
    lines = [line(who, who, 20) for who in range(1, 7)]
    # 4 and 5 are reached outside the window, 7 was never seen.
    given = facts(lines, told=told)
    assert asked("campaign-response", given) == {1: True, 2: True, 3: False, 6: False}
    assert asked("campaign-response", {**given, "campaigns": None}) == {}


@pytest.mark.parametrize("key", list(TARGETS))
def test_nothing_before_the_date_makes_a_yes(key: str) -> None:
    horizon = TARGETS[key].horizon_days
    lines = [line(who, who, who) for who in range(1, 300, 7)]
    events = [event(who, "Product Viewed", who % 90 + 1) for who in range(500, 600)]
    told = [(who, DAY + 1, None) for who in range(1, 300, 7)]
    found = asked(key, facts(lines, events, told))
    nothing_happens = key == "churn"
    assert set(found.values()) <= {nothing_happens}
    late = [line(who, 1_000 + who, -horizon) for who in range(1, 300, 7)]
    assert asked(key, facts(lines + late, events, told)) == found, "the horizon is half-open"


@pytest.mark.parametrize("horizon", [28, 60, 90])
def test_what_is_learned_had_happened_before_the_judged_date(horizon: int) -> None:
    days = samples.dates(DAY, horizon_days=horizon, first_day=DAY - 1_000)
    assert len(days) == samples.DATES
    assert days[-1] + horizon == DAY
    assert all(day + horizon <= days[-1] for day in days[:-1])
    assert samples.dates(DAY, horizon_days=horizon, first_day=DAY - horizon) == []


def test_deciles() -> None:
    assert targets.deciles(np.arange(20.0)).tolist() == [n for n in range(1, 11) for _ in range(2)]
    assert targets.deciles(np.ones(5)).tolist() == [1] * 5
    assert targets.deciles(np.empty(0)).tolist() == []


def test_each_campaign_beside_what_was_expected() -> None:
    told = pl.DataFrame(
        [
            (1, "spring", DAY, DAY + 1),
            (2, "spring", DAY, None),
            (1, "old", DAY - 1, None),
            (9, "spring", DAY, None),
        ],
        schema={c.CUSTOMER: pl.Int64, CAMPAIGN: pl.String, c.DAY: pl.Int64, features.ANSWERED_DAY: pl.Int64},
        orient="row",
    )
    judged = Sample(
        day=DAY, customers=np.array([1, 2]), features=np.empty((2, 0)), responses=np.array([True, False])
    )
    assert by_campaign(told, judged, np.array([0.6, 0.1])) == [
        {"campaign": "spring", "reached": 2, "answered": 1, "expected": pytest.approx(0.7),
         "chance_of_answerers": 0.6, "chance_of_others": 0.1}
    ]  # fmt: skip


def test_rows_are_of_the_active_and_of_the_likeliest_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scores, "SLEEPING", 1)
    people = pl.DataFrame(
        {"recency_days": [400.0, 10.0, None, 400.0, None], "seen_days_ago": [5.0, None, 91.0, None, None]}
    )
    found = scores.to_act_on(people, np.array([0.1, 0.2, 0.3, 0.9, 0.2]), days=90)
    assert found.tolist() == [True, True, False, True, False]
