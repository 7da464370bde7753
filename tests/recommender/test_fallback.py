"""The ladder: order of the rungs, no repeats, sources, and never empty without need."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.fallback import CATALOGUE, PERSONAL, POPULAR, SEGMENT, Rung, fill


def rung(source, *items):
    return Rung(source, np.array(items, dtype=np.int32))


ALL = np.ones(6, dtype=np.bool_)
LADDER = [rung(PERSONAL, 4, 2, -1), rung(SEGMENT, 2, 5), rung(POPULAR, 0, 4, 1)]


@pytest.mark.parametrize(
    ("count", "items", "sources"),
    [
        (1, [4], [PERSONAL]),
        (3, [4, 2, 5], [PERSONAL, PERSONAL, SEGMENT]),
        (5, [4, 2, 5, 0, 1], [PERSONAL, PERSONAL, SEGMENT, POPULAR, POPULAR]),
        (9, [4, 2, 5, 0, 1, 3], [PERSONAL, PERSONAL, SEGMENT, POPULAR, POPULAR, CATALOGUE]),
    ],
)
def test_rungs_in_their_order(count, items, sources):
    found = fill(LADDER, count=count, allowed=[ALL])
    assert found.items.tolist() == items
    assert list(found.source) == sources


def test_a_weaker_mask_fills_only_what_the_stricter_left_open():
    strict = np.array([True, False, False, False, False, True])
    sellable = np.array([True, True, True, False, False, True])
    found = fill(LADDER, count=4, allowed=[strict, sellable])
    assert found.items.tolist() == [5, 0, 2, 1]
    assert found.source == (SEGMENT, POPULAR, PERSONAL, POPULAR)


def test_what_is_not_allowed_is_never_shown():
    assert len(fill(LADDER, count=4, allowed=[np.zeros(6, dtype=np.bool_)])) == 0


def test_an_item_named_twice_by_a_rung_counts_once():
    found = fill([rung(POPULAR, 3, 1, 3, 0)], count=3, allowed=[ALL])
    assert found.items.tolist() == [3, 1, 0]


@given(
    st.lists(st.lists(st.integers(-1, 7), max_size=8), max_size=4),
    st.lists(st.booleans(), min_size=8, max_size=8),
    st.lists(st.booleans(), min_size=8, max_size=8),
    st.integers(1, 10),
)
def test_never_empty_never_twice_never_forbidden(offers, strict, sellable, count):
    strict, sellable = np.array(strict) & np.array(sellable), np.array(sellable)
    ladder = [rung(f"rung {place}", *items) for place, items in enumerate(offers)]
    found = fill(ladder, count=count, allowed=[strict, sellable])
    assert len(found) == len(found.source) == min(count, sellable.sum())
    assert len(set(found.items.tolist())) == len(found)
    assert sellable[found.items].all()
    for item, source in zip(found.items, found.source, strict=True):
        if source != CATALOGUE:
            assert item in offers[int(source.removeprefix("rung "))]


def test_refusals():
    with pytest.raises(ValueError, match="count is 0"):
        fill(LADDER, count=0, allowed=[ALL])
    with pytest.raises(ValueError, match="masks have lengths"):
        fill(LADDER, count=1, allowed=[])
    with pytest.raises(ValueError, match=r"\[6, 5\]"):
        fill(LADDER, count=1, allowed=[ALL, ALL[:5]])
