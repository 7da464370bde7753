"""Value, range and demand by hand; dates against the calendar; what is prepared for clusters."""

from datetime import date, timedelta
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
import pytest

from precision.shop import columns as c
from segments.methods import screening as s
from segments.methods import variables

NAMES = {c.CUSTOMER: pl.Int64, c.ORDER: pl.Int64, c.PRODUCT: pl.Int64, c.CATEGORY: pl.Int64, c.DAY: pl.Int64,
         c.WEEKDAY: pl.Int64, c.QUANTITY_E3: pl.Int64, c.AMOUNT_E4: pl.Int64, c.RETURNED: pl.Boolean}  # fmt: skip
EPOCH = date(1970, 1, 1)
AS_OF = (date(2026, 3, 4) - EPOCH).days  # a Wednesday


def line(
    customer: int | None, order: int, day: date, amount: int, *, product: int = 1, category: int | None = 1,
    returned: bool = False,
) -> tuple[Any, ...]:  # fmt: skip
    sign = -1 if returned else 1
    when = ((day - EPOCH).days, day.isoweekday())
    return (customer, order, product, category, *when, sign * 1_000, sign * amount, returned)


LINES = [
    line(1, 10, date(2026, 3, 3), 100),
    line(1, 10, date(2026, 3, 3), 50, product=2, category=2),
    line(1, 11, date(2026, 2, 27), 30, product=3, category=None),
    line(1, 12, date(2026, 3, 2), 20, returned=True),
    line(2, 20, date(2026, 2, 1), 500),
    line(3, 30, date(2026, 3, 2), 70, returned=True),  # only gave back: no row of value
    line(None, 40, date(2026, 3, 1), 900),  # a guest
    line(2, 21, date(2026, 3, 4), 800),  # on the as-of day
    line(2, 22, date(2025, 3, 3), 7),  # before the window
]


def lazy(rows: list[tuple[Any, ...]] = LINES) -> nw.LazyFrame[Any]:
    frame = pl.DataFrame(rows, schema=NAMES, orient="row")
    return nw.from_native(frame.sample(fraction=1, shuffle=True, seed=1).lazy())


def rows_of(frame: nw.LazyFrame[Any], *by: str) -> list[tuple[Any, ...]]:
    found: pl.DataFrame = frame.collect("polars").to_native()
    return found.sort(*by, nulls_last=True).rows()


def test_spending_by_hand() -> None:
    found = s.spending(lazy(), as_of=AS_OF, window_days=365)
    assert found.collect_schema().names() == [c.CUSTOMER, s.SPEND_E4, s.ORDERS, s.CATEGORIES, s.PRODUCTS]
    assert rows_of(found, c.CUSTOMER) == [(1, 160, 2, 2, 3), (2, 500, 1, 1, 1)]


def test_the_window_is_half_open() -> None:
    assert rows_of(s.spending(lazy(), as_of=AS_OF, window_days=366), c.CUSTOMER)[1] == (2, 507, 2, 1, 1)
    assert rows_of(s.spending(lazy(), as_of=AS_OF + 1, window_days=365), c.CUSTOMER)[1] == (2, 1_300, 2, 1, 1)


def customers(*spend: int) -> nw.LazyFrame[Any]:
    frame = pl.DataFrame(
        {c.CUSTOMER: range(len(spend)), s.SPEND_E4: list(spend)}, schema_overrides={s.SPEND_E4: pl.Int64}
    )
    return nw.from_native(frame.with_columns(pl.lit(1).alias(s.ORDERS), pl.lit(2).alias(s.CATEGORIES)).lazy())


def screened(*spend: int, big_share: float = 0.5) -> pl.DataFrame:
    found: pl.DataFrame = s.screened(customers(*spend), big_share=big_share).collect("polars").to_native()
    return found.sort(c.CUSTOMER)


def test_deciles_by_mid_rank() -> None:
    assert screened(*range(100, 0, -10))[s.VALUE_DECILE].to_list() == [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]
    assert screened(5, 5, 5, 5)[s.VALUE_DECILE].to_list() == [6] * 4
    assert screened(7)[s.VALUE_DECILE].to_list() == [6]


