"""Who bought what as of a day: returns out, guests apart, two definitions of the weight that agree."""

import narwhals as nw
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from precision.shop.columns import CUSTOMER, DAY, PRODUCT, QUANTITY_E3
from recommender.interactions import (
    DAYS,
    FIRST_DAY,
    LAST_DAY,
    ORDERS,
    WEIGHT,
    WEIGHT_E9,
    collect,
    guest_days,
    interactions,
    positions,
    purchase_days,
    to_matrix,
)
from tests.recommender.lines import frame, lazy, shuffled

ANN, BEN, CEM = 1, 2, 3
SOAP, COMB, TEA = 10, 20, 30
TABLE = frame(
    (ANN, 100, SOAP, 40, 2),
    (ANN, 100, SOAP, 40, 1),  # two lines of one order
    (ANN, 101, SOAP, 40, 1),  # a second order that day
    (ANN, 102, SOAP, 50, 1),
    (ANN, 103, SOAP, 55, -1),  # one of five comes back
    (ANN, 102, COMB, 50, 3),
    (ANN, 104, COMB, 58, -3),  # all three come back
    (BEN, 105, TEA, 59, 1),
    (BEN, 106, SOAP, 60, 1),  # on the as-of day: not yet
    (CEM, 107, COMB, 30, -1),  # bought before our history
    (None, 108, SOAP, 45, 1),
    (None, 108, TEA, 45, 2),
    (None, 109, SOAP, 46, -1),
)


def test_pairs_with_their_orders_days_and_weight():
    table = interactions(lazy(TABLE), as_of_day=60, half_life_days=10).collect().sort(CUSTOMER, PRODUCT)
    assert table.select(CUSTOMER, PRODUCT, ORDERS, DAYS, FIRST_DAY, LAST_DAY, QUANTITY_E3).rows() == [
        (ANN, SOAP, 3, 2, 40, 50, 5000),
        (BEN, TEA, 1, 1, 59, 59, 1000),
    ]
    assert table[WEIGHT_E9].to_list() == pytest.approx([(0.25 + 0.5) * WEIGHT, 2**-0.1 * WEIGHT], abs=2)


def test_without_half_life_the_weight_is_the_number_of_days():
    found = to_matrix(interactions(lazy(TABLE), as_of_day=60))
    assert found.customers.tolist() == [ANN, BEN]
    assert found.products.tolist() == [SOAP, TEA]
    assert found.matrix.toarray().tolist() == [[2, 0], [0, 1]]


def test_the_future_does_not_exist():
    early = purchase_days(lazy(TABLE), as_of_day=55).collect().sort(CUSTOMER, PRODUCT, DAY)
    # The return of day 58 has not happened: the combs are still hers.
    assert early.select(CUSTOMER, PRODUCT, DAY).rows() == [
        (ANN, SOAP, 40),
        (ANN, SOAP, 50),
        (ANN, COMB, 50),
    ]


def test_guests_orders_are_rows_of_their_own_below_zero():
    found = guest_days(lazy(TABLE), as_of_day=60).collect().sort(PRODUCT)
    assert found.select(CUSTOMER, PRODUCT, DAY).rows() == [(-109, SOAP, 45), (-109, TEA, 45)]


def test_a_shared_numbering_leaves_other_products_out():
    guests = collect(guest_days(lazy(TABLE), as_of_day=60), as_of_day=60, products=np.array([SOAP, COMB]))
    assert guests.products.tolist() == [SOAP, COMB]
    assert guests.matrix().toarray().tolist() == [[1, 0]]
    with pytest.raises(ValueError, match="strictly ascending"):
        collect(guest_days(lazy(TABLE), as_of_day=60), as_of_day=60, products=np.array([2, 1]))


def test_the_order_of_lines_changes_nothing():
    def matrix(table):
        return collect(purchase_days(lazy(table), as_of_day=60), as_of_day=60).matrix(half_life_days=9)

    for seed in range(5):
        assert (matrix(TABLE) != matrix(shuffled(TABLE, seed=seed))).nnz == 0


line = st.tuples(
    st.integers(1, 3), st.integers(1, 9), st.integers(1, 4), st.integers(0, 30), st.integers(-2, 3)
)


@settings(max_examples=60, deadline=None)
@given(st.lists(line, max_size=30))
def test_arrays_and_frames_agree(rows):
    table = frame(*rows)
    history = collect(purchase_days(lazy(table), as_of_day=25), as_of_day=25)
    pairs = to_matrix(interactions(lazy(table), as_of_day=25, half_life_days=7))
    assert history.customers.tolist() == pairs.customers.tolist()
    assert history.products.tolist() == pairs.products.tolist()
    np.testing.assert_allclose(
        history.matrix(half_life_days=7).toarray(), pairs.matrix.toarray(), rtol=1e-6, atol=1e-8
    )


def test_nobody_bought_anything():
    history = collect(purchase_days(lazy(frame()), as_of_day=25), as_of_day=25)
    assert history.shape == (0, 0)
    assert history.matrix(half_life_days=3).shape == (0, 0)


@pytest.mark.parametrize("half_life", [0, -1, float("nan")])
def test_a_half_life_must_be_above_zero(half_life):
    with pytest.raises(ValueError, match="half_life_days"):
        interactions(lazy(TABLE), as_of_day=60, half_life_days=half_life)


def test_positions_among_ids():
    place, known = positions(np.array([5, 1, 9, 2]), np.array([1, 5, 7]))
    assert known.tolist() == [True, True, False, False]
    assert place[known].tolist() == [1, 0]
    assert positions(np.array([5]), np.array([], dtype=np.int64))[1].tolist() == [False]


def test_frames_are_of_the_dialect():
    schema = interactions(lazy(TABLE), as_of_day=60, half_life_days=10).collect_schema()
    assert {str(dtype) for dtype in schema.values()} == {"Int64"}
    assert isinstance(purchase_days(lazy(TABLE), as_of_day=60), nw.LazyFrame)
