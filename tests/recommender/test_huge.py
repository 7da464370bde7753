"""A basket of 100,000 lines and a catalogue of a million products: bounded work, and a sensible answer."""

import tracemalloc
from collections.abc import Callable

import narwhals as nw
import numpy as np
import polars as pl
import pytest

from precision.engine.backends.local import LocalEngine
from precision.shop.columns import (
    CATEGORY,
    CUSTOMER,
    DAY,
    LIST_PRICE_E4,
    ORDER,
    PRODUCT,
    QUANTITY_E3,
    RETURNED,
    UNIT_PRICE_E4,
)
from recommender.candidates import blend, ease, groups, item_item, personal, rules
from recommender.candidates.lists import free_of_one, same_for_all
from recommender.interactions import collect, guest_days, purchase_days
from recommender.methods import pairs
from tests.recommender.lines import two_tastes

ENGINE = LocalEngine(threads=1)
AS_OF = 100
LINES = 100_000
WHOLESALER = 999
MILLION = 1_000_000
MB = 1_000_000


def table(customer: np.ndarray, order: np.ndarray, product: np.ndarray, day: np.ndarray) -> pl.DataFrame:
    """Order lines of one unit each; a customer below 0 is a guest."""
    size = len(product)
    return pl.DataFrame({
        CUSTOMER: customer, ORDER: order, PRODUCT: product, DAY: day, QUANTITY_E3: np.full(size, 1_000),
        RETURNED: np.zeros(size, dtype=bool), UNIT_PRICE_E4: np.full(size, 10_000),
    }).with_columns(
        pl.when(pl.col(CUSTOMER) >= 0).then(CUSTOMER).alias(CUSTOMER),
        *(pl.lit(None, dtype=pl.Int64).alias(name) for name in (CATEGORY, LIST_PRICE_E4)),
    )  # fmt: skip


def small() -> pl.DataFrame:
    rows = np.array(two_tastes())[:, :4]
    return table(*rows.T)


def with_huge(*, guest: bool, distinct: int = LINES) -> pl.DataFrame:
    """The shop of two tastes, and one order of 100,000 lines, that holds the shop's own goods too."""
    product = np.arange(LINES) % distinct
    ones = np.ones(LINES, dtype=np.int64)
    huge = table(ones * (-1 if guest else WHOLESALER), ones * 777_777, product, ones * 95)
    return pl.concat([small(), huge])


def lazy(frame: pl.DataFrame) -> nw.LazyFrame:
    return nw.from_native(frame.lazy())


