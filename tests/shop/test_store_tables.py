"""The four tables by hand, the stars that sales imply, and a chain of 7,000 stores that gives its figures back."""

from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
import pytest

from precision.shop.methods import store_tables as t
from tests.shop.store_chain import DISPLAYS_AT_FOUR_AND_MORE, STORES_PER_DISPLAY, STORES_PER_SALE, chain

STORES = {t.STORE: pl.Int64, t.TYPE: pl.String, t.REGION: pl.String, t.STAR: pl.Int64}
MONTHS = {t.STORE: pl.Int64, t.MONTH: pl.Int64, t.DISPLAYS: pl.Float64} | dict.fromkeys(
    (t.UNITS_E3, *t.SPLIT), pl.Int64
)
SIX = [
    (1, "mall", "North", 1),
    (2, "mall", "North", 1),
    (3, "street", "South", 2),
    (4, "street", None, 4),
    (5, None, "South", None),
    (6, "street", "South", 2),
]
# store, month, displays, units, sales, retail, industry
SOLD = [
    (1, 1, 1.0, 2000, 100, 61, 39),
    (1, 2, 0.0, 0, 0, 0, 0),
    (2, 1, 2.0, 3000, 100, 60, 40),  # exactly 60 %: mixed
    (3, 1, None, 1000, None, 10, 30),  # sales from the split; 75 % industry
    (3, 2, None, 3000, None, 10, 30),
    (4, 1, 3.0, None, 100, 61, None),  # retail, whatever the rest is
    (5, 1, None, None, 100, 30, None),  # the split is not known
]


def lazy(rows: list[tuple[Any, ...]], schema: dict[str, Any]) -> nw.LazyFrame[Any]:
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return nw.from_native(frame.sample(fraction=1, shuffle=True, seed=3).lazy())


def figures() -> nw.LazyFrame[Any]:
    return t.store_figures(lazy(SIX, STORES), lazy(SOLD, MONTHS))


def rows(frame: nw.LazyFrame[Any], *names: str) -> list[tuple[Any, ...]]:
    found = frame.collect("polars").to_native().select(names)
    return sorted(found.rows(), key=lambda row: [(value is None, value) for value in row])


def test_a_stores_mean_month_and_orientation_by_hand() -> None:
    assert rows(figures(), t.STORE, t.ORIENTATION, t.DISPLAYS, t.UNITS, t.VALUE_E4) == [
        (1, "retail", 0.5, 1.0, 50.0),
        (2, "mixed", 2.0, 3.0, 100.0),
        (3, "industry", None, 2.0, None),
        (4, "retail", 3.0, None, 100.0),
        (5, None, None, None, 100.0),
        (6, None, None, None, None),
    ]


def test_one_cent_more_than_sixty_percent_is_retail() -> None:
    for retail, expected in ((6_000, "mixed"), (6_001, "retail")):
        months = lazy([(1, 1, 0.0, 0, 10_000, retail, 10_000 - retail)], MONTHS)
        found = t.store_figures(lazy(SIX[:1], STORES), months)
        assert rows(found, t.ORIENTATION) == [(expected,)]


def test_the_four_tables_by_hand() -> None:
    told = (t.STORES, t.SHARE, t.MEAN_DISPLAYS, t.MEAN_UNITS, t.STORES_PER_DISPLAY, t.STORES_PER_SALE)
    assert rows(t.groups(figures(), (t.TYPE,)), t.TYPE, *told) == [
        ("mall", 2, 2 / 6, 1.25, 2.0, 2 / 2.5, 2 / 4),
        ("street", 3, 3 / 6, 3.0, 2.0, 1 / 3, 1 / 2),
        (None, 1, 1 / 6, None, None, None, None),
    ]
    assert rows(t.groups(figures(), (t.REGION,)), t.REGION, t.STORES, t.STORES_WITH_DISPLAYS) == [
        ("North", 2, 2),
        ("South", 3, 0),
        (None, 1, 1),
    ]
    assert rows(t.groups(figures(), (t.STAR,)), t.STAR, t.STORES, t.STORES_PER_SALE) == [
        (1, 2, 0.5),
        (2, 2, 0.5),
        (4, 1, None),
        (None, 1, None),
    ]
    assert rows(t.groups(figures(), (t.STAR, t.ORIENTATION)), t.STAR, t.ORIENTATION, t.STORES) == [
        (1, "mixed", 1),
        (1, "retail", 1),
        (2, "industry", 1),
        (2, None, 1),
        (4, "retail", 1),
        (None, None, 1),
    ]
    assert rows(t.groups(figures(), ()), t.STORES, t.SHARE, t.MEAN_UNITS) == [(6, 1.0, 2.0)]


