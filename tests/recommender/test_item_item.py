"""Similar products and what they bring to customers; the golden numbers are worked out by hand."""

import math

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from precision.engine.backends.local import LocalEngine
from precision.engine.results import TopItems
from recommender.candidates.item_item import (
    Similarity,
    anchors,
    damped,
    rarity,
    recommend,
    similar,
    strongest,
)
from recommender.candidates.lists import to_sparse
from recommender.interactions import collect, guest_days, purchase_days
from tests.recommender.lines import frame, lazy, shuffled, two_tastes

ENGINE = LocalEngine(threads=1)
PLAIN = Similarity(k=3, damping=0, shrinkage=0, min_buyers=1)


def history(table, as_of_day=100):
    return collect(purchase_days(lazy(table), as_of_day=as_of_day), as_of_day=as_of_day)


def test_plain_cosine_by_hand():
    # Product 0 is bought by a, b, c; 1 by a, b; 2 by c.
    matrix = csr_matrix(np.array([[1, 1, 0], [1, 1, 0], [1, 0, 1]], dtype=np.float32))
    found = similar(ENGINE, matrix, how=PLAIN)
    assert found.items.tolist() == [[1, 2, -1], [0, -1, -1], [0, -1, -1]]
    assert found.scores[0].tolist() == pytest.approx([2 / math.sqrt(6), 1 / math.sqrt(3), 0])


def test_damping_and_shrinkage_by_hand():
    matrix = csr_matrix(np.array([[4, 1, 0, 0], [0, 1, 1, 1]], dtype=np.float32))
    # Roots over the number of products: (2/2, 1/2, 0, 0) and (0, 1/3, 1/3, 1/3).
    weights = damped(matrix, exponent=1)
    np.testing.assert_allclose(weights.toarray(), [[1, 0.5, 0, 0], [0, 1 / 3, 1 / 3, 1 / 3]], rtol=1e-6)
    found = similar(ENGINE, matrix, how=Similarity(k=3, damping=1, shrinkage=1, min_buyers=1))
    norms = np.sqrt([1, 1 / 4 + 1 / 9, 1 / 9, 1 / 9])
    mean_square = (norms**2).mean()
    assert found.items[0].tolist() == [1, -1, -1]
    assert found.scores[0, 0] == pytest.approx(0.5 / (norms[0] * norms[1] + mean_square))
    assert found.items[2].tolist() == [3, 1, -1]


def test_products_with_too_few_buyers_have_no_neighbours_and_are_none():
    matrix = csr_matrix(np.array([[1, 1, 1], [1, 1, 0]], dtype=np.float32))
    found = similar(ENGINE, matrix, how=Similarity(k=2, min_buyers=2))
    assert found.items.tolist() == [[1, -1], [0, -1], [-1, -1]]


def test_guests_baskets_count_in_what_is_similar():
    table = frame(
        (1, 1, 10, 90, 1),
        (2, 2, 20, 90, 1),
        (3, 3, 30, 90, 1),
        (None, 4, 10, 95, 1),
        (None, 4, 20, 95, 1),
    )
    known = history(table)
    guests = collect(guest_days(lazy(table), as_of_day=100), as_of_day=100, products=known.products)
    alone = similar(ENGINE, known.matrix(), how=PLAIN)
    assert (alone.items == -1).all()
    together = similar(ENGINE, known.matrix(), guests=guests.matrix(), how=PLAIN)
    assert together.items[:, 0].tolist() == [1, 0, -1]
    weightless = Similarity(k=3, min_buyers=1, guest_weight=0)
    assert (similar(ENGINE, known.matrix(), guests=guests.matrix(), how=weightless).items == -1).all()


def test_scores_of_customers_by_hand():
    neighbours = similar(
        ENGINE,
        csr_matrix(np.array([[1, 1, 0], [1, 1, 0], [1, 0, 1]], dtype=np.float32)),
        how=PLAIN,
    )
    profiles = csr_matrix(np.array([[0, 2, 1], [0, 0, 1]], dtype=np.float32))
    found = recommend(profiles, neighbours, k=2)
    assert found.items.tolist() == [[0, -1], [0, -1]]
    assert found.scores[:, 0].tolist() == pytest.approx(
        [2 * 2 / math.sqrt(6) + 1 / math.sqrt(3), 1 / math.sqrt(3)]
    )
    held = csr_matrix(np.array([[1, 0, 0], [0, 0, 0]], dtype=np.float32))
    assert recommend(profiles, neighbours, k=2, exclude=held).items.tolist() == [[-1, -1], [0, -1]]
    # Product 2 and product 1 speak for product 0; 1 is more like it and was bought twice.
    assert anchors(profiles, neighbours, found.items, rare=np.ones(3)).tolist() == [[1, -1], [2, -1]]
    assert anchors(profiles, neighbours, found.items, rare=np.array([1, 0.5, 1])).tolist() == [
        [2, -1],
        [2, -1],
    ]


