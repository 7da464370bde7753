"""Features of the price classes on tables small enough to work out by hand, and their error of measurement."""

from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
import pytest

from precision.shop import columns as col
from segments.methods import price_features as pf
from segments.methods import prices

AS_OF = 400


def lazy(frame: pl.DataFrame) -> nw.LazyFrame[Any]:
    return nw.from_native(frame.sample(fraction=1, shuffle=True, seed=5).lazy())


def priced(rows: list[tuple[int | None, int, int, int, int, int]]) -> nw.LazyFrame[Any]:
    """Rows of (customer, order, product, day, reference, paid), one unit each, prices in currency units."""
    names = (col.CUSTOMER, col.ORDER, col.PRODUCT, col.DAY, "_reference", "_paid")
    frame = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.Int64), orient="row")
    saving = pl.col("_reference") - pl.col("_paid")
    return lazy(
        frame.with_columns(
            (pl.col("_paid") * 10_000).alias(col.AMOUNT_E4),
            (pl.col("_reference") * 10_000_000).alias(prices.LIST_VALUE_E7),
            (saving * 10_000_000).alias(prices.SAVED_VALUE_E7),
        )
    )


def positions(of: dict[int, float | None]) -> nw.LazyFrame[Any]:
    schema = {col.PRODUCT: pl.Int64, prices.PRICE_POSITION: pl.Float64}
    return lazy(pl.DataFrame(list(of.items()), schema=schema, orient="row"))


def features(rows: Any, of: dict[int, float | None], shrink: float = 0) -> pl.DataFrame:
    found = pf.customer_features(
        priced(rows), positions(of), as_of=AS_OF, window_days=365, shrink_lines=shrink
    )
    return found.collect("polars").to_native().sort(col.CUSTOMER)


ROWS: list[tuple[int | None, int, int, int, int, int]] = [
    (1, 11, 1, 390, 10, 10),
    (1, 12, 2, 391, 20, 15),
    (1, 12, 3, 391, 10, 10),
    (2, 21, 1, 399, 10, 5),
    (2, 21, 1, 399, 10, 10),
    (None, 31, 2, 399, 20, 20),
]
POSITIONS = {1: 0.2, 2: 0.8, 3: None}


def test_features_by_hand() -> None:
    found = features(ROWS, POSITIONS)
    assert found.columns == [
        col.CUSTOMER,
        pf.ORDERS,
        pf.LINES,
        pf.POSITIONED_LINES,
        pf.SPEND_E4,
        pf.SAVED_E4,
        pf.LIST_VALUE_E4,
        pf.PRICE_POSITION,
        pf.BUYER_POSITION,
        pf.PRICE_SPREAD,
        pf.DISCOUNT_SHARE,
    ]
    first, second = found.rows()
    assert first[:7] == (1, 2, 3, 2, 350_000, 50_000, 400_000)
    assert first[7] == pytest.approx(0.5)
    assert first[9] == pytest.approx(np.std([0.2, 0.8], ddof=1))
    assert first[10] == pytest.approx(5 / 40)
    assert second[:7] == (2, 1, 2, 2, 150_000, 50_000, 200_000)
    assert second[7] == pytest.approx(0.2)
    assert second[9] == pytest.approx(0)
    assert second[10] == pytest.approx(0.25)


def test_buyer_position_is_the_mean_of_the_other_buyers() -> None:
    # Customer 3 buys product 1 twice and product 2 once, customer 1 (position 0.5) and 2 (0.2) as above.
    rows = [*ROWS, (3, 41, 1, 390, 10, 10), (3, 42, 1, 391, 10, 10), (3, 42, 2, 391, 20, 20)]
    found = features(rows, POSITIONS, 1).rows_by_key(col.CUSTOMER, named=True, unique=True)
    # Mean position of the known customers' lines: five of product 1, two of product 2.
    mean = (5 * 0.2 + 2 * 0.8) / 7
    own = {1: (1.0 + mean) / 3, 2: (0.4 + mean) / 3, 3: (1.2 + mean) / 4}
    product_1 = (own[1] + 2 * own[2] + mean) / 4
    product_2 = (own[1] + mean) / 2
    assert found[3][pf.BUYER_POSITION] == pytest.approx((2 * product_1 + product_2) / 3)
    # Customer 2 bought product 1 only, which one line of customer 1 and two of customer 3 share.
    assert found[2][pf.BUYER_POSITION] == pytest.approx((own[1] + 2 * own[3] + mean) / 4)


