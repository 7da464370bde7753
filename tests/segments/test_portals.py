"""Whether customers come back to a portal: features by hand, nothing seen of later days, thresholds and judgement."""

import narwhals as nw
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from precision.shop import columns as c
from segments.lifecycle import portals as judging
from segments.methods import portals

DAY = 20_000
TRIPS = {c.CUSTOMER: pl.Int64, portals.PORTAL: pl.Int64, c.DAY: pl.Int64, c.AMOUNT_E4: pl.Int64}
Trip = tuple[int, int, int, int]


@pytest.fixture(autouse=True)
def _few_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tested here is who learns from what, not how well."""
    make = judging.model
    quick = {"n_estimators": 30, "learning_rate": 0.3, "min_child_samples": 20}
    monkeypatch.setattr(judging, "model", lambda seed: make(seed).set_params(**quick))


def lazy(trips: list[Trip]) -> "nw.LazyFrame[pl.LazyFrame]":
    return nw.from_native(pl.DataFrame(trips, schema=TRIPS, orient="row").lazy())


def features(trips: list[Trip], *, as_of: int = DAY) -> pl.DataFrame:
    made: pl.DataFrame = portals.features(lazy(trips), as_of=as_of).collect("polars").to_native()
    return made.sort(c.CUSTOMER, portals.PORTAL)


def test_trips_are_days_of_known_people_who_bought() -> None:
    lines = pl.DataFrame(
        {
            c.CUSTOMER: [1, 1, 1, None, 2],
            portals.PORTAL: [5, 5, 5, 5, None],
            c.DAY: [10, 10, 11, 10, 10],
            c.AMOUNT_E4: [100, 200, 300, 400, 500],
            c.RETURNED: [False, False, True, False, False],
        }
    )
    assert portals.trips(nw.from_native(lines.lazy())).collect().rows() == [(1, 5, 10, 300)]


def test_features_by_hand() -> None:
    here = [(1, 5, DAY - ago, 20_000) for ago in (100, 40, 20, 4)]
    elsewhere = [(1, 6, DAY - 2, 10_000), (1, 7, DAY - 90, 10_000)]
    others = [(2, 5, DAY - 50, 10_000), (3, 5, DAY - 3, 10_000), (3, 5, DAY, 10_000)]
    table = features(here + elsewhere + others)
    assert table.select(c.CUSTOMER, portals.PORTAL).rows() == [(1, 5), (1, 6), (2, 5), (3, 5)]
    row = table.row(0, named=True)
    expected = {
        "recency_days": 4, "tenure_days": 100, "trips_7": 1, "trips_14": 1, "trips_28": 2, "trips_56": 3,
        "trips_84": 3, "trips_182": 4, "decayed_10": sum(0.5 ** (ago / 10) for ago in (100, 40, 20, 4)),
        "blocks": 3 / (100 / 28), "gap_mean": 32, "gap_longest": 60,
        "gap_spread": float(np.std([60, 20, 16])), "overdue": 4 / 32, "overdue_longest": 4 / 60,
        "money": 8, "money_per_trip": 2, "all_recency_days": 2, "all_trips_28": 3, "all_trips_84": 4,
        "share_28": 2 / 3, "share_84": 3 / 4, "share_364": 4 / 6, "portals_28": 2, "portals_84": 2,
        "own_return": 1 / 2, "portal_return": 1 / 2, "portal_trend": 3 / 5,
    }  # fmt: skip
    assert {name: row[name] for name in expected} == pytest.approx(expected)
    assert table.row(1, named=True)["gap_mean"] is None
    assert table.columns == [c.CUSTOMER, portals.PORTAL, *portals.FEATURES]


def test_responses_end_with_the_horizon() -> None:
    trips = [(1, 5, DAY - 1, 1), (2, 5, DAY, 1), (3, 5, DAY + 27, 1), (4, 5, DAY + 28, 1), (2, 5, DAY + 1, 1)]
    found = portals.responses(lazy(trips), as_of=DAY).collect("polars").to_native()
    assert sorted(found[c.CUSTOMER]) == [2, 3]


some_trips = st.lists(
    st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(DAY - 120, DAY + 60), st.integers(0, 50_000)),
    max_size=40,
    unique_by=lambda trip: trip[:3],
)


@settings(max_examples=25, deadline=None)
@given(some_trips)
def test_features_see_nothing_of_the_day_or_later(trips: list[Trip]) -> None:
    before = [trip for trip in trips if trip[2] < DAY]
    assert_frame_equal(features(trips), features(before), check_exact=False, rel_tol=1e-9)


def test_answers_are_in_before_the_date_they_teach() -> None:
    for date in judging.held_out(DAY):
        days = judging.learned(DAY - 400, date)
        assert max(days) + portals.HORIZON_DAYS <= date
        assert min(days) - portals.WINDOW_DAYS >= DAY - 400
    assert judging.held_out(DAY)[-1] + portals.HORIZON_DAYS == DAY
    assert judging.learned(DAY, DAY) == []


def world(rng: np.random.Generator, *, until: int = DAY) -> list[Trip]:
    """Half come once a week to their portal, half once in two months, over 320 days."""
    found = []
    for customer in range(200):
        pace = 1 / 7 if customer % 2 else 1 / 60
        days = np.flatnonzero(rng.random(320) < pace) + until - 320
        found += [(customer, customer % 5, int(day), 10_000) for day in days]
    return found


def test_what_is_said_of_a_date_rests_on_earlier_days_alone() -> None:
    trips = world(np.random.default_rng(1))
    first, second = judging.held_out(DAY)[:2]
    other = [trip for trip in trips if trip[2] < second] + [
        (trip[0], (trip[1] + 1) % 5, trip[2], 90_000) for trip in trips if trip[2] >= second
    ]
    told, changed = (
        judging.answers(lazy(each), as_of=DAY, rng=np.random.default_rng(2)) for each in (trips, other)
    )
    # What the first date was answered by, thresholds too, was known before the second, which alone differs.
    rows, same = told.asked.days == first, changed.asked.days == first
    np.testing.assert_array_equal(told.scores[rows], changed.scores[same])
    np.testing.assert_array_equal(told.limits[rows], changed.limits[same])
    # So was that of the second. The third asks other people, or the same with another past.
    third = judging.held_out(DAY)[2]
    later = [each.scores[each.asked.days == third] for each in (told, changed)]
    assert not np.array_equal(*later)


def test_who_comes_often_is_told_from_who_does_not() -> None:
    found = judging.evaluate(lazy(world(np.random.default_rng(3))), as_of=DAY, rng=np.random.default_rng(4))
    assert found.reason == ""
    assert len(found.results) == found.above_base == 5
    assert found.auc is not None
    assert found.auc > 0.8
    assert sum(each.rows for each in found.results) == found.rows
    two = judging.evaluate(
        lazy(world(np.random.default_rng(3))), as_of=DAY, rng=np.random.default_rng(4), most=2
    )
    assert list(two.results) == [each for each in found.results if each.portal in {
        one.portal for one in two.results
    }]  # fmt: skip


def test_a_short_or_empty_history_is_not_judged() -> None:
    for trips in ([], [(1, 5, DAY - 3, 1)]):
        found = judging.evaluate(lazy(trips), as_of=DAY, rng=np.random.default_rng(1))
        assert (found.results, found.auc, found.reason) == ((), None, judging.NO_HISTORY)
        assert found.accuracy_quantile(0.5) is None
    alike = [(number, 5, DAY - ago, 1) for number in range(50) for ago in range(0, 400, 7)]
    found = judging.evaluate(lazy(alike), as_of=DAY, rng=np.random.default_rng(1))
    assert found.reason == judging.TOO_FEW.format(least=100)  # everybody always comes back


def test_the_largest_portals_as_of_a_day() -> None:
    trips = [(1, 5, DAY - 1, 1), (2, 7, DAY - 1, 1), (2, 7, DAY - 2, 1), (3, 6, DAY - 9, 1)]
    trips += [(number, 9, DAY, 1) for number in range(8)]
    assert portals.largest(lazy(trips), as_of=DAY, most=2) == [7, 5]


def test_thresholds_follow_many_rows_and_stay_with_few() -> None:
    # At portal 1 a score of .45 always comes back, at portal 2 never; portal 3 has one row.
    scores = np.r_[np.full(20_000, 0.45), np.full(20_000, 0.45), 0.45]
    answers = np.r_[np.ones(20_000, bool), np.zeros(20_000, bool), True]
    found, common = portals.thresholds(np.r_[np.full(20_000, 1), np.full(20_000, 2), 3], scores, answers)
    assert found[1] <= 0.45 < found[2]
    assert found[3] == common
    assert portals.thresholds(np.empty(0, np.int64), np.empty(0), np.empty(0, bool)) == ({}, 0.5)


def test_judgement_by_hand() -> None:
    customers = np.array([1, 1, 2, 3, 4])
    where = np.array([8, 8, 8, 8, 9])
    scores = np.array([0.9, 0.2, 0.7, 0.4, 0.8])
    answers = np.array([True, False, False, False, True])
    first, second = portals.judge(customers, where, scores, answers, np.full(5, 0.5))
    assert (first.portal, first.customers, first.rows) == (8, 3, 4)
    assert (first.positive_rate, first.base_accuracy, first.accuracy, first.lift) == (0.25, 0.75, 0.75, 0.0)
    assert first.auc == 1.0
    assert (second.accuracy, second.base_accuracy, second.auc) == (1.0, 1.0, None)
