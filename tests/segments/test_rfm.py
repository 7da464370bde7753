"""Recency, frequency and money by hand; scores with ties; groups that leave nobody out."""

from itertools import product
from typing import Any

import narwhals as nw
import polars as pl
import pytest

from precision.shop import columns as col
from segments.methods import rfm

NAMES = {col.CUSTOMER: pl.Int64, col.ORDER: pl.Int64, col.DAY: pl.Int64, col.AMOUNT_E4: pl.Int64}
NAMES |= {col.RETURNED: pl.Boolean}
LINES: list[tuple[int | None, int, int, int, bool]] = [
    (1, 10, 90, 100, False),
    (1, 10, 90, 50, False),
    (1, 11, 95, 30, False),
    (1, 12, 99, -50, True),  # a return is no order, but its money counts
    (2, 20, 50, 500, False),
    (3, 30, 99, -20, True),  # only returned: recency unknown, no row
    (None, 40, 99, 900, False),  # a guest
    (2, 21, 100, 800, False),  # on the as-of day
]


def lazy(frame: pl.DataFrame) -> nw.LazyFrame[Any]:
    return nw.from_native(frame.sample(fraction=1, shuffle=True, seed=1).lazy())


def table(**given: Any) -> list[tuple[Any, ...]]:
    lines = lazy(pl.DataFrame(LINES, schema=NAMES, orient="row"))
    found = rfm.recency_frequency_money(lines, as_of=100, **given).collect("polars").to_native()
    assert found.columns == [col.CUSTOMER, rfm.RECENCY_DAYS, rfm.FREQUENCY, rfm.MONEY_E4]
    return sorted(found.rows())


def test_values_by_hand() -> None:
    assert table() == [(1, 5, 2, 130), (2, 50, 1, 500)]


def test_the_window_is_half_open() -> None:
    assert table(window_days=10) == [(1, 5, 2, 130)]
    assert table(window_days=9) == [(1, 5, 1, -20)]


def scores(recency: list[int], frequency: list[int], money: list[int]) -> pl.DataFrame:
    values = {rfm.RECENCY_DAYS: recency, rfm.FREQUENCY: frequency, rfm.MONEY_E4: money}
    frame = pl.DataFrame({col.CUSTOMER: range(len(recency)), **values})
    return rfm.scored(lazy(frame)).collect("polars").to_native().sort(col.CUSTOMER)


def test_ten_different_customers_make_five_pairs_and_few_days_are_good() -> None:
    found = scores(list(range(10, 110, 10)), list(range(1, 11)), list(range(100, 0, -10)))
    assert found[rfm.RECENCY_SCORE].to_list() == [5, 5, 4, 4, 3, 3, 2, 2, 1, 1]
    assert found[rfm.FREQUENCY_SCORE].to_list() == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert found[rfm.MONEY_SCORE].to_list() == [5, 5, 4, 4, 3, 3, 2, 2, 1, 1]


def test_equal_values_share_one_score() -> None:
    # Seven with one order: mid-rank 0.35, score 2. Two with two: 0.8, score 5. One with three: 0.95.
    found = scores([5] * 10, [1] * 7 + [2, 2, 3], [0] * 10)
    assert found[rfm.FREQUENCY_SCORE].to_list() == [2] * 7 + [5, 5, 5]
    assert set(found[rfm.RECENCY_SCORE]) == {3}


def test_one_customer_is_in_the_middle_and_nobody_is_no_error() -> None:
    assert scores([3], [1], [10])[rfm.MONEY_SCORE].to_list() == [3]
    empty = rfm.recency_frequency_money(lazy(pl.DataFrame([], schema=NAMES)), as_of=100)
    assert rfm.scored(empty).collect("polars").to_native().height == 0


def test_every_combination_of_scores_is_in_the_first_group_that_fits() -> None:
    cube = pl.DataFrame(
        list(product(range(1, 6), repeat=3)),
        schema=[rfm.RECENCY_SCORE, rfm.FREQUENCY_SCORE, rfm.MONEY_SCORE],
        orient="row",
    )
    found = nw.from_native(cube).with_columns(rfm._group().alias(rfm.RFM_GROUP)).to_native()
    for recency, frequency, money, key in found.rows():
        fitting = [
            group.key
            for group in rfm.GROUPS
            if group.recency[0] <= recency <= group.recency[1]
            and group.frequency[0] <= frequency <= group.frequency[1]
            and group.money[0] <= money <= group.money[1]
        ]
        assert key == fitting[0]
    assert set(found[rfm.RFM_GROUP]) == {group.key for group in rfm.GROUPS}


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ((5, 5, 5), "champions"),
        ((1, 5, 5), "cannot_lose"),
        ((3, 3, 1), "loyal"),
        ((3, 1, 5), "big_spenders"),
        ((5, 1, 1), "new"),
        ((4, 2, 2), "promising"),
        ((2, 3, 3), "at_risk"),
        ((2, 1, 1), "sleeping"),
        ((1, 1, 5), "lost"),
    ],
)
def test_groups_by_name(given: tuple[int, int, int], key: str) -> None:
    names = (rfm.RECENCY_SCORE, rfm.FREQUENCY_SCORE, rfm.MONEY_SCORE)
    frame = nw.from_native(pl.DataFrame([given], schema=list(names), orient="row"))
    assert frame.select(rfm._group().alias("key")).to_native().item() == key
