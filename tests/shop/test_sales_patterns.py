"""Names that sell the same way."""

import numpy as np
import pytest
from scipy import sparse

from precision.shop.methods import sales_patterns
from precision.shop.methods.alias_suggestions import left_over, never_together


def _held(*baskets: set[int], products: int) -> sparse.csc_matrix:
    made = np.zeros((len(baskets), products))
    for row, basket in enumerate(baskets):
        made[row, sorted(basket)] = 1
    return sparse.csc_matrix(made)


def _pairs(*pairs: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    first, second = zip(*pairs, strict=True)
    return np.array(first, dtype=np.int64), np.array(second, dtype=np.int64)


def test_companions_by_hand() -> None:
    # 0 and 1 stand beside 2 only; 3 beside 4 only; 5 beside 2 and 4 alike.
    baskets = [{0, 2}] * 5 + [{1, 2}] * 5 + [{3, 4}] * 5 + [{5, 2}] * 5 + [{5, 4}] * 5 + [{0}, {6, 2}]
    found = sales_patterns.companions(_held(*baskets, products=7), *_pairs((0, 1), (0, 3), (0, 5), (0, 6)))
    rarity = [np.log1p(26 / often) for often in (16, 10)]  # of 2 and 4 in the 26 baskets with company
    assert found[:2] == pytest.approx([1, 0])
    assert found[2] == pytest.approx(rarity[0] / np.hypot(*rarity))
    assert np.isnan(found[3]), "one basket is no pattern"


def test_the_pair_itself_is_no_companion() -> None:
    found = sales_patterns.companions(
        _held(*[{0, 1}] * 6, *[{0, 2}] * 6, *[{1, 3}] * 6, products=4), *_pairs((0, 1))
    )
    assert found == pytest.approx([0])
    assert sales_patterns.companions(_held({0}, products=1), *(np.empty(0, np.int64),) * 2).shape == (0,)


def test_weeks_by_hand() -> None:
    season = np.array([5.0, 1, 5, 1, 5, 1, 5, 1, 5, 1, 5, 1])
    mine = np.stack([season, np.full(12, 10.0)])
    theirs = np.stack([2 * season, season[::-1], np.full(12, 10.0), np.zeros(12)])
    found = sales_patterns.weeks(mine, theirs, *_pairs((0, 0), (0, 1), (0, 3)))
    assert found[0] > 0.9
    assert found[1] == 0
    assert np.isnan(found[2]), "never sold"
    assert np.isnan(sales_patterns.weeks(mine[:, :11], theirs[:, :11], *_pairs((0, 0)))).all()


def test_a_pattern_only_ever_raises() -> None:
    raised = sales_patterns.raised(np.array([0.4, 0.4, 0.4]), np.array([np.nan, 0.0, 1.0]))
    assert raised == pytest.approx([0.4, 0.4, 0.7])


def test_of_names_equally_alike_the_one_that_sells_alike_comes_first() -> None:
    titles = ["rose soap", "soap rosé", "rose soup", "bread", "wine"]
    baskets = [{0, 3}] * 8 + [{1, 3}] * 8 + [{2, 4}] * 8
    lines = [(basket, product) for basket, held in enumerate(baskets) for product in sorted(held)]
    numbers, products = (np.array(part, dtype=np.int64) for part in zip(*lines, strict=True))
    found = never_together(titles, baskets=numbers, products=products, limit=5)
    pattern = {(one.first, one.second): one.pattern for one in found}
    assert pattern[0, 1] == pytest.approx(1)
    assert pattern[0, 2] == pytest.approx(0)


def test_left_over_names_of_one_season_come_first() -> None:
    season = np.array([9.0, 1] * 10)
    sales = np.stack([season, season[::-1], np.full(20, 5.0), np.full(20, 5.0)])
    mine, theirs = ["sun frost", "snow frost", "milk", "bread"], ["frost day", "frost night", "milk", "bread"]
    found = left_over(mine, theirs, sales=lambda: (sales, sales), limit=5)
    assert {(one.first, one.second) for one in found[:2]} == {(0, 0), (1, 1)}
    plain = left_over(mine, theirs, limit=5)
    assert all(one.pattern is None for one in plain)
