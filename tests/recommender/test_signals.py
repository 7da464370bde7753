"""Behaviour beside purchases: weights by kind, once a day, removals against carts, returns out, guests apart."""

from itertools import product

import narwhals as nw
import numpy as np
import polars as pl
import pytest

from precision.shop.columns import CUSTOMER, DAY, EVENT, IDENTITY, PRODUCT
from recommender.interactions import WEIGHT, WEIGHT_E9, collect, guest_days, purchase_days
from recommender.signals import PURCHASES_ONLY, VISITOR_FROM, Weights, of_customers, of_guests
from tests.recommender.lines import frame, lazy, shuffled

ANN, BEN = 1, 2
SOAP, COMB, TEA = 10, 20, 30
WEIGHTS = Weights(purchase=1, cart=0.5, wishlist=0.25, view=0.125, removal=-0.5)
LINES = frame(
    (ANN, 100, SOAP, 40, 2),
    (ANN, 101, COMB, 40, 1),
    (ANN, 102, COMB, 45, -1),  # given back altogether
    (None, 103, TEA, 41, 1),
)
SCHEMA = {CUSTOMER: pl.Int64, IDENTITY: pl.Int64, EVENT: pl.String, PRODUCT: pl.Int64, DAY: pl.Int64}


def told(*rows: tuple) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


EVENTS = told(
    (ANN, 1, "Product Viewed", SOAP, 40),
    (ANN, 1, "Product Viewed", SOAP, 40),  # twice a day is once
    (ANN, 1, "Product Clicked", SOAP, 40),  # the same kind
    (ANN, 1, "Product Added", SOAP, 40),
    (ANN, 1, "Product Viewed", COMB, 39),  # what led to a purchase that came back
    (ANN, 1, "Product Viewed", COMB, 46),  # a new interest after the return
    (BEN, 2, "Product Added", TEA, 40),
    (BEN, 2, "Product Removed", TEA, 42),
    (BEN, 2, "Product Added to Wishlist", SOAP, 44),
    (BEN, 2, "Product Viewed", SOAP, 50),  # on the as-of day: not yet
    (BEN, 2, "Products Searched", SOAP, 44),  # no kind of ours
    (BEN, 2, "Product Viewed", None, 44),
    (None, 7, "Product Viewed", TEA, 44),
    (None, 7, "Product Added", SOAP, 44),
    (None, None, "Product Viewed", TEA, 44),
)


def rows_of(made: nw.LazyFrame) -> list[tuple[int, int, int, float]]:
    table = made.collect().sort(CUSTOMER, PRODUCT, DAY)
    return [
        (who, what, day, weight / WEIGHT)
        for who, what, day, weight in table.select(CUSTOMER, PRODUCT, DAY, WEIGHT_E9).rows()
    ]


def test_each_kind_counts_once_a_day_and_the_day_adds_up():
    made = rows_of(of_customers(lazy(LINES), lazy(EVENTS), as_of_day=50, weights=WEIGHTS))
    assert made == [
        (ANN, SOAP, 40, 1 + 0.5 + 0.125),
        (ANN, COMB, 46, 0.125),
        (BEN, SOAP, 44, 0.25),
        (BEN, TEA, 40, 0.5),
        (BEN, TEA, 42, -0.5),
    ]


def test_guests_orders_and_nameless_visitors_are_rows_of_their_own():
    made = rows_of(of_guests(lazy(LINES), lazy(EVENTS), as_of_day=50, weights=WEIGHTS))
    assert made == [(VISITOR_FROM - 7, SOAP, 44, 0.5), (VISITOR_FROM - 7, TEA, 44, 0.125), (-104, TEA, 41, 1)]


def test_the_matrix_decays_and_leaves_out_what_cancels():
    history = collect(of_customers(lazy(LINES), lazy(EVENTS), as_of_day=50, weights=WEIGHTS), as_of_day=50)
    assert history.customers.tolist() == [ANN, BEN]
    assert history.products.tolist() == [SOAP, COMB, TEA]
    assert history.matrix().toarray().tolist() == [[1.625, 0.125, 0], [0.25, 0, 0]]
    assert history.matrix().nnz == 3  # tea: 0.5 − 0.5 is no entry, not a zero
    decayed = history.matrix(half_life_days=10).toarray()
    # The removal came two days after the cart, so with decay it weighs more; a weight below 0 is none.
    assert decayed == pytest.approx(np.array([[1.625 * 0.5, 0.125 * 2**-0.4, 0], [0.25 * 2**-0.6, 0, 0]]))


def test_rows_and_columns_of_another_history():
    made = of_customers(lazy(LINES), lazy(EVENTS), as_of_day=50, weights=WEIGHTS)
    history = collect(made, as_of_day=50, customers=np.array([0, ANN]), products=np.array([SOAP, TEA]))
    assert history.customers.tolist() == [0, ANN]
    assert history.matrix().toarray().tolist() == [[0, 0], [1.625, 0]]
    with pytest.raises(ValueError, match="customers to number by are not strictly ascending"):
        collect(made, as_of_day=50, customers=np.array([ANN, ANN]))


def test_without_events_it_is_the_purchases():
    for (ours, plain), nothing in product(
        ((of_customers, purchase_days), (of_guests, guest_days)), (None, lazy(told()))
    ):
        weighed = collect(ours(lazy(LINES), nothing, as_of_day=50, weights=Weights()), as_of_day=50)
        bought = collect(plain(lazy(LINES), as_of_day=50), as_of_day=50)
        assert (weighed.matrix(half_life_days=9) != bought.matrix(half_life_days=9)).nnz == 0
        assert weighed.customers.tolist() == bought.customers.tolist()


def test_only_purchases_leave_behaviour_out():
    made = rows_of(of_customers(lazy(LINES), lazy(EVENTS), as_of_day=50, weights=PURCHASES_ONLY))
    assert made == [(ANN, SOAP, 40, 1)]
    assert not PURCHASES_ONLY.behaviour_counts
    assert Weights().behaviour_counts


def test_weights_of_zero_leave_nothing():
    nothing = Weights(purchase=0, cart=0, wishlist=0, view=0)
    at_all = Weights(purchase=0, cart=0, wishlist=0, view=0, removal=0)
    made = of_customers(lazy(LINES), lazy(EVENTS), as_of_day=50, weights=at_all)
    assert nothing.nothing_counts
    assert at_all.nothing_counts
    assert not Weights(purchase=0).nothing_counts
    assert rows_of(made) == []
    assert collect(made, as_of_day=50).matrix(half_life_days=5).shape == (0, 0)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"view": float("nan")}, "weight of view is nan, wanted 0 to 1000"),
        ({"cart": -1}, "weight of cart is -1, wanted 0 to 1000"),
        ({"removal": 0.5}, "weight of removal is 0.5, wanted -1000 to 0"),
        ({"purchase": float("inf")}, "weight of purchase is inf"),
    ],
)
def test_weights_that_make_no_sense_are_refused(wrong: dict, message: str):
    with pytest.raises(ValueError, match=message):
        Weights(**wrong)


def test_the_order_of_rows_changes_nothing():
    made = [
        rows_of(
            of_customers(
                lazy(shuffled(LINES, seed=seed)),
                lazy(shuffled(EVENTS, seed=seed)),
                as_of_day=50,
                weights=WEIGHTS,
            )
        )
        for seed in range(3)
    ]
    assert made[0] == made[1] == made[2]
