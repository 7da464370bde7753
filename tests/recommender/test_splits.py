"""The cut through time, and what was bought after it."""

import pytest

from precision.shop.columns import DAY
from recommender.evaluation.splits import by_time, folds, truth
from recommender.interactions import collect, purchase_days
from tests.recommender.lines import frame, lazy, shuffled

TABLE = frame(
    (1, 1, 10, 60, 1),
    (1, 2, 20, 69, 1),  # the last day of training
    (1, 3, 10, 70, 1),  # the first of the test: bought again
    (1, 4, 30, 71, 1),
    (1, 5, 40, 99, 1),  # never sold in training
    (1, 6, 20, 100, 1),  # after the test
    (2, 7, 30, 61, 1),
    (2, 8, 20, 72, 1),
    (2, 9, 20, 73, -1),  # came back
    (3, 10, 30, 62, 1),
    (3, 11, 30, 75, 2),
    (4, 12, 10, 80, 1),  # a newcomer
    (None, 13, 20, 81, 1),
)


def test_windows_are_half_open():
    split = by_time(lazy(TABLE), as_of_day=100, days=30)
    assert split.train.collect()[DAY].to_list() == [60, 69, 61, 62]
    assert sorted(split.test.collect()[DAY].to_list()) == [70, 71, 72, 73, 75, 80, 81, 99]
    assert (split.cut_day, split.as_of_day) == (70, 100)
    with pytest.raises(ValueError, match="days is 0"):
        by_time(lazy(TABLE), as_of_day=100, days=0)


def made(table):
    split = by_time(lazy(table), as_of_day=100, days=30)
    history = collect(purchase_days(split.train, as_of_day=split.cut_day), as_of_day=split.cut_day)
    return history, truth(split, history)


def test_truth_by_hand():
    history, found = made(TABLE)
    assert history.customers[found.rows].tolist() == [1, 3]
    assert history.products.tolist() == [10, 20, 30]
    # The fourth column is product 40, that training does not have.
    assert found.relevant.toarray().tolist() == [[1, 0, 1, 1], [0, 0, 1, 0]]
    assert (found.newcomers, found.unseen) == (1, 1)


def test_new_items_only():
    history, found = made(TABLE)
    fresh = found.new_only(history.matrix())
    assert fresh.toarray().tolist() == [[0, 0, 1, 1], [0, 0, 0, 0]]
    assert fresh.nnz == 2
    assert found.relevant.nnz == 4


def test_the_order_of_lines_changes_nothing():
    _, found = made(TABLE)
    for seed in range(5):
        _, again = made(shuffled(TABLE, seed=seed))
        assert (found.relevant != again.relevant).nnz == 0


def test_a_test_in_which_nothing_was_bought():
    history, found = made(TABLE.filter(TABLE[DAY] < 70))
    assert found.relevant.shape == (0, 3)
    assert found.new_only(history.matrix()).shape == (0, 3)


def test_folds_follow_each_other_back_in_time() -> None:
    table = lazy(frame(*((1, day, 1, day, 1) for day in range(100))))
    found = folds(table, as_of_day=100, days=10, count=3)
    assert [(fold.cut_day, fold.as_of_day) for fold in found] == [(90, 100), (80, 90), (70, 80)]
    for fold in found:
        assert fold.train.collect()[DAY].max() == fold.cut_day - 1
        assert sorted(fold.test.collect()[DAY].to_list()) == list(range(fold.cut_day, fold.as_of_day))
    close = folds(table, as_of_day=100, days=10, count=2, step=5)
    assert [(fold.cut_day, fold.as_of_day) for fold in close] == [(90, 100), (85, 95)]
    for wrong in ({"count": 0}, {"step": 0}, {"days": 0}):
        with pytest.raises(ValueError, match="wanted at least 1"):
            folds(table, as_of_day=100, **wrong)
