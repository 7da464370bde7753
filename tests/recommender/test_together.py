"""What is bought together: scores by hand, what weighs more, merged lists, and baskets of every shape."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from precision.engine.backends.local import LocalEngine
from recommender.methods.together import Companionship, Merged, above_chance, merged, order_days, together
from tests.recommender.lines import frame, lazy

ENGINE = LocalEngine(threads=1)
PLAIN = Companionship(damping=0, lean=0, evidence=0, k=5, pool=5)


def baskets(*rows, width=6):
    matrix = np.zeros((len(rows), width))
    for row, items in enumerate(rows):
        matrix[row, list(items)] = 1
    return csr_matrix(matrix)


def pairs(found, item):
    return {int(i): float(s) for i, s in zip(found.items[item], found.scores[item], strict=True) if i >= 0}


def test_plain_scores_are_the_cosine() -> None:
    found = together(ENGINE, baskets({0, 1}, {0, 1, 2}, {0}, {2, 3}), how=PLAIN)
    assert pairs(found, 0) == pytest.approx({1: 2 / np.sqrt(3 * 2), 2: 1 / np.sqrt(3 * 2)})
    assert pairs(found, 3) == pytest.approx({2: 1 / np.sqrt(2)})
    assert pairs(found, 4) == {}


def test_a_small_basket_says_more_and_a_fresh_one_too() -> None:
    # 0 stood with 1 in a basket of two and with 2 in a basket of five.
    damped = together(
        ENGINE,
        baskets({0, 1}, {0, 2, 3, 4, 5}),
        how=Companionship(damping=1, lean=0, evidence=0, k=5, pool=5),
    )
    half, fifth = 1 / 2, 1 / 5
    assert pairs(damped, 0)[1] == pytest.approx(half / np.sqrt((half + fifth) * half))
    assert pairs(damped, 0)[2] == pytest.approx(fifth / np.sqrt((half + fifth) * fifth))
    assert damped.items[0][0] == 1
    aged = together(
        ENGINE, baskets({0, 1}, {0, 2}), ages=np.array([360, 0]),
        how=Companionship(half_life_days=180, damping=0, lean=0, evidence=0, k=5, pool=5),
    )  # fmt: skip
    assert pairs(aged, 0) == pytest.approx({1: 0.25 / np.sqrt(1.25 * 0.25), 2: 1 / np.sqrt(1.25)})


def test_a_pair_seen_once_is_held_back() -> None:
    rows = [{0, 1}, {2, 3}, {2, 3}, {2, 3}, {2, 3}]
    careful = together(ENGINE, baskets(*rows), how=Companionship(damping=0, lean=0, evidence=1, k=5, pool=5))
    assert pairs(careful, 0) == pytest.approx({1: 1 / (1 + 1)})
    assert pairs(careful, 2) == pytest.approx({3: 4 / (4 + 1)})


def test_leaning_towards_what_sells() -> None:
    rows = [{0, 1}, {0, 2}, {1}, {1}, {1}]
    assert together(ENGINE, baskets(*rows), how=PLAIN).items[0][0] == 2
    leaning = together(
        ENGINE, baskets(*rows), how=Companionship(damping=0, lean=0.5, evidence=0, k=5, pool=5)
    )
    # Half a power more of the sales: n_xy / √n_x for both, and equal scores come in order of column.
    assert pairs(leaning, 0)[1] == pytest.approx(1 / np.sqrt(2 * 4))
    assert pairs(leaning, 0)[2] == pytest.approx(1 / np.sqrt(2) * np.sqrt(1 / 4))


@pytest.mark.parametrize("least", [1, 2])
def test_pairs_no_commoner_than_chance_are_left_out(least) -> None:
    # 0 and 1: 2 of 6 baskets, where chance gives 4 × 4 / 6; 0 and 2: 2, where chance gives 4 × 2 / 6.
    rows = baskets({0, 1}, {0, 1}, {0, 2}, {0, 2}, {1}, {1})
    found = together(ENGINE, rows, how=PLAIN)
    assert set(pairs(found, 0)) == {1, 2}
    left = above_chance(found, ENGINE.pair_counts(rows.astype(np.int32), min_count=least))
    assert set(pairs(left, 0)) == {2}
    assert pairs(left, 0)[2] == pairs(found, 0)[2]
    assert left.items[0].tolist() == [2, -1, -1, -1, -1]
    assert set(pairs(left, 2)) == {0}
    assert pairs(left, 1) == {}
    nothing = above_chance(found, ENGINE.pair_counts(rows.astype(np.int32), min_count=5))
    assert set(pairs(nothing, 0)) == {1, 2}  # four baskets may hold both, for all that is known


def test_lists_of_a_basket_are_added_up() -> None:
    found = merged([[(7, 0.5), (8, 0.4)], [(8, 0.3), (9, 0.6), (1, 9.0)]], without=frozenset({1, 2}))
    assert found == [Merged(8, pytest.approx(0.7), 0), Merged(9, 0.6, 1), Merged(7, 0.5, 0)]
    assert merged([]) == []
    assert [each.product for each in merged([[(5, 0.5)], [(3, 0.5)]])] == [3, 5]


def test_days_of_orders() -> None:
    lines = lazy(frame((1, 30, 1, 60, 1), (1, 10, 1, 50, 1), (1, 10, 2, 51, 1), (None, 20, 1, 70, 1)))
    assert order_days(lines, np.array([10, 20, 30])).tolist() == [50, 70, 60]
    assert order_days(lines, np.array([], dtype=np.int64)).tolist() == []
    for missing in ([15], [99], [5]):
        with pytest.raises(ValueError, match=f"order {missing[0]} has no line"):
            order_days(lines, np.array([*missing]))


def test_refuses_what_makes_no_sense() -> None:
    with pytest.raises(ValueError, match="half_life_days is 0"):
        Companionship(half_life_days=0)
    with pytest.raises(ValueError, match="wanted 1 ≤ k ≤ pool"):
        Companionship(k=300)
    with pytest.raises(ValueError, match=r"ages has the shape \(1,\)"):
        together(ENGINE, baskets({0, 1}, {1}), ages=np.array([1]))
    with pytest.raises(ValueError, match="minimum -1"):
        together(ENGINE, baskets({0, 1}, {1}), ages=np.array([1, -1]))


@pytest.mark.parametrize(
    "rows",
    [[], [set()], [{0}], [{0}, {0}], [{0, 1}], [set(range(6))] * 3],
    ids=["none", "empty", "one", "same", "pair", "all"],
)
def test_baskets_of_every_shape_give_finite_lists(rows) -> None:
    found = together(ENGINE, baskets(*rows), ages=np.full(len(rows), 100_000))
    assert found.items.shape[0] == 6
    assert np.isfinite(found.scores).all()
    listed = {(x, int(y)) for x, row in enumerate(found.items) for y in row if y >= 0}
    wanted = {(x, y) for row in rows for x in row for y in row if x != y}
    assert listed <= wanted


@given(st.lists(st.sets(st.integers(0, 5), max_size=5), min_size=1, max_size=12), st.integers(0, 5))
def test_order_of_baskets_and_names_of_products_change_no_score(rows, turn) -> None:
    first = together(ENGINE, baskets(*rows))
    second = together(ENGINE, baskets(*reversed(rows)))
    moved = together(ENGINE, baskets(*({(item + turn) % 6 for item in row} for row in rows)))
    for item in range(6):
        assert pairs(first, item) == pytest.approx(pairs(second, item))
        here = {(other + turn) % 6: score for other, score in pairs(first, item).items()}
        assert here == pytest.approx(pairs(moved, (item + turn) % 6))
        scores = first.scores[item]
        assert (np.diff(scores) <= 0).all()
        assert (scores >= 0).all()
        assert (scores <= 1 + 1e-6).all()