@pytest.mark.parametrize(
    ("spend", "share", "big"),
    [
        ([50, 30, 20], 0.5, [True, False, False]),  # 50 of 100 is half
        ([49, 31, 20], 0.5, [True, True, False]),
        ([10, 10, 10, 10], 0.5, [True] * 4),  # equal ones stand together
        ([60, 40, -50], 0.9, [True, True, False]),  # what came back counts nothing
        ([0, 0], 0.5, [False, False]),
        ([-5], 1.0, [False]),
        ([3, 2, 1], 1.0, [True, True, True]),
    ],
)
def test_big_customers_by_hand(spend: list[int], share: float, big: list[bool]) -> None:
    assert screened(*spend, big_share=share)[s.BIG].to_list() == big


def test_no_fewer_customers_bring_the_share() -> None:
    rng = np.random.default_rng(5)
    for _ in range(20):
        spend = rng.integers(1, 100_000, size=rng.integers(1, 60))
        found = screened(*spend.tolist(), big_share=0.5)
        largest = np.sort(spend)[::-1].cumsum()
        fewest = int(np.searchsorted(largest, spend.sum() / 2)) + 1
        assert found[s.BIG].sum() == fewest


def test_a_share_that_is_none_is_refused() -> None:
    for share in (0.0, 1.5):
        with pytest.raises(ValueError, match="must be above 0 and at most 1"):
            s.screened(customers(1), big_share=share)


def test_parts_add_up_to_the_whole() -> None:
    found = s.screened(customers(50, 30, 20, 20, -5), big_share=0.4)
    assert rows_of(s.by_size(found), s.BIG) == [(False, 4, 4, 65, -5, 30), (True, 1, 1, 50, 50, 50)]
    deciles = rows_of(s.by_decile(found), s.VALUE_DECILE)
    assert [row[:4] for row in deciles] == [(2, 1, 1, -5), (5, 2, 2, 40), (8, 1, 1, 30), (10, 1, 1, 50)]
    assert rows_of(s.by_range(found), s.CATEGORIES) == [(2, 5, 5, 115)]


def test_gini_by_hand_and_by_pairs() -> None:
    assert s.gini(np.array([1.0, 1, 1, 1])) == 0
    assert s.gini(np.array([0.0, 0, 0, 8])) == pytest.approx(3 / 4)
    assert s.gini(np.array([-3.0, 0, 0, 8])) == pytest.approx(3 / 4)
    assert s.gini(np.array([0.0, -1])) is None
    assert s.gini(np.array([])) is None
    values = np.random.default_rng(2).gamma(1.0, size=50)
    pairs = np.abs(values[:, None] - values[None, :]).sum()
    assert s.gini(values) == pytest.approx(pairs / (2 * 50 * values.sum()))


def day(text: str) -> int:
    return (date.fromisoformat(text) - EPOCH).days


def test_demand_by_hand() -> None:
    weeks = s.demand(lazy(), as_of=AS_OF, window_days=60, period=s.WEEK)
    assert weeks.collect_schema().names() == [
        s.PERIOD, c.CATEGORY, s.ORDERS, s.CUSTOMERS, c.QUANTITY_E3, c.AMOUNT_E4
    ]  # fmt: skip
    assert rows_of(weeks, s.PERIOD, c.CATEGORY) == [
        (day("2026-01-26"), 1, 1, 1, 1_000, 500),
        (day("2026-02-23"), 1, 1, 0, 1_000, 900),
        (day("2026-02-23"), None, 1, 1, 1_000, 30),
        (day("2026-03-02"), 1, 1, 1, -1_000, 10),
        (day("2026-03-02"), 2, 1, 1, 1_000, 50),
    ]
    months = s.demand(lazy(), as_of=AS_OF, window_days=60, period=s.MONTH)
    assert rows_of(months, s.PERIOD, c.CATEGORY) == [
        (day("2026-02-01"), 1, 1, 1, 1_000, 500),
        (day("2026-02-01"), None, 1, 1, 1_000, 30),
        (day("2026-03-01"), 1, 2, 1, 0, 910),
        (day("2026-03-01"), 2, 1, 1, 1_000, 50),
    ]