def peak(work: Callable[[], object]) -> int:
    """The most bytes that work held at once, as numpy and Python count them."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("guest", [False, True])
def test_a_huge_basket_makes_no_rules_and_leaves_the_others_as_they_were(guest: bool) -> None:
    lines = with_huge(guest=guest)
    found = pairs.to_matrix(pairs.purchases(lazy(lines)), max_items=rules.Ruling().max_items)
    assert found.left_out == 1
    products = np.arange(20)
    ours, before = (
        rules.fit(ENGINE, lazy(frame), as_of_day=AS_OF, products=products) for frame in (lines, small())
    )
    assert before.nnz
    np.testing.assert_array_equal(ours.toarray(), before.toarray())
    # The pairs of the basket would be five billion.
    counted = peak(lambda: rules.fit(ENGINE, lazy(lines), as_of_day=AS_OF, products=np.arange(LINES)))
    assert counted < 100 * MB


def test_a_huge_basket_of_few_goods_is_a_small_basket() -> None:
    lines = with_huge(guest=False, distinct=7)
    found = pairs.to_matrix(pairs.purchases(lazy(lines)), max_items=300)
    assert found.left_out == 0
    assert found.matrix[found.orders == 777_777].sum() == 7
    known = collect(purchase_days(lazy(lines), as_of_day=AS_OF), as_of_day=AS_OF)
    mine = known.matrix()[known.customers == WHOLESALER]
    assert mine.nnz == 7
    assert set(mine.data.tolist()) == {1.0}, "a purchase counts once a day"


@pytest.mark.parametrize("guest", [False, True])
def test_a_huge_basket_moves_no_likeness_and_stays_within_memory(guest: bool) -> None:
    lines = with_huge(guest=guest)
    known = collect(purchase_days(lazy(lines), as_of_day=AS_OF), as_of_day=AS_OF)
    guests = collect(guest_days(lazy(lines), as_of_day=AS_OF), as_of_day=AS_OF, products=known.products)
    assert len(known.products) == (20 if guest else LINES)
    matrix = known.matrix(half_life_days=30)
    how = item_item.Similarity(k=10)
    near = item_item.similar(ENGINE, matrix, guests=guests.matrix(half_life_days=30), how=how)
    for product in range(20):
        listed = near.items[product][near.items[product] >= 0]
        assert len(listed)
        assert (known.products[listed] < 20).all(), "one buyer makes nothing similar"
        assert (known.products[listed[:9]] % 2 == product % 2).all(), "the two tastes stay apart"
    assert (near.items[20:] == -1).all()
    assert peak(lambda: item_item.similar(ENGINE, matrix, guests=guests.matrix(), how=how)) < 200 * MB


def test_every_source_answers_the_wholesaler_and_the_others() -> None:
    lines = with_huge(guest=False)
    how = personal.Tuning(regression=ease.Regression(most_items=500))  # memory and time are its square
    sources = personal.fit(ENGINE, lazy(lines), as_of_day=AS_OF, rng=np.random.default_rng(1), how=how)
    rows = np.flatnonzero(np.isin(sources.history.customers, [0, WHOLESALER]))
    for new_only in (True, False):
        found = personal.lists(ENGINE, sources, rows=rows, k=30, new_only=new_only)
        weights = blend.NEW_ITEMS if new_only else blend.ALL_ITEMS
        mixed = blend.blend(found, weights=weights, n=20)
        for row, items, scores in zip(rows, mixed.items, mixed.scores, strict=True):
            listed = items[items >= 0]
            assert np.isfinite(scores).all()
            assert len(set(listed.tolist())) == len(listed)
            if new_only:
                assert not np.isin(listed, sources.bought[row].indices).any()
        if new_only:
            assert (mixed.items[1] == -1).all(), "who has everything gets nothing new"
            assert (mixed.items[0] >= 0).any()
        else:
            assert (mixed.items >= 0).any(axis=1).all()
    assert len(sources.profiles[rows[1]].indices) <= personal.Tuning().profile_items


def test_a_million_products() -> None:
    """Sold are 5,000 of them, spread over the million; what nobody bought has columns all the same."""
    rng = np.random.default_rng(4)
    size = 40_000
    every = np.arange(MILLION)
    customer = rng.integers(0, 3_000, size)
    # Even customers buy among the even goods.
    product = rng.integers(0, 2_500, size) * 400 + (customer % 2) * 7
    lines = table(customer, np.arange(size) // 3, product, rng.integers(60, AS_OF, size))
    known = collect(purchase_days(lazy(lines), as_of_day=AS_OF), as_of_day=AS_OF, products=every)
    assert known.shape == (3_000, MILLION)
    matrix = known.matrix(half_life_days=30)
    near = item_item.similar(ENGINE, matrix, how=item_item.Similarity(k=5, min_buyers=2))
    sold = np.unique(known.column)
    listed = near.items[sold]
    assert (listed >= 0).any(axis=1).mean() > 0.9
    assert np.isin(listed[listed >= 0], sold).all()
    assert (near.items[np.setdiff1d(every[:5_000], sold)] == -1).all()

    rows = np.arange(500)
    profiles, held = matrix[rows], known.matrix()[rows]
    buyers = np.bincount(known.column, minlength=MILLION).astype(np.float64)
    similarity = rules.fit(ENGINE, lazy(lines), as_of_day=AS_OF, products=every)
    kinds = groups.by_category(matrix, every // 1_000, buyers)

    def lists() -> blend.Blended:
        found = {
            "item-item": item_item.recommend(profiles, near, k=20, exclude=held),
            "rules": item_item.spoken_for(profiles, similarity, k=20, exclude=held),
            "popular": free_of_one(buyers, rows=len(rows), k=20, exclude=held),
            "category": groups.recommend(kinds, k=20, rows=rows, exclude=held),
        }
        return blend.blend(found, weights=dict.fromkeys(found, 1.0), n=20)

    mixed = lists()
    assert (mixed.items >= 0).all(), "everybody gets a full list"
    assert np.isin(mixed.items, sold).all()
    assert not (held[np.arange(500).repeat(20), mixed.items.ravel()] > 0).any()
    assert (np.diff(np.sort(mixed.items, axis=1), axis=1) > 0).all()
    rare = item_item.rarity(matrix)
    anchors = item_item.anchors(profiles, near, mixed.items, rare=rare)
    assert (anchors >= 0).any()
    # A few numbers a product, and never a row of a million for each customer, which would be gigabytes.
    assert peak(lists) < 300 * MB
    assert peak(lambda: item_item.anchors(profiles, near, mixed.items, rare=rare)) < 150 * MB
    assert peak(lambda: same_for_all(buyers, rows=500, k=20)) < 50 * MB
