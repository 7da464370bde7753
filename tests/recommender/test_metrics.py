"""Measures of lists: by hand, against formulas written another way, and what must not change them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from sklearn.metrics import ndcg_score

from recommender.evaluation.metrics import (
    MEASURES,
    average_precision,
    coverage,
    hit_rate,
    hits,
    mean,
    ndcg,
    novelty,
    recall,
)


def sparse(*rows, width=10):
    matrix = np.zeros((len(rows), width))
    for row, items in enumerate(rows):
        matrix[row, list(items)] = 1
    return csr_matrix(matrix)


ITEMS = np.array([[3, 1, 4], [3, 1, 4], [5, -1, -1], [0, 1, 2]], dtype=np.int32)
RELEVANT = sparse({1, 4}, {0, 1, 2, 4, 5}, {6}, set())
SECOND, THIRD = 1 / math.log2(3), 1 / 2


@pytest.mark.parametrize(
    ("measure", "expected"),
    [
        (recall, [1, 2 / 3, 0, math.nan]),  # five relevant, but three places
        (hit_rate, [1, 1, 0, math.nan]),
        (ndcg, [(SECOND + THIRD) / (1 + SECOND), (SECOND + THIRD) / (1 + SECOND + THIRD), 0, math.nan]),
        (average_precision, [(1 / 2 + 2 / 3) / 2, (1 / 2 + 2 / 3) / 3, 0, math.nan]),
    ],
)
def test_by_hand(measure, expected):
    np.testing.assert_allclose(measure(ITEMS, RELEVANT), expected)


def test_hits_by_hand():
    assert hits(ITEMS, RELEVANT).tolist() == [
        [False, True, True],
        [False, True, True],
        [False, False, False],
        [False, False, False],
    ]


@given(
    st.lists(
        st.tuples(st.permutations(range(9)), st.sets(st.integers(0, 8), min_size=1)), min_size=1, max_size=6
    ),
    st.integers(1, 9),
)
def test_against_formulas_written_another_way(rows, k):
    items = np.array([row[0][:k] for row in rows], dtype=np.int32)
    wanted = [row[1] for row in rows]
    relevant = sparse(*wanted, width=9)
    for row, (listed, bought) in enumerate(zip(items.tolist(), wanted, strict=True)):
        most = min(k, len(bought))
        found = [item in bought for item in listed]
        assert recall(items, relevant)[row] == pytest.approx(len(bought & set(listed)) / most)
        assert hit_rate(items, relevant)[row] == bool(bought & set(listed))
        precisions = [sum(found[: r + 1]) / (r + 1) for r in range(k) if found[r]]
        assert average_precision(items, relevant)[row] == pytest.approx(sum(precisions) / most)
        truth = np.array([[float(item in bought) for item in range(9)]])
        ranking = [*listed, *sorted(set(range(9)) - set(listed))]
        rank_score = np.array([[-ranking.index(item) for item in range(9)]])
        assert ndcg(items, relevant)[row] == pytest.approx(ndcg_score(truth, rank_score, k=k))


@pytest.mark.parametrize("name", list(MEASURES))
def test_what_every_measure_keeps(name):
    measure = MEASURES[name]
    rng = np.random.default_rng(0)
    items = np.array([rng.permutation(40)[:10] for _ in range(30)], dtype=np.int32)
    relevant = csr_matrix((rng.random((30, 40)) < 0.15).astype(float))
    values = measure(items, relevant)
    assert ((values >= 0) & (values <= 1) | np.isnan(values)).all()
    order = rng.permutation(30)
    np.testing.assert_array_equal(measure(items[order], csr_matrix(relevant[order])), values[order])
    # Another numbering of the products is the same lists.
    renamed = rng.permutation(40)
    columns = csr_matrix(relevant[:, np.argsort(renamed)])
    np.testing.assert_allclose(measure(renamed[items].astype(np.int32), columns), values)
    # An empty list is as good as one of misses, a perfect list is worth 1.
    assert np.nanmax(measure(np.full_like(items, -1), relevant)) == 0
    perfect = np.full_like(items, -1)
    for row in range(30):
        bought = relevant[row].indices[:10]
        perfect[row, : len(bought)] = bought
    assert np.nanmin(measure(perfect, relevant)) == 1


def test_novelty_by_hand():
    # Of three customers all have product 0, one has product 1, nobody product 2.
    bought = sparse({0, 1}, {0}, {0}, width=3)
    found = novelty(np.array([[0, 1], [2, -1], [-1, -1]], dtype=np.int32), bought)
    np.testing.assert_allclose(found, [(0 + 1) / 2, 2, math.nan])


def test_coverage_by_hand():
    sellable = np.array([True, True, True, False, True])
    assert coverage(np.array([[0, 3], [0, -1]], dtype=np.int32), sellable) == 1 / 4
    assert coverage(np.array([[0]], dtype=np.int32), np.zeros(3, dtype=np.bool_)) is None


def test_means_say_how_many_they_left_out():
    found = mean(np.array([1.0, math.nan, 0.5]))
    assert (found.value, found.customers, found.undefined) == (0.75, 2, 1)
    nobody = mean(np.array([math.nan]))
    assert (nobody.value, nobody.customers, nobody.undefined) == (None, 0, 1)


def test_refusals():
    with pytest.raises(ValueError, match="4 lists for 1 rows"):
        recall(ITEMS, RELEVANT[:1])
    with pytest.raises(ValueError, match="row 1 holds an item twice"):
        recall(np.array([[1, 2], [3, 3]]), sparse({1}, {2}))