def test_a_period_that_began_before_the_window_is_left_out() -> None:
    found = s.demand(lazy(), as_of=AS_OF, window_days=day("2026-03-04") - day("2026-02-24"), period=s.WEEK)
    assert {row[0] for row in rows_of(found, s.PERIOD, c.CATEGORY)} == {day("2026-03-02")}


def test_months_begin_as_the_calendar_says() -> None:
    days = [date(1999, 12, 25) + timedelta(days=step) for step in range(0, 40_000, 13)]
    days += [date(2000, 2, 28), date(2000, 2, 29), date(2000, 3, 1), date(1900, 2, 28), date(1900, 3, 1)]
    rows = [line(1, number, each, 1) for number, each in enumerate(days)]
    found = s.demand(lazy(rows), as_of=10**6, window_days=10**7, period=s.MONTH)
    expected = {(each.replace(day=1) - EPOCH).days for each in days}
    assert {row[0] for row in rows_of(found, s.PERIOD)} == expected


def test_an_unknown_period_is_refused() -> None:
    with pytest.raises(ValueError, match="no period 'year'; there are week, month"):
        s.demand(lazy(), as_of=AS_OF, window_days=60, period="year")


def test_nobody_is_no_error() -> None:
    empty = s.screened(s.spending(lazy([]), as_of=AS_OF, window_days=365), big_share=0.5)
    for part in (empty, s.by_decile(empty), s.by_size(empty), s.by_range(empty)):
        assert rows_of(part, part.collect_schema().names()[0]) == []
    assert rows_of(s.demand(lazy([]), as_of=AS_OF, window_days=60, period=s.MONTH), s.PERIOD) == []


def test_variables_are_filled_logged_and_standardised() -> None:
    rng = np.random.default_rng(3)
    columns = {
        "plain": rng.normal(5, 2, size=200), "skewed": rng.lognormal(2, 1, size=200),
        "gaps": np.where(np.arange(200) < 50, np.nan, np.arange(200.0)),
        "both": rng.lognormal(3, 1.5, size=200) - 2,
    }  # fmt: skip
    found = variables.prepare(columns, names=list(columns))
    assert found.names == ("plain", "skewed", "gaps", "both")
    assert [each.log for each in found.variables] == [False, True, False, True]
    assert found.variables[2].fill == 124.5
    values = found(columns)
    assert values.mean(axis=0) == pytest.approx(np.zeros(4), abs=1e-12)
    assert values.std(axis=0) == pytest.approx(np.ones(4))
    logs = np.log1p(columns["skewed"])
    assert values[:, 1] == pytest.approx((logs - logs.mean()) / logs.std())
    assert values[0, 2] == pytest.approx((124.5 - found.variables[2].mean) / found.variables[2].deviation)


def test_useless_variables_are_left_out_with_a_reason() -> None:
    columns = {
        "same": np.full(100, 3.0), "missing": np.where(np.arange(100) < 60, np.nan, np.arange(100.0)),
        "rare": np.where(np.arange(100) < 2, 1.0, 0.0), "never": np.full(100, np.nan), "fine": np.arange(100.0),
    }  # fmt: skip
    found = variables.prepare(columns, names=list(columns))
    assert found.names == ("fine",)
    assert found.left_out == {
        "same": "the same for everybody", "missing": "missing for 60% of the customers",
        "rare": "the same for 98.0% of the customers", "never": "missing for 100% of the customers",
    }  # fmt: skip
    nobody = variables.prepare({"fine": np.empty(0)}, names=["fine"])
    assert (nobody.names, nobody.left_out) == ((), {"fine": "there are no customers"})
    assert variables.prepare({"fine": np.array([4.0])}, names=["fine"]).left_out == {
        "fine": "the same for everybody"
    }
