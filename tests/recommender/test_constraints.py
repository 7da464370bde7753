"""Masks of a catalogue of seven products, each with a reason to be shown or not."""

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from precision.shop.columns import (
    ACTIVE,
    CATEGORY,
    IN_STOCK,
    LIST_PRICE_E4,
    PRICE_E4,
    PRODUCT,
    REPEATABLE,
    UNIT_PRICE_E4,
)
from recommender.constraints import (
    Catalogue,
    Limits,
    Tiers,
    allowed,
    cap_per_category,
    catalogue,
    discount_shares,
    keep,
    member,
    price_positions,
    tier,
)
from tests.recommender.lines import frame, lazy

EURO = 10_000
SOAPS, LAMPS = 1, 2
ROWS = [
    # product, category, price, in stock, active, repeatable
    (11, SOAPS, 1 * EURO, True, True, True),
    (12, SOAPS, 2 * EURO, True, True, None),
    (13, SOAPS, 2 * EURO, False, True, True),  # sold out
    (14, SOAPS, 5 * EURO, True, True, False),
    (15, LAMPS, 9 * EURO, True, False, False),  # hidden
    (16, LAMPS, None, True, True, False),  # no price
    (17, None, 3 * EURO, True, None, True),  # nobody says that it is sold
]
PRODUCTS = pl.DataFrame(
    ROWS,
    schema={
        PRODUCT: pl.Int64,
        CATEGORY: pl.Int64,
        PRICE_E4: pl.Int64,
        IN_STOCK: pl.Boolean,
        ACTIVE: pl.Boolean,
        REPEATABLE: pl.Boolean,
    },
    orient="row",
)
SHOP = catalogue(lazy(PRODUCTS))


def shown(mask):
    return SHOP.products[mask].tolist()


def test_the_catalogue_is_in_order_whatever_the_rows():
    again = catalogue(lazy(PRODUCTS[::-1]))
    for name in ("products", "category", "price_e4", "sellable", "repeatable"):
        assert (getattr(SHOP, name) == getattr(again, name)).all()
    assert SHOP.products.tolist() == [11, 12, 13, 14, 15, 16, 17]
    with pytest.raises(ValueError, match="8 product rows for 7 products"):
        catalogue(lazy(pl.concat([PRODUCTS, PRODUCTS[:1]])))


def test_sold_out_hidden_and_unknown_are_never_shown():
    assert shown(allowed(SHOP)) == [11, 12, 14, 16]


def test_bought_is_gone_unless_it_may_be_repeated():
    assert shown(allowed(SHOP, bought=[11, 12, 14, 999])) == [11, 16]
    assert shown(allowed(SHOP, bought=np.array([16]))) == [11, 12, 14]


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (Limits(categories=frozenset({SOAPS})), [11, 12, 14]),
        (Limits(categories=frozenset()), []),
        (Limits(price_min_e4=2 * EURO), [12, 14]),
        (Limits(price_max_e4=2 * EURO), [11, 12]),
        (Limits(price_min_e4=0), [11, 12, 14]),  # no price fails any price limit
        (Limits(excluded=frozenset({12, 16, 99})), [11, 14]),
    ],
)
def test_limits(limits, expected):
    assert shown(allowed(SHOP, limits=limits)) == expected


def test_limits_that_contradict_are_refused():
    with pytest.raises(ValueError, match="price_min_e4 is 5, above price_max_e4 4"):
        Limits(price_min_e4=5, price_max_e4=4)


def test_members_by_inner_id():
    assert shown(member(SHOP, [17, 12, 1])) == [12, 17]
    assert shown(member(SHOP, [])) == []


def test_price_positions_by_hand():
    # Soaps 1, 2, 2, 5: the two at 2 share the places 1 and 2 of 0..3. One lamp with a price: nothing to compare.
    expected = [0, 0.5, 0.5, 1, math.nan, math.nan, math.nan]
    np.testing.assert_allclose(price_positions(SHOP), expected)


