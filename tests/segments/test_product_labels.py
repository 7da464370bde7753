"""Labels of products, by hand and where chance alone must name nothing."""

from datetime import date, timedelta
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
import pytest

from precision.engine.windows import epoch_day
from precision.shop import columns as c
from segments.methods import prices
from segments.methods import product_labels as m
from segments.methods.price_classes import PRICE_CLASS

AS_OF = epoch_day(date(2026, 7, 1))
LINES = {
    c.CUSTOMER: pl.Int64, c.ORDER: pl.Int64, c.PRODUCT: pl.Int64, c.DAY: pl.Int64, c.HOUR: pl.Int64,
    c.QUANTITY_E3: pl.Int64, c.RETURNED: pl.Boolean,
}  # fmt: skip


def lines(rows: list[tuple[int | None, int, int, int]], **changed: Any) -> "nw.LazyFrame[pl.LazyFrame]":
    """Sold lines: (customer, product, days ago, hour)."""
    made = [
        (
            customer,
            place,
            product,
            AS_OF - ago,
            hour,
            changed.get("quantity", 1_000),
            changed.get("returned", False),
        )
        for place, (customer, product, ago, hour) in enumerate(rows)
    ]
    return nw.from_native(
        pl.DataFrame(made, schema=LINES, orient="row").sample(fraction=1, shuffle=True, seed=3).lazy()
    )


def rows(frame: "nw.LazyFrame[Any]", *names: str) -> dict[int, tuple[Any, ...]]:
    return {row[0]: row[1:] for row in frame.select(c.PRODUCT, *names).collect("polars").to_native().rows()}


def test_tiers_by_price_position() -> None:
    figures = pl.LazyFrame(
        {
            c.PRODUCT: [1, 2, 3, 4, 5],
            prices.USUAL_PRICE_E4: [1, 2, 3, 4, 5],
            prices.PRICE_POSITION: [0.0, 0.34, 0.66, 0.67, None],
            prices.DISCOUNT_SHARE: [0.1, None, 0.0, 0.2, 0.3],
        }
    )
    found = rows(m.prices(nw.from_native(figures)), m.PRICE_TIER)
    assert found == {1: ("low",), 2: ("middle",), 3: ("middle",), 4: ("high",), 5: (None,)}


def test_sales_count_buyers_and_those_who_came_back() -> None:
    sold = [(person, 1, 9, 10) for person in range(10)] + [
        (0, 1, 5, 10),
        (1, 1, 9, 11),
        (None, 1, 2, 10),
        (7, 2, 3, 10),
    ]
    names = (m.LINES, m.BUYERS, m.REBUY_SHARE, m.FIRST_DAY, m.LAST_DAY)
    found = rows(m.sales(lines(sold), as_of=AS_OF), *names)
    # Who bought it twice on one day did not come back.
    assert found[1] == (13, 10, 0.1, AS_OF - 9, AS_OF - 2)
    assert found[2] == (1, 1, None, AS_OF - 3, AS_OF - 3)
    assert rows(m.sales(lines(sold), as_of=AS_OF - 2), m.LINES) == {1: (12,), 2: (1,)}
    assert rows(m.sales(lines(sold, returned=True), as_of=AS_OF), m.LINES) == {}


def year(counts: dict[int, int], *, product: int) -> list[tuple[int | None, int, int, int]]:
    """Lines on the 15th of each month of the year before July 2026."""
    found = []
    for month, count in counts.items():
        day = date(2026 if month < 7 else 2025, month, 15)
        found += [(place, product, AS_OF - epoch_day(day), 12) for place in range(count)]
    return found


def test_a_season_by_hand() -> None:
    flat = dict.fromkeys(range(1, 13), 100)
    peak = {**dict.fromkeys(range(1, 13), 2), 12: 18}
    sold = year(flat, product=1) + year(peak, product=2)
    found = rows(m.seasons(lines(sold), as_of=AS_OF), m.SEASON, m.SEASONALITY)
    assert found[1][0] == m.ALL_YEAR
    # The shop's own share of December is 118 of 1,240; the product's 18 of 40, with 20 lines of everyone's added.
    share = 118 / 1_240
    assert found[2] == ("December", pytest.approx((18 + 20 * share) / (60 * share)))


def test_no_season_without_a_year_or_with_few_lines() -> None:
    half = dict.fromkeys((1, 2, 3, 4, 5, 6), 10)
    assert rows(m.seasons(lines(year(half, product=1)), as_of=AS_OF), m.SEASON) == {}
    flat = dict.fromkeys(range(1, 13), 10)
    few = year(flat, product=1) + year({12: 19}, product=2)
    assert rows(m.seasons(lines(few), as_of=AS_OF), m.SEASON) == {1: (m.ALL_YEAR,)}