def test_a_reason_is_what_speaks_for_this_item_and_not_what_everybody_buys():
    # Product 0 is bought by all, every week; 1 and 2, and 3 and 4, by half of them together.
    matrix = csr_matrix(np.array([[30, 1, 1, 0, 0], [30, 0, 0, 1, 1]] * 10, dtype=np.float32))
    neighbours = similar(ENGINE, matrix, how=Similarity(k=4, min_buyers=1))
    profiles = csr_matrix(np.array([[30, 1, 0, 1, 0]], dtype=np.float32))
    rare = rarity(matrix)
    assert rare.tolist() == pytest.approx([math.log(22 / 21), *[math.log(2)] * 4])
    items = np.array([[2, 4, 0]], dtype=np.int32)
    assert anchors(profiles, neighbours, items, rare=rare).tolist()[0][:2] == [1, 3]
    only_staple = csr_matrix(np.array([[30, 0, 0, 0, 0]], dtype=np.float32))
    assert anchors(only_staple, neighbours, items, rare=rare).tolist()[0][:2] == [0, 0], (
        "better than no reason"
    )


def test_what_everybody_bought_is_rare_enough_to_be_a_reason():
    assert rarity(csr_matrix(np.ones((1, 2), dtype=np.float32))).tolist() == pytest.approx(
        [math.log(1.5)] * 2
    )
    assert rarity(csr_matrix((0, 2), dtype=np.float32)).tolist() == pytest.approx([math.log(2)] * 2)
    empty = TopItems(np.zeros((0, 3), dtype=np.int32), np.zeros((0, 3), dtype=np.float32))
    nobody = anchors(
        csr_matrix((0, 0), dtype=np.float32), empty, np.zeros((0, 5), dtype=np.int32), rare=np.zeros(0)
    )
    assert nobody.shape == (0, 5)


def test_anchors_against_the_slow_formula():
    rng = np.random.default_rng(2)
    profiles = csr_matrix((rng.random((300, 30)) < 0.2) * rng.random((300, 30))).astype(np.float32)
    neighbours = similar(ENGINE, profiles, how=Similarity(k=5, min_buyers=1))
    items = np.array([[*rng.permutation(30)[:6], -1] for _ in range(300)], dtype=np.int32)
    similarity = to_sparse(neighbours, columns=30).toarray()
    rare = rarity(profiles)
    expected = np.full(items.shape, -1)
    for row, place in zip(*np.nonzero(items >= 0), strict=True):
        weight = profiles[row].toarray()[0].astype(float)
        reasons = weight / (weight + 0.25) * similarity[:, items[row, place]] * rare
        if reasons.max() > 0:
            expected[row, place] = reasons.argmax()
    assert (expected >= 0).any()
    assert (anchors(profiles, neighbours, items, rare=rare) == expected).all()


def test_the_strongest_entries_of_a_row():
    matrix = csr_matrix(np.array([[1, 3, 2, 3], [0, 5, 0, 0]], dtype=np.float32))
    assert strongest(matrix, n=2).toarray().tolist() == [[0, 3, 0, 3], [0, 5, 0, 0]]
    assert strongest(matrix, n=4) is matrix


def test_two_tastes_come_apart():
    found = similar(ENGINE, history(frame(*two_tastes())).matrix())
    listed = found.items >= 0
    rows = np.nonzero(listed)[0]
    assert (found.items[listed] % 2 == rows % 2).all()
    assert listed.sum(axis=1).tolist() == [9] * 20


def test_only_similar_customers_orders_change_and_the_answer_changes():
    me = [(1, 1, 10, 98, 1)]
    others = [(2, 2, 10, 97, 1), (3, 3, 10, 97, 1), (4, 4, 20, 97, 1), (4, 4, 30, 97, 1)]
    like_me_buy_20 = [(2, 5, 20, 99, 1), (3, 6, 20, 99, 1)]
    like_me_buy_30 = [(2, 5, 30, 99, 1), (3, 6, 30, 99, 1)]

    def for_me(*rows):
        known = history(frame(*rows))
        matrix = known.matrix(half_life_days=30)
        near = similar(ENGINE, matrix, how=Similarity(min_buyers=1))
        best = recommend(matrix[:1], near, k=1, exclude=known.matrix()[:1])
        return int(known.products[best.items[0, 0]])

    assert for_me(*me, *others, *like_me_buy_20) == 20
    assert for_me(*me, *others, *like_me_buy_30) == 30


def test_the_order_of_lines_changes_nothing():
    table = frame(*two_tastes())
    first = similar(ENGINE, history(table).matrix(half_life_days=5))
    again = similar(ENGINE, history(shuffled(table)).matrix(half_life_days=5))
    assert (first.items == again.items).all()
    assert (first.scores == again.scores).all()


def test_an_empty_shop_has_no_neighbours():
    empty = csr_matrix((0, 0), dtype=np.float32)
    assert similar(ENGINE, empty).items.shape == (0, 50)
    assert recommend(empty, similar(ENGINE, empty), k=3).items.shape == (0, 3)


@pytest.mark.parametrize("wrong", [{"k": 0}, {"min_buyers": 0}, {"damping": -1}, {"shrinkage": float("nan")}])
def test_nonsense_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Similarity(**wrong)
