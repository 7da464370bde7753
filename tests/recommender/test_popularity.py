"""Windows, groups, ties and growth on tables small enough to count by hand."""

import numpy as np
import polars as pl
import pytest

from precision.shop.columns import CATEGORY, CUSTOMER, PRODUCT
from recommender.candidates.popularity import (
    BEFORE,
    BUYERS,
    GROUP,
    GROWTH,
    as_vector,
    popular,
    ranked,
    ranked_by,
    trending,
)
from recommender.interactions import ORDERS
from tests.recommender.lines import frame, lazy, shuffled

TABLE = frame(
    (1, 100, 10, 92, 1),
    (1, 101, 10, 99, 1),  # the same buyer again: one buyer, two orders
    (2, 102, 10, 93, 1),  # the first day of seven
    (2, 102, 20, 93, 4),
    (3, 103, 20, 95, 1),
    (4, 104, 20, 96, 2),
    (4, 105, 20, 97, -2),  # came back in the window
    (None, 106, 30, 98, 1),
    (None, 107, 30, 98, 1),
    (1, 108, 30, 100, 1),  # the as-of day
).with_columns((pl.col(PRODUCT) // 20).alias(CATEGORY))


def counts(**options):
    found = popular(lazy(TABLE), as_of_day=100, **options).collect().sort(PRODUCT)
    return found.select(PRODUCT, BUYERS, ORDERS).rows()


def test_windows_are_half_open():
    # Nine days take day 92 in, seven begin on day 93; day 100 is in none.
    assert counts(days=7) == [(10, 2, 2), (20, 2, 3), (30, 0, 2)]
    assert counts(days=8) == [(10, 2, 3), (20, 2, 3), (30, 0, 2)]
    assert counts(days=2) == [(10, 1, 1), (30, 0, 2)]


def test_equal_counts_are_in_order_of_product():
    frame_ = popular(lazy(TABLE), as_of_day=100, days=7)
    best = ranked(frame_, score=BUYERS, n=2)
    assert best.products.tolist() == [10, 20]
    assert best.scores.tolist() == [2, 2]
    assert ranked(frame_, score=ORDERS, n=9).products.tolist() == [20, 10, 30]


def test_by_category():
    lists = ranked_by(
        popular(lazy(TABLE), as_of_day=100, days=7, by=CATEGORY), by=CATEGORY, score=ORDERS, n=1
    )
    assert {key: found.products.tolist() for key, found in lists.items()} == {0: [10], 1: [20]}


def test_by_group_of_customers_guests_stay_out():
    groups = lazy(pl.DataFrame({CUSTOMER: [1, 2, 3], GROUP: ["A", "B", "B"]}))
    lists = ranked_by(
        popular(lazy(TABLE), as_of_day=100, days=7, by=GROUP, groups=groups), by=GROUP, score=BUYERS, n=9
    )
    assert {key: (found.products.tolist(), found.scores.tolist()) for key, found in lists.items()} == {
        "A": ([10], [1]),
        "B": ([20, 10], [2, 1]),
    }


def test_as_vector_has_zeros_for_products_without_sales():
    vector = as_vector(
        popular(lazy(TABLE), as_of_day=100, days=7), score=ORDERS, products=np.array([5, 10, 20, 40])
    )
    assert vector.tolist() == [0, 2, 3, 0]


def test_growth_against_the_weeks_before():
    table = frame(
        *[(n, n, 10, 75, 1) for n in range(1, 9)],  # 8 orders in 28 days: 2 expected in seven
        *[(n, 20 + n, 10, 95, 1) for n in range(1, 9)],  # 8 in seven
        (1, 50, 20, 96, 1),  # new
    )
    found = trending(lazy(table), as_of_day=100, shrinkage=2.0).collect().sort(PRODUCT)
    assert found.select(PRODUCT, ORDERS, BEFORE).rows() == [(10, 8, 8), (20, 1, 0)]
    assert found[GROWTH].to_list() == pytest.approx([(8 + 2) / (2 + 2), (1 + 2) / (0 + 2)])


def test_one_first_order_does_not_outgrow_a_real_rise():
    table = frame(
        *[(n, n, 10, 75, 1) for n in range(1, 9)],
        *[(n, 20 + n, 10, 95, 1) for n in range(1, 9)],
        (1, 50, 20, 96, 1),
    )
    assert ranked(trending(lazy(table), as_of_day=100), score=GROWTH, n=1).products.tolist() == [10]


def test_the_order_of_lines_changes_nothing():
    for seed in range(5):
        again = ranked(popular(lazy(shuffled(TABLE, seed=seed)), as_of_day=100, days=30), score=ORDERS, n=9)
        assert again.products.tolist() == [10, 20, 30]


def test_refusals():
    with pytest.raises(ValueError, match="days is 0"):
        popular(lazy(TABLE), as_of_day=100, days=0)
    with pytest.raises(ValueError, match="shrinkage is 0"):
        trending(lazy(TABLE), as_of_day=100, shrinkage=0)
