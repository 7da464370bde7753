"""Personal gaps: by hand, blind to the future, shrunk where little is known, and finding what was planted."""

from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from scipy.stats import lognorm

from precision.shop import columns as c
from segments.methods import gaps
from segments.methods.gaps import GapModel

TEA, SOAP = 7, 8
MODEL = GapModel(mean=3.0, within=0.5, between=0.25, categories={TEA: 2.0, SOAP: 4.0}, gaps=100, customers=50)
LINES = {c.CUSTOMER: pl.Int64, c.CATEGORY: pl.Int64, c.DAY: pl.Int64, c.RETURNED: pl.Boolean}


def visits(rows: list[tuple[int | None, int | None, int, bool]], *, as_of: int = 1000) -> Any:
    lines = pl.DataFrame(rows, schema=LINES, orient="row").sample(fraction=1, shuffle=True, seed=3)
    return gaps.visits(nw.from_native(lines.lazy()), as_of=as_of)


def rows_of(frame: Any) -> list[dict[str, Any]]:
    return frame.collect("polars").to_native().sort(c.CUSTOMER, c.DAY).to_dicts()


def test_expectations_by_hand() -> None:
    bought = visits(
        [(1, TEA, 100, False), (1, TEA, 110, False), (1, SOAP, 110, False), (1, None, 140, False)]
    )
    first, second, third = rows_of(gaps.expectations(bought, MODEL))
    # Nothing of the customer's own: what is usual after tea.
    assert first[gaps.CENTRE] == pytest.approx(2.0)
    assert first[gaps.SPREAD] ** 2 == pytest.approx(0.5 + 0.25)
    # One gap of 10 days; two lines of tea and one of soap so far: m = 8/3, w = 1/.5 + 1/.25 = 6.
    assert second[gaps.PRIOR] == pytest.approx(8 / 3)
    assert second[gaps.CENTRE] == pytest.approx((np.log(10) / 0.5 + (8 / 3) / 0.25) / 6)
    assert second[gaps.SPREAD] ** 2 == pytest.approx(0.5 + 1 / 6)
    # A product without a category counts as the mean of all: (2 + 2 + 4 + 3) / 4.
    assert third[gaps.PRIOR] == pytest.approx(11 / 4)
    assert third[gaps.CENTRE] == pytest.approx(((np.log(10) + np.log(30)) / 0.5 + 2.75 / 0.25) / 8)
    assert [each[gaps.NEXT_DAY] for each in (first, second, third)] == [110, 140, None]
    assert [each[gaps.ORDERS] for each in (first, second, third)] == [1, 2, 3]


def test_guests_returns_and_what_is_not_before_the_date_are_left_out() -> None:
    bought = visits(
        [(None, TEA, 1, False), (1, TEA, 5, True), (1, TEA, 9, False), (1, TEA, 10, False)], as_of=10
    )
    assert [(row[c.DAY], row[gaps.LINES]) for row in rows_of(bought)] == [(9, 1)]


def test_later_orders_change_nothing_that_was_expected_before() -> None:
    rows = [(key, TEA + key % 2, day, False) for key in range(20) for day in range(100, 200, 7 + key)]
    whole, until = visits(rows), visits(rows, as_of=150)
    known = [c.CUSTOMER, c.DAY, gaps.CENTRE, gaps.SPREAD]
    early = gaps.expectations(until, MODEL).select(*known).collect("polars").to_native()
    late = gaps.expectations(whole, MODEL).filter(nw.col(c.DAY) < 150).select(*known)
    late_rows = late.collect("polars").to_native().sort(c.CUSTOMER, c.DAY)
    assert_frame_equal(early.sort(c.CUSTOMER, c.DAY), late_rows)


def test_the_limit_is_the_quantile_within_its_bounds() -> None:
    frame = nw.from_native(pl.LazyFrame({gaps.CENTRE: [3.0, 0.0, 9.0], gaps.SPREAD: [0.7, 0.7, 0.7]}))
    days = frame.select(limit=gaps.limit(0.8, least=3, most=400)).collect("polars")["limit"].to_list()
    assert days == [int(lognorm(0.7, scale=np.exp(3.0)).ppf(0.8)), 3, 400]


