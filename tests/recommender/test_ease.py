"""The linear model of all products: its closed form, its bounds, and what it must not say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.sparse import csr_matrix

from precision.engine.results import NOBODY
from recommender.candidates import ease
from recommender.candidates.ease import Regression

PLAIN = Regression(l2=2.0, damping=0)


def matrix(*rows):
    return csr_matrix(np.array(rows, dtype=np.float32))


def by_the_book(weights, *, l2):
    """B of the paper, dense and in double precision."""
    root = np.sqrt(weights.astype(np.float64))
    inverse = np.linalg.inv(root.T @ root + l2 * np.eye(weights.shape[1]))
    found = inverse / -np.diag(inverse)
    np.fill_diagonal(found, 0)
    return found


def test_weights_by_hand():
    # XᵀX + 2 I = [[4, 1], [1, 3]], its inverse [[3, −1], [−1, 4]] / 11: B₀₁ = 1/4, B₁₀ = 1/3.
    model = ease.fit(matrix([1, 1], [1, 0]), how=PLAIN)
    assert model.weights == pytest.approx(np.array([[0, 1 / 4], [1 / 3, 0]]), rel=1e-5)
    assert model.scores(matrix([2, 0])).tolist() == [[0, pytest.approx(0.5)]]


def test_it_is_the_closed_form():
    weights = np.random.default_rng(1).random((30, 12)) * (np.random.default_rng(2).random((30, 12)) < 0.4)
    model = ease.fit(csr_matrix(weights), how=Regression(l2=1.5, damping=0))
    assert model.weights == pytest.approx(by_the_book(weights, l2=1.5), abs=1e-5)


def test_what_a_third_product_explains_is_not_counted_twice():
    # Product 0 goes with 1 and with 2; 1 and 2 meet only in the baskets of 0.
    rows = [[1, 1, 0]] * 10 + [[1, 0, 1]] * 10 + [[1, 1, 1]] * 5
    weights = ease.fit(matrix(*rows), how=Regression(l2=0.1, damping=0)).weights
    assert weights[0, 1] > 0
    assert weights[1, 2] < 0


def test_only_the_most_bought_take_part():
    weights = np.random.default_rng(3).random((40, 30))
    weights[:, :10] += 1
    model = ease.fit(csr_matrix(weights), how=Regression(l2=5, most_items=10))
    assert model.items.tolist() == list(range(10))
    assert model.weights.shape == (10, 10)
    assert ease.recommend(csr_matrix(weights), model, k=30).items.max() < 10


def test_blocks_change_nothing(monkeypatch):
    weights = csr_matrix(np.random.default_rng(4).random((50, 23)))
    whole = ease.fit(weights).weights
    lists = ease.recommend(weights, ease.fit(weights), k=5)
    monkeypatch.setattr(ease, "BLOCK_COLUMNS", 5)
    monkeypatch.setattr(ease, "BLOCK_CELLS", 70)
    assert ease.fit(weights).weights == pytest.approx(whole, abs=1e-6)
    assert (ease.recommend(weights, ease.fit(weights), k=5).items == lists.items).all()


def test_a_wholesaler_does_not_outvote_people():
    people = [[1, 1] + [0] * 78] * 3
    wholesaler = [[50, 0] + [50] * 78]
    loud = ease.fit(matrix(*people, *wholesaler), how=Regression(l2=1, damping=0)).weights
    damped = ease.fit(matrix(*people, *wholesaler), how=Regression(l2=1, damping=1)).weights
    assert damped[0, 1] > loud[0, 1]


@settings(max_examples=30, deadline=None)
@given(
    arrays(
        np.float32,
        st.tuples(st.integers(1, 8), st.integers(1, 8)),
        elements=st.sampled_from([0, 0, 0.5, 1, 9]),
    )
)
def test_lists_hold_nothing_excluded_and_finite_scores(weights):
    held = csr_matrix(weights)
    model = ease.fit(held, how=Regression(l2=0.5))
    found = ease.recommend(held, model, k=5, exclude=held)
    rows, places = np.nonzero(found.items != NOBODY)
    assert (weights[rows, found.items[rows, places]] == 0).all()
    assert np.isfinite(found.scores).all()
    assert (np.diff(found.scores, axis=1) <= 0).all()


@pytest.mark.parametrize(
    "weights",
    [
        np.zeros((0, 0)),
        np.zeros((3, 4)),
        np.ones((1, 1)),
        np.ones((1, 6)),
        np.ones((5, 1)),
        np.ones((1000, 2)) * 1e4,
    ],
)
def test_the_smallest_shops_have_an_answer(weights):
    held = csr_matrix(weights.astype(np.float32))
    found = ease.recommend(held, ease.fit(held, how=Regression(l2=1e-6)), k=3)
    assert found.items.shape == (len(weights), 3)
    assert np.isfinite(found.scores).all()


def test_what_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match="l2 is 0"):
        Regression(l2=0)
    with pytest.raises(ValueError, match="most_items is 30000, wanted at most 20000"):
        Regression(most_items=30_000)
    with pytest.raises(ValueError, match="row_items is 0"):
        Regression(row_items=0)
    with pytest.raises(ValueError, match="negative or infinite"):
        ease.fit(matrix([1, -1]))
    with pytest.raises(ValueError, match="negative or infinite"):
        ease.fit(matrix([1, np.inf]))
