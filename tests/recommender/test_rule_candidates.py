"""Candidates from rules of pairs: the formula by hand, what bounds it, and baskets that say nothing."""

from typing import Any

import numpy as np
import pytest

from precision.engine.backends.local import LocalEngine
from recommender.candidates import rules
from recommender.candidates.item_item import spoken_for
from recommender.candidates.rules import Ruling
from tests.recommender.lines import frame, lazy

ENGINE = LocalEngine(threads=1)
AS_OF = 100
PLAIN = Ruling(min_count=1, shrinkage=0)


def fit(rows: list[tuple[Any, ...]], products: list[int], how: Ruling = PLAIN) -> np.ndarray:
    made = rules.fit(
        ENGINE, lazy(frame(*rows)), as_of_day=AS_OF, products=np.array(products, dtype=np.int64), how=how
    )
    return np.asarray(made.toarray())


def baskets(*sets: set[int], day: int = 90) -> list[tuple[Any, ...]]:
    return [(None, order, product, day, 1) for order, some in enumerate(sets) for product in sorted(some)]


FOUR = baskets({10, 20}, {10, 20}, {10, 30}, {30})


def test_the_added_value_by_hand() -> None:
    # N = 4; 10 in 3 baskets, 20 in 2, 30 in 2; 10 and 20 in 2, 10 and 30 in 1, where chance gives 1.5 each.
    found = fit(FOUR, [10, 20, 30])
    assert found.tolist() == pytest.approx(np.array([[0, 0.5 / 3, 0], [0.5 / 2, 0, 0], [0, 0, 0]]))
    shrunk = fit(FOUR, [10, 20, 30], Ruling(min_count=1, shrinkage=2))
    assert shrunk[0, 1] == pytest.approx(0.5 / 5)
    assert shrunk[1, 0] == pytest.approx(0.5 / 4)


def test_it_is_confidence_above_chance_and_never_sorts_by_lift() -> None:
    # 1 and 2 stand together in their one basket: lift 10. 3 and 4 in 4 of 5: lift 1.6.
    sets = [{1, 2}, *[{3, 4}] * 4, {3}, {4}, *[{9}] * 3]
    found = fit(baskets(*sets), [1, 2, 3, 4, 9], Ruling(min_count=1, shrinkage=20))
    assert found[2, 3] > found[0, 1] > 0


def test_orders_of_the_window_only_no_large_ones_and_no_rare_pairs() -> None:
    old = baskets({10, 20}, {10, 20}, day=AS_OF - 121)
    late = baskets({10, 20}, {10, 20}, day=AS_OF)
    assert not fit(old, [10, 20]).any()
    assert not fit(late, [10, 20]).any()
    rows = baskets({10, 20}, {10, 20}, {30})
    assert fit(rows, [10, 20, 30])[0, 1] > 0
    assert not fit(rows, [10, 20, 30], Ruling(min_count=3, shrinkage=0)).any()
    assert not fit(rows, [10, 20, 30], Ruling(min_count=1, shrinkage=0, max_items=1)).any()


def test_only_the_strongest_rules_of_a_product_stay() -> None:
    sets = [*[{1, 2}] * 3, *[{1, 3}] * 2, {2, 3}, *[{9}] * 20]
    found = fit(baskets(*sets), [1, 2, 3, 9], Ruling(min_count=1, shrinkage=0, kept=1))
    assert np.count_nonzero(found, axis=1).tolist() == [1, 1, 1, 0]
    assert found[0, 1] > 0


def test_other_products_are_left_out_and_columns_are_those_given() -> None:
    found = fit(FOUR, [5, 10, 20])
    assert found.shape == (3, 3)
    assert found[1, 2] == pytest.approx(0.5 / 3)
    assert not found[0].any()
    assert not fit(FOUR, [10, 30]).any(), "chance puts these two together more often"


def test_what_customers_get_from_them() -> None:
    similarity = rules.fit(
        ENGINE, lazy(frame(*FOUR)), as_of_day=AS_OF, products=np.array([10, 20, 30]), how=PLAIN
    )
    profiles = similarity.copy()
    profiles.data[:] = 0
    profiles[0, 1] = 2
    found = spoken_for(profiles, similarity, k=2)
    assert found.items[0].tolist() == [0, -1]
    assert found.scores[0, 0] == pytest.approx(2 * 0.25)


@pytest.mark.parametrize(
    ("rows", "products"),
    [([], []), ([], [10]), ([(1, 1, 10, 90, 1)], [10]), ([(1, n, 10, 90, 1) for n in range(9)], [10])],
    ids=["nothing", "no orders", "one basket of one product", "all the same product"],
)
def test_next_to_nothing_has_no_rules(rows: list[Any], products: list[int]) -> None:
    found = fit(rows, products)
    assert found.shape == (len(products), len(products))
    assert not found.any()


def test_one_basket_says_no_more_than_chance() -> None:
    assert not fit(baskets({1, 2, 3}), [1, 2, 3]).any()


@pytest.mark.parametrize(
    "wrong",
    [{"window_days": 0}, {"min_count": 0}, {"max_items": 0}, {"kept": 0}, {"shrinkage": float("nan")}],
)
def test_nonsense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Ruling(**wrong)
