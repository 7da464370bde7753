"""All sources at once: what behaviour and an assortment add to purchases, and what holds of every list."""

import math
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from precision.engine.backends.local import LocalEngine
from precision.shop.columns import (
    ACTIVE,
    CATEGORY,
    CUSTOMER,
    DAY,
    EVENT,
    IDENTITY,
    IN_STOCK,
    PRICE_E4,
    PRODUCT,
)
from recommender.candidates import assortment, personal
from recommender.candidates.personal import Signals, Sources
from recommender.interactions import collect, purchase_days
from recommender.ranking.descriptions import Catalogue
from recommender.signals import Weights
from tests.recommender.lines import frame, lazy, two_tastes

ENGINE = LocalEngine(threads=1)
AS_OF = 100
EVENTS = {CUSTOMER: pl.Int64, IDENTITY: pl.Int64, EVENT: pl.String, PRODUCT: pl.Int64, DAY: pl.Int64}
BROWSER, COLD, HIDDEN = (
    999,
    70,
    71,
)  # a customer who bought nothing, a product that nobody bought, one not for sale


def told(*rows: tuple[Any, ...]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=EVENTS, orient="row")


def goods() -> assortment.Assortment:
    ids = [*range(20), COLD, HIDDEN]
    table = pl.DataFrame(
        {
            PRODUCT: ids,
            CATEGORY: [product % 2 for product in ids],
            PRICE_E4: [None, *([10_000] * (len(ids) - 1))],
            IN_STOCK: [True] * len(ids),
            ACTIVE: [product != HIDDEN for product in ids],
        },
        schema_overrides={PRICE_E4: pl.Int64, PRODUCT: pl.Int64, CATEGORY: pl.Int64},
    )
    titles = [f"{'mug' if product % 2 == 0 else 'lamp'} {product // 6}x" for product in ids]
    return assortment.collect(lazy(table), Catalogue(np.array(ids), titles, [None] * len(ids)))


def fit(rows: list[tuple[int, ...]], **given: Any) -> Sources:
    return personal.fit(ENGINE, lazy(frame(*rows)), as_of_day=AS_OF, rng=np.random.default_rng(1), **given)


def shown(sources: Sources, customer: int, *, k: int = 5, new_only: bool = True) -> dict[str, list[int]]:
    row = np.flatnonzero(sources.history.customers == customer)
    found = personal.lists(ENGINE, sources, rows=row, k=k, new_only=new_only)
    return {
        name: [int(sources.history.products[item]) for item in each.items[0] if item >= 0]
        for name, each in found.items()
    }


def test_signals_of_purchases_alone_change_nothing() -> None:
    plain = fit(two_tastes())
    for weights in (Weights(purchase=7, cart=0, wishlist=0, view=0, removal=0), Weights()):
        same = fit(two_tastes(), signals=Signals(events=lazy(told()), weights=weights))
        for customer in (0, 1):
            assert shown(same, customer) == shown(plain, customer), "weights count beside each other"


def test_who_only_looked_gets_lists_and_what_they_saw_is_new_to_them() -> None:
    seen = [(BROWSER, 1, "Product Viewed", 4, 95), (BROWSER, 1, "Product Added", 6, 95)]
    sources = fit(two_tastes(), signals=Signals(events=lazy(told(*seen))))
    found = shown(sources, BROWSER)
    for name in ("item-item", "ease"):
        assert found[name], name
        assert {product % 2 for product in found[name]} == {0}, name
    assert {4, 6} <= set(shown(sources, BROWSER, k=20)["popular-30"])
    assert "buy-again" not in found
    assert shown(sources, BROWSER, new_only=False)["buy-again"] == []
    assert sources.bought[np.flatnonzero(sources.history.customers == BROWSER)].nnz == 0


def test_carts_bring_their_neighbours_and_what_was_taken_out_again_does_not() -> None:
    cart = [(1, 1, "Product Added", 4, 99)]
    out = [(1, 1, "Product Removed", 4, 99)]
    only = Weights(purchase=0, cart=1, wishlist=0, view=0, removal=-1)
    others = [(c, c, "Product Added", p, 98) for c in range(50, 60) for p in (4, 8)]
    kept = fit(two_tastes(), signals=Signals(events=lazy(told(*cart, *others)), weights=only))
    taken = fit(two_tastes(), signals=Signals(events=lazy(told(*cart, *out, *others)), weights=only))
    assert shown(kept, 1)["item-item"] == [8]
    assert shown(taken, 1)["item-item"] == []


@pytest.mark.parametrize("half_life", [None, 3.0])
def test_the_half_life_of_staff_goes_before_our_own(half_life: float | None) -> None:
    events = lazy(told((0, 1, "Product Viewed", 5, 40)))
    sources = fit(two_tastes(), signals=Signals(events=events, half_life_days=half_life))
    row, column = (
        np.flatnonzero(sources.history.customers == 0)[0], np.searchsorted(sources.history.products, 5)
    )  # fmt: skip
    assert sources.profiles[row, column] == pytest.approx(0.2 * 2 ** (-60 / (half_life or 60)), rel=1e-4)