def simulated(rng: np.random.Generator, *, customers: int = 1500, gaps_each: int = 8) -> Any:
    """Return orders of people who prefer tea (mean 2.5) or soap (mean 3.5), σ² = .36, τ² = .16."""
    own = rng.normal(np.where(np.arange(customers) % 2, 2.5, 3.5), 0.4)
    days = np.exp(rng.normal(own[:, None], 0.6, (customers, gaps_each))).cumsum(axis=1)
    rows = [
        (key, TEA if key % 2 else SOAP, int(day), False)
        for key in range(customers)
        for day in np.unique(np.r_[0, np.round(days[key])])
    ]
    return visits(rows, as_of=10**6)


def test_planted_parameters_come_back() -> None:
    model = gaps.fit(simulated(np.random.default_rng(5)))
    assert not model.assumed
    assert model.within == pytest.approx(0.36, rel=0.05)
    assert model.between == pytest.approx(0.16, rel=0.15)
    assert model.categories[TEA] == pytest.approx(2.5, abs=0.06)
    assert model.categories[SOAP] == pytest.approx(3.5, abs=0.06)
    assert gaps.fit(simulated(np.random.default_rng(5))) == model


def test_limits_hold_the_share_of_gaps_that_they_promise() -> None:
    rng = np.random.default_rng(6)
    bought = simulated(rng)
    told = gaps.expectations(bought, gaps.fit(bought)).with_columns(limit=gaps.limit(0.8, least=1, most=3650))
    ended = told.filter(~nw.col(gaps.NEXT_DAY).is_null()).collect("polars").to_native()
    assert (ended[gaps.NEXT_DAY] - ended[c.DAY] <= ended["limit"]).mean() == pytest.approx(0.8, abs=0.02)


def test_within_a_category_only_its_own_orders_count() -> None:
    rows = [(1, TEA, 100, False), (1, SOAP, 110, False), (1, TEA, 130, False)]
    told = rows_of(gaps.expectations(visits(rows), MODEL, by=(c.CUSTOMER, c.CATEGORY)))
    assert [(row[c.CATEGORY], row[c.DAY], row[gaps.NEXT_DAY]) for row in told] == [
        (TEA, 100, 130), (SOAP, 110, None), (TEA, 130, None),
    ]  # fmt: skip
    assert [row[gaps.PRIOR] for row in told] == [2.0, 4.0, 2.0]


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [(1, TEA, 5, False)],
        [(key, None, 5 * key, False) for key in range(40)],
        [(key, TEA, day, False) for key in range(9) for day in (1, 2)],
    ],
)
def test_too_few_gaps_take_the_usual_one_for_granted(rows: list[Any]) -> None:
    model = gaps.fit(visits(rows), fallback_days=60)
    assert model.assumed
    assert np.exp(model.mean) == pytest.approx(60)
    expected = rows_of(gaps.expectations(visits(rows), model))
    assert len(expected) == len({(row[0], row[2]) for row in rows})


def test_equal_gaps_make_a_model_all_the_same() -> None:
    model = gaps.fit(visits([(key, None, 7 * week, False) for key in range(20) for week in range(5)]))
    assert (model.within, model.between) == (gaps.LEAST_VARIANCE, gaps.LEAST_VARIANCE)
    assert np.exp(model.mean) == pytest.approx(7)


def test_one_gap_each_splits_the_spread_in_half() -> None:
    model = gaps.fit(visits([(key, None, day, False) for key in range(1, 41) for day in (0, key)]))
    assert model.within == pytest.approx(model.between, rel=0.2)


def test_the_rest_of_a_gap_is_the_quantile_among_those_as_long_silent() -> None:
    rng = np.random.default_rng(1)
    days = np.exp(rng.normal(3.0, 0.8, 400_000))
    for silent in (0.0, 10.0, 60.0):
        rest = gaps.remaining(np.array([3.0]), np.array([0.8]), np.array([silent]), 0.5)[0]
        assert rest == pytest.approx(np.median(days[days > silent]), rel=0.02)


def test_a_very_long_silence_still_gives_a_day_behind_it() -> None:
    rest = gaps.remaining(np.array([1.0, 1.0]), np.array([0.2, 0.2]), np.array([300.0, 1e5]), 0.9)
    assert 300 <= rest[0] <= gaps.MOST_DAYS
    assert rest[1] == gaps.MOST_DAYS
