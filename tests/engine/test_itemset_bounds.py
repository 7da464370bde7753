"""How many larger sets there can be is bounded before they are sought: baskets made to explode are refused."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from precision.engine.backends.base import ItemsetsTooLargeError
from precision.engine.backends.local import LocalEngine
from precision.engine.itemsets import most_larger_sets

ENGINE = LocalEngine(threads=1)


@pytest.mark.parametrize(
    ("sets", "length", "most"),
    [(0, 2, 0), (2, 2, 0), (3, 2, 1), (6, 2, 4), (10, 2, 10), (10, 3, 5), (4, 3, 1), (3, 3, 0), (5, 4, 1)],
)
def test_the_most_larger_sets_are_those_of_a_full_choice(sets: int, length: int, most: int) -> None:
    # 10 pairs are all pairs of 5 items, which make 10 sets of three; 10 sets of three make 5 of four.
    assert most_larger_sets(sets, length) == most


@given(st.sets(st.frozensets(st.integers(0, 7), min_size=3, max_size=3), max_size=40))
def test_no_family_of_sets_has_more(triples: set[frozenset[int]]) -> None:
    larger = [
        each
        for each in combinations(range(8), 4)
        if all(frozenset(three) in triples for three in combinations(each, 3))
    ]
    assert len(larger) <= most_larger_sets(len(triples), 3)


def test_like_baskets_of_many_products_are_refused_and_not_searched() -> None:
    """40 baskets of the same 400 products: 24,000 entries, but 10.6 million sets of three."""
    baskets = csr_matrix(np.ones((40, 400)))
    with pytest.raises(ItemsetsTooLargeError, match="up to 10,586,800 sets") as refused:
        ENGINE.itemsets(baskets, min_count=20)
    assert refused.value.affordable_min_count > 40
    found = ENGINE.itemsets(baskets, min_count=refused.value.affordable_min_count)
    assert len(found) == 0


def test_a_graph_without_triangles_needs_no_memory_for_sets() -> None:
    # Every product of one half stands with every one of the other, never with its own: 2,500 pairs, no set of three.
    rows = [(a, 50 + b) for a in range(50) for b in range(50)]
    baskets = np.zeros((2 * len(rows), 100))
    for place, items in enumerate(rows):
        baskets[2 * place : 2 * place + 2, list(items)] = 1
    found = ENGINE.itemsets(csr_matrix(baskets), min_count=2, max_bytes=4_000_000)
    assert len(found) == 2_500
    # By the number of pairs alone there could be 56,000 sets of three.
    assert most_larger_sets(2_500, 2) * 600 > 4_000_000


def test_length_four_is_bounded_by_the_sets_of_three() -> None:
    """All sets of three of 12 products, each twice, and nothing longer; then one basket pair with all of them."""
    rows = np.zeros((2 * 220, 12))
    for place, items in enumerate(combinations(range(12), 3)):
        rows[2 * place : 2 * place + 2, list(items)] = 1
    found = ENGINE.itemsets(csr_matrix(rows), min_count=2, max_length=5)
    assert [len(items) for items in found.sets].count(3) == 220
    assert max(len(items) for items in found.sets) == 3
    whole = csr_matrix(np.vstack([rows, np.ones((2, 12))]))
    found = ENGINE.itemsets(whole, min_count=2, max_length=5)
    assert [[len(items) for items in found.sets].count(n) for n in (2, 3, 4, 5)] == [66, 220, 495, 792]
    with pytest.raises(ItemsetsTooLargeError, match="sets of 5 and more") as refused:
        ENGINE.itemsets(whole, min_count=2, max_length=5, max_bytes=1_300_000)
    again = ENGINE.itemsets(
        whole, min_count=refused.value.affordable_min_count, max_length=5, max_bytes=1_300_000
    )
    assert max(len(items) for items in again.sets) < 5