def test_weights_of_zero_leave_best_sellers() -> None:
    nothing = Weights(purchase=0, cart=0, wishlist=0, view=0, removal=0)
    sources = fit(two_tastes(), signals=Signals(events=lazy(told()), weights=nothing))
    found = shown(sources, 0)
    assert found["item-item"] == found["ease"] == found["factors"] == []
    assert found["popular-30"]


def test_a_product_that_nobody_bought_is_proposed_by_its_description() -> None:
    plain, sources = fit(two_tastes()), fit(two_tastes(), goods=goods())
    found = shown(sources, 0, k=10)
    assert COLD in found["content"]
    assert HIDDEN not in found["content"]
    assert COLD not in shown(sources, 1, k=10)["content"][:1]
    assert "content" not in shown(plain, 0)
    without = {name: items for name, items in found.items() if name not in ("content", "popular-category")}
    for name in without.keys() - {"popular-class"}:
        assert without[name] == shown(plain, 0, k=10)[name], "what nobody bought changes no other source"
    column = np.searchsorted(sources.history.products, COLD)
    assert sources.prices[column] == 10_000
    assert sources.categories[column] == COLD % 2


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [(1, 1, 5, 99, 1)],
        [(1, order, 5, 90 + order, 1) for order in range(5)],
        [(customer, customer, 5, 99, 1) for customer in range(6)],
        [(None, 1, 5, 99, 1)],
        [(1, 1, 5, 99, -1)],
        [(1, 1, 5, 1, 1), (2, 2, 6, 1, 1)],
    ],
    ids=["nothing", "one order", "one customer", "one product", "a guest", "given back", "long ago"],
)
@pytest.mark.parametrize("with_goods", [False, True])
@pytest.mark.filterwarnings("error")
def test_next_to_nothing(rows: list[tuple[int, ...]], *, with_goods: bool) -> None:
    sources = fit(rows, goods=goods() if with_goods else None, signals=Signals(events=lazy(told())))
    size = len(sources.history.customers)
    for new_only in (False, True):
        for found in personal.lists(ENGINE, sources, rows=np.arange(size), k=3, new_only=new_only).values():
            assert found.items.shape == (size, 3)
            assert np.isfinite(found.scores).all()


LINE = st.tuples(
    st.one_of(st.none(), st.integers(0, 4)), st.integers(0, 6), st.integers(0, 7), st.integers(60, 99),
    st.sampled_from([-1, 1, 1, 1, 3]),
)  # fmt: skip
SEEN = st.tuples(
    st.one_of(st.none(), st.integers(0, 6)), st.integers(0, 4),
    st.sampled_from(["Product Viewed", "Product Added", "Product Removed"]), st.integers(0, 9),
    st.integers(60, 99),
)  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(rows=st.lists(LINE, max_size=40), events=st.lists(SEEN, max_size=20), k=st.integers(1, 12))
def test_what_holds_of_every_list(rows: list[tuple[int, ...]], events: list[tuple[Any, ...]], k: int) -> None:
    sources = fit(rows, signals=Signals(events=lazy(told(*events))), goods=goods())
    customers, products = sources.history.shape
    every = np.arange(customers)
    for new_only in (False, True):
        for name, found in personal.lists(ENGINE, sources, rows=every, k=k, new_only=new_only).items():
            assert found.items.shape == found.scores.shape == (customers, k), name
            assert np.isfinite(found.scores).all(), name
            assert ((found.items >= 0) == (found.scores > 0)).all(), name
            assert (found.items < products).all(), name
            assert (np.diff(found.scores, axis=1) <= 0).all(), name
            for row in every:
                real = found.items[row][found.items[row] >= 0].tolist()
                assert len(real) == len(set(real)), name
                held = set(sources.bought[row].indices.tolist())
                assert not (new_only and held & set(real)), name


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(LINE, max_size=40), half_life=st.sampled_from([None, 10.0]))
def test_the_matrix_is_what_counting_gives(rows: list[tuple[int, ...]], half_life: float | None) -> None:
    wanted: dict[tuple[int, int], float] = {}
    for pair in {(who, what) for who, _, what, _, _ in rows if who is not None}:
        mine = [row for row in rows if (row[0], row[2]) == pair]
        if sum(units for *_, units in mine) <= 0:
            continue
        orders: dict[tuple[int, int], int] = {}
        for _, order, _, day, units in mine:
            orders[order, day] = orders.get((order, day), 0) + units
        days = {day for (_, day), units in orders.items() if units > 0}
        wanted[pair] = sum(1 if half_life is None else 2 ** (-(AS_OF - day) / half_life) for day in days)
    history = collect(purchase_days(lazy(frame(*rows)), as_of_day=AS_OF), as_of_day=AS_OF)
    matrix = history.matrix(half_life_days=half_life).tocoo()
    found = {
        (int(history.customers[row]), int(history.products[column])): value
        for row, column, value in zip(matrix.row, matrix.col, matrix.data, strict=True)
    }
    assert found.keys() == wanted.keys()
    assert all(math.isclose(found[pair], wanted[pair], rel_tol=1e-5) for pair in wanted)
