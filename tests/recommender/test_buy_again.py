"""Personal frequency, the own interval, and ties in favour of what still sells."""

import math

import numpy as np
import pytest

from recommender.candidates.buy_again import Habit, intervals, recommend, scores
from recommender.interactions import collect, purchase_days
from tests.recommender.lines import frame, lazy, shuffled

MILK, NAPPIES, LAMP = 1, 2, 3
TABLE = frame(
    (1, 1, MILK, 70, 1),
    (1, 2, MILK, 80, 1),
    (1, 3, MILK, 90, 2),
    (1, 4, NAPPIES, 10, 1),
    (1, 5, NAPPIES, 30, 1),
    (1, 6, LAMP, 90, 1),
)


def history(table=TABLE):
    return collect(purchase_days(lazy(table), as_of_day=100), as_of_day=100)


def test_intervals_by_hand():
    found = intervals(history())
    assert found.purchases.tolist() == [3, 2, 1]
    assert found.since.tolist() == [10, 70, 10]
    assert found.days[:2].tolist() == [10, 20]
    assert math.isnan(found.days[2])


def test_scores_by_hand():
    how = Habit(half_life_days=10, patience=2, min_interval_days=5, prior=1)
    found = scores(history(), recent_buyers=np.array([0, 0, 9]), how=how).toarray()[0]
    milk = 2**-3 + 2**-2 + 2**-1  # 10 days since: within two intervals of 10
    nappies = (2**-9 + 2**-7) * 2 ** -(70 / 20 - 2)  # one interval and a half overdue
    lamp = 2**-1 * (1 + math.log(10))
    assert found.tolist() == pytest.approx([milk, nappies, lamp], rel=1e-5)


def test_a_habit_that_broke_off_falls_behind_one_that_lasts():
    kept = [(1, n, MILK, 100 - 10 * n, 1) for n in range(1, 5)]
    broken = [(1, 20 + n, NAPPIES, 60 - 2 * n, 1) for n in range(8)]
    habit = scores(history(frame(*kept, *broken)), how=Habit(half_life_days=1000, min_interval_days=2))
    assert recommend(habit, k=2).items[0].tolist() == [0, 1]
    patient = scores(history(frame(*kept, *broken)), how=Habit(half_life_days=1000, patience=1000))
    assert recommend(patient, k=2).items[0].tolist() == [1, 0]


def test_once_is_no_habit_where_only_repeats_are_wanted():
    known = history()
    found = recommend(scores(known), k=3, repeated_only=known.matrix())
    assert found.items[0].tolist() == [0, 1, -1]


def test_the_order_of_lines_changes_nothing():
    assert (scores(history()) != scores(history(shuffled(TABLE)))).nnz == 0


def test_counts_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="recent_buyers"):
        scores(history(), recent_buyers=np.array([1, 2]))
    with pytest.raises(ValueError, match="recent_buyers"):
        scores(history(), recent_buyers=np.array([1, 2, -3]))
    with pytest.raises(ValueError, match="half_life_days is 0"):
        Habit(half_life_days=0)


def test_no_history_no_habit():
    assert scores(history(frame()), recent_buyers=np.zeros(0)).shape == (0, 0)
