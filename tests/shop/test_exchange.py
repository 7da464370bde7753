"""Rates by hand: the latest not after the day, turned around, through a base, and never 1.0 by assumption."""

from typing import Any

import narwhals as nw
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from precision.shop.methods import exchange
from precision.shop.methods.exchange import Rate

EUR_USD = [
    Rate(currency="EUR", target="USD", day=10, rate=1.10),
    Rate(currency="EUR", target="USD", day=20, rate=1.25),
]
EUR_GBP = [Rate(currency="EUR", target="GBP", day=15, rate=0.80)]


def converted(
    rows: list[tuple[str | None, int, int | None]], rates: list[Rate], target: str, **given: Any
) -> tuple[list[int | None], dict[str | None, int]]:
    schema = {exchange.CURRENCY: pl.String, exchange.DAY: pl.Int64, "amount": pl.Int64}
    frame = pl.DataFrame(rows, schema=schema, orient="row").with_row_index("row")
    lazy = nw.from_native(frame.sample(fraction=1, shuffle=True, seed=2).lazy())
    found = exchange.convert(lazy, rates, target=target, amount="amount", **given)
    table = found.frame.collect("polars").to_native().sort("row")
    assert table.columns == ["row", *schema]
    missing = found.missing.collect("polars").to_native()
    return table["amount"].to_list(), dict(missing.iter_rows())


def test_the_latest_rate_not_after_the_day() -> None:
    rows = [("EUR", day, 10_000) for day in (9, 10, 19, 20, 21, 9_999)]
    assert converted(rows, EUR_USD, "USD") == (
        [None, 11_000, 11_000, 12_500, 12_500, 12_500],
        {"EUR": 1},
    )


def test_a_pair_is_turned_around() -> None:
    assert converted([("USD", 25, 12_500), ("USD", 5, 12_500)], EUR_USD, "EUR") == (
        [10_000, None],
        {"USD": 1},
    )


def test_a_cross_rate_goes_through_the_base_from_the_day_that_both_are_known() -> None:
    rows = [("USD", 14, 11_000), ("USD", 15, 11_000), ("GBP", 20, 8_000), ("USD", 20, 12_500)]
    assert converted(rows[:2] + rows[3:], EUR_USD + EUR_GBP, "GBP") == ([None, 8_000, 8_000], {"USD": 1})
    assert converted(rows[2:3], EUR_USD + EUR_GBP, "USD") == ([12_500], {})


def test_a_direct_rate_goes_before_a_cross_rate_and_a_given_pair_before_one_turned_around() -> None:
    direct = [Rate(currency="USD", target="GBP", day=15, rate=0.5)]
    assert converted([("USD", 16, 10_000)], EUR_USD + EUR_GBP + direct, "GBP")[0] == [5_000]
    both = [*direct, Rate(currency="GBP", target="USD", day=15, rate=4.0)]
    assert converted([("USD", 16, 10_000)], both, "GBP")[0] == [5_000]
    later = [*direct, Rate(currency="GBP", target="USD", day=16, rate=4.0)]
    assert converted([("USD", 16, 10_000)], later, "GBP")[0] == [2_500]


def test_chains_of_three_are_not_followed() -> None:
    rates = [*EUR_USD, *EUR_GBP, Rate(currency="GBP", target="INR", day=15, rate=100.0)]
    assert converted([("USD", 30, 10_000)], rates, "INR", base="EUR") == ([None], {"USD": 1})


def test_without_a_rate_there_is_no_amount_and_it_is_counted() -> None:
    rows = [
        ("JPY", 20, 5),
        ("JPY", 21, 7),
        (None, 20, 9),
        ("EUR", 20, None),
        ("USD", 20, 123_456_789_012_345_678),
    ]
    amounts, missing = converted(rows, EUR_USD, "USD")
    assert amounts == [None, None, None, None, 123_456_789_012_345_678]
    assert missing == {"JPY": 2, None: 1}
    assert converted([("EUR", 1, 5), ("USD", 1, 5)], [], "USD") == ([None, 5], {"EUR": 1})


def test_rounding_is_half_away_from_zero() -> None:
    rates = [Rate(currency="EUR", target="USD", day=1, rate=0.5)]
    assert converted([("EUR", 1, amount) for amount in (1, 3, -1, -3, 0)], rates, "USD")[0] == [
        1,
        2,
        -1,
        -2,
        0,
    ]


def test_into_keeps_the_amount() -> None:
    frame = nw.from_native(pl.DataFrame({"currency": ["EUR"], "day": [10], "amount": [100]}).lazy())
    found = exchange.convert(frame, EUR_USD, target="USD", amount="amount", into="usd")
    assert found.frame.collect("polars").to_native().rows() == [("EUR", 10, 100, 110)]


def test_the_base_is_what_most_pairs_have() -> None:
    assert exchange.common_base(EUR_USD + EUR_GBP) == "EUR"
    assert exchange.common_base(EUR_USD) == "EUR"
    assert exchange.common_base([]) is None


@pytest.mark.parametrize("rate", [0, -1.0, float("nan"), float("inf")])
def test_an_impossible_rate_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="EUR in USD"):
        Rate(currency="EUR", target="USD", day=1, rate=rate)


NAMES = st.sampled_from(["EUR", "USD", "GBP", "JPY"])
RATES = st.lists(
    st.builds(
        lambda pair, day, rate: Rate(currency=pair[0], target=pair[1], day=day, rate=rate),
        st.permutations(["EUR", "USD", "GBP", "JPY"]),
        st.integers(0, 12),
        st.sampled_from([0.5, 2.0, 4.0]),
    ),
    unique_by=lambda rate: (rate.currency, rate.target, rate.day),
    max_size=12,
)


def expected(rates: list[Rate], currency: str, target: str, day: int, base: str) -> float | None:
    """The definition, looked up row by row."""

    def direct(one: str, other: str) -> float | None:
        found = [(r.day, 1, r.rate) for r in rates if (r.currency, r.target) == (one, other) and r.day <= day]
        found += [
            (r.day, 0, 1 / r.rate) for r in rates if (r.target, r.currency) == (one, other) and r.day <= day
        ]
        return max(found)[2] if found else None

    if currency == target:
        return 1.0
    if (rate := direct(currency, target)) is not None:
        return rate
    if base in {currency, target}:
        return None
    first, second = direct(currency, base), direct(base, target)
    return None if first is None or second is None else first * second


@given(rates=RATES, currency=NAMES, target=NAMES, day=st.integers(-1, 15))
def test_the_table_agrees_with_the_definition(
    rates: list[Rate], currency: str, target: str, day: int
) -> None:
    rate = expected(rates, currency, target, day, "EUR")
    amounts, missing = converted([(currency, day, 80_000)], rates, target, base="EUR")
    assert amounts == [None if rate is None else round(80_000 * rate)]
    assert missing == ({currency: 1} if rate is None else {})
