"""Whatever scores come in, what is listed is finite, in the catalogue and there once."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from precision.engine.results import NOBODY, TopItems
from recommender.candidates import blend, item_item, personal
from recommender.candidates.lists import best_of_dense, best_of_sparse, free_of_one, to_sparse
from recommender.ranking import pairs, serving
from recommender.ranking.features import Table
from recommender.ranking.pairs import Pairs

COLUMNS = 8
NASTY = st.sampled_from([float("nan"), float("inf"), float("-inf"), 0.0, -1.0, 0.5, 0.5, 1e30, 1e-30])
LISTS = st.lists(
    st.lists(st.tuples(st.integers(0, COLUMNS - 1), NASTY), max_size=COLUMNS, unique_by=lambda pair: pair[0]),
    min_size=1, max_size=4,
)  # fmt: skip
"""Of each customer a list of (product, score): the products distinct, the scores in any order."""


def top(rows: list[list[tuple[int, float]]], *, width: int = COLUMNS) -> TopItems:
    items = np.full((len(rows), width), NOBODY, dtype=np.int32)
    scores = np.zeros((len(rows), width), dtype=np.float32)
    for number, row in enumerate(rows):
        for place, (item, score) in enumerate(row):
            items[number, place], scores[number, place] = item, score
    return TopItems(items=items, scores=scores)


def sound(items: np.ndarray, scores: np.ndarray, *, columns: int = COLUMNS) -> None:
    """Finite scores, products of the catalogue, none twice in a list, and nothing behind a gap."""
    assert np.isfinite(scores).all()
    assert ((items == NOBODY) | ((items >= 0) & (items < columns))).all()
    assert (scores[items == NOBODY] == 0).all()
    for row in items:
        listed = row[row != NOBODY]
        assert len(set(listed.tolist())) == len(listed)
        assert (row[: len(listed)] != NOBODY).all()


@settings(max_examples=80, deadline=None)
@given(LISTS, LISTS, st.integers(1, 12))
def test_a_blend_of_anything_is_sound(first: Any, second: Any, n: int) -> None:
    rows = min(len(first), len(second))
    sources = {"one": top(first[:rows]), "two": top(second[:rows]), "three": top([[]] * rows, width=0)}
    found = blend.blend(sources, weights={"one": 0.7, "two": 0.3, "three": 1.0}, n=n)
    sound(found.items, found.scores)
    assert ((found.sources == blend.NO_SOURCE) == (found.items == NOBODY)).all()
    for row, parts in enumerate(zip(first, second, strict=False)):
        named = {item for part in parts for item, _ in part}
        listed = set(found.items[row][found.items[row] != NOBODY].tolist())
        assert listed <= named
        assert len(listed) == min(n, len(named)), "what a source listed is not lost for its score"


def table(rows: list[list[tuple[int, float]]]) -> tuple[Table, np.ndarray]:
    """Pairs with one source's rank, nan for every other pair, and their chances."""
    ordered = [
        (number, *pair) for number, row in enumerate(rows) for pair in sorted(row, key=lambda each: each[0])
    ]
    row, item = (np.array([each[at] for each in ordered], dtype=np.int64) for at in (0, 1))
    values = np.array([[np.nan if at % 2 else at, np.nan] for at in range(len(ordered))], dtype=np.float32)
    names = (f"rank {personal.ITEM_ITEM}", f"rank {personal.POPULAR[7]}")
    known = Table(
        pairs=Pairs(row, item, rows=len(rows), columns=COLUMNS),
        names=names,
        values=values.reshape(len(ordered), 2),
    )
    return known, np.array([each[2] for each in ordered], dtype=np.float64)


@settings(max_examples=80, deadline=None)
@given(LISTS, st.integers(1, 12), st.one_of(st.none(), st.sets(st.integers(0, COLUMNS - 1))))
def test_a_ranking_of_anything_is_sound(rows: Any, n: int, allowed: set[int] | None) -> None:
    known, chances = table(rows)
    mask = None if allowed is None else np.isin(np.arange(COLUMNS), list(allowed))
    found = serving.listed(known, chances, n=n, allowed=mask)
    sound(found.items, found.scores)
    assert ((found.sources == NOBODY) == (found.items == NOBODY)).all()
    for number, row in enumerate(rows):
        wanted = [item for item, score in row if np.isfinite(score) and (allowed is None or item in allowed)]
        listed = found.items[number][found.items[number] != NOBODY].tolist()
        assert set(listed) <= set(wanted)
        assert len(listed) == min(n, len(wanted))
        told = dict(row)
        assert [told[item] for item in listed] == sorted((told[item] for item in listed), reverse=True)


@settings(max_examples=60, deadline=None)
@given(LISTS, LISTS)
def test_kinds_merged_and_put_together_are_sound(first: Any, second: Any) -> None:
    rows = min(len(first), len(second))
    # A pair is of one kind only: what the customer has repeats.
    held = [[pair for pair in row if pair[0] % 2] for row in first[:rows]]
    fresh = [[pair for pair in row if pair[0] % 2 == 0] for row in second[:rows]]
    (one, one_scores), (two, two_scores) = table(held), table(fresh)
    found = serving.merged([one.pairs, two.pairs], [one_scores, two_scores], n=5)
    sound(found.items, found.scores)
    lists = [serving.listed(one, one_scores, n=4).top(), serving.listed(two, two_scores, n=4).top()]
    both = serving.together(lists, n=5)
    assert np.isfinite(both.scores).all()
    for row in both.items:
        listed = row[row != NOBODY]
        assert len(set(listed.tolist())) == len(listed)


@settings(max_examples=60, deadline=None)
@given(LISTS, st.integers(1, 10))
def test_the_best_of_any_scores_are_sound(rows: Any, k: int) -> None:
    given_scores = top(rows)
    dense = np.zeros((len(rows), COLUMNS), dtype=np.float32)
    for number, row in enumerate(rows):
        for item, score in row:
            dense[number, item] = score
    for found in (best_of_dense(dense, k=k), best_of_sparse(to_sparse(given_scores, columns=COLUMNS), k=k)):
        sound(found.items, found.scores)
        wanted = (np.isfinite(dense) & (dense > 0)).sum(axis=1)
        assert (found.items != NOBODY).sum(axis=1).tolist() == np.minimum(wanted, k).tolist()


@settings(max_examples=60, deadline=None)
@given(st.lists(NASTY, min_size=0, max_size=COLUMNS), st.integers(1, 10))
def test_one_list_for_all_is_sound(scores: list[float], k: int) -> None:
    vector = np.array(scores, dtype=np.float64)
    found = free_of_one(vector, rows=2, k=k)
    sound(found.items, found.scores, columns=len(scores))


def test_pairs_without_a_finite_score_are_not_listed() -> None:
    known = Pairs(np.array([0, 0, 0]), np.array([1, 2, 3]), rows=2, columns=COLUMNS)
    found, where = pairs.best(known, np.array([np.nan, 0.5, np.inf]), n=3)
    assert found.items.tolist() == [[2, -1, -1], [-1, -1, -1]]
    assert where.tolist() == [[1, -1, -1], [-1, -1, -1]]


def test_anchors_of_scores_that_are_none() -> None:
    profiles = to_sparse(top([[(0, 1.0), (1, 1.0)]]), columns=COLUMNS)
    near = top([[(2, float("nan"))], [(2, 0.5)], *[[]] * 6])
    assert item_item.anchors(
        profiles, near, np.array([[2, 5]], dtype=np.int32), rare=np.ones(COLUMNS)
    ).tolist() == [[1, -1]]
