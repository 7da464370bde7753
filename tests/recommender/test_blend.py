"""Weighted reciprocal rank: by hand, against a slow formula, and weights that are learned."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from precision.engine.results import TopItems
from recommender.candidates.blend import ALL_ITEMS, NEW_ITEMS, blend, fit_weights
from recommender.evaluation.metrics import recall


def lists(*rows):
    items = np.array(rows, dtype=np.int32)
    return TopItems(items=items, scores=np.where(items >= 0, 1, 0).astype(np.float32))


def test_by_hand():
    found = blend(
        {"one": lists([5, 3, -1]), "two": lists([3, 9, 5])}, weights={"one": 2, "two": 1}, n=4, constant=1
    )
    # 5: 2 × 1 + 1 × 1/3; 3: 2 × 1/2 + 1 × 1; 9: 1/2.
    assert found.items.tolist() == [[5, 3, 9, -1]]
    assert found.scores[0].tolist() == pytest.approx([7 / 3, 2, 0.5, 0])
    assert found.names == ("one", "two")
    # Both speak equally for product 3; the first named source is told.
    assert found.sources.tolist() == [[0, 0, 1, -1]]


def test_a_source_without_weight_brings_nothing():
    sources = {"one": lists([1, 2]), "two": lists([8, 9]), "three": lists([7, 6])}
    found = blend(sources, weights={"one": 1, "two": 0}, n=4)
    assert found.items.tolist() == [[1, 2, -1, -1]]
    assert found.names == ("one",)


def test_equal_scores_are_in_order_of_column():
    found = blend({"one": lists([4]), "two": lists([2])}, weights={"one": 1, "two": 1}, n=2)
    assert found.items.tolist() == [[2, 4]]


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.permutations(range(8)), st.permutations(range(8))), min_size=1, max_size=5),
    st.integers(0, 8),
    st.integers(0, 8),
    st.integers(1, 10),
)
def test_against_the_slow_formula(rows, first, second, n):
    def cut(row, length):
        return [*row[:length], *[-1] * (8 - length)]

    sources = {
        "a": lists(*[cut(row[0], first) for row in rows]),
        "b": lists(*[cut(row[1], second) for row in rows]),
    }
    found = blend(sources, weights={"a": 0.7, "b": 0.3}, n=n)
    for row, (left, right) in enumerate(rows):
        score = {}
        for weight, ranking in ((0.7, left[:first]), (0.3, right[:second])):
            for rank, item in enumerate(ranking):
                score[item] = score.get(item, 0) + weight * 20 / (20 + rank)
        best = sorted(score, key=lambda item: (-np.float32(score[item]), item))[:n]
        shown = found.items[row][found.items[row] >= 0].tolist()
        assert len(shown) == len(best)
        assert [score[item] for item in shown] == pytest.approx([score[item] for item in best], rel=1e-6)
        assert (found.scores[row][found.items[row] < 0] == 0).all()


def test_the_order_of_customers_changes_nothing():
    rng = np.random.default_rng(0)
    a = np.array([rng.permutation(30)[:10] for _ in range(50)], dtype=np.int32)
    b = np.array([rng.permutation(30)[:10] for _ in range(50)], dtype=np.int32)
    order = rng.permutation(50)
    first = blend({"a": lists(*a), "b": lists(*b)}, weights={"a": 1, "b": 2}, n=12)
    again = blend({"a": lists(*a[order]), "b": lists(*b[order])}, weights={"a": 1, "b": 2}, n=12)
    assert (first.items[order] == again.items).all()


def test_weights_turn_to_the_source_that_is_right():
    rng = np.random.default_rng(1)
    wrong = np.array([rng.permutation(50)[:20] for _ in range(60)], dtype=np.int32)
    right = np.array([50 + rng.permutation(50)[:20] for _ in range(60)], dtype=np.int32)
    relevant = csr_matrix(
        (np.ones(300), (np.repeat(np.arange(60), 5), right[:, :5].ravel())), shape=(60, 100)
    )
    sources = {"wrong": lists(*wrong), "right": lists(*right)}
    start = {"wrong": 0.9, "right": 0.1}
    fitted = fit_weights(sources, relevant, start=start, rng=np.random.default_rng(0), n=5)
    assert sum(fitted.values()) == pytest.approx(1)
    assert fitted["right"] > fitted["wrong"]
    after = recall(blend(sources, weights=fitted, n=5).items, relevant).mean()
    assert after > recall(blend(sources, weights=start, n=5).items, relevant).mean()
    assert after == 1


def test_without_anything_to_learn_from_the_start_comes_back():
    fitted = fit_weights(
        {"one": lists([1, 2]), "two": lists([2, 3])},
        csr_matrix((1, 9)),
        start={"one": 3, "two": 1},
        rng=np.random.default_rng(0),
    )
    assert fitted == pytest.approx({"one": 0.75, "two": 0.25})


def test_customers_are_drawn_by_the_generator():
    rng = np.random.default_rng(3)
    a = lists(*[rng.permutation(40)[:20] for _ in range(100)])
    b = lists(*[rng.permutation(40)[:20] for _ in range(100)])
    relevant = csr_matrix((rng.random((100, 40)) < 0.2).astype(float))

    def fitted(seed):
        return fit_weights(
            {"a": a, "b": b},
            relevant,
            start={"a": 1, "b": 1},
            rng=np.random.default_rng(seed),
            n=3,
            customers=20,
        )

    assert fitted(5) == fitted(5)


def test_refusals():
    with pytest.raises(ValueError, match="no source"):
        blend({"one": lists([1])}, weights={"two": 1}, n=1)
    with pytest.raises(ValueError, match="below 0"):
        blend({"one": lists([1])}, weights={"one": -1}, n=1)
    with pytest.raises(ValueError, match="same customers"):
        blend({"one": lists([1]), "two": lists([1], [2])}, weights={"one": 1, "two": 1}, n=1)
    with pytest.raises(ValueError, match="n is 0"):
        blend({"one": lists([1])}, weights={"one": 1}, n=0)


def test_default_weights_sum_to_one():
    assert sum(NEW_ITEMS.values()) == pytest.approx(1)
    assert sum(ALL_ITEMS.values()) == pytest.approx(1)
    assert "buy-again" not in NEW_ITEMS
