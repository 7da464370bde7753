"""Candidate lists from scores: ties, unusable scores, what is held back."""

import math

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from recommender.candidates.lists import best_of_dense, best_of_sparse, same_for_all, to_sparse, without


def sparse(*rows):
    return csr_matrix(np.array(rows, dtype=np.float32))


def test_the_best_of_sparse_scores():
    found = best_of_sparse(sparse([0, 2, 5, 2], [0, -1, 0, 0]), k=2)
    assert found.items.tolist() == [[2, 1], [-1, -1]]
    assert found.scores.tolist() == [[5, 2], [0, 0]]


def test_scores_that_are_not_finite_never_leave():
    found = best_of_sparse(sparse([math.nan, math.inf, -math.inf, 1]), k=3)
    assert found.items.tolist() == [[3, -1, -1]]
    assert np.isfinite(found.scores).all()


def test_one_list_for_all():
    found = same_for_all(np.array([1.0, 0.0, 3.0, 3.0]), rows=2, k=5)
    assert found.items.tolist() == [[2, 3, 0, -1, -1]] * 2
    assert found.scores.tolist() == [[3, 3, 1, 0, 0]] * 2


def test_lists_and_their_matrix():
    scores = sparse([0, 2, 5, 1], [4, 0, 0, 0])
    assert (to_sparse(best_of_sparse(scores, k=4), columns=4) != scores).nnz == 0


def test_what_is_held_back_goes_and_nothing_else():
    left = without(sparse([1, 2, 3], [4, 0, 5]), sparse([0, 7, 0], [0, 1, 1]))
    assert left.toarray().tolist() == [[1, 0, 3], [4, 0, 0]]
    with pytest.raises(ValueError, match="the same rows"):
        without(sparse([1, 2]), sparse([1, 2], [3, 4]))


def test_the_best_of_dense_scores():
    scores = np.array([[0, 2, 5, 2], [-1, math.nan, math.inf, 1], [0, 0, 0, 0]], dtype=np.float32)
    found = best_of_dense(scores, k=3)
    assert found.items.tolist() == [[2, 1, 3], [3, -1, -1], [-1, -1, -1]]
    assert found.scores.tolist() == [[5, 2, 2], [1, 0, 0], [0, 0, 0]]
    assert best_of_dense(np.zeros((2, 0), dtype=np.float32), k=2).items.tolist() == [[-1, -1]] * 2