def test_no_stores_make_an_empty_table() -> None:
    empty = t.store_figures(lazy([], STORES), lazy([], MONTHS))
    assert rows(t.groups(empty, (t.STAR,)), t.STORES) == []


def test_no_displays_give_no_ratio() -> None:
    months = lazy([(1, 1, 0.0, 0, 0, 0, 0)], MONTHS)
    found = t.groups(t.store_figures(lazy(SIX[:1], STORES), months), (t.STAR,))
    assert rows(found, t.MEAN_DISPLAYS, t.STORES_PER_DISPLAY, t.STORES_PER_SALE) == [(0.0, None, None)]


@pytest.mark.parametrize(
    ("stars", "units", "expected"),
    [
        ([1, 1, 2, 3], [5.0, 1.0, 9.0, 2.0], [2, 1, 3, 1]),
        ([1, 2, 3], [4.0, 4.0, 4.0], [2, 2, 2]),  # equal sales, equal stars
        ([1, 2, 0], [1.0, 2.0, 99.0], [1, 2, 2]),  # a store without a star sells most
        ([3, 5, 0], [1.0, 2.0, 0.0], [3, 5, 3]),  # … or least
        ([1, 5, 0, 2], [1.0, np.nan, np.nan, 3.0], [1, 0, 0, 2]),
        ([0, 0], [1.0, 2.0], [0, 0]),  # nobody has a star
        ([], [], []),
    ],
)
def test_stars_that_sales_imply(stars: list[int], units: list[float], expected: list[int]) -> None:
    found = t.implied_stars(np.array(stars, dtype=np.int64), np.array(units, dtype=np.float64))
    assert found.tolist() == expected


def test_distinct_sales_give_each_star_to_as_many_stores_as_have_it() -> None:
    rng = np.random.default_rng(5)
    stars = rng.integers(1, 6, 500)
    implied = t.implied_stars(stars, rng.permutation(500).astype(np.float64))
    assert np.bincount(implied, minlength=6).tolist() == np.bincount(stars, minlength=6).tolist()
    matrix = t.star_matrix(stars, implied)
    assert matrix.sum() == 500
    assert matrix[2, 4] == ((stars == 2) & (implied == 4)).sum()


def test_the_generated_chain_gives_its_figures_back() -> None:
    made = chain(np.random.default_rng(7))
    found = t.store_figures(nw.from_native(made.stores.lazy()), nw.from_native(made.months.lazy()))
    ((stores, per_display, per_sale),) = rows(
        t.groups(found, ()), t.STORES, t.STORES_PER_DISPLAY, t.STORES_PER_SALE
    )
    assert stores == 7_000
    assert (per_display, per_sale) == pytest.approx((STORES_PER_DISPLAY, STORES_PER_SALE), rel=1e-4)
    by_star = rows(t.groups(found, (t.STAR,)), t.STAR, t.STORES, t.SHARE, t.MEAN_DISPLAYS)
    assert sum(share for star, _, share, _ in by_star if star <= 2) == pytest.approx(0.78)
    high = [(count, displays) for star, count, _, displays in by_star if star >= 4]
    mean = sum(count * displays for count, displays in high) / sum(count for count, _ in high)
    assert mean == pytest.approx(DISPLAYS_AT_FOUR_AND_MORE, abs=1e-3)
    for by in t.TABLES.values():
        table = rows(t.groups(found, by), t.STORES, t.SHARE)
        assert sum(count for count, _ in table) == 7_000
        assert sum(share for _, share in table) == pytest.approx(1)
