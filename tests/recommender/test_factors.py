"""Latent factors: two tastes come apart, seeds repeat, other people's orders matter."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from precision.engine.backends.local import LocalEngine
from recommender.candidates import factors as als
from recommender.candidates.factors import Factorisation, fit, recommend
from recommender.interactions import collect, purchase_days
from tests.recommender.lines import frame, lazy, shuffled, two_tastes

ENGINE = LocalEngine(threads=1)
SMALL = Factorisation(factors=4, iterations=20, min_buyers=1)


def matrix_of(table):
    return collect(purchase_days(lazy(table), as_of_day=100), as_of_day=100)


def fitted(matrix, *, seed=0, how=SMALL):
    return fit(ENGINE, matrix, rng=np.random.default_rng(seed), how=how)


def test_two_tastes_come_apart():
    matrix = matrix_of(frame(*two_tastes())).matrix()
    found = recommend(ENGINE, fitted(matrix), k=5)
    assert (found.items >= 0).all()
    assert (found.items % 2 == np.arange(40)[:, None] % 2).all()


def test_bought_products_are_left_out_and_scores_are_the_products_of_factors():
    matrix = matrix_of(frame(*two_tastes())).matrix()
    factors = fitted(matrix)
    rows = np.array([3, 8])
    found = recommend(ENGINE, factors, k=4, rows=rows, exclude=matrix[rows])
    bought = matrix[rows].toarray() > 0
    for row, customer in enumerate(rows):
        items = found.items[row][found.items[row] >= 0]
        assert len(items)
        assert not bought[row, items].any()
        np.testing.assert_allclose(
            found.scores[row, : len(items)],
            factors.rows[customer] @ factors.items[items].T,
            rtol=1e-5,
            atol=1e-6,
        )


def test_a_seed_repeats_and_lines_in_another_order_change_nothing():
    table = frame(*two_tastes())
    first = fitted(matrix_of(table).matrix(half_life_days=30), seed=4)
    again = fitted(matrix_of(shuffled(table)).matrix(half_life_days=30), seed=4)
    assert (first.rows == again.rows).all()
    assert (first.items == again.items).all()
    assert (first.rows != fitted(matrix_of(table).matrix(half_life_days=30), seed=5).rows).any()


def test_only_similar_customers_orders_change_and_the_answer_changes():
    def for_me(more):
        # Customer 0 likes even products; the others who do buy `more` now, the odd ones the other product.
        rows = [row for row in two_tastes() if row[0] != 0]
        rows += [(0, 0, product, 95, 1) for product in (2, 4, 6)]
        rows += [(customer, 900 + customer, more, 96, 1) for customer in range(2, 40, 2)]
        rows += [(customer, 900 + customer, 203 - more, 96, 1) for customer in range(1, 40, 2)]
        known = matrix_of(frame(*rows))
        matrix = known.matrix()
        found = recommend(ENGINE, fitted(matrix), k=5, rows=np.array([0]), exclude=matrix[:1])
        return set(known.products[found.items[0]].tolist())

    assert for_me(101) & {101, 102} == {101}
    assert for_me(102) & {101, 102} == {102}


def test_products_with_too_few_buyers_are_never_recommended():
    matrix = csr_matrix(np.array([[1, 1, 1], [1, 1, 0], [1, 0, 0]], dtype=np.float32))
    factors = fitted(matrix, how=Factorisation(factors=2, min_buyers=2))
    assert not factors.items[2].any()
    assert 2 not in recommend(ENGINE, factors, k=3).items


def test_an_idle_customer_and_an_empty_shop_get_nothing():
    matrix = csr_matrix(np.array([[1, 1], [1, 1], [0, 0]], dtype=np.float32))
    found = recommend(ENGINE, fitted(matrix), k=2)
    assert found.items[2].tolist() == [-1, -1]
    empty = recommend(ENGINE, fitted(csr_matrix((3, 2), dtype=np.float32)), k=2)
    assert (empty.items == -1).all()
    assert np.isfinite(empty.scores).all()


def test_rng_is_needed():
    with pytest.raises(TypeError, match="rng"):
        fit(ENGINE, csr_matrix((1, 1), dtype=np.float32))


def test_the_bias_is_a_column_in_units_of_the_spread_of_the_affinity():
    matrix = matrix_of(frame(*two_tastes())).matrix()
    recent = np.arange(20.0)
    how = Factorisation(factors=4, iterations=20, min_buyers=1, popularity=0.5)
    plain = fitted(matrix, how=how)
    biased = fit(ENGINE, matrix, rng=np.random.default_rng(0), recent_buyers=recent, how=how)
    assert (biased.rows[:, :4] == plain.rows).all()
    assert (biased.rows[:, 4] == 1).all()
    spread = float(np.std(plain.rows.astype(float) @ plain.items.T.astype(float)))
    assert biased.items[:, 4] == pytest.approx(0.5 * spread * np.log1p(recent), rel=1e-4)


def test_an_idle_customer_has_no_bias_and_a_rare_product_none_either():
    matrix = csr_matrix(np.array([[1, 1, 0], [1, 1, 1], [0, 0, 0]], dtype=np.float32))
    how = Factorisation(factors=2, min_buyers=2)
    found = fit(ENGINE, matrix, rng=np.random.default_rng(0), recent_buyers=np.array([5, 5, 99]), how=how)
    assert not found.rows[2].any()
    assert not found.items[2].any()


def test_a_wholesaler_is_damped():
    rows = np.zeros((6, 60), dtype=np.float32)
    rows[:5, :20] = 1  # as long as a typical row: untouched
    rows[5] = 1
    matrix = csr_matrix(rows)
    solved, columns = als.observed(matrix, how=Factorisation(damping=1.0, min_buyers=2))
    assert columns.tolist() == list(range(20))  # the others have one buyer
    assert solved.toarray()[0].tolist() == [1.0] * 20
    assert (
        solved.toarray()[5].tolist() == [1.0] * 20
    )  # of the products that count it has no more than is typical
    whole, columns = als.observed(matrix, how=Factorisation(damping=1.0, min_buyers=1))
    assert len(columns) == 60
    assert whole.toarray()[5, 0] == pytest.approx(1 / 3)
    assert whole.toarray()[0, 0] == 1
    assert whole.dtype == np.float32


def test_what_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match="damping is -1"):
        Factorisation(damping=-1)
    with pytest.raises(ValueError, match="recent_buyers"):
        fit(ENGINE, csr_matrix((1, 2)), rng=np.random.default_rng(0), recent_buyers=np.array([1]))