def of_prices(prices, categories):
    count = len(prices)
    flags = np.ones(count, dtype=np.bool_)
    return Catalogue(
        products=np.arange(count), category=np.array(categories, dtype=np.int64),
        price_e4=np.array(prices, dtype=np.int64), sellable=flags, repeatable=flags,
    )  # fmt: skip


@given(st.lists(st.tuples(st.integers(-1, 6), st.integers(0, 2)), max_size=20))
def test_price_positions_against_the_slow_formula(rows):
    prices, categories = [row[0] for row in rows], [row[1] for row in rows]
    found = price_positions(of_prices(prices, categories))
    for (price, category), position in zip(rows, found, strict=True):
        others = [p for p, c in rows if c == category and p >= 0]
        if price < 0 or len(set(others)) < 2:
            assert math.isnan(position)
        else:
            cheaper, same = sum(p < price for p in others), others.count(price)
            assert position == pytest.approx((cheaper + (same - 1) / 2) / (len(others) - 1))


def test_discount_shares_by_hand():
    table = frame(
        (1, 1, 11, 90, 3), (1, 2, 11, 91, 1), (1, 3, 12, 91, 1), (1, 4, 14, 60, 1), (1, 5, 11, 92, -1),
        (1, 6, 14, 100, 1),
    ).with_columns(
        pl.Series(UNIT_PRICE_E4, [8, 10, 7, 1, 8, 1]) * EURO,
        pl.Series(LIST_PRICE_E4, [10, 10, None, 10, 10, 10], dtype=pl.Int64) * EURO,
    )  # fmt: skip
    found = discount_shares(lazy(table), SHOP, as_of_day=100, days=30)
    # Soap 11 saved 6 of 40; 12 has no list price; 14 was discounted before and after the window only.
    np.testing.assert_allclose(found, [6 / 40, *[math.nan] * 6])


def test_tiers():
    position = np.array([0.1, 0.7, 1.0, math.nan])
    discount = np.array([0.3, 0.01, math.nan, -0.2])
    figures = {"price_position": position, "discount_share": discount}
    assert tier("A", **figures).tolist() == [False, True, True, False]
    assert tier("B", **figures).tolist() == [True, False, False, False]
    assert tier("C", **figures).all()
    assert tier("U", **figures).all()
    assert tier("A", **figures, tiers=Tiers(premium_from=0.9)).tolist() == [False, False, True, False]
    # A limit of 0 does not turn goods at their full price into bargains.
    full_price = {"price_position": position, "discount_share": np.zeros(4)}
    assert not tier("B", **full_price, tiers=Tiers(discount_from=0)).any()


LISTS = np.array([[4, 0, 3, 1], [2, -1, -1, -1]], dtype=np.int32)


def test_keep_moves_up():
    mask = np.array([True, False, True, True, False])
    assert keep(LISTS, mask).tolist() == [[0, 3, -1, -1], [2, -1, -1, -1]]
    assert keep(LISTS, np.zeros(5, dtype=np.bool_)).tolist() == [[-1] * 4, [-1] * 4]


def test_at_most_so_many_of_a_category():
    category = np.array([7, 7, 8, 7, -1])
    lists = np.array([[0, 2, 1, 3, 4], [3, 1, 0, 2, -1]], dtype=np.int32)
    assert cap_per_category(lists, category, cap=1).tolist() == [[0, 2, 4, -1, -1], [3, 2, -1, -1, -1]]
    assert cap_per_category(lists, category, cap=2).tolist() == [[0, 2, 1, 4, -1], [3, 1, 2, -1, -1]]
    assert (cap_per_category(lists, category, cap=3) == lists).all()
    # No category is nothing in common.
    assert (cap_per_category(lists, np.full(5, -1), cap=1) == lists).all()
    with pytest.raises(ValueError, match="cap is 0"):
        cap_per_category(lists, category, cap=0)