def test_shrinking_adds_lines_at_the_average_of_the_platform() -> None:
    found = features(ROWS, POSITIONS, 2)
    mean = (3 * 0.2 + 0.8) / 4
    assert found[pf.PRICE_POSITION].to_list() == pytest.approx([(1.0 + 2 * mean) / 4, (0.4 + 2 * mean) / 4])
    # Five lines of known customers: list value 60, saved 10; two average lines are 24 and 4.
    assert found[pf.DISCOUNT_SHARE].to_list() == pytest.approx([(5 + 4) / (40 + 24), (5 + 4) / (20 + 24)])


def test_without_a_comparable_price_the_position_is_unknown() -> None:
    found = features([(1, 1, 3, 390, 10, 10)], POSITIONS, 15)
    assert found[pf.PRICE_POSITION].to_list() == [None]
    assert found[pf.BUYER_POSITION].to_list() == [None]
    assert found[pf.POSITIONED_LINES].to_list() == [0]


def test_nothing_on_or_after_the_day_or_before_the_window_is_seen() -> None:
    outside: list[Any] = [
        (c, 90 + c, 2, day, 20, 1) for c in (1, 2, 3) for day in (AS_OF, AS_OF + 9, AS_OF - 366)
    ]
    assert features(ROWS + outside, POSITIONS).equals(features(ROWS, POSITIONS))


def noise(rows: Any, of: dict[int, float | None], shrink: float = 0) -> dict[str, float | None]:
    found = pf.measurement_noise(
        priced(rows), positions(of), as_of=AS_OF, window_days=365, shrink_lines=shrink
    )
    return found.collect("polars").to_native().row(0, named=True)


def test_noise_by_hand() -> None:
    # One customer, two orders: positions 0.2 | 0.8, 0.8; saved 0 of 10 | 5 of 20 and 0 of 20.
    rows = [(1, 11, 1, 390, 10, 10), (1, 12, 2, 391, 20, 15), (1, 12, 2, 391, 20, 20)]
    found = noise(rows, POSITIONS)
    mean = (0.2 + 0.8 + 0.8) / 3
    position = np.array([0.2 - mean, 1.6 - 2 * mean])
    share = 5 / 50
    saved = np.array([0 - share * 10, 5 - share * 40]) / (50 / 3)
    # Two orders: 2 / (2 - 1), over three lines.
    assert found["noise_0_0"] == pytest.approx(2 * (position**2).sum() / 3)
    assert found["noise_0_2"] == pytest.approx(2 * (position * saved).sum() / 3)
    assert found["noise_2_2"] == pytest.approx(2 * (saved**2).sum() / 3)
    # Nobody else buys: the other buyers' position is the same for both products.
    assert found["noise_1_1"] == pytest.approx(0)


def test_noise_needs_two_orders_of_somebody() -> None:
    assert set(noise([(1, 11, 1, 390, 10, 10), (2, 21, 2, 390, 20, 20)], POSITIONS).values()) == {None}
    assert set(noise([], POSITIONS).values()) == {None}


def test_noise_is_the_variance_that_another_year_would_show() -> None:
    """Means of customers who are all alike differ by chance alone: their variance × lines is the noise."""
    rng = np.random.default_rng(1)
    of = {product: (product + 0.5) / 20 for product in range(20)}
    rows: Any = [
        (customer, customer * 10 + order, int(product), 390, 10, int(paid))
        for customer in range(400)
        for order in range(5)
        # Within an order much alike: all products within three of the first.
        for first in [rng.integers(0, 18)]
        for product, paid in zip(first + rng.integers(0, 3, 6), rng.choice([10, 7], 6), strict=True)
    ]
    found, table = noise(rows, of), features(rows, of)
    for name, key in ((prices.PRICE_POSITION, "noise_0_0"), (prices.DISCOUNT_SHARE, "noise_2_2")):
        seen = float(table[name].var()) * 30  # type: ignore[arg-type]
        assert found[key] == pytest.approx(seen, rel=0.2)