def test_chance_alone_names_hardly_any_season() -> None:
    rng = np.random.default_rng(8)
    sold = [
        (int(rng.integers(1_000)), product, int(rng.integers(1, 366)), 12)
        for product in range(200)
        for _ in range(60)
    ]
    found = rows(m.seasons(lines(sold), as_of=AS_OF), m.SEASON)
    assert len(found) == 200
    assert sum(season != m.ALL_YEAR for (season,) in found.values()) <= 12


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        ([8] * 10 + [9] * 10 + [10] * 10, (8, "morning")),
        ([23] * 10 + [0] * 10 + [1] * 10, (23, "night")),
        ([17] * 12 + [18] * 12, (16, "afternoon")),
        ([3] * 19, None),
    ],
)
def test_hours_go_round_midnight(hours: list[int], expected: tuple[int, str] | None) -> None:
    sold = [(1, 1, 3, hour) for hour in hours]
    found = rows(m.hours(lines(sold), as_of=AS_OF), m.TYPICAL_HOUR, m.DAYPART)
    assert found == ({} if expected is None else {1: expected})


def test_classes_of_buyers() -> None:
    letters = ["A"] * 40 + ["B"] * 40 + ["C"] * 20
    classes = pl.LazyFrame({c.CUSTOMER: list(range(100)), PRICE_CLASS: letters})
    sold = [(person, 1, 3, 12) for person in range(100)]  # like everyone
    sold += [(person, 2, 3, 12) for person in [*range(30), *range(40, 50)] * 2]  # 30 A, 10 B, each twice
    sold += [(person, 3, 3, 12) for person in range(9)]  # too few
    sold += [(person, 4, 3, 12) for person in [*range(5), *range(40, 46)]]  # 6 B of 11: chance
    found = rows(
        m.buyers_classes(lines(sold), nw.from_native(classes), as_of=AS_OF),
        m.BUYERS_CLASS,
        m.BUYERS_CLASS_LIFT,
    )
    assert found == {2: ("A", pytest.approx(0.75 / 0.4))}


def test_all_labels_of_a_few_products_and_of_an_empty_shop() -> None:
    goods = pl.LazyFrame(
        {c.PRODUCT: [1, 2, 3, 4], m.REPEATABLE: [None, False, None, None], "brand": ["x", None, "y", None]},
        schema={c.PRODUCT: pl.Int64, m.REPEATABLE: pl.Boolean, "brand": pl.String},
    )
    sold = [(person, 1, 200, 10) for person in range(10)] + [(0, 1, 100, 10), (5, 2, 3, 10)]
    events = pl.LazyFrame({c.PRODUCT: [2, 3, None], c.DAY: [AS_OF - 40, AS_OF - 5, AS_OF - 5]})
    figures = pl.LazyFrame(
        schema={c.PRODUCT: pl.Int64, prices.USUAL_PRICE_E4: pl.Int64, prices.PRICE_POSITION: pl.Float64,
                prices.DISCOUNT_SHARE: pl.Float64}
    )  # fmt: skip
    classes = pl.LazyFrame(schema={c.CUSTOMER: pl.Int64, PRICE_CLASS: pl.String})

    def labelled(sales: "nw.LazyFrame[Any]") -> dict[int, tuple[Any, ...]]:
        found = m.labelled(
            nw.from_native(goods), nw.from_native(figures), sales, nw.from_native(events), nw.from_native(classes),
            as_of=AS_OF,
        )  # fmt: skip
        return rows(found, m.REPEATABLE, m.NOVELTY, m.LINES, m.FIRST_DAY, "brand")

    assert labelled(lines(sold)) == {
        1: (True, "fading", 11, AS_OF - 200, "x"),
        2: (False, "established", 1, AS_OF - 40, None),
        3: (None, "new", 0, AS_OF - 5, "y"),
        4: (None, None, 0, None, None),
    }
    assert labelled(lines([]))[1] == (None, None, 0, None, "x")


def test_months_of_the_civil_calendar() -> None:
    days = [date(1970, 1, 1), date(2024, 2, 29), date(2000, 2, 29), date(1999, 12, 31), date(2026, 3, 1)]
    days += [date(2026, 1, 1) + timedelta(days=step) for step in range(0, 365, 9)]
    frame = pl.LazyFrame({c.DAY: [epoch_day(day) for day in days]})
    found = nw.from_native(frame).select(m._month(nw.col(c.DAY)).alias("month")).collect("polars").to_native()
    assert found["month"].to_list() == [day.month - 1 for day in days]
